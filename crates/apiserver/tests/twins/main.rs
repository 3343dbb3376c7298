//! One suite of client behaviour, answered by this server and compared with what a real Kubernetes answered.
//!
//! `data/*.json` holds the requests, each with the real server's answer, from which what differs from run to run is taken
//! out. `README.md` lists the differences that are meant to be; any other fails, and so does a listed one that is gone.
//! The target `cluster` sends the same requests to a real server and renews the answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "each test program uses its own part of it")]
#[path = "../common/mod.rs"]
mod common;
mod differences;
mod kubelet;
mod plain;
mod run;
#[expect(dead_code, reason = "only the target `cluster` writes files")]
mod step;

use step::Answer;

#[tokio::test]
async fn the_answers_are_a_real_servers_but_for_the_listed_differences() {
    let mut found = Vec::new();
    for file in step::FILES {
        // A short history, so that a version can be too old.
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
    let wrong = differences::judge(&found, &differences::listed());
    assert!(wrong.is_empty(), "{wrong}");
}
