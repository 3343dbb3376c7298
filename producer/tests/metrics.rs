//! The names in `charts/recorded/producer.types`, by which the chart's dashboard and rules are checked, are those that the program
//! exports.

mod support;

use support::{
    client,
    control::{Control, Ours},
    program::Program,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_names_are_those_of_the_program() {
    let broker = Ours::start().await;
    let program = Program::start(env!("CARGO_BIN_EXE_producer"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    program.ready(&http, 200).await;
    // A counter with labels is exported from its first count on.
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
