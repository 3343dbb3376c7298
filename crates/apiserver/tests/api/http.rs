//! Errors below the level of a kube client: tokens, sizes, methods and paths.

use crate::common::start;
use apiserver::{ApiServer, Config, Limits};
use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn send(server: &ApiServer, request: Request<Body>) -> (StatusCode, Value) {
    let response = server.router().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (
        status,
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()),
    )
}

async fn get(server: &ApiServer, path: &str) -> (StatusCode, Value) {
    send(server, Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn requests_without_the_token_get_401() {
    let running = start().await;
    // The client of `running` sends the token; a second client sends another one.
    let mut config = kube::Config::new(format!("https://{}", running.address).parse().unwrap());
    config.accept_invalid_certs = true;
    config.proxy_url = None;
    config.default_retry = false;
    for token in [None, Some("wrong")] {
        config.auth_info.token = token.map(|token| token.to_owned().into());
        let client = kube::Client::try_from(config.clone()).unwrap();
        match client.apiserver_version().await {
            Err(kube::Error::Api(status)) => {
                assert_eq!((status.code, status.reason.as_str()), (401, "Unauthorized"));
            }
            other => panic!("{other:?}"),
        }
    }
    running.client.apiserver_version().await.unwrap();
}

#[tokio::test]
async fn bodies_and_paths_have_a_size_limit() {
    let limits = Limits { body: 1000, ..Limits::default() };
    let server = ApiServer::new(Config { limits, ..Config::default() });
    let body = json!({"metadata": {"name": "c"}, "data": {"k": "x".repeat(2000)}}).to_string();
    let request = Request::post("/api/v1/namespaces/default/configmaps").body(Body::from(body)).unwrap();
    let (code, status) = send(&server, request).await;
    assert_eq!((code.as_u16(), &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    let (code, status) = get(&server, &format!("/api/v1/pods?labelSelector={}", "a".repeat(33 * 1024))).await;
    assert_eq!((code.as_u16(), &status["reason"]), (414, &json!("RequestURITooLong")));
}

#[tokio::test]
async fn health_version_and_root_paths_respond() {
    let server = ApiServer::new(Config::default());
    for path in ["/healthz", "/livez", "/readyz", "/readyz/ping"] {
        assert_eq!(get(&server, path).await, (StatusCode::OK, json!("ok")), "{path}");
    }
    assert_eq!(get(&server, "/version").await.1["gitVersion"], "v1.34.4");
    assert_eq!(get(&server, "/api").await.1["versions"], json!(["v1"]));
    assert_eq!(get(&server, "/nothing").await, (StatusCode::NOT_FOUND, json!("404 page not found\n")));
    assert_eq!(
        get(&server, "/api/v1/nothing").await.1["message"],
        "the server could not find the requested resource"
    );
    let (code, status) = send(&server, Request::post("/version").body(Body::empty()).unwrap()).await;
    assert_eq!((code.as_u16(), &status["reason"]), (405, &json!("MethodNotAllowed")));
    let (code, document) = get(&server, "/openapi/v2").await;
    assert_eq!((code, &document["swagger"]), (StatusCode::OK, &json!("2.0")));
    let autoscalers = &document["definitions"]["io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"];
    assert_eq!(autoscalers["x-kubernetes-group-version-kind"][0]["version"], "v2");
    let index = get(&server, "/openapi/v3").await.1;
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    assert_eq!(get(&server, url).await.1["openapi"], "3.0.0");
}

#[tokio::test]
async fn openapi_v2_is_negotiated() {
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let server = ApiServer::new(Config::default());
    for (accept, media) in [
        ("application/json", Some("application/json")),
        ("*/*", Some("application/json")),
        ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Some(PROTOBUF)),
        ("text/html, application/com.github.proto-openapi.spec.v2.v1.0+protobuf;q=0.9", Some(PROTOBUF)),
        ("text/html", None),
    ] {
        let request = Request::get("/openapi/v2").header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        let response = server.router().oneshot(request).await.unwrap();
        let found = response.headers().get(header::CONTENT_TYPE).map(|media| media.to_str().unwrap());
        assert_eq!(found.filter(|_| response.status() == StatusCode::OK), media, "{accept}");
        assert!(media.is_some() || response.status() == StatusCode::NOT_ACCEPTABLE, "{accept}");
    }
}

#[tokio::test]
async fn both_discovery_formats_list_the_same_resources() {
    let server = ApiServer::new(Config::default());
    for path in ["/api", "/apis"] {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        let response = server.router().oneshot(request).await.unwrap();
        let media = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(media, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let list: Value = serde_json::from_slice(&bytes).unwrap();
        for group in list["items"].as_array().unwrap() {
            let name = group["metadata"]["name"].as_str();
            for version in group["versions"].as_array().unwrap() {
                let word = version["version"].as_str().unwrap();
                let path = name.map_or_else(|| format!("/api/{word}"), |name| format!("/apis/{name}/{word}"));
                let (code, plain) = get(&server, &path).await;
                assert_eq!(code, StatusCode::OK, "{path}");
                let names = |list: &Value, key: &str| -> Vec<String> {
                    let names = list["resources"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|r| r[key].as_str().unwrap().to_owned());
                    names.filter(|name| !name.contains('/')).collect()
                };
                assert_eq!(names(version, "resource"), names(&plain, "name"), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn logs_and_proxy_get_503_without_a_node() {
    let server = ApiServer::new(Config::default());
    let pod = crate::common::pod("p").to_string();
    let request = Request::post("/api/v1/namespaces/default/pods").body(Body::from(pod)).unwrap();
    assert_eq!(send(&server, request).await.0, StatusCode::CREATED);
    for path in ["log", "proxy/"] {
        let (code, status) = get(&server, &format!("/api/v1/namespaces/default/pods/p/{path}")).await;
        assert_eq!((code.as_u16(), &status["reason"]), (503, &json!("ServiceUnavailable")), "{path}");
    }
}

#[tokio::test]
async fn malformed_paths_and_selectors_get_an_error() {
    let server = ApiServer::new(Config::default());
    for (path, code) in [
        ("/api/v1/namespaces//pods", 404),
        ("/api/v1/namespaces/%00/pods/%ff", 404),
        ("/api/v1/namespaces/default/pods/a/b/c/d", 404),
        ("/api/v1/pods?limit=x", 400),
        ("/api/v1/pods?limit=-1", 200),
        ("/api/v1/pods?labelSelector=%28%28%28", 400),
        ("/api/v1/pods?fieldSelector=%2C%2C", 200),
        ("/api/v1/pods?continue=AAAA", 400),
        ("/apis/apps/v1/namespaces/default/deployments/x/scale", 404),
        ("/api/v1/namespaces/default/pods/x/scale", 404),
        ("/api/v1/nodes/x/proxy/", 404),
    ] {
        assert_eq!(get(&server, path).await.0.as_u16(), code, "{path}");
    }
}

#[tokio::test]
async fn health_checks_are_listed_on_request() {
    let server = ApiServer::new(Config::default());
    let body = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = server.router().oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (code, String::from_utf8(bytes.to_vec()).unwrap())
    };
    for (path, code, text) in [
        ("/readyz", 200, "ok"),
        ("/readyz?verbose", 200, "[+]ping ok\n[+]log ok\nreadyz check passed\n"),
        ("/livez?verbose=true&exclude=log", 200, "[+]ping ok\n[+]log excluded: ok\nlivez check passed\n"),
        ("/healthz/ping", 200, "ok"),
        ("/readyz/unknown", 404, "404 page not found\n"),
    ] {
        assert_eq!(body(path).await, (code, text.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn kinds_without_a_controller_are_listed_and_refused() {
    let server = ApiServer::new(Config::default());
    for (path, kind, message) in [
        (
            "/apis/batch/v1/namespaces/default/jobs",
            "Job",
            "jobs.batch \"x\" is forbidden: the sandbox runs no Jobs; use a Pod",
        ),
        (
            "/apis/apps/v1/namespaces/default/daemonsets",
            "DaemonSet",
            "daemonsets.apps \"x\" is forbidden: the sandbox runs no DaemonSets; use a Deployment",
        ),
        (
            "/api/v1/persistentvolumes",
            "PersistentVolume",
            "persistentvolumes \"x\" is forbidden: the sandbox has no PersistentVolumes",
        ),
    ] {
        let (code, list) = get(&server, path).await;
        assert_eq!((code, &list["items"]), (StatusCode::OK, &json!([])), "{path}");
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let object = json!({"kind": kind, "metadata": {"name": "x"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
        let request = Request::post(path).body(Body::from(object.to_string())).unwrap();
        let (code, status) = send(&server, request).await;
        assert_eq!((code, &status["message"]), (StatusCode::FORBIDDEN, &json!(message)));
    }
    let node = json!({"kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}});
    let request = Request::post("/api/v1/nodes").body(Body::from(node.to_string())).unwrap();
    let (code, status) = send(&server, request).await;
    assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        status["message"].as_str().unwrap().contains("spec.taints: Forbidden: taints have no effect"),
        "{status}"
    );
}

#[tokio::test]
async fn a_namespace_goes_when_its_last_finalizer_does() {
    let server = ApiServer::new(Config::default());
    let namespace = json!({"metadata": {"name": "n", "finalizers": ["example.org/a"]}});
    let request = Request::post("/api/v1/namespaces").body(Body::from(namespace.to_string())).unwrap();
    assert_eq!(send(&server, request).await.0, StatusCode::CREATED);
    let path = "/api/v1/namespaces/n";
    let request = Request::delete(path).body(Body::empty()).unwrap();
    assert_eq!(send(&server, request).await.0, StatusCode::OK);
    assert_eq!(get(&server, path).await.1["status"]["phase"], "Terminating");
    let request = Request::patch(path)
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .body(Body::from(r#"{"metadata":{"finalizers":null}}"#))
        .unwrap();
    assert_eq!(send(&server, request).await.0, StatusCode::OK);
    assert_eq!(get(&server, path).await.0, StatusCode::NOT_FOUND);
}
