//! One suite of requests, whose responses are compared with those of a real Kubernetes.
//!
//! `suite/data/*.json` contains the requests, each with the real server's response without its variable parts. `README.md` lists
//! the intended differences. An unlisted difference fails the test, and so does a listed one that no longer exists. The
//! target `cluster` sends the same requests to a real server and updates the responses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "this target uses only a part of it")]
mod common;
#[expect(dead_code, reason = "only the target `cluster` writes files")]
mod suite;

use suite::step::Answer;
use suite::{differences, kubelet, run, step};

#[tokio::test]
async fn responses_differ_only_as_listed() {
    let mut found = Vec::new();
    for file in step::FILES {
        // A short history makes versions expire.
        let config = apiserver::Config { history: 16, ..apiserver::Config::default() };
        let running = common::start_with(config).await;
        if file.name == "pods" {
            kubelet::start(&running.server, running.client.clone()).await;
        }
        let steps = file.steps();
        let ours = run::run(&running.client, "i:1", &steps).await;
        let real: Vec<Answer> = steps.iter().map(|step| step.real.clone()).collect();
        found.extend(differences::find(file.name, &steps, &ours, &real));
    }
    let faults = differences::check(&found, &differences::listed());
    assert!(faults.is_empty(), "{faults}");
}
