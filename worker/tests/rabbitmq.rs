//! The worker with installed tools: RabbitMQ and promtool.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod scenarios;
mod soak;

use testkit::programs::{InMemoryBroker, Program, RabbitMqBroker, TestBroker, client, promtool};

/// Runs scenarios one after another on one node and prints their names.
macro_rules! scenarios {
    ($broker:expr, $($name:ident),* $(,)?) => {
        $(
            println!("{}", stringify!($name));
            scenarios::$name($broker).await;
        )*
    };
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server"]
async fn shared_scenarios_pass_with_rabbitmq() {
    let rabbitmq = tokio::task::block_in_place(RabbitMqBroker::start);
    let broker: &dyn TestBroker = &rabbitmq;
    scenarios!(
        broker,
        jobs_are_processed_and_reported,
        invalid_messages_are_dead_lettered,
        a_deleted_queue_is_declared_again,
        a_lost_connection_requeues_the_job,
        different_queue_arguments_are_reported,
        a_wrong_password_is_reported_but_not_logged,
        the_first_signal_finishes_the_job,
        the_second_signal_requeues_the_job,
        an_unreachable_broker_is_reported,
        consuming_continues_after_a_restart,
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server"]
async fn rabbitmq_only_scenarios_pass() {
    let rabbitmq = tokio::task::block_in_place(RabbitMqBroker::start);
    scenarios!(
        &rabbitmq,
        a_quorum_queue_limits_deliveries,
        a_quorum_queue_has_the_releases_limit,
        a_consumer_timeout_is_reported,
        invalid_messages_wait_during_an_alarm,
        missed_heartbeats_are_detected,
    );
}

/// The kernel ignores signals to PID 1 that have no handler, so this case needs its own test.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server, and root for a PID namespace"]
async fn signals_work_as_pid_one() {
    let rabbitmq = tokio::task::block_in_place(RabbitMqBroker::start);
    scenarios::signals_work_as_pid_one(&rabbitmq).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server; takes about a minute"]
async fn no_confirmed_job_is_lost() {
    let rabbitmq = tokio::task::block_in_place(RabbitMqBroker::start);
    soak::soak(&rabbitmq).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_reports_nothing() {
    let broker = InMemoryBroker::start().await;
    let worker = Program::start(env!("CARGO_BIN_EXE_worker"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    worker.wait_for_readyz(&http, 200).await;
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
    assert_eq!(promtool(&text), "");
}
