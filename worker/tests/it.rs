//! The worker with the in-memory broker, its exported metrics, and its README.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod scenarios;

use clap::CommandFactory;
use testkit::programs::{InMemoryBroker, Program, TestBroker, assert_settings_table, client};

/// Generates a test with its own broker for each scenario.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let broker = InMemoryBroker::start().await;
                scenarios::$name(&broker).await;
            }
        )*
    };
}

scenarios!(
    jobs_are_processed_and_reported,
    invalid_messages_are_dead_lettered,
    a_deleted_queue_is_declared_again,
    a_lost_connection_requeues_the_job,
    a_closed_channel_requeues_the_job,
    different_queue_arguments_are_reported,
    a_wrong_password_is_reported_but_not_logged,
    the_first_signal_finishes_the_job,
    the_second_signal_requeues_the_job,
    an_unreachable_broker_is_reported,
    consuming_continues_after_a_restart,
    instant_jobs_do_not_starve_the_probes,
);

/// The chart's dashboard and rules are checked against `charts/recorded/worker.types`.
#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_metrics_are_exported() {
    let broker = InMemoryBroker::start().await;
    let program = Program::start(env!("CARGO_BIN_EXE_worker"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    program.wait_for_readyz(&http, 200).await;
    let text = http.get(program.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut exported: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    exported.sort_unstable();
    let recorded = include_str!("../../charts/recorded/worker.types");
    let recorded: Vec<&str> = recorded.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(exported, recorded);
}

#[test]
fn the_readme_lists_the_settings() {
    assert_settings_table("README.md", &worker::Settings::command());
}
