//! `surge list` on a sandbox with HPAs of its own, as a user with few rights runs it, and the form of its JSON.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use serde_json::{Value, json};
use testkit::fault_proxy::{Fault, FaultGuard, FaultProxy, RecordedRequest};
use testkit::pty::Pty;
use testkit::wait;

use crate::sandboxed::{SURGE, Said, Sandbox};

/// The namespace of the sandbox's context.
const OWN: &str = "autoscaling-demo";

/// A Deployment whose pods cannot start, and an HPA of it.
fn objects(name: &str, replicas: i32) -> [Value; 2] {
    let labels = json!({"app": name});
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "none"}]}}}}),
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "labels": labels},
            "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": target, "metrics": [
                {"type": "External", "external": {"metric": {"name": "depth"},
                    "target": {"type": "AverageValue", "averageValue": "20"}}}]}}),
    ]
}

async fn create(client: &kube::Client, namespace: &str, object: Value) {
    use kube::api::{Api, DynamicObject, PostParams};
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let types = object.types.clone().unwrap();
    let kind = kube::core::GroupVersionKind::try_from(&types).unwrap();
    let resource = kube::core::ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// A sandbox with three HPAs in two namespaces: one at rest, one that cannot read its metric, one without a target.
async fn three() -> Sandbox {
    use kube::api::{Api, PostParams};
    let sandbox = Sandbox::empty();
    let client = sandbox.client().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in [OWN, "shop"] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }
    for object in objects("rest", 0) {
        create(&client, OWN, object).await;
    }
    for object in objects("web", 1) {
        create(&client, "shop", object).await;
    }
    let [_, orphan] = objects("orphan", 1);
    create(&client, "shop", orphan).await;
    sandbox
}

fn list(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    Said::by(&mut sandbox.surge(Path::new("/nowhere"), &[&["list"], arguments].concat()))
}

/// The list as JSON, once each HPA has been synced.
fn synced(sandbox: &Sandbox) -> Value {
    wait::until_blocking("a verdict about every HPA", || {
        let list: Value = serde_json::from_str(&list(sandbox, &["-A", "-o", "json"]).fine().out).unwrap();
        let hpas = list["hpas"].as_array().unwrap();
        let waiting = ["not-synced", "scaling-up", "scaling-down"];
        let is_synced = |hpa: &Value| !waiting.contains(&hpa["verdict"].as_str().unwrap());
        (hpas.len() == 3 && hpas.iter().all(is_synced)).then_some(list)
    })
}

/// Asserts that a document has the form of a schema in `docs/schema/`.
#[track_caller]
pub(crate) fn conforms(document: &Value, schema: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(schema);
    let mut schemas = boon::Schemas::new();
    let index = boon::Compiler::new().compile(path.to_str().unwrap(), &mut schemas).unwrap();
    if let Err(error) = schemas.validate(document, index) {
        panic!("{error:#}\n{document:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hpa_has_a_verdict() {
    let sandbox = three().await;
    let all = synced(&sandbox);
    conforms(&all, "list.json");
    let verdict = |name: &str| {
        let hpas = all["hpas"].as_array().unwrap();
        let hpa = hpas.iter().find(|hpa| hpa["name"] == name).unwrap();
        (hpa["namespace"].as_str().unwrap(), hpa["verdict"].as_str().unwrap(), hpa["text"].as_str().unwrap())
    };
    assert_eq!(verdict("rest"), (OWN, "paused", "paused: 0 replicas"));
    assert_eq!(verdict("web"), ("shop", "metric-unreadable", "cannot read depth"));
    assert_eq!(verdict("orphan"), ("shop", "target-missing", "target is missing"));

    let yaml: Value =
        serde_saphyr::from_str(&list(&sandbox, &["-A", "--output", "yaml"]).fine().out).unwrap();
    conforms(&yaml, "list.json");

    let table = list(&sandbox, &["-A"]).fine().out;
    let header: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        header,
        ["NAMESPACE", "NAME", "REFERENCE", "METRIC", "REPLICAS", "MIN-MAX", "LAST-SCALE", "VERDICT"]
    );
    assert_eq!(table.lines().count(), 4, "{table}");
    let wide = list(&sandbox, &["-n", "shop", "-o", "wide", "--no-headers"]).fine().out;
    assert!(wide.lines().count() == 2 && wide.contains("Deployment/web") && !wide.contains("NAME"), "{wide}");
    let selected = list(&sandbox, &["-A", "-l", "app=web", "--no-headers"]).fine().out;
    assert!(selected.lines().count() == 1 && selected.starts_with("shop   web"), "{selected}");
    // Without a flag the namespace is the context's, as in kubectl.
    let own = list(&sandbox, &["--no-headers"]).fine().out;
    assert!(own.starts_with("rest ") && own.lines().count() == 1, "{own}");
    let none = list(&sandbox, &["-n", "kube-system"]).fine();
    assert_eq!((none.out.as_str(), none.err.contains("surge list -A")), ("", true), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hpa_is_explained_with_its_exit_code() {
    let sandbox = three().await;
    synced(&sandbox);
    let explain = |arguments: &[&str]| {
        Said::by(&mut sandbox.surge(Path::new("/nowhere"), &[&["explain"], arguments].concat()))
    };
    // The metric cannot be read.
    let web = explain(&["web", "-n", "shop"]);
    assert_eq!(web.code, Some(1), "{}", web.err);
    for words in [
        "HPA shop/web scales Deployment/web: 1 now, min 1, max 5 (rules of 1.34)",
        "Why     depth could not be read: ",
        "Change  find the cause of the failed metric",
    ] {
        assert!(web.out.contains(words), "{words:?} is not in:\n{}", web.out);
    }
    let json: Value = serde_json::from_str(&explain(&["web", "-n", "shop", "-o", "json"]).out).unwrap();
    conforms(&json, "explain.json");
    assert_eq!((&json["canScale"], &json["nextReplicas"]), (&json!(false), &json!(1)));
    let past = explain(&["web", "-n", "shop", "--history"]);
    assert!(past.out.contains("Past    the API server has no Event about a rescale"), "{}", past.out);
    let past: Value =
        serde_json::from_str(&explain(&["web", "-n", "shop", "--history", "-o", "json"]).out).unwrap();
    conforms(&past, "explain.json");
    assert_eq!(past["history"], json!([]));
    // The only HPA of the context's namespace.
    let rest = explain(&[]).fine().out;
    assert!(rest.contains("paused") && rest.contains("kubectl scale deployment rest --replicas=1"), "{rest}");
    let orphan = explain(&["orphan", "-n", "shop", "--output", "json"]);
    conforms(&serde_json::from_str(&orphan.out).unwrap(), "explain.json");
    assert_eq!(orphan.code, Some(1));
    explain(&["-n", "shop"]).failed(2, &["several HPAs", "orphan, web"]);
    explain(&["nothing", "-n", "shop"]).failed(3, &["HPA nothing of namespace shop"]);
    explain(&["-n", "kube-system"]).failed(3, &["surge list -A"]);
}

/// Returns true if rules of a role permit a request, as the API server's authorizer decides.
fn permits(rules: &[PolicyRule], asked: &RecordedRequest) -> bool {
    let path = asked.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        // The version and the discovery are open to every user.
        _ => return true,
    };
    // The object of a namespace, or a namespace itself.
    let rest = match rest {
        ["namespaces", _, inside @ ..] if !inside.is_empty() => inside,
        rest => rest,
    };
    let (resource, verb) = match (asked.method.as_str(), rest) {
        (_, []) => return true,
        ("GET", [resource]) => ((*resource).to_owned(), "list"),
        ("GET", [resource, _]) => ((*resource).to_owned(), "get"),
        ("GET", [resource, _, sub, ..]) => (format!("{resource}/{sub}"), "get"),
        (_, [resource, ..]) => ((*resource).to_owned(), "create"),
    };
    let has = |list: &Option<Vec<String>>, wanted: &str| {
        list.iter().flatten().any(|item| item == wanted || item == "*")
    };
    rules.iter().any(|rule| {
        has(&rule.api_groups, group)
            && has(&rule.resources, &resource)
            && rule.verbs.iter().any(|known| known == verb)
    })
}

/// A kubeconfig of a user who has the rights of a role and no others.
fn as_viewer(sandbox: &Sandbox, config: kube::Config, namespaced: bool) -> (PathBuf, FaultGuard, FaultProxy) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/rbac/viewer.yaml");
    let role: ClusterRole = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rules = role.rules.unwrap();
    // It has a runtime of its own, which cannot start inside the test's.
    let proxy = std::thread::spawn(move || FaultProxy::start(config).unwrap()).join().unwrap();
    let is_refused = move |asked: &RecordedRequest| {
        let is_elsewhere =
            namespaced && !asked.path.contains("/namespaces/shop/") && asked.path != "/version";
        is_elsewhere || !permits(&rules, asked)
    };
    let refusal = Fault::Status(403, "Forbidden", "this is forbidden".to_owned());
    let guard = proxy.inject(is_refused, refusal);
    let kubeconfig = sandbox.path().join("viewer");
    std::fs::write(&kubeconfig, proxy.kubeconfig("viewer", &json!({}))).unwrap();
    (kubeconfig, guard, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_role_is_enough_and_a_refusal_names_the_right() {
    let sandbox = three().await;
    synced(&sandbox);
    let (viewer, _guard, _proxy) = as_viewer(&sandbox, sandbox.config().await, false);
    let of = |kubeconfig: &Path, arguments: &[&str]| {
        let flags = ["--kubeconfig", kubeconfig.to_str().unwrap()];
        list(&sandbox, &[&flags, arguments].concat())
    };
    let explained = ["explain", "web", "-n", "shop", "--kubeconfig", viewer.to_str().unwrap()];
    let web = Said::by(&mut sandbox.surge(Path::new("/nowhere"), &explained));
    assert_eq!(web.code, Some(1), "the metric is missing, and no right is: {}{}", web.out, web.err);
    assert_eq!(of(&viewer, &["-A", "--no-headers"]).fine().out.lines().count(), 3);
    let (narrow, _guard, _proxy) = as_viewer(&sandbox, sandbox.config().await, true);
    of(&narrow, &["-A"]).failed(3, &["may not list the HPAs of all namespaces", "use -n NAME"]);
    assert_eq!(of(&narrow, &["-n", "shop", "--no-headers"]).fine().out.lines().count(), 2);
}

#[test]
fn a_cluster_that_does_not_answer_is_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let text = "{clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], \
        contexts: [{name: x, context: {cluster: c}}], current-context: x}";
    std::fs::write(&kubeconfig, text).unwrap();
    let mut command = std::process::Command::new(SURGE);
    Said::by(command.args(["list", "--kubeconfig"]).arg(&kubeconfig))
        .failed(3, &["context x", "is not reachable"]);
}

/// The dashboard on the sandbox's context, as `surge` without arguments finds it.
fn dashboard(sandbox: &Sandbox, arguments: &[&str]) -> Pty {
    let (kubeconfig, home) = (sandbox.kubeconfig(), sandbox.path().to_str().unwrap().to_owned());
    let environment = [
        ("KUBECONFIG", kubeconfig.to_str().unwrap()),
        ("HOME", &home),
        ("TMPDIR", &home),
        ("XDG_RUNTIME_DIR", &home),
    ];
    Pty::spawn(SURGE, arguments, &environment, (120, 30)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_demo_the_fleet_opens_and_each_hpa_from_it() {
    let sandbox = three().await;
    synced(&sandbox);
    let mut pty = dashboard(&sandbox, &[]);
    pty.wait_for("all HPAs", |screen| screen.contains("3 HPAs in all namespaces, worst first"));
    pty.wait_for("a way to the demo", |screen| screen.contains("surge --sandbox starts one"));
    // Nothing is open: a key for one HPA is refused.
    pty.send(" ").unwrap();
    pty.wait_for("a refusal", |screen| screen.contains("open an HPA first: enter"));
    pty.send("/web\r").unwrap();
    pty.wait_for("one HPA", |screen| screen.contains("1 of 3 HPAs"));
    pty.send("\r").unwrap();
    pty.wait_for("the open HPA", |screen| screen.contains("surge-sandbox / shop / web"));
    pty.send("\u{1b}").unwrap();
    pty.wait_for("the fleet again", |screen| screen.contains("1 of 3 HPAs"));
    pty.send("N").unwrap();
    pty.wait_for("the namespaces", |screen| screen.contains("► all namespaces") && screen.contains("shop"));
    pty.send("\u{1b}").unwrap();
    pty.wait_for("the dialog to go", |screen| !screen.contains("► all namespaces"));
    pty.send("C").unwrap();
    pty.wait_for("the server", |screen| {
        screen.contains("► surge-sandbox") && screen.contains("https://127.0.0.1")
    });
    pty.send("\u{1b}").unwrap();
    pty.wait_for("the dialog to go", |screen| !screen.contains("► surge-sandbox"));
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_namespace_is_the_whole_fleet() {
    let sandbox = three().await;
    let mut pty = dashboard(&sandbox, &["--namespace", "shop"]);
    pty.wait_for("the HPAs of shop", |screen| screen.contains("2 HPAs in shop"));
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_an_hpa_leaves_the_sandbox() {
    let sandbox = Sandbox::empty();
    let mut pty = dashboard(&sandbox, &[]);
    pty.wait_for("a sandbox with the reason", |screen| {
        screen.contains("sandbox") && screen.contains("no demo found in context")
    });
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
}
