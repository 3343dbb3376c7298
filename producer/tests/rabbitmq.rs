//! The producer with installed tools: RabbitMQ and promtool.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod scenarios;

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
async fn all_scenarios_pass_with_rabbitmq() {
    let rabbitmq = tokio::task::block_in_place(RabbitMqBroker::start);
    let broker: &dyn TestBroker = &rabbitmq;
    println!("a_channel_error_replaces_the_session");
    scenarios::a_channel_error_replaces_the_session(&rabbitmq).await;
    scenarios!(
        broker,
        messages_follow_the_contract,
        a_deleted_queue_is_declared_again,
        a_full_queue_reports_nacks,
        a_blocked_broker_is_reported,
        a_slow_confirm_is_reported,
        jobs_of_a_disconnected_client_are_counted,
        a_closed_connection_is_replaced,
        different_queue_arguments_are_reported,
        a_wrong_password_is_reported_but_not_logged,
        secrets_from_files_are_not_logged,
        the_first_signal_finishes_open_requests,
        the_second_signal_exits_at_once,
        an_unreachable_broker_is_reported,
        malformed_requests_get_4xx_and_few_labels,
        a_restart_loses_no_confirmed_job,
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_reports_only_the_original_counter() {
    let broker = InMemoryBroker::start().await;
    let producer = Program::start(env!("CARGO_BIN_EXE_producer"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    producer.wait_for_readyz(&http, 200).await;
    // Every metric needs a sample, including failures.
    for path in ["/generate?count=3", "/generate?count=x", "/nowhere"] {
        http.get(producer.url(path)).send().await.unwrap();
    }
    broker.limit("Orders", 1);
    assert_eq!(http.get(producer.url("/generate")).send().await.unwrap().status(), 503);
    let text = http.get(producer.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for name in [
        "http_request_total",
        "request_status",
        "http_request_duration_seconds",
        "messages_published_total",
        "messages_failed_total",
        "broker_connected",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is missing from\n{text}");
    }
    assert_eq!(promtool(&text), "request_status counter metrics should have \"_total\" suffix\n", "{text}");
}
