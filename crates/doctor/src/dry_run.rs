//! The requests of `surge doctor --dry-run`: [`collect`](crate::collect()) runs against a rehearsed cluster with the names of
//! `surge up`, which records the requests and sends none.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use contract::names;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use text::command::Command;

use crate::Settings;
use crate::collect::collect;
use crate::request::{self, Cluster, Recorder, TunnelRequest};

/// The requests of an examination, as commands that send the same. Requests through a tunnel are comments.
pub async fn dry_run(settings: &Settings) -> String {
    let mut lines = vec![
        "# surge doctor only reads. This dry run sent nothing.".to_owned(),
        "# Names that an answer would give are those of `surge up`.".to_owned(),
    ];
    let adapter = rehearse(settings, false).await;
    lines.extend(adapter.commands.iter().map(ToString::to_string));
    lines.push(
        "# Each tunnel reads its Service and the pods behind it, then opens pods/portforward:".to_owned(),
    );
    for TunnelRequest { at, path } in &adapter.tunnels {
        lines.push(format!("#   GET {path} of {at}"));
    }
    lines.push("# Only if KEDA serves external metrics:".to_owned());
    let keda = rehearse(settings, true).await;
    let only = keda.commands.iter().filter(|command| !adapter.commands.contains(command));
    lines.extend(only.map(ToString::to_string));
    lines.join("\n") + "\n"
}

/// The requests of one rehearsal, in order and without repetitions.
struct Rehearsal {
    commands: Vec<Command>,
    tunnels: Vec<TunnelRequest>,
}

async fn rehearse(settings: &Settings, is_keda: bool) -> Rehearsal {
    let commands: Arc<Mutex<Vec<Command>>> = Arc::default();
    let tunnels = Arc::new(Recorder { requests: Mutex::default(), response: tunnel_response });
    let (recorder, subject) = (Arc::clone(&commands), settings.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (recorder, subject) = (Arc::clone(&recorder), subject.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let command = command(&parts.method, &parts.uri.to_string(), &body).on(&subject.flags);
            let mut commands = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            if !commands.contains(&command) {
                commands.push(command);
            }
            let response = response(&subject, is_keda, &parts.method, &parts.uri);
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(response.to_string()))))
        }
    });
    let client = Client::new(service, settings.namespace.clone());
    let cluster = Cluster { client, recorder: Some(Arc::clone(&tunnels)) };
    let _facts = Box::pin(collect(&cluster, settings, None)).await;
    let take = |commands: &Mutex<Vec<Command>>| {
        std::mem::take(&mut *commands.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let tunnels = std::mem::take(&mut *tunnels.requests.lock().unwrap_or_else(PoisonError::into_inner));
    Rehearsal { commands: take(&commands), tunnels }
}

/// The command that sends the same request.
fn command(method: &Method, uri: &str, body: &[u8]) -> Command {
    if method == Method::GET {
        return request::raw(uri);
    }
    let body = String::from_utf8_lossy(body).into_owned();
    let create = Command::kubectl(["create"]).flag("--raw", uri).args(["-f", "-"]);
    Command::new("printf").arg("%s").arg(body).pipe(create)
}

/// The response of a cluster after `surge up`.
fn response(settings: &Settings, is_keda: bool, method: &Method, uri: &http::Uri) -> Value {
    let Settings { namespace, hpa, .. } = settings;
    let labels = |name: &str| json!({"app.kubernetes.io/name": name});
    let url = format!(
        "--prometheus-url=http://{}.{}.svc:{}",
        names::PROMETHEUS_SERVICE,
        names::MONITORING,
        names::PROMETHEUS_PORT
    );
    let pod = |map: &str| {
        json!({
            "containers": [{"name": "c", "args": [url]}],
            "volumes": [{"name": "v", "configMap": {"name": map}}],
        })
    };
    let adapter = "prometheus-adapter";
    let (api_namespace, api_service) =
        if is_keda { ("keda", "keda-operator-metrics-apiserver") } else { (names::MONITORING, adapter) };
    if method == Method::POST {
        return json!({"status": {"allowed": true}});
    }
    let path = uri.path();
    if path == "/version" {
        return json!({"major": "", "minor": "", "gitVersion": "", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
    }
    if path == format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{hpa}") {
        return json!({"spec": {"maxReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": names::WORKER},
            "metrics": [{"type": "External", "external": {
                "metric": {"name": names::EXTERNAL_METRIC,
                    "selector": {"matchLabels": {"queue": contract::queue::ORDERS}}},
                "target": {"type": "AverageValue", "averageValue": "20"}}}]}});
    }
    if path == "/apis/apps/v1" {
        let resource = |name: &str| json!({"name": name, "singularName": "", "kind": "Deployment", "namespaced": true, "verbs": []});
        return json!({"groupVersion": "apps/v1", "resources": [resource("deployments"), resource("deployments/scale")]});
    }
    if path == "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io" {
        return json!({"spec": {"groupPriorityMinimum": 1, "versionPriority": 1,
            "service": {"namespace": api_namespace, "name": api_service}}});
    }
    if path == format!("/api/v1/namespaces/{api_namespace}/services/{api_service}") {
        return json!({"spec": {"selector": labels(api_service)}});
    }
    if path == format!("/apis/apps/v1/namespaces/{api_namespace}/deployments") {
        return json!({"items": [{"metadata": {"name": api_service, "namespace": api_namespace},
            "spec": {"selector": {},
                "template": {"metadata": {"labels": labels(api_service)}, "spec": pod(adapter)}}}]});
    }
    if path == format!("/api/v1/namespaces/{api_namespace}/configmaps/{adapter}") {
        let map: Value = serde_saphyr::from_str(RULES).unwrap_or_default();
        return json!({"data": map["data"]});
    }
    if path == "/api/v1/services" {
        return json!({"apiVersion": "v1", "kind": "ServiceList", "metadata": {}, "items": [
            {"metadata": {"name": names::PROMETHEUS_SERVICE, "namespace": names::MONITORING}}]});
    }
    if path == format!("/api/v1/namespaces/{namespace}/services") {
        let ports = [names::RABBITMQ_AMQP, names::RABBITMQ_MANAGEMENT, names::RABBITMQ_METRICS];
        let ports = ports.map(|port| json!({"name": port.name, "port": port.number}));
        return json!({"items": [{"metadata": {"name": names::RABBITMQ},
            "spec": {"selector": labels(names::RABBITMQ), "ports": ports}}]});
    }
    if path == format!("/api/v1/namespaces/{namespace}/pods") {
        return json!({"items": [{"metadata": {"name": "rabbitmq-0", "labels": labels(names::RABBITMQ)},
            "spec": pod(names::RABBITMQ)}]});
    }
    if path == format!("/api/v1/namespaces/{namespace}/secrets/{}", names::RABBITMQ) {
        return json!({"data": {names::SECRET_USERNAME: "dQ==", names::SECRET_PASSWORD: "cA=="}});
    }
    if path.starts_with("/apis/external.metrics.k8s.io") {
        return json!({"items": [{"value": "0"}]});
    }
    json!({"metadata": {}, "items": []})
}

/// The rules of `surge up`.
const RULES: &str = include_str!("../../../manifests/adapter/plugin.yaml");

/// The response to a request through a tunnel: of the broker, its metrics or Prometheus.
fn tunnel_response(path: &str) -> Bytes {
    if path.starts_with("/api/queues") {
        return Bytes::from_static(b"[]");
    }
    let data = match path {
        path if path.starts_with("/api/v1/query") => json!({"resultType": "vector", "result": []}),
        path if path.starts_with("/api/v1/") => json!({}),
        _ => return Bytes::new(),
    };
    Bytes::from(json!({"status": "success", "data": data}).to_string())
}

#[cfg(test)]
mod tests {
    use text::command::ClusterFlags;

    use super::*;

    fn settings() -> Settings {
        Settings {
            context: String::new(),
            server: String::new(),
            namespace: "demo".to_owned(),
            hpa: "scaler".to_owned(),
            prometheus: None,
            flags: ClusterFlags::default(),
        }
    }

    #[tokio::test]
    async fn each_line_is_a_command_or_a_comment() {
        let text = dry_run(&settings()).await;
        for expected in [
            "kubectl get --raw /version\n",
            "kubectl get --raw /apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler\n",
            "kubectl get --raw '/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/rabbitmq_queue_length?labelSelector=queue%3DOrders'\n",
            " | kubectl create --raw /apis/authorization.k8s.io/v1/selfsubjectaccessreviews -f -\n",
            "#   GET /api/queues of demo/rabbitmq:15672\n",
            "#   GET /metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count of demo/rabbitmq:15692\n",
            "#   GET /api/v1/scrape_pools of monitoring/prometheus-operated:9090\n",
            "#   GET /api/v1/query?query=time",
            "kubectl get --raw /apis/apps/v1/namespaces/demo/deployments/worker/scale\n",
            "\"resource\":\"scaledobjects\"",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in {text}");
        }
        let is_known =
            |line: &&str| ["# ", "#   ", "kubectl ", "printf "].iter().any(|start| line.starts_with(start));
        assert_eq!(text.lines().find(|line| !is_known(line)), None);
        let (before, keda) = text.split_once("# Only if KEDA").unwrap();
        assert!(!before.contains("scaledobjects\",") && keda.contains("keda.sh"), "{text}");
    }

    #[tokio::test]
    async fn the_command_line_selects_the_cluster() {
        let far = Settings {
            prometheus: Some("metrics/prom:80".parse().unwrap()),
            flags: ClusterFlags { context: Some("far".to_owned()), kubeconfig: None },
            ..settings()
        };
        let text = dry_run(&far).await;
        for expected in [
            "kubectl get --raw /apis/apps/v1/namespaces/metrics/deployments --context far\n",
            "#   GET /api/v1/scrape_pools of metrics/prom:80\n",
            " | kubectl create --raw /apis/authorization.k8s.io/v1/selfsubjectaccessreviews -f - --context far\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in {text}");
        }
        assert!(!text.contains(" of monitoring/prometheus-operated:"), "{text}");
    }
}
