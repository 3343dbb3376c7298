//! A server over HTTPS on a free port, with a fake node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use apiserver::{ApiServer, Config, LogOptions, Node, PodRef, Serve, Status, Tls, kubeconfig};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) const TOKEN: &str = "secret-token";

/// A node with the logs and ports of a test.
#[derive(Default)]
pub(crate) struct FakeNode {
    pub(crate) ports: Mutex<HashMap<u16, u16>>,
    pub(crate) log: Mutex<Option<mpsc::UnboundedReceiver<Bytes>>>,
    pub(crate) asked: Mutex<Vec<(PodRef, LogOptions)>>,
}

#[async_trait]
impl Node for FakeNode {
    async fn logs(&self, pod: &PodRef, options: LogOptions) -> Result<BoxStream<'static, Bytes>, Status> {
        self.asked.lock().unwrap().push((pod.clone(), options.clone()));
        if options.previous {
            let why = format!(
                "previous terminated container \"{}\" in pod \"{}\" not found",
                options.container, pod.name
            );
            return Err(Status::bad_request(why));
        }
        let lines = self.log.lock().unwrap().take().expect("the test provides a log");
        Ok(futures::stream::unfold(lines, |mut lines| async move { Some((lines.recv().await?, lines)) })
            .boxed())
    }

    async fn connect(&self, _pod: &PodRef, port: u16) -> std::io::Result<TcpStream> {
        let real = self.ports.lock().unwrap().get(&port).copied();
        match real {
            Some(real) => TcpStream::connect(("127.0.0.1", real)).await,
            None => Err(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused")),
        }
    }
}

/// A running server, which ends with this value.
pub(crate) struct Running {
    pub(crate) server: ApiServer,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) client: Client,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) shutdown: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) async fn start() -> Running {
    start_with(Config::default()).await
}

pub(crate) async fn start_with(config: Config) -> Running {
    let tls = Tls::generate(&["127.0.0.1"]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = ApiServer::new(config);
    let node = Arc::new(FakeNode::default());
    server.set_node(node.clone());
    let text = kubeconfig("test", &format!("https://{address}"), tls.ca_pem(), TOKEN, "default");
    let shutdown = CancellationToken::new();
    let serve = Serve { tls, token: TOKEN.into() };
    tokio::spawn(apiserver::run(server.clone(), serve, listener, shutdown.clone()));
    let client = client(&text).await;
    Running { server, node, client, address, shutdown }
}

pub(crate) async fn client(text: &str) -> Client {
    let config = Kubeconfig::from_yaml(text).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    config.proxy_url = None;
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// Returns a scheduled pod.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": 8080}]}]},
    })
}

/// Handles connections to a free port with `answer`, and returns the port.
pub(crate) async fn listen<F, Fut>(answer: F) -> u16
where
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    port
}
