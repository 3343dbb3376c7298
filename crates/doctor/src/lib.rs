//! Collects the facts that `diagnosis` judges: concurrent requests, each with a timeout. A missing permission is a fact too.

mod broker;
mod dry_run;
mod keda;
mod metrics_api;
mod numbers;
mod permissions;
mod prometheus;
mod request;

use contract::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Client;
use text::command::{ClusterFlags, Command};

use cluster::errors;
use cluster::prometheus::Address;

use self::request::{Cluster, REQUEST_TIMEOUT, get, get_one};
use diagnosis::facts::{Fact, Facts, Outcome, Subject};

pub use self::dry_run::dry_run;

/// The HPA to examine, and the cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the context, or another name of the cluster.
    pub context: String,
    /// URL of the API server, if known.
    pub server: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// The Service of Prometheus, if the user named it.
    pub prometheus: Option<Address>,
    /// The flags that lead a command to the same cluster.
    pub flags: ClusterFlags,
}

impl Settings {
    fn subject(&self) -> Subject {
        Subject {
            context: self.context.clone(),
            namespace: self.namespace.clone(),
            hpa: self.hpa.clone(),
            flags: self.flags.clone(),
        }
    }
}

/// Collects all facts. It ends by itself: every request has a timeout.
pub async fn collect(client: &Client, settings: &Settings) -> Facts {
    let cluster = Cluster { client: client.clone(), recorder: None };
    Box::pin(collect_from(&cluster, settings)).await
}

async fn collect_from(cluster: &Cluster, settings: &Settings) -> Facts {
    let Settings { server, namespace, hpa, prometheus: address, .. } = settings;
    let version = version(&cluster.client, server).await;
    if matches!(version.outcome, Outcome::Failed(_) | Outcome::NotPermitted(_)) {
        let facts = Facts::not_asked("the API server cannot be reached");
        return Facts { subject: settings.subject(), now: Timestamp::now(), version, ..facts };
    }
    let core = |kind: &str| format!("/api/v1/namespaces/{namespace}/{kind}");
    let apps = |kind: &str| format!("/apis/apps/v1/namespaces/{namespace}/{kind}");
    let hpas = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let all = |kind: &str| get(kind, namespace);
    let hpa_command = get_one("hpa", hpa, namespace).flag("-o", "yaml");
    let hpa_path = format!("{hpas}/{hpa}");
    let namespace_path = format!("/api/v1/namespaces/{namespace}");
    let namespace_command = Command::kubectl(["get"]).object("namespace", namespace).flag("-o", "yaml");
    let (deployments, sets, pods, services) =
        (apps("deployments"), apps("statefulsets"), core("pods"), core("services"));
    let events = format!("{}?fieldSelector=type%3DWarning", core("events"));
    let events_command = all("events").flag("--field-selector", "type=Warning");
    let objects = async {
        tokio::join!(
            request::object(cluster, namespace_command, &namespace_path),
            request::object(cluster, hpa_command.clone(), &hpa_path),
            request::list(cluster, all("hpa"), &hpas),
            request::list(cluster, all("deployment"), &deployments),
            request::list(cluster, all("statefulset"), &sets),
            request::list(cluster, all("pods"), &pods),
            request::list(cluster, all("service"), &services),
            request::list(cluster, events_command, &events),
        )
    };
    let (objects, api, prometheus, permissions, controller_arguments, controller_settings) = tokio::join!(
        objects,
        metrics_api::read(cluster),
        prometheus::objects(cluster, namespace, address.as_ref()),
        permissions::review(cluster, namespace, names::MONITORING),
        controller_arguments(cluster),
        controller_settings(cluster),
    );
    let (namespace_fact, autoscaler, autoscalers, deployments, stateful_sets, pods, services, warnings) =
        objects;
    let metrics = autoscaler.get().map(diagnosis::externals).unwrap_or_default();
    let questions = numbers::questions(&metrics, api.rules.get(), namespace);
    let monitors = prometheus.monitors.all().to_vec();
    let series: Vec<String> = questions.iter().flat_map(|question| question.series.clone()).collect();
    let (keda, broker, (prometheus, numbers), answers) = tokio::join!(
        keda::read(cluster, namespace, &api.registration),
        broker::read(cluster, namespace, services.all(), pods.all(), &monitors, &series),
        prometheus::read(cluster, prometheus, &questions),
        numbers::answers(cluster, namespace, &metrics),
    );
    let mut facts = Facts {
        subject: settings.subject(),
        now: Timestamp::now(),
        version,
        permissions,
        namespace: namespace_fact,
        autoscaler,
        autoscalers,
        looks: Vec::new(),
        metrics: numbers::joined(numbers, answers),
        deployments,
        stateful_sets,
        pods,
        services,
        warnings,
        broker,
        prometheus,
        api,
        keda,
        controller_arguments,
        controller_settings,
    };
    if diagnosis::is_keda(&facts) {
        facts.permissions.extend(permissions::review_keda(cluster, namespace).await);
    }
    numbers::look_again(cluster, &mut facts, &metrics, &questions, &hpa_path, &hpa_command).await;
    facts
}

async fn version(client: &Client, server: &str) -> Fact<String> {
    let place = if server.is_empty() { String::new() } else { format!(" at {server}") };
    let outcome = match tokio::time::timeout(REQUEST_TIMEOUT, client.apiserver_version()).await {
        Ok(Ok(info)) => Outcome::Value(format!("Kubernetes {}{place}", info.git_version)),
        Ok(Err(error)) if errors::is_missing(&error) => Outcome::Absent,
        Ok(Err(kube::Error::Api(status))) if status.code == 401 => {
            Outcome::NotPermitted(errors::kube(&kube::Error::Api(status)))
        }
        Ok(Err(error)) if errors::is_forbidden(&error) => Outcome::Absent,
        Ok(Err(error)) => {
            Outcome::Failed(format!("the API server{place} cannot be reached: {}", errors::kube(&error)))
        }
        Err(_elapsed) => {
            Outcome::Failed(format!("the API server{place} did not answer within {REQUEST_TIMEOUT:?}"))
        }
    };
    Fact::new(Command::kubectl(["version"]), outcome)
}

/// The arguments of the controller manager, if it runs as a pod that the user may read.
async fn controller_arguments(cluster: &Cluster) -> Fact<Vec<String>> {
    let path = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-controller-manager";
    let command =
        get("pods", "kube-system").flag("-l", "component=kube-controller-manager").flag("-o", "yaml");
    let pods: Fact<Vec<Pod>> = request::list(cluster, command, path).await;
    let arguments = |pods: Vec<Pod>| {
        let containers = pods.into_iter().filter_map(|pod| pod.spec).flat_map(|spec| spec.containers);
        let arguments: Vec<String> = containers
            .flat_map(|container| {
                container.command.unwrap_or_default().into_iter().chain(container.args.unwrap_or_default())
            })
            .collect();
        Some(arguments).filter(|arguments| !arguments.is_empty())
    };
    request::part(pods.map(arguments))
}

/// The settings of a controller manager outside the cluster, if a ConfigMap has them.
async fn controller_settings(cluster: &Cluster) -> Fact<ConfigMap> {
    let name = names::CONTROLLER_SETTINGS;
    let path = format!("/api/v1/namespaces/kube-system/configmaps/{name}");
    request::object(cluster, get_one("configmap", name, "kube-system").flag("-o", "yaml"), &path).await
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;
    use diagnosis::{Verdict, examine};

    fn settings() -> Settings {
        Settings {
            context: "here".to_owned(),
            server: "https://far".to_owned(),
            namespace: "demo".to_owned(),
            hpa: "scaler".to_owned(),
            prometheus: None,
            flags: ClusterFlags::default(),
        }
    }

    /// A cluster that answers its version, and all other requests with one status.
    fn answering(code: u16) -> Client {
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let code = StatusCode::from_u16(code).unwrap();
            if uri.path() == "/version" {
                let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
                    "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
                return (StatusCode::OK, Json(version));
            }
            let answer =
                json!({"status": "Failure", "code": code.as_u16(), "message": "no\u{1b}", "reason": "Why"});
            (code, Json(answer))
        });
        Client::new(app, "default")
    }

    #[tokio::test]
    async fn missing_permissions_are_no_failure() {
        let facts = Box::pin(collect(&answering(403), &settings())).await;
        let report = examine(&facts);
        assert_eq!(report.count(Verdict::Failure), 0, "{}", report.text());
        assert!(report.count(Verdict::NotPermitted) > 3, "{}", report.text());
        assert_eq!(report.exit_code(), 0);
    }

    #[tokio::test]
    async fn an_empty_cluster_lacks_the_namespace_first() {
        let facts = Box::pin(collect(&answering(404), &settings())).await;
        let report = examine(&facts);
        assert_eq!(report.fix().map(|(finding, _)| finding.check), Some("namespace"), "{}", report.text());
        assert_eq!(report.exit_code(), 1);
    }

    #[tokio::test]
    async fn errors_of_the_server_are_cleaned() {
        let report = examine(&Box::pin(collect(&answering(500), &settings())).await);
        assert!(report.count(Verdict::Failure) > 3);
        assert!(!report.text().contains('\u{1b}'));
    }
}
