//! `up`, `down` and `status` on an empty sandbox, with programs on `PATH` that stand in for helm, kind, minikube and k3d: what
//! they are asked for, and what becomes of a person's mistakes.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod sandboxed;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;
use sandboxed::{Said, Sandbox, generations, signal, until_written, versions};

/// Answers from files beside it, and writes down what it was asked.
const HELM: &str = r#"#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/asked"
case $1 in
version) cat "$here/version" ;;
template)
  if [ -f "$here/refusal" ]; then /bin/cat "$here/refusal" >&2; exit 1; fi
  cat "$here/template" ;;
list) case "$*" in *--selector*) cat "$here/ours" ;; *) cat "$here/all" ;; esac ;;
get) cat "$here/$2-$3" ;;
show) echo "version: 1.0.0" ;;
upgrade)
  if [ -f "$here/slow" ]; then trap 'echo told to end >>"$here/asked"; exit 1' TERM; echo upgrading >>"$here/asked"
    while :; do /bin/sleep 1; done; fi ;;
esac
"#;

/// Writes down what it was asked, under its own name.
const LOADER: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"${0%/*}/asked\"\n";

/// A folder of stand-ins, which is all that is on `PATH`.
struct StandIns(tempfile::TempDir);

impl StandIns {
    /// A helm that knows no releases and renders `template`.
    fn new(template: &str) -> Self {
        let here = Self(tempfile::tempdir().unwrap());
        here.program("helm", HELM);
        // What the scripts themselves need; a shell finds nothing else on this path.
        std::os::unix::fs::symlink("/bin/cat", here.path().join("cat")).unwrap();
        for (file, text) in [("version", "v3.14.0"), ("all", "[]"), ("ours", "[]"), ("template", template)] {
            here.file(file, text);
        }
        here
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn program(&self, name: &str, text: &str) {
        self.file(name, text);
        std::fs::set_permissions(self.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.path().join("asked")).unwrap_or_default()
    }
}

/// The demo as the manifests have it, with the images that the sandbox has.
fn demo() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    let files = [
        "base/namespace.yaml",
        "base/service-accounts.yaml",
        "base/rabbitmq.yaml",
        "overlays/plugin/rabbitmq.yaml",
        "base/producer.yaml",
        "base/worker.yaml",
        "overlays/plugin/hpa.yaml",
        "base/monitoring.yaml",
        "overlays/plugin/monitoring.yaml",
    ];
    let mut text = String::from(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: rabbitmq-definitions}\nstringData: {definitions.json: '{}'}\n",
    );
    text.push_str("---\napiVersion: v1\nkind: Secret\nmetadata: {name: rabbitmq}\nstringData: {username: surge, password: secret}\n");
    for file in files {
        text.push_str("---\n");
        for line in std::fs::read_to_string(root.join(file)).unwrap().lines() {
            text.push_str(&here(line));
            text.push('\n');
        }
    }
    text
}

/// A line of a manifest with an image of the sandbox in place of the one that it names.
fn here(line: &str) -> String {
    for program in ["producer", "worker", "rabbitmq"] {
        if let Some((indent, reference)) = line.split_once("image: ")
            && reference.contains(program)
        {
            return format!("{indent}image: surge.local/{program}:{}", env!("CARGO_PKG_VERSION"));
        }
    }
    line.to_owned()
}

/// A namespace and a little more: enough to be applied, nothing that has to run.
const SMALL: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: autoscaling-demo}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {a: b}
";

const UP: [&str; 5] = ["up", "--skip-stack", "--yes", "--timeout", "120s"];

/// `up` with a deadline so short that it ends while it waits for the metric, which [`SMALL`] never has.
const SHORT: [&str; 5] = ["up", "--skip-stack", "--yes", "--timeout", "0s"];

fn run(sandbox: &Sandbox, stand_ins: &StandIns, arguments: &[&str]) -> Said {
    Said::by(&mut sandbox.surge(stand_ins.path(), arguments))
}

#[tokio::test]
async fn the_demo_comes_stays_as_it_is_and_goes() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&demo()));
    let client = sandbox.client().await;
    let before = versions(&client).await;
    let first = run(&sandbox, &stand_ins, &UP).fine();
    assert!(first.out.contains("rabbitmq_queue_length answers: 0"), "{}", first.out);
    let (objects, workloads) = (versions(&client).await, generations(&client, "autoscaling-demo").await);

    let second = run(&sandbox, &stand_ins, &UP).fine();
    assert!(second.out.contains("0 created, 0 changed, "), "{}", second.out);
    assert_eq!(versions(&client).await, objects);
    assert_eq!(generations(&client, "autoscaling-demo").await, workloads);

    run(&sandbox, &stand_ins, &["down", "--yes", "--namespaces"]).fine();
    assert_eq!(versions(&client).await, before);
}

#[tokio::test]
async fn what_is_no_longer_rendered_goes_and_nothing_else() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    let client = sandbox.client().await;
    run(&sandbox, &stand_ins, &SHORT)
        .failed(4, &["external metric", "not ready after 0ns", "go on with: surge up"]);
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(client, "autoscaling-demo");
    let theirs = serde_json::json!({"metadata": {"name": "theirs", "labels": {"app.kubernetes.io/part-of": "autoscaling-demo"}}});
    maps.create(&kube::api::PostParams::default(), &serde_json::from_value(theirs).unwrap()).await.unwrap();
    let (kept, _) = SMALL.rsplit_once("---").unwrap();
    stand_ins.file("template", kept);
    let said = run(&sandbox, &stand_ins, &SHORT).failed(4, &["external metric"]);
    assert!(said.out.contains("ConfigMap two goes"), "{}", said.out);
    let mut left: Vec<String> = Vec::new();
    for map in maps.list(&kube::api::ListParams::default()).await.unwrap() {
        left.push(map.metadata.name.unwrap());
    }
    left.retain(|name| name != "kube-root-ca.crt");
    assert_eq!(left, ["one", "theirs"]);
}

#[tokio::test]
async fn what_somebody_else_made_is_refused_before_anything_changes() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    let client = sandbox.client().await;
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(client.clone());
    let namespace =
        serde_json::from_value(serde_json::json!({"metadata": {"name": "autoscaling-demo"}})).unwrap();
    namespaces.create(&kube::api::PostParams::default(), &namespace).await.unwrap();
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(client.clone(), "autoscaling-demo");
    let theirs = serde_json::from_value(serde_json::json!({"metadata": {"name": "two"}})).unwrap();
    maps.create(&kube::api::PostParams::default(), &theirs).await.unwrap();
    let before = versions(&client).await;
    run(&sandbox, &stand_ins, &UP)
        .failed(4, &["surge up did not install", "ConfigMap two in namespace autoscaling-demo"]);
    assert_eq!(versions(&client).await, before);
    // What is not ours is not removed either, the namespace least of all.
    let said = run(&sandbox, &stand_ins, &["down", "--yes", "--namespaces"]).fine();
    assert!(said.out.contains("surge up installed nothing here"), "{}", said.out);
}

#[test]
fn without_a_usable_helm_nothing_is_tried() {
    let sandbox = Sandbox::empty();
    let nothing = tempfile::tempdir().unwrap();
    let said = Said::by(&mut sandbox.surge(nothing.path(), &UP));
    said.failed(4, &["helm is not on your path", "install helm 3.13.0 or newer"]);
    let stand_ins = StandIns::new(SMALL);
    for (version, expected) in [("v3.12.1", "helm 3.12.1 is too old"), ("what?", "gives no version")] {
        stand_ins.file("version", version);
        run(&sandbox, &stand_ins, &UP).failed(4, &[expected]);
    }
}

#[test]
fn bad_input_is_told_by_its_exit_code_and_a_sentence() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    for (arguments, code, expected) in [
        (&["up", "--skip-stack"][..], 2, "nobody can be asked"),
        (&["down"], 2, "nobody can be asked"),
        (&["up", "--yes", "--values", "/nowhere.yaml"], 2, "/nowhere.yaml"),
        (&["up", "--yes", "--chart", "keda=."], 2, "profile plugin does not install"),
        (&["up", "--yes", "--skip-stack", "--chart", "prometheus-adapter=."], 2, "no use with --skip-stack"),
        (&["up", "--yes", "--image", "worker=unnamed"], 2, "not an image"),
        (&["up", "--yes", "--kubeconfig", "/nowhere"], 3, "no kubeconfig at /nowhere"),
        (&["up", "--yes", "--context", "other"], 3, "no context other"),
        (&["up", "--yes"], 4, "surge up did not install it"),
        (&["up", "--yes", "--skip-stack", "--profile", "keda"], 4, "both want to be it"),
        (&["up", "--yes", "--skip-stack", "--archives", "."], 2, "kind, minikube or k3d"),
    ] {
        run(&sandbox, &stand_ins, arguments).failed(code, &[expected]);
    }
    let prepared = run(&sandbox, &stand_ins, &["up", "--yes"]);
    prepared.failed(4, &["nothing was changed"]);
    stand_ins.file("refusal", "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nautoscaling-demo:\n- at '/hpa/maxReplicas': got string, want integer\n");
    run(&sandbox, &stand_ins, &UP)
        .failed(2, &["the chart refuses these values", "- at '/hpa/maxReplicas': got string"]);
}

#[test]
fn a_person_is_asked_and_may_say_no() {
    let sandbox = Sandbox::empty();
    let stand_ins = StandIns::new(SMALL);
    let (config, path) = (sandbox.kubeconfig(), stand_ins.path().to_str().unwrap().to_owned());
    let environment = [("KUBECONFIG", config.to_str().unwrap()), ("PATH", path.as_str())];
    for (answer, code, expected) in [
        ("n\r", 0, "nothing was changed"),
        ("\r", 0, "nothing was changed"),
        ("\u{3}", 130, "stopped by a signal"),
        ("y\r", 4, "step \"external metric\" was not done"),
    ] {
        let arguments = ["up", "--skip-stack", "--timeout", "0s"];
        let mut pty =
            testkit::pty::Pty::spawn(sandboxed::SURGE, &arguments, &environment, (160, 50)).unwrap();
        pty.wait_for("the question", |screen| screen.contains("Go on? [y/N]"));
        pty.send(answer).unwrap();
        pty.wait_for("the answer's consequence", |screen| screen.contains(expected));
        assert_eq!(pty.exit_code(), code, "{answer:?}");
    }
}

#[test]
fn a_server_that_is_gone_is_told() {
    let stand_ins = StandIns::new(SMALL);
    let sandbox = Sandbox::empty();
    let config = sandbox.path().join("gone");
    std::fs::write(
        &config,
        "{apiVersion: v1, kind: Config, current-context: far, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], \
         users: [{name: u, user: {}}], contexts: [{name: far, context: {cluster: c, user: u}}]}",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    for command in ["up", "down"] {
        let said = run(&sandbox, &stand_ins, &[command, "--yes", "--kubeconfig", config]);
        said.failed(3, &["context far (http://127.0.0.1:1/)", "Connection refused"]);
    }
    run(&sandbox, &stand_ins, &["status", "--kubeconfig", config]).failed(3, &["Connection refused"]);
}

#[test]
fn what_the_api_server_refuses_leaves_nothing_half_done() {
    let bad = format!(
        "{SMALL}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: worker-scaler}}\nspec: {{maxReplicas: many}}\n"
    );
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&bad));
    let said = run(&sandbox, &stand_ins, &UP);
    let said = said.failed(
        4,
        &["HorizontalPodAutoscaler worker-scaler", "nothing of the demo was changed", "maxReplicas"],
    );
    assert!(!said.out.contains("ConfigMap one created"), "{}", said.out);
}

#[test]
fn pods_that_cannot_start_are_told_with_their_reason() {
    for (image, expected) in [
        ("surge.local/nowhere:1", "image surge.local/nowhere:1 cannot be had"),
        // The worker's program ends at once: it is not told its broker.
        (concat!("surge.local/worker:", env!("CARGO_PKG_VERSION")), "its last lines: "),
    ] {
        let worker = format!(
            "{SMALL}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: worker}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
             template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      containers:\n      - {{name: worker, image: '{image}', env: [{{name: LISTEN, value: nonsense}}]}}\n"
        );
        let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&worker));
        let out = stand_ins.path().join("out");
        let child = sandbox
            .surge(stand_ins.path(), &UP)
            .stdout(std::fs::File::create(&out).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until_written(&out, expected);
        signal(&child, Signal::TERM);
        let said = Said::from(child.wait_with_output().unwrap());
        said.failed(143, &["step \"pods of the demo\" was not done", "go on with: surge up"]);
    }
}

#[test]
fn images_are_loaded_by_the_program_that_keeps_the_cluster() {
    let sandbox = Sandbox::empty();
    let archives = tempfile::tempdir().unwrap();
    for name in ["producer.tar", "worker.tar"] {
        std::fs::write(archives.path().join(name), "").unwrap();
    }
    let folder = archives.path().to_str().unwrap();
    for (context, program, words, last) in [
        ("kind-demo", "kind", "load image-archive", "--name demo"),
        ("minikube", "minikube", "image load", "--profile minikube"),
        ("k3d-demo", "k3d", "image import", "--cluster demo"),
    ] {
        let stand_ins = StandIns::new(SMALL);
        let config = sandbox.called(context);
        let arguments =
            [&SHORT[..], &["--archives", folder, "--kubeconfig", config.to_str().unwrap()]].concat();
        run(&sandbox, &stand_ins, &arguments).failed(4, &["load ", &format!("{program} cannot be started")]);
        stand_ins.program(program, LOADER);
        run(&sandbox, &stand_ins, &arguments).failed(4, &["external metric"]);
        let asked = stand_ins.asked();
        for name in ["producer", "worker"] {
            let line = format!("{program} {words} {folder}/{name}.tar {last}");
            assert!(asked.lines().any(|asked| asked == line), "{line:?} is not in:\n{asked}");
        }
    }
}

#[test]
fn images_that_were_built_here_are_loaded_unasked() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    stand_ins.program("kind", LOADER);
    let clone = tempfile::tempdir().unwrap();
    let config = sandbox.called("kind-demo");
    let arguments = [&SHORT[..], &["--kubeconfig", config.to_str().unwrap()]].concat();
    let up = || Said::by(sandbox.surge(stand_ins.path(), &arguments).current_dir(clone.path()));
    let said = up().failed(4, &["external metric"]);
    assert!(said.out.contains("note: no images are loaded"), "{}", said.out);
    std::fs::create_dir_all(clone.path().join("target/images")).unwrap();
    std::fs::write(clone.path().join("target/images/worker.tar"), "").unwrap();
    up().failed(4, &["external metric"]);
    let asked = stand_ins.asked();
    assert!(asked.contains("kind load image-archive target/images/worker.tar --name demo\n"), "{asked}");
}

/// A stack of which both releases are there and ours, the first one in `status`.
fn with_stack(stand_ins: &StandIns, status: &str) {
    let release = |name: &str, chart: &str, status: &str| {
        format!(
            r#"{{"name":"{name}","namespace":"monitoring","revision":"1","status":"{status}","chart":"{chart}"}}"#
        )
    };
    let all = format!(
        "[{},{}]",
        release("prometheus", "kube-prometheus-stack-1.0.0", status),
        release("prometheus-adapter", "prometheus-adapter-1.0.0", "deployed")
    );
    for file in ["all", "ours"] {
        stand_ins.file(file, &all);
    }
    for name in ["prometheus", "prometheus-adapter"] {
        stand_ins.file(&format!("values-{name}"), "{}");
        stand_ins.file(&format!("manifest-{name}"), "");
    }
    let api = "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1beta1.external.metrics.k8s.io}\n";
    stand_ins.file("manifest-prometheus-adapter", api);
}

/// `up` with charts that need no network.
fn with_charts(folder: &str) -> Vec<String> {
    ["kube-prometheus-stack", "prometheus-adapter"]
        .into_iter()
        .flat_map(|chart| ["--chart".to_owned(), format!("{chart}={folder}")])
        .collect()
}

#[test]
fn the_stack_is_installed_with_helm_before_the_demo() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    with_stack(&stand_ins, "failed");
    let charts = with_charts(stand_ins.path().to_str().unwrap());
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let said = run(&sandbox, &stand_ins, &[&["up", "--yes", "--timeout", "0s"], &charts[..]].concat());
    let said = said.failed(4, &["external metric"]);
    assert!(said.out.contains("upgrade kube-prometheus-stack 1.0.0"), "{}", said.out);
    let asked = stand_ins.asked();
    let upgrades: Vec<&str> = asked.lines().filter(|line| line.starts_with("upgrade --install ")).collect();
    assert_eq!(upgrades.len(), 2, "{asked}");
    assert!(
        upgrades[0].starts_with("upgrade --install prometheus ")
            && upgrades[0].contains("--namespace monitoring")
    );
    assert!(
        upgrades.iter().all(|line| line.contains("--labels app.kubernetes.io/managed-by=surge")),
        "{asked}"
    );
}

#[test]
fn a_chart_that_is_half_installed_is_told_with_the_way_out() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    with_stack(&stand_ins, "pending-install");
    let charts = with_charts(stand_ins.path().to_str().unwrap());
    let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
    let said = run(&sandbox, &stand_ins, &[&["up", "--yes"], &charts[..]].concat());
    said.failed(
        4,
        &["is half installed: helm says pending-install", "helm uninstall prometheus --namespace monitoring"],
    );
    assert!(!stand_ins.asked().contains("upgrade"), "{}", stand_ins.asked());
}

#[test]
fn a_signal_ends_helm_first_and_decides_the_exit_code() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
        with_stack(&stand_ins, "failed");
        stand_ins.file("slow", "");
        let charts = with_charts(stand_ins.path().to_str().unwrap());
        let charts: Vec<&str> = charts.iter().map(String::as_str).collect();
        let arguments = [&["up", "--yes"], &charts[..]].concat();
        let child = sandbox
            .surge(stand_ins.path(), &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let asked: PathBuf = stand_ins.path().join("asked");
        until_written(&asked, "upgrading");
        signal(&child, sent);
        let said = Said::from(child.wait_with_output().unwrap());
        said.failed(code, &["was not done: stopped by a signal", "go on with: surge up"]);
        until_written(&asked, "told to end");
    }
}
