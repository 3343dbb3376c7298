//! The whole server against a fake Kubernetes API: from monitors to the results of queries.

#![expect(clippy::unwrap_used, reason = "helpers of a test fail it by panicking, as the test itself does")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures::StreamExt as _;
use http::StatusCode;
use serde_json::{Value, json};
use testkit::wait;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A fake API with a broker that can be down.
#[derive(Clone, Default)]
struct FakeApi {
    down: Arc<Mutex<bool>>,
}

impl FakeApi {
    fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    async fn answer(self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let list = |kind: &str, api_version: &str, items: Value| {
            axum::Json(json!({
                "kind": format!("{kind}List"), "apiVersion": api_version,
                "metadata": {"resourceVersion": "7"}, "items": items,
            }))
            .into_response()
        };
        if query.contains("watch=") {
            // Nothing changes; the stream stays open.
            return Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>().boxed())
                .into_response();
        }
        match path.as_str() {
            "/apis/monitoring.coreos.com/v1/servicemonitors" => {
                list("ServiceMonitor", "monitoring.coreos.com/v1", json!([monitor()]))
            }
            "/apis/monitoring.coreos.com/v1/podmonitors" => {
                list("PodMonitor", "monitoring.coreos.com/v1", json!([pod_monitor()]))
            }
            "/api/v1/services" => list("Service", "v1", json!([service()])),
            "/api/v1/pods" => list("Pod", "v1", json!([pod()])),
            "/api/v1/namespaces/demo/pods/rabbitmq-0:15692/proxy/metrics/detailed" => {
                assert_eq!(query, "family=queue_coarse_metrics", "the request has the monitor's params");
                if *self.down.lock().unwrap() {
                    StatusCode::SERVICE_UNAVAILABLE.into_response()
                } else {
                    "rabbitmq_detailed_queue_messages{vhost=\"/\",queue=\"Orders\"} 42\n".into_response()
                }
            }
            "/api/v1/namespaces/demo/pods/rabbitmq-0:15692/proxy/metrics" => {
                "# HELP node_up The node.\n# TYPE node_up gauge\nnode_up 1\n".into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

fn monitor() -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": "rabbitmq", "namespace": "demo", "labels": {"release": "prometheus"}, "uid": "m"},
        "spec": {
            "selector": {"matchLabels": {"app": "rabbitmq"}},
            "endpoints": [{
                "port": "metrics", "path": "/metrics/detailed", "interval": "100ms", "scrapeTimeout": "100ms",
                "params": {"family": ["queue_coarse_metrics"]},
            }],
        },
    })
}

fn pod_monitor() -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor",
        "metadata": {"name": "nodes", "namespace": "demo", "labels": {"release": "prometheus"}, "uid": "p"},
        "spec": {
            "selector": {"matchLabels": {"app": "rabbitmq"}},
            "podMetricsEndpoints": [{"port": "metrics", "interval": "100ms", "scrapeTimeout": "100ms"}],
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "rabbitmq", "namespace": "demo", "labels": {"app": "rabbitmq"}},
        "spec": {"selector": {"app": "rabbitmq"}, "ports": [{"name": "metrics", "port": 15692}]},
    })
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "rabbitmq-0", "namespace": "demo", "labels": {"app": "rabbitmq"}},
        "spec": {"containers": [{"name": "rabbitmq", "ports": [{"name": "metrics", "containerPort": 15692}]}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

async fn query(url: &str, text: &str) -> Value {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query")).query(&[("query", text)]);
    request.send().await.unwrap().json().await.unwrap()
}

/// The one value of an instant vector with one element.
async fn value(url: &str, text: &str) -> Option<String> {
    let answer = query(url, text).await;
    assert_eq!(answer["status"], "success", "{answer}");
    Some(answer["data"]["result"].get(0)?["value"][1].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_lead_to_samples_and_down_targets_to_up_zero() {
    let fake = FakeApi::default();
    let handler = fake.clone();
    let api = Router::new().fallback(any(move |request: Request| handler.answer(request)));
    let client = kube::Client::new(api, "default");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(scraper::run(scraper::Config::default(), client, listener, shutdown.clone()));

    let depth = "sum(rabbitmq_detailed_queue_messages{queue=\"Orders\",namespace=\"demo\",vhost=\"/\"})";
    let guarded = format!("{depth} or 0 * max(up{{job=\"rabbitmq\",namespace=\"demo\"}} == 1)");
    wait::until("the first sample", || async {
        (value(&url, &guarded).await.as_deref() == Some("42")).then_some(())
    })
    .await;
    assert_eq!(value(&url, "up{job=\"rabbitmq\",pod=\"rabbitmq-0\"}").await.as_deref(), Some("1"));

    wait::until("the target of the PodMonitor", || async {
        (value(&url, "node_up{job=\"demo/nodes\"}").await.as_deref() == Some("1")).then_some(())
    })
    .await;

    let get = async |path: &str| -> Value {
        reqwest::get(format!("{url}{path}")).await.unwrap().json().await.unwrap()
    };
    let labels = get("/api/v1/labels?match[]=node_up").await;
    let expected = ["__name__", "container", "endpoint", "instance", "job", "namespace", "pod"];
    assert_eq!(labels["data"], json!(expected));
    assert_eq!(get("/api/v1/label/queue/values").await["data"], json!(["Orders"]));
    assert_eq!(get("/api/v1/label/a-b/values").await["error"], "invalid label name: \"a-b\"");
    let about = get("/api/v1/metadata?metric=node_up").await;
    assert_eq!(about["data"], json!({"node_up": [{"type": "gauge", "help": "The node.", "unit": ""}]}));
    // Clients ask for the page to see whether the server is there.
    let page = reqwest::get(format!("{url}/")).await.unwrap();
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/query"));

    fake.set_down(true);
    wait::until("the target to be down and its series to end", || async {
        let down = value(&url, "up{job=\"rabbitmq\"}").await.as_deref() == Some("0");
        (down && value(&url, &guarded).await.is_none()).then_some(())
    })
    .await;

    fake.set_down(false);
    wait::until("the target to be up again", || async { value(&url, depth).await }).await;

    let error = query(&url, "sum(").await;
    assert_eq!((&error["status"], &error["errorType"]), (&json!("error"), &json!("bad_data")));

    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(30), server).await.expect("the server stops").unwrap().unwrap();
}
