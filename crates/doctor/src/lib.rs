//! Collects the facts that `diagnosis` judges: concurrent requests, each with a timeout. A missing permission is a fact too.

mod board;
mod broker;
mod collect;
mod dry_run;
mod keda;
mod logs;
mod metrics_api;
mod numbers;
mod permissions;
mod pod_metrics;
mod prometheus;
mod request;
mod target;

use std::time::Duration;

use contract::names;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Client;
use text::command::{ClusterFlags, Command};

use cluster::errors;
use cluster::prometheus::Address;

use self::request::{Cluster, REQUEST_TIMEOUT, get, get_one};
use diagnosis::Report;
use diagnosis::facts::{Fact, Facts, Outcome, Subject};

pub use self::board::Observer;
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
    /// The HPA and the cluster, for the report.
    #[must_use]
    pub fn subject(&self) -> Subject {
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
    Box::pin(collect::collect(&cluster, settings, None)).await
}

/// Examines the chain. The observer receives the findings so far each time that a part of the facts is asked or has answered.
pub async fn examine(client: &Client, settings: &Settings, observer: Observer) -> Report {
    let cluster = Cluster { client: client.clone(), recorder: None };
    diagnosis::examine(&Box::pin(collect::collect(&cluster, settings, Some(observer))).await)
}

/// The HPAs' sync period: of the controller manager's flag or ConfigMap. `None` where neither can be read.
pub async fn sync_period(client: &Client) -> Option<Duration> {
    let cluster = Cluster { client: client.clone(), recorder: None };
    let (controller_arguments, controller_settings) =
        tokio::join!(controller_arguments(&cluster), controller_settings(&cluster));
    let facts =
        Facts { controller_arguments, controller_settings, ..Facts::not_asked("only the period is asked") };
    diagnosis::sync_period(&facts)
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
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use axum::Json;
    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;
    use diagnosis::{Hop, Part, Progress, Verdict, examine};

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

    /// A cluster whose answers take 50 ms each, and the reviews of permissions three seconds.
    fn slow() -> Client {
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let is_review = uri.path().ends_with("/selfsubjectaccessreviews");
            let time = Duration::from_millis(if is_review { 3_000 } else { 50 });
            tokio::time::sleep(time).await;
            if uri.path() == "/version" {
                let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "",
                    "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
                return Json(version);
            }
            Json(json!({"metadata": {}, "items": [], "status": {"allowed": true}}))
        });
        Client::new(app, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_holds_back_no_other() {
        let start = tokio::time::Instant::now();
        let seen: Arc<Mutex<Vec<(Duration, Progress)>>> = Arc::default();
        let observer: Observer = {
            let seen = Arc::clone(&seen);
            Box::new(move |progress| seen.lock().unwrap().push((start.elapsed(), progress)))
        };
        let report = Box::pin(super::examine(&slow(), &settings(), observer)).await;
        let all = start.elapsed();
        // The reviews follow the answers that name the namespaces of Prometheus and the adapter.
        assert!(all < Duration::from_millis(3_000 + 50 + 500), "{all:?}: longer than the slowest part");
        let seen = seen.lock().unwrap();
        let has =
            |progress: &Progress, hop: Hop| progress.report.findings.iter().any(|finding| finding.hop == hop);
        let (at, first) = seen.iter().find(|(_, progress)| has(progress, Hop::Workloads)).unwrap();
        assert!(*at < Duration::from_secs(1), "{at:?}");
        assert!(
            !has(first, Hop::Permissions) && first.asked.iter().any(|asked| asked.part == Part::Permissions)
        );
        assert!(has(&seen.last().unwrap().1, Hop::Permissions) && !report.findings.is_empty());
    }

    #[tokio::test]
    async fn an_empty_cluster_lacks_the_namespace_first() {
        let facts = Box::pin(collect(&answering(404), &settings())).await;
        let report = examine(&facts);
        assert_eq!(
            report.fix().map(|(finding, _)| finding.check.as_ref()),
            Some("namespace"),
            "{}",
            report.text()
        );
        assert_eq!(report.exit_code(), 1);
    }

    #[tokio::test]
    async fn errors_of_the_server_are_cleaned() {
        let report = examine(&Box::pin(collect(&answering(500), &settings())).await);
        assert!(report.count(Verdict::Failure) > 3);
        assert!(!report.text().contains('\u{1b}'));
    }
}
