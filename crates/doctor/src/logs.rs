//! The last lines of the containers that do not work.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use promfmt::percent;
use text::command::Command;

use crate::request::{self, Cluster};
use diagnosis::facts::{ContainerLog, Fact, LogOf, Outcome, Run};

/// Lines that are read of each log.
const LINES: u16 = 20;

/// Number of logs that are read at most.
const MAX_LOGS: usize = 12;

/// Bytes that are read of each log at most.
const MAX_BYTES: usize = 64 * 1024;

/// Reads the logs of the containers of these pods that do not work.
pub(crate) async fn read(cluster: &Cluster, namespace: &str, pods: &[Pod]) -> Vec<ContainerLog> {
    let wanted = diagnosis::logs::wanted(pods).into_iter().take(MAX_LOGS);
    join_all(wanted.map(|of| log(cluster, namespace, of))).await
}

async fn log(cluster: &Cluster, namespace: &str, of: LogOf) -> ContainerLog {
    let LogOf { pod, container, run } = &of;
    let previous = *run == Run::Previous;
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&tailLines={LINES}&limitBytes={MAX_BYTES}&previous={previous}",
        percent::encode(namespace),
        percent::encode(pod),
        percent::encode(container),
    );
    let command = Command::kubectl(["logs", pod]).flag("-c", container).namespace(namespace);
    let command = command.args(previous.then_some("--previous")).arg(format!("--tail={LINES}"));
    // A run without a log is no fault of the chain: the kubelet may have removed it.
    let text = match request::text(cluster, command, &path).await {
        Fact { command, outcome: Outcome::Failed(_) } => Fact { command, outcome: Outcome::Absent },
        fact => fact,
    };
    ContainerLog { of, text }
}
