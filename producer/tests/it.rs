//! The producer with the in-memory broker, its exported metrics, and its README.

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
    messages_follow_the_contract,
    a_deleted_queue_is_declared_again,
    a_full_queue_reports_nacks,
    a_blocked_broker_is_reported,
    a_slow_confirm_is_reported,
    jobs_of_a_disconnected_client_are_counted,
    a_closed_connection_is_replaced,
    a_closed_channel_is_replaced,
    different_queue_arguments_are_reported,
    a_wrong_password_is_reported_but_not_logged,
    secrets_from_files_are_not_logged,
    the_first_signal_finishes_open_requests,
    the_second_signal_exits_at_once,
    an_unreachable_broker_is_reported,
    a_restart_loses_no_confirmed_job,
    malformed_requests_get_4xx_and_few_labels,
);

/// The chart's dashboard and rules are checked against `charts/recorded/producer.types`.
#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_metrics_are_exported() {
    let broker = InMemoryBroker::start().await;
    let program = Program::start(env!("CARGO_BIN_EXE_producer"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    program.wait_for_readyz(&http, 200).await;
    // A counter with labels is exported after its first increment.
    assert_eq!(http.get(program.url("/generate")).send().await.unwrap().status(), 202);
    broker.limit("Orders", 1);
    assert_eq!(http.get(program.url("/generate")).send().await.unwrap().status(), 503);
    let text = http.get(program.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut exported: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    exported.sort_unstable();
    let recorded = include_str!("../../charts/recorded/producer.types");
    let recorded: Vec<&str> = recorded.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(exported, recorded);
}

#[test]
fn the_readme_lists_the_settings() {
    assert_settings_table("README.md", &producer::Settings::command());
}
