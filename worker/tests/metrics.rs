//! The names in `charts/recorded/worker.types`, by which the chart's dashboard and rules are checked, are those that the program
//! exports.

#[path = "../../producer/tests/support/mod.rs"]
mod support;

use support::{
    client,
    control::{Control, Ours},
    program::Program,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_names_are_those_of_the_program() {
    let broker = Ours::start().await;
    let program = Program::start(env!("CARGO_BIN_EXE_worker"), &[("AMQP_URL", &broker.url())]);
    let http = client();
    program.ready(&http, 200).await;
    let text = http.get(program.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut exported: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    exported.sort_unstable();
    let recorded = include_str!("../../charts/recorded/worker.types");
    let recorded: Vec<&str> = recorded.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(exported, recorded);
}
