//! `promtool check metrics` on the producer's metrics.

mod support;

use support::{
    client,
    control::{Control, Ours},
    program::Program,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's prometheus, for promtool"]
async fn promtool_has_nothing_to_say_but_about_the_first_demos_counter() {
    let broker = Ours::start().await;
    let producer = Program::start(env!("CARGO_BIN_EXE_producer"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    producer.ready(&http, 200).await;
    // So that every metric has a sample, also the failures.
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
    assert_eq!(
        support::promtool(&text),
        "request_status counter metrics should have \"_total\" suffix\n",
        "{text}"
    );
}
