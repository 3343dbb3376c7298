//! What is said while pods do not come, and when it is given up.

use std::process::Stdio;

use rustix::process::Signal;

use crate::install::stand_ins::{SMALL, StandIns, UP, run};
use crate::sandboxed::{Said, Sandbox, signal, until_written};

/// A worker with that image, which is not told its broker.
fn worker(image: &str) -> String {
    format!(
        "{SMALL}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: worker}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
         template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      containers:\n      - {{name: worker, image: '{image}', env: [{{name: LISTEN, value: nonsense}}]}}\n"
    )
}

#[test]
fn pods_that_crash_are_told_with_their_last_lines() {
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
    said.failed(143, &["step \"pods of the demo\" was not done", "go on with: surge up"]);
}

#[test]
fn an_image_that_cannot_be_had_ends_the_wait_before_its_time() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&worker("surge.local/nowhere:1")));
    let arguments =
        ["up", "--skip-stack", "--yes", "--timeout", "1h", "--image", "worker=surge.local/nowhere:1"];
    let said = run(&sandbox, &stand_ins, &arguments).failed(
        4,
        &[
            "step \"pods of the demo\" was not done: Deployment worker in namespace autoscaling-demo: \
             image surge.local/nowhere:1 cannot be had, for ",
            "name an image that the nodes can pull: --image worker=REF",
            "kubectl describe pod worker-",
            "go on with: surge up --skip-stack --yes --timeout 1h --image worker=REF",
        ],
    );
    // The two states between which the kubelet goes back and forth are one reason, told once.
    let told = said.out.lines().filter(|line| line.contains("surge.local/nowhere:1 cannot be had")).count();
    assert_eq!(told, 1, "{}", said.out);
}

#[test]
fn a_wait_that_was_too_short_is_offered_longer() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    run(&sandbox, &stand_ins, &["up", "--skip-stack", "--yes", "--timeout", "0s", "-n", "autoscaling-demo"])
        .failed(
            4,
            &[
                "not ready within 0s",
                "which hop it is: surge doctor",
                "go on with: surge up --skip-stack --yes -n autoscaling-demo --timeout 10m",
            ],
        );
}
