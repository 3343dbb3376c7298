//! Install, reinstall, prune and uninstall; and the question before.

use crate::install::stand_ins::{SHORT, SMALL, StandIns, UP, demo, run};
use crate::sandboxed::{self, Sandbox, generations, versions};

#[tokio::test]
async fn the_demo_is_installed_kept_and_removed() {
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
async fn only_leftovers_are_pruned() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    let client = sandbox.client().await;
    run(&sandbox, &stand_ins, &SHORT)
        .failed(4, &["external metric", "not ready within 0 s", "continue with: surge up"]);
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(client, "autoscaling-demo");
    let theirs = serde_json::json!({"metadata": {"name": "theirs", "labels": {"app.kubernetes.io/part-of": "autoscaling-demo"}}});
    maps.create(&kube::api::PostParams::default(), &serde_json::from_value(theirs).unwrap()).await.unwrap();
    let (kept, _) = SMALL.rsplit_once("---").unwrap();
    stand_ins.file("template", kept);
    let said = run(&sandbox, &stand_ins, &SHORT).failed(4, &["external metric"]);
    assert!(said.out.contains("deleting ConfigMap two"), "{}", said.out);
    let mut left: Vec<String> = Vec::new();
    for map in maps.list(&kube::api::ListParams::default()).await.unwrap() {
        left.push(map.metadata.name.unwrap());
    }
    left.retain(|name| name != "kube-root-ca.crt");
    assert_eq!(left, ["one", "theirs"]);
}

#[test]
fn the_user_may_decline() {
    let sandbox = Sandbox::empty();
    let stand_ins = StandIns::new(SMALL);
    let (config, path) = (sandbox.kubeconfig(), stand_ins.path().to_str().unwrap().to_owned());
    let environment = [("KUBECONFIG", config.to_str().unwrap()), ("PATH", path.as_str())];
    for (answer, code, expected) in [
        ("n\r", 0, "nothing was changed"),
        ("\r", 0, "nothing was changed"),
        ("\u{3}", 130, "stopped by a signal"),
        ("y\r", 4, "step \"external metric\" failed"),
    ] {
        let arguments = ["up", "--skip-stack", "--timeout", "0s"];
        let mut pty =
            testkit::pty::Pty::spawn(sandboxed::SURGE, &arguments, &environment, (160, 50)).unwrap();
        pty.wait_for("the question", |screen| screen.contains("Continue? [y/N]"));
        pty.send(answer).unwrap();
        pty.wait_for("the answer's consequence", |screen| screen.contains(expected));
        assert_eq!(pty.exit_code(), code, "{answer:?}");
    }
}
