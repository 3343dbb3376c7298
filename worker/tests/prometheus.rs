//! `promtool check metrics` on the worker's metrics.

#[path = "../../producer/tests/support/mod.rs"]
mod support;

use support::{
    client,
    control::{Control, Ours},
    program::Program,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_has_nothing_to_say() {
    let broker = Ours::start().await;
    let worker = Program::start(env!("CARGO_BIN_EXE_worker"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    worker.ready(&http, 200).await;
    let text = http.get(worker.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for name in [
        "jobs_processed_total",
        "jobs_redelivered_total",
        "jobs_failed_total",
        "jobs_requeued_total",
        "job_wait_seconds",
        "job_duration_seconds",
        "worker_busy",
        "broker_connected",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is missing from\n{text}");
    }
    assert_eq!(support::promtool(&text), "");
}
