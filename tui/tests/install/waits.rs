//! Reports while pods are not ready, and the end of the wait.

use std::process::Stdio;

use rustix::process::Signal;

use crate::install::stand_ins::{SMALL, StandIns, UP, run};
use crate::sandboxed::{Said, Sandbox, signal, until_written};

/// A worker with that image and an invalid setting.
fn worker(image: &str) -> String {
    format!(
        "{SMALL}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: worker}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
         template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      containers:\n      - {{name: worker, image: '{image}', env: [{{name: LISTEN, value: nonsense}}]}}\n"
    )
}

#[test]
fn crashing_pods_are_reported_with_log_lines() {
    let image = concat!("surge.local/worker:", env!("CARGO_PKG_VERSION"));
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&worker(image)));
    let out = stand_ins.path().join("out");
    let child = sandbox
        .surge(stand_ins.path(), &UP)
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until_written(&out, "its last lines: ");
    signal(&child, Signal::TERM);
    let said = Said::from(child.wait_with_output().unwrap());
    said.failed(143, &["step \"pods of the demo\" failed", "continue with: surge up"]);
}

#[test]
fn a_failing_pull_ends_the_wait_early() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&worker("surge.local/nowhere:1")));
    let arguments =
        ["up", "--skip-stack", "--yes", "--timeout", "1h", "--image", "worker=surge.local/nowhere:1"];
    let said = run(&sandbox, &stand_ins, &arguments).failed(
        4,
        &[
            "step \"pods of the demo\" failed: Deployment worker in namespace autoscaling-demo: \
             pulling image surge.local/nowhere:1 has failed for ",
            "use an image that the nodes can pull: --image worker=REF",
            "kubectl describe pod worker-",
            "continue with: surge up --skip-stack --yes --timeout 1h --image worker=surge.local/nowhere:1",
        ],
    );
    // The kubelet alternates between two states; the reason is reported once.
    let reports =
        said.out.lines().filter(|line| line.contains("pulling image surge.local/nowhere:1 fails")).count();
    assert_eq!(reports, 1, "{}", said.out);
}

#[test]
fn a_timeout_suggests_doctor_and_retry() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    run(&sandbox, &stand_ins, &["up", "--skip-stack", "--yes", "--timeout", "0s", "-n", "autoscaling-demo"])
        .failed(
            4,
            &[
                "not ready within 0 s",
                "find the faulty hop with: surge doctor",
                "continue with: surge up --skip-stack --yes --timeout 0s -n autoscaling-demo",
            ],
        );
}
