//! The fake node for the suite's pod. It returns the same logs and responses as the real pod.

use std::sync::Arc;

use apiserver::{ApiServer, LogOptions, Node, PodRef, Status};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::run::NAMESPACE;
use crate::common::listen;

/// The container port of the pod.
const PORT: u16 = 8080;
const LOG: [&str; 3] = ["one\n", "two\n", "three\n"];

struct Talker {
    /// The local port behind the container port.
    port: u16,
}

#[async_trait]
impl Node for Talker {
    async fn logs(&self, pod: &PodRef, options: LogOptions) -> Result<BoxStream<'static, Bytes>, Status> {
        if options.previous {
            let why = format!(
                "previous terminated container \"{}\" in pod \"{}\" not found",
                options.container, pod.name
            );
            return Err(Status::bad_request(why));
        }
        let last = options.tail_lines.map_or(LOG.len(), |lines| usize::try_from(lines).unwrap());
        let lines = LOG[LOG.len().saturating_sub(last)..].iter().map(|line| Bytes::from(*line));
        let said = futures::stream::iter(lines);
        Ok(if options.follow { said.chain(futures::stream::pending()).boxed() } else { said.boxed() })
    }

    async fn connect(&self, _pod: &PodRef, port: u16) -> std::io::Result<TcpStream> {
        match port {
            PORT => TcpStream::connect(("127.0.0.1", self.port)).await,
            _ => Err(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused")),
        }
    }
}

/// Sets a node that runs the pods with the label `app=talker`.
pub(crate) async fn start(server: &ApiServer, client: Client) {
    let port = listen(answer).await;
    server.set_node(Arc::new(Talker { port }));
    tokio::spawn(async move {
        let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
        // The loop ends with the server.
        while let Ok(list) = pods.list(&ListParams::default().labels("app=talker")).await {
            for pod in list.items.iter().filter(|pod| pod.spec.as_ref().unwrap().node_name.is_none()) {
                run(&pods, &pod.name_any()).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
}

async fn run(pods: &Api<Pod>, name: &str) {
    let target = json!({"metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}});
    let _raced = pods
        .create_subresource::<_, serde_json::Value>("binding", name, &PostParams::default(), &target)
        .await;
    let status = json!({"status": {
        "phase": "Running", "podIP": "10.244.0.9",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{
            "name": "talker", "ready": true, "restartCount": 0, "image": "i", "imageID": "i", "state": {"running": {}},
        }],
    }});
    let _raced = pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await;
}

/// The program of the pod: an HTTP response, or a line.
async fn answer(mut stream: TcpStream) {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let Ok(Some(first)) = lines.next_line().await else { return };
    let said = match first.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()) {
        None => format!("you said {first}\n"),
        Some(path) => {
            while matches!(lines.next_line().await, Ok(Some(line)) if !line.is_empty()) {}
            format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nyou asked for {path}\n")
        }
    };
    let _client_closed = write.write_all(said.as_bytes()).await;
}
