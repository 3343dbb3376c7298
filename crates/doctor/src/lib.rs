//! Collects what the doctor judges: many questions at once, each with a deadline, and what may not be seen is an answer too.

mod api;
mod ask;
mod broker;
mod dry_run;
mod exposition;
mod keda;
mod prometheus;
mod rights;

use std::time::{Duration, Instant};

use contract::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Client;

use cluster::errors;
use cluster::prometheus::Address;

use diagnosis::facts::{Fact, Facts, Later, Place, Seen};
use diagnosis::{Flags, Metric};

pub use self::dry_run::questions;

/// How long the HPA's status may take to follow the metrics API: its longest usual period, and some.
const SECOND_LOOK: Duration = Duration::from_secs(20);

/// Between two looks at the HPA.
const AGAIN: Duration = Duration::from_secs(1);

/// What to look at.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it is called: the context, or what else leads there.
    pub context: String,
    /// Where the API server is, if that is known.
    pub server: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// Where Prometheus is, when it is not to be looked for.
    pub prometheus: Option<Address>,
    /// What a command needs to reach the same cluster.
    pub flags: Flags,
}

/// Looks at everything. It ends by itself: every question has a deadline.
pub async fn collect(client: &Client, settings: &Settings) -> Facts {
    let Settings { context, server, namespace, hpa, prometheus: address, flags } = settings;
    let version = version(client, server).await;
    let is_away = matches!(version.seen, Seen::Failed(_) | Seen::NotPermitted(_));
    if is_away {
        return unreachable(settings, version);
    }
    let core = |kind: &str| format!("/api/v1/namespaces/{namespace}/{kind}");
    let apps = |kind: &str| format!("/apis/apps/v1/namespaces/{namespace}/{kind}");
    let scaling = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    let get = |kind: &str| format!("kubectl get {kind} -n {namespace}");
    let hpa_how = format!("kubectl get hpa {hpa} -n {namespace} -o yaml");
    let hpa_path = format!("{scaling}/{hpa}");
    let namespace_path = format!("/api/v1/namespaces/{namespace}");
    let (deployments, sets, pods, services) =
        (apps("deployments"), apps("statefulsets"), core("pods"), core("services"));
    let events = format!("{}?fieldSelector=type%3DWarning", core("events"));
    let objects = async {
        tokio::join!(
            ask::object(client, format!("kubectl get namespace {namespace} -o yaml"), &namespace_path),
            ask::object(client, hpa_how.clone(), &hpa_path),
            ask::list(client, get("hpa"), &scaling),
            ask::list(client, get("deployment"), &deployments),
            ask::list(client, get("statefulset"), &sets),
            ask::list(client, get("pods"), &pods),
            ask::list(client, get("service"), &services),
            ask::list(client, format!("{} --field-selector type=Warning", get("events")), &events),
        )
    };
    let (objects, api, prometheus, rights, controller_arguments, controller_settings) = tokio::join!(
        objects,
        api::look(client),
        prometheus::objects(client, namespace, address.as_ref()),
        rights::ask(client, namespace, names::MONITORING),
        controller_arguments(client),
        controller_settings(client),
    );
    let (namespace_fact, autoscaler, autoscalers, deployments, stateful_sets, pods, services, warnings) =
        objects;
    let metric = autoscaler.get().and_then(diagnosis::external);
    let to_ask = of_prometheus(metric.as_ref(), api.rules.get(), namespace);
    let monitors = prometheus.monitors.all().to_vec();
    let answer = async {
        match &metric {
            Some(metric) => api::answer(client, namespace, &metric.name, &metric.query).await,
            None => Fact::not_asked("the HPA's metric is not known"),
        }
    };
    let (keda, broker, prometheus, answer) = tokio::join!(
        keda::look(client, namespace, &api.service),
        broker::look(client, namespace, services.all(), pods.all(), &monitors),
        prometheus::look(client, prometheus, &to_ask),
        answer,
    );
    let mut facts = Facts {
        place: Place {
            context: context.clone(),
            namespace: namespace.clone(),
            hpa: hpa.clone(),
            flags: flags.clone(),
        },
        now: Timestamp::now(),
        version,
        rights,
        namespace: namespace_fact,
        autoscaler,
        autoscalers,
        later: None,
        deployments,
        stateful_sets,
        pods,
        services,
        warnings,
        broker,
        prometheus,
        api: diagnosis::facts::MetricsApi { answer, ..api },
        keda,
        controller_arguments,
        controller_settings,
    };
    let keda_rights = match diagnosis::is_keda(&facts) {
        true => rights::ask_of_keda(client, namespace).await,
        false => Vec::new(),
    };
    facts.rights.extend(keda_rights);
    if let Some(metric) = &metric {
        look_again(client, &mut facts, metric, &hpa_path, &hpa_how).await;
    }
    facts
}

/// Waits for the HPA's next sync where its status and the metrics API do not say the same.
async fn look_again(client: &Client, facts: &mut Facts, metric: &Metric, path: &str, how: &str) {
    let began = Instant::now();
    while diagnosis::disagrees(facts) && began.elapsed() < SECOND_LOOK {
        tokio::time::sleep(AGAIN).await;
        let (autoscaler, answer) = tokio::join!(
            ask::object(client, how.to_owned(), path),
            api::answer(client, &facts.place.namespace, &metric.name, &metric.query),
        );
        facts.later = Some(Later { after: began.elapsed(), autoscaler, answer });
    }
}

/// What Prometheus is to be asked: the series of the adapter's rule where it is known, else RabbitMQ's.
fn of_prometheus(metric: Option<&Metric>, rules: Option<&String>, namespace: &str) -> prometheus::Questions {
    let rules = rules.and_then(|text| diagnosis::parse_rules(text).ok()).unwrap_or_default();
    let made = metric.map(|metric| diagnosis::rule_of(&rules, &metric.name)).unwrap_or_default();
    let mut series: Vec<String> = made.iter().map(|(_, series)| series.clone()).collect();
    if series.is_empty() {
        series = diagnosis::SERIES.map(str::to_owned).to_vec();
    }
    let queue = metric.and_then(|metric| metric.queue.as_deref());
    // Another namespace may have a queue of the same name; a rule that does not look at namespaces takes it too.
    let label = match made.first() {
        Some((rule, _)) => rule.namespace_label(),
        None => Some("namespace"),
    };
    let matchers = [("queue", queue), (label.unwrap_or_default(), label.map(|_| namespace))];
    let matchers = matchers.into_iter().filter_map(|(label, value)| Some(format!("{label}={:?}", value?)));
    prometheus::Questions {
        matchers: matchers.collect::<Vec<_>>().join(","),
        rule: made
            .first()
            .zip(metric)
            .and_then(|((rule, series), metric)| rule.query(series, metric, namespace).ok()),
        series,
    }
}

async fn version(client: &Client, server: &str) -> Fact<String> {
    let how = "kubectl version".to_owned();
    let place = if server.is_empty() { String::new() } else { format!(" at {server}") };
    let seen = match tokio::time::timeout(ask::WITHIN, client.apiserver_version()).await {
        Ok(Ok(info)) => Seen::Value(format!("Kubernetes {}{place}", info.git_version)),
        Ok(Err(error)) if errors::is_missing(&error) => Seen::Absent,
        Ok(Err(kube::Error::Api(status))) if status.code == 401 => {
            Seen::NotPermitted(errors::kube(&kube::Error::Api(status)))
        }
        Ok(Err(error)) if errors::is_forbidden(&error) => Seen::Absent,
        Ok(Err(error)) => {
            Seen::Failed(format!("the API server{place} cannot be reached: {}", errors::kube(&error)))
        }
        Err(_late) => Seen::Failed(format!("the API server{place} gave no answer within {:?}", ask::WITHIN)),
    };
    Fact { how, seen }
}

/// The arguments of the controller manager, where it runs as a pod that may be read.
async fn controller_arguments(client: &Client) -> Fact<Vec<String>> {
    let path = "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-controller-manager";
    let how = "kubectl get pods -n kube-system -l component=kube-controller-manager -o yaml".to_owned();
    let pods: Fact<Vec<Pod>> = ask::list(client, how, path).await;
    let arguments = |pods: Vec<Pod>| {
        let containers = pods.into_iter().filter_map(|pod| pod.spec).flat_map(|spec| spec.containers);
        containers
            .flat_map(|container| {
                container.command.unwrap_or_default().into_iter().chain(container.args.unwrap_or_default())
            })
            .collect::<Vec<String>>()
    };
    match pods.map(arguments) {
        Fact { how, seen: Seen::Value(arguments) } if arguments.is_empty() => {
            Fact { how, seen: Seen::Absent }
        }
        fact => fact,
    }
}

/// The settings of a controller manager that is no pod, where somebody has written them down.
async fn controller_settings(client: &Client) -> Fact<ConfigMap> {
    let name = names::CONTROLLER_SETTINGS;
    let how = format!("kubectl get configmap {name} -n kube-system -o yaml");
    ask::object(client, how, &format!("/api/v1/namespaces/kube-system/configmaps/{name}")).await
}

/// Nothing more can be asked.
fn unreachable(settings: &Settings, version: Fact<String>) -> Facts {
    let why = "the API server cannot be reached";
    Facts {
        place: Place {
            context: settings.context.clone(),
            namespace: settings.namespace.clone(),
            hpa: settings.hpa.clone(),
            flags: settings.flags.clone(),
        },
        now: Timestamp::now(),
        version,
        ..Facts::nothing(why)
    }
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
            flags: Flags::default(),
        }
    }

    /// A cluster that tells its version and answers all other questions in one way.
    fn playing(code: u16) -> Client {
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
    async fn whoever_may_see_nothing_is_told_that_and_nothing_else() {
        let facts = Box::pin(collect(&playing(403), &settings())).await;
        let report = examine(&facts);
        assert_eq!(report.count(Verdict::Failure), 0, "{}", report.text());
        assert!(report.count(Verdict::NotPermitted) > 3, "{}", report.text());
        assert_eq!(report.exit_code(), 0);
    }

    #[tokio::test]
    async fn an_empty_cluster_lacks_the_namespace_first() {
        let facts = Box::pin(collect(&playing(404), &settings())).await;
        let report = examine(&facts);
        assert_eq!(report.fix().map(|(line, _)| line.check), Some("namespace"), "{}", report.text());
        assert_eq!(report.exit_code(), 1);
    }

    #[tokio::test]
    async fn a_server_that_fails_is_told_in_its_own_words_but_harmless() {
        let report = examine(&Box::pin(collect(&playing(500), &settings())).await);
        assert!(report.count(Verdict::Failure) > 3);
        assert!(!report.text().contains('\u{1b}'));
    }
}
