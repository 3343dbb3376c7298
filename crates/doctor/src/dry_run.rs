//! What a look asks, as requests, without asking any of it: for `surge doctor --dry-run`.
//!
//! Where a question takes a name from an earlier answer, the name here is that of `surge up`, and a line says so. The test
//! holds this against a real look at a cluster of the usual names.

use contract::names;
use serde_json::Value;

use super::broker::{DETAILED, EXPORTER, METRICS, QUEUES};
use super::prometheus::{EXPORTER_UP, POOLS, TARGETS, all_of, newest, queried, track};
use super::{Settings, rights};
use diagnosis::SERIES;

/// The requests of a look, those to the API server as commands that ask the same; what goes through a tunnel is a comment.
#[must_use]
pub fn questions(settings: &Settings) -> String {
    let Settings { namespace, hpa, prometheus, .. } = settings;
    let core = format!("/api/v1/namespaces/{namespace}");
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let scaling = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let (at, service, port) = match prometheus {
        Some(address) => (address.namespace.as_str(), address.service.as_str(), address.port),
        None => (names::MONITORING, names::PROMETHEUS_SERVICE, names::PROMETHEUS_PORT),
    };
    let monitoring = names::MONITORING;
    let operator = "/apis/monitoring.coreos.com/v1";
    let keda = "/apis/keda.sh/v1alpha1";
    let rabbitmq = names::RABBITMQ;
    let mut text = Text::default();

    text.note("surge doctor only reads. It asks, and of this dry run asked nothing:");
    text.get("/version");
    text.get(&core);
    text.get(&format!("{scaling}/{hpa}"));
    text.get(&scaling);
    text.get(&format!("{apps}/deployments"));
    text.get(&format!("{apps}/statefulsets"));
    text.get(&format!("{core}/pods"));
    text.get(&format!("{core}/services"));
    text.get(&format!("{core}/events?fieldSelector=type%3DWarning"));

    text.note("what you may do; a review leaves nothing behind:");
    for review in rights::reviews(namespace, monitoring) {
        text.review(&review);
    }

    text.note("how often the autoscaler looks, where the cluster tells it:");
    text.get("/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-controller-manager");
    text.get(&format!("/api/v1/namespaces/kube-system/configmaps/{}", names::CONTROLLER_SETTINGS));

    text.note("who serves external metrics; then the Service, the Deployment and the ConfigMap behind it, and the Service of the Prometheus that it asks, by default:");
    text.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io");
    text.get(&format!("/apis/apps/v1/namespaces/{monitoring}/deployments"));
    text.get(&format!("/api/v1/namespaces/{monitoring}/services/prometheus-adapter"));
    text.get(&format!("/api/v1/namespaces/{monitoring}/configmaps/prometheus-adapter"));
    text.get(&format!("/api/v1/namespaces/{monitoring}/services/prometheus-kube-prometheus-prometheus"));

    text.note("Prometheus, and what its operator is told; without the right to all monitors those of the namespace:");
    if prometheus.is_none() {
        text.get(&format!("/api/v1/services?&fieldSelector=metadata.name%3D{service}"));
    }
    text.get(&format!("{operator}/prometheuses"));
    text.get(&format!("{operator}/servicemonitors"));
    text.get(&format!("{operator}/namespaces/{namespace}/prometheusrules"));
    text.note("where that Service is, by default:");
    text.get(&format!("/apis/apps/v1/namespaces/{at}/statefulsets"));
    if at != monitoring {
        text.get(&format!("/apis/apps/v1/namespaces/{at}/deployments"));
    }

    text.note("the metric that the HPA names, by default; where HPA and metric differ, both again each second for 20 s at most:");
    text.get(&format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{}?labelSelector=queue%3D{}",
        names::EXTERNAL_METRIC,
        contract::queue::ORDERS
    ));

    text.note("KEDA, where it is; and of the Secrets that its objects name, by default that of the broker, the names of the keys:");
    text.get("/apis/apps/v1/namespaces/keda/deployments/keda-operator");
    text.get(&format!("{keda}/namespaces/{namespace}/scaledobjects"));
    text.get(&format!("{keda}/namespaces/{namespace}/triggerauthentications"));
    text.get(&format!("{keda}/clustertriggerauthentications"));
    text.note("only if KEDA serves external metrics:");
    for review in rights::reviews_of_keda(namespace) {
        text.review(&review);
    }

    text.note("the broker: its user, and the ConfigMaps that its pods mount, by default:");
    text.get(&format!("{core}/secrets/{rabbitmq}"));
    text.get(&format!("{core}/configmaps/{rabbitmq}"));

    text.tunnel(
        namespace,
        rabbitmq,
        names::RABBITMQ_MANAGEMENT.number,
        "as the user of that Secret",
        &QUEUES,
    );
    let monitored = "the path as monitors have it, by default";
    text.tunnel(namespace, rabbitmq, names::RABBITMQ_METRICS.number, monitored, &[DETAILED]);
    text.tunnel(namespace, "rabbitmq-exporter", EXPORTER, "only where there is one", &[METRICS]);
    let matchers = format!("queue={:?},namespace={namespace:?}", contract::queue::ORDERS);
    let paths = [
        POOLS.to_owned(),
        TARGETS.to_owned(),
        queried(&all_of(&SERIES)),
        queried(EXPORTER_UP),
        queried(&newest(SERIES[0], &matchers)),
        queried(&track(SERIES[0], &matchers)),
        "/api/v1/query?query=(the query of the adapter's rule, filled in for the HPA)".to_owned(),
    ];
    text.tunnel(at, service, port, "with the series of the adapter's rule, by default RabbitMQ's", &paths);
    settings.flags.lead(&text.0)
}

/// The lines.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn note(&mut self, words: &str) {
        self.line(&format!("# {words}"));
    }

    fn get(&mut self, path: &str) {
        self.line(&format!("kubectl get --raw {}", quoted(path)));
    }

    fn review(&mut self, object: &Value) {
        let object = quoted(&object.to_string());
        self.line(&format!("echo {object} | kubectl create --raw {} -f -", rights::REVIEWS));
    }

    /// A tunnel to a pod behind a Service, and what is asked through it.
    fn tunnel(&mut self, namespace: &str, service: &str, port: u16, words: &str, paths: &[impl AsRef<str>]) {
        let core = format!("/api/v1/namespaces/{namespace}");
        self.note(&format!("a tunnel to {namespace}/{service}:{port}, {words}:"));
        self.note(&format!("  GET {core}/services/{service}"));
        self.note(&format!("  GET {core}/pods?labelSelector=(the selector of that Service)"));
        self.note(&format!(
            "  GET {core}/pods/(one that is ready)/portforward?ports=(the pod's port), and through it"
        ));
        for path in paths {
            self.note(&format!("    GET {}", path.as_ref()));
        }
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use axum::Json;
    use http::{Method, Uri};
    use kube::Client;
    use serde_json::json;

    use super::super::collect;
    use super::*;
    use diagnosis::Flags;

    fn settings() -> Settings {
        Settings {
            context: String::new(),
            server: String::new(),
            namespace: "demo".to_owned(),
            hpa: "scaler".to_owned(),
            prometheus: None,
            flags: Flags::default(),
        }
    }

    /// An answer of a cluster as `surge up` leaves it, whose pods take no tunnels.
    fn answer(method: &Method, uri: &Uri) -> Value {
        let selector = json!({"app": "rabbitmq"});
        let argument = "--prometheus-url=http://prometheus-kube-prometheus-prometheus.monitoring.svc:9090";
        let pod = |map: &str| json!({"containers": [{"name": "c", "args": [argument]}], "volumes": [{"name": "v", "configMap": {"name": map}}]});
        if method == Method::POST {
            return json!({"status": {"allowed": true}});
        }
        match uri.path() {
            "/version" => json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
                "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}),
            "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler" => json!({
                "spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "w"},
                    "metrics": [{"type": "External", "external": {
                        "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                        "target": {"type": "AverageValue", "averageValue": "20"}}}]}}),
            "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io" => {
                json!({"spec": {"groupPriorityMinimum": 1, "versionPriority": 1,
                    "service": {"namespace": "monitoring", "name": "prometheus-adapter"}}})
            }
            "/api/v1/namespaces/monitoring/services/prometheus-adapter" => {
                json!({"spec": {"selector": {"app": "adapter"}}})
            }
            "/apis/apps/v1/namespaces/monitoring/deployments" => json!({"items": [{
                "metadata": {"name": "prometheus-adapter", "namespace": "monitoring"},
                "spec": {"selector": {}, "template": {"metadata": {"labels": {"app": "adapter"}}, "spec": pod("prometheus-adapter")}}}]}),
            "/api/v1/services" => json!({"apiVersion": "v1", "kind": "ServiceList", "metadata": {},
                "items": [{"metadata": {"name": "prometheus-operated", "namespace": "monitoring"}}]}),
            "/api/v1/namespaces/demo/services" => json!({"items": [{"metadata": {"name": "rabbitmq"},
                "spec": {"selector": selector, "ports": [{"name": "amqp", "port": 5672},
                    {"name": "management", "port": 15672}, {"name": "metrics", "port": 15692}]}}]}),
            "/api/v1/namespaces/demo/pods" if uri.query().is_none() => json!({"items": [{
                "metadata": {"name": "rabbitmq-0", "labels": selector}, "spec": pod("rabbitmq")}]}),
            "/api/v1/namespaces/demo/secrets/rabbitmq" => {
                json!({"data": {"username": "dQ==", "password": "cA=="}})
            }
            path if path.starts_with("/apis/external.metrics.k8s.io") => json!({"items": [{"value": "0"}]}),
            _ => json!({"metadata": {}, "items": []}),
        }
    }

    /// What a tunnel is looked for with, which stands in comments.
    fn is_tunnels(asked: &str) -> bool {
        asked.contains("/pods?&labelSelector=app%3Drabbitmq")
            || asked.contains("/services/rabbitmq")
            || asked.contains("/services/prometheus-operated")
            || asked.contains("/pods?&labelSelector=app.kubernetes.io%2Fname%3D")
    }

    #[tokio::test]
    async fn a_look_asks_what_the_dry_run_says_and_nothing_else() {
        let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let recorder = asked.clone();
        let app = axum::Router::new().fallback(async move |method: Method, uri: Uri, body: String| {
            let line = match body.is_empty() {
                true => format!("kubectl get --raw '{uri}'"),
                false => format!("echo '{body}' | kubectl create --raw {uri} -f -"),
            };
            recorder.lock().unwrap().insert(line);
            Json(answer(&method, &uri))
        });
        let facts = Box::pin(collect(&Client::new(app, "default"), &settings())).await;
        assert!(facts.autoscaler.get().is_some(), "{:?}", facts.autoscaler);

        let text = questions(&settings());
        let said: BTreeSet<String> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        let keda: BTreeSet<String> =
            said.iter().filter(|line| line.contains("\"keda.sh\"")).cloned().collect();
        assert_eq!(keda.len(), 3, "only asked where KEDA is: {text}");
        let asked: BTreeSet<String> =
            asked.lock().unwrap().iter().filter(|line| !is_tunnels(line)).cloned().collect();
        let unsaid: Vec<&String> = asked.difference(&said).collect();
        let unasked: Vec<&String> = said.difference(&asked).filter(|line| !keda.contains(*line)).collect();
        assert!(
            unsaid.is_empty() && unasked.is_empty(),
            "asked, not said: {unsaid:#?}\nsaid, not asked: {unasked:#?}"
        );
    }

    #[test]
    fn the_dry_run_is_for_what_the_command_line_says() {
        let far = Settings {
            prometheus: Some("metrics/prom:80".parse().unwrap()),
            flags: Flags { context: Some("far".to_owned()), kubeconfig: None },
            ..settings()
        };
        let text = questions(&far);
        for expected in [
            "kubectl --context far get --raw '/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler'\n",
            "# a tunnel to metrics/prom:80, ",
            "kubectl --context far get --raw '/apis/apps/v1/namespaces/metrics/deployments'\n",
            "#     GET /api/queues\n",
            " | kubectl --context far create --raw /apis/authorization.k8s.io/v1/selfsubjectaccessreviews -f -\n",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in {text}");
        }
        assert!(!text.contains("prometheus-operated"), "{text}");
        // Whatever is not a comment is a command.
        let stray: Vec<&str> = text
            .lines()
            .filter(|line| {
                !line.starts_with("# ") && !line.starts_with("kubectl ") && !line.starts_with("echo '{")
            })
            .collect();
        assert!(stray.is_empty(), "{stray:?}");
    }
}
