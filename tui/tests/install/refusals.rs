//! Refusals come with an exit code and a sentence, before any change.

use crate::install::stand_ins::{SMALL, StandIns, UP, run};
use crate::sandboxed::{Said, Sandbox, versions};

#[tokio::test]
async fn foreign_objects_are_refused_before_any_change() {
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
    // Foreign objects are not removed either.
    let said = run(&sandbox, &stand_ins, &["down", "--yes", "--namespaces"]).fine();
    assert!(said.out.contains("surge up installed nothing here"), "{}", said.out);
}

#[test]
fn without_a_working_helm_nothing_changes() {
    let sandbox = Sandbox::empty();
    let nothing = tempfile::tempdir().unwrap();
    let said = Said::by(&mut sandbox.surge(nothing.path(), &UP));
    said.failed(4, &["helm is not on PATH", "install helm 3.13.0 or newer"]);
    // A folder is no program.
    std::fs::create_dir(nothing.path().join("helm")).unwrap();
    let said = Said::by(&mut sandbox.surge(nothing.path(), &UP));
    said.failed(4, &["helm is not on PATH: ", "/helm is a folder", "install helm 3.13.0 or newer"]);
    let stand_ins = StandIns::new(SMALL);
    for (version, expected) in [("v3.12.1", "helm 3.12.1 is too old"), ("what?", "prints no version")] {
        stand_ins.file("version", version);
        run(&sandbox, &stand_ins, &UP).failed(4, &[expected]);
    }
}

#[test]
fn invalid_input_has_exit_code_and_sentence() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    for (arguments, code, expected) in [
        (&["up", "--skip-stack"][..], 2, "stdin is not a terminal"),
        (&["down"], 2, "stdin is not a terminal"),
        (&["up", "--yes", "--values", "/nowhere.yaml"], 2, "/nowhere.yaml"),
        (&["up", "--yes", "--chart", "keda=."], 2, "profile plugin does not install"),
        (
            &["up", "--yes", "--skip-stack", "--chart", "prometheus-adapter=."],
            2,
            "no effect with --skip-stack",
        ),
        (&["up", "--yes", "--image", "worker=unnamed"], 2, "not an image"),
        (&["up", "--yes", "--kubeconfig", "/nowhere"], 3, "no kubeconfig at /nowhere"),
        (&["up", "--yes", "--context", "other"], 3, "no context other"),
        (&["up", "--yes"], 4, "surge up did not install Service"),
        (&["up", "--yes", "--skip-stack", "--profile", "keda"], 4, "it is not KEDA"),
        (&["up", "--yes", "--skip-stack", "--archives", "."], 2, "kind, minikube or k3d"),
    ] {
        run(&sandbox, &stand_ins, arguments).failed(code, &[expected]);
    }
    let prepared = run(&sandbox, &stand_ins, &["up", "--yes"]);
    prepared.failed(4, &["nothing was changed"]);
    stand_ins.file("refusal", "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nautoscaling-demo:\n- at '/hpa/maxReplicas': got string, want integer\n");
    run(&sandbox, &stand_ins, &UP)
        .failed(2, &["the chart rejects these values", "- at '/hpa/maxReplicas': got string"]);
    stand_ins.file("refusal", "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nautoscaling-demo:\n- at '/hpa': additional properties 'maxReplica' not allowed\n");
    run(&sandbox, &stand_ins, &UP).failed(2, &["did you mean hpa.maxReplicas?"]);
}

#[test]
fn an_unreachable_server_is_named() {
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
fn a_refused_object_leaves_nothing_half_done() {
    let bad = format!(
        "{SMALL}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: worker-scaler}}\nspec: {{maxReplicas: many}}\n"
    );
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&bad));
    let said = run(&sandbox, &stand_ins, &UP);
    let said =
        said.failed(4, &["HorizontalPodAutoscaler worker-scaler", "the demo was not changed", "maxReplicas"]);
    assert!(!said.out.contains("ConfigMap one created"), "{}", said.out);
}
