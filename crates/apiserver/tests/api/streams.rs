//! Logs, tunnels and proxies, with a fake node.

use crate::common::{TOKEN, listen, pod, start};
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::{LogParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testkit::wait::DEADLINE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

pub(super) async fn with_pod() -> (crate::common::Running, Api<Pod>) {
    let running = start().await;
    let api: Api<Pod> = Api::namespaced(running.client.clone(), "default");
    let object: Pod = serde_json::from_value(pod("p")).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
    (running, api)
}

/// Starts a listener that echoes its input until the client closes.
pub(super) async fn echo() -> u16 {
    listen(|mut stream| async move {
        let (mut read, mut write) = stream.split();
        let _client_closed = tokio::io::copy(&mut read, &mut write).await;
    })
    .await
}

async fn exchange(
    stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    text: &str,
) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut buffer = vec![0; text.len()];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut buffer)).await.expect("an echo in time").unwrap();
    String::from_utf8(buffer).unwrap()
}

#[tokio::test]
async fn a_tunnel_copies_several_ports_both_ways() {
    let (running, api) = with_pod().await;
    let (one, two) = (echo().await, echo().await);
    running.node.ports.lock().unwrap().extend([(8080, one), (9090, two)]);
    let mut tunnel = api.portforward("p", &[8080, 9090]).await.unwrap();
    let (mut first, mut second) = (tunnel.take_stream(8080).unwrap(), tunnel.take_stream(9090).unwrap());
    assert_eq!(exchange(&mut first, "hello").await, "hello");
    assert_eq!(exchange(&mut second, "world").await, "world");
    assert_eq!(exchange(&mut first, &"x".repeat(300_000)).await.len(), 300_000);
    // No message of version 4 closes one port.
    first.shutdown().await.unwrap();
    assert_eq!(exchange(&mut second, "still here").await, "still here");
}

#[tokio::test]
async fn a_tunnel_ends_with_the_pod_and_reports_refusals() {
    let (running, api) = with_pod().await;
    let bye = listen(|mut stream| async move {
        let _client_closed = stream.write_all(b"bye").await;
    })
    .await;
    running.node.ports.lock().unwrap().insert(8080, bye);
    let mut tunnel = api.portforward("p", &[8080]).await.unwrap();
    let mut stream = tunnel.take_stream(8080).unwrap();
    let mut text = String::new();
    tokio::time::timeout(DEADLINE, stream.read_to_string(&mut text)).await.expect("the port ends").unwrap();
    assert_eq!(text, "bye");

    let mut tunnel = api.portforward("p", &[1234]).await.unwrap();
    let mut stream = tunnel.take_stream(1234).unwrap();
    let error = tunnel.take_error(1234).unwrap();
    let text = tokio::time::timeout(DEADLINE, error).await.expect("an error in time").expect("an error");
    assert!(text.starts_with("error forwarding port 1234 to pod p, uid "), "{text}");
    assert!(text.ends_with("connection refused"), "{text}");
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the port ends").unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_failed_tunnel_returns_a_status() {
    let (running, api) = with_pod().await;
    assert!(api.portforward("absent", &[1]).await.is_err());
    let get =
        |path: &'static str| running.client.request_text(http::Request::get(path).body(Vec::new()).unwrap());
    for (path, message) in [
        ("/api/v1/namespaces/default/pods/p/portforward?ports=1", "Upgrade request required"),
        ("/api/v1/namespaces/default/pods/q/portforward?ports=1", "pods \"q\" not found"),
    ] {
        match get(path).await {
            Err(kube::Error::Api(status)) => assert_eq!(status.message, message),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn logs_are_streamed() {
    let (running, api) = with_pod().await;
    let (write, log) = mpsc::unbounded_channel();
    *running.node.log.lock().unwrap() = Some(log);
    write.send("one\n".into()).unwrap();
    let params = LogParams {
        follow: true,
        tail_lines: Some(5),
        timestamps: true,
        since_seconds: Some(60),
        limit_bytes: Some(1000),
        ..LogParams::default()
    };
    let mut lines = api.log_stream("p", &params).await.unwrap().lines();
    let mut line =
        async || tokio::time::timeout(DEADLINE, lines.try_next()).await.expect("a line in time").unwrap();
    assert_eq!(line().await.as_deref(), Some("one"));
    write.send("two\nthr".into()).unwrap();
    assert_eq!(line().await.as_deref(), Some("two"));
    write.send("ee\n".into()).unwrap();
    assert_eq!(line().await.as_deref(), Some("three"));
    drop(write);
    assert_eq!(line().await, None);
    let (pod, options) = running.node.asked.lock().unwrap()[0].clone();
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("default", "p"));
    assert_eq!(options.container, "c");
    assert!(options.follow && options.timestamps && !options.previous && options.since.is_some());
    assert_eq!((options.tail_lines, options.limit_bytes), (Some(5), Some(1000)));
}

#[tokio::test]
async fn invalid_log_requests_are_rejected() {
    let (running, api) = with_pod().await;
    let message = |result: kube::Result<String>| match result {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("{other:?}"),
    };
    let other = LogParams { container: Some("x".into()), ..LogParams::default() };
    assert_eq!(message(api.logs("p", &other).await), (400, "container x is not valid for pod p".into()));
    let before = LogParams { previous: true, ..LogParams::default() };
    let (code, text) = message(api.logs("p", &before).await);
    assert_eq!((code, text.as_str()), (400, "previous terminated container \"c\" in pod \"p\" not found"));
    assert_eq!(message(api.logs("q", &LogParams::default()).await).0, 404);
    let mut two = pod("two");
    two["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "d", "image": "i"}));
    api.create(&PostParams::default(), &serde_json::from_value(two).unwrap()).await.unwrap();
    let (code, text) = message(api.logs("two", &LogParams::default()).await);
    assert_eq!(
        (code, text.as_str()),
        (400, "a container name must be specified for pod two, choose one of: [c d]")
    );
    drop(running);
}

/// Starts an HTTP server that responds with the request line, and with whether it received the token.
async fn mirror() -> u16 {
    listen(|mut stream| async move {
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => request.extend_from_slice(&buffer[..count]),
            }
        }
        let text = String::from_utf8(request).unwrap().to_lowercase();
        let first = text.lines().next().unwrap();
        let body = json!({"line": first, "token": text.contains(TOKEN)}).to_string();
        let head = format!(
            "HTTP/1.1 418 I\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let _client_closed = stream.write_all((head + &body).as_bytes()).await;
    })
    .await
}

#[tokio::test]
async fn proxies_forward_to_pods_and_services() {
    let (running, api) = with_pod().await;
    let port = mirror().await;
    running.node.ports.lock().unwrap().insert(8080, port);
    let service = json!({"metadata": {"name": "s"}, "spec": {"selector": {"app": "x"}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}]}});
    let services: Api<Service> = Api::namespaced(running.client.clone(), "default");
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
    let send = async |path: &str| {
        let request = http::Request::get(format!("/api/v1/namespaces/default/{path}"));
        let response = running.client.send(request.body(kube::client::Body::empty()).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect_bytes().await.unwrap();
        (code, serde_json::from_slice::<Value>(&bytes).unwrap_or_default())
    };
    let mirrored = |path: &str| (418, json!({"line": format!("get {path} http/1.1"), "token": false}));
    assert_eq!(
        send("pods/p:8080/proxy/metrics/detailed?family=a&family=b").await,
        mirrored("/metrics/detailed?family=a&family=b")
    );
    assert_eq!(send("pods/p:http/proxy/a%20b").await, mirrored("/a%20b"));
    assert_eq!(send("pods/p/proxy/").await, mirrored("/"));
    assert_eq!(send("pods/p:8080/proxy").await.0, 301);
    let (code, status) = send("services/s:web/proxy/x").await;
    assert_eq!((code, &status["message"]), (503, &json!("no endpoints available for service \"s\"")));
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    api.patch_status("p", &PatchParams::default(), &Patch::Merge(ready)).await.unwrap();
    for place in ["s:web", "s:80", "http:s:web"] {
        assert_eq!(send(&format!("services/{place}/proxy/x")).await, mirrored("/x"), "{place}");
    }
    assert_eq!(send("services/s:81/proxy/x").await.0, 503);
    assert_eq!(send("services/t/proxy/x").await.0, 404);
    let (code, status) = send("pods/p:1234/proxy/x").await;
    assert_eq!((code, &status["reason"]), (503, &json!("ServiceUnavailable")));
}
