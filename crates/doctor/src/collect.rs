//! The requests of an examination: each starts as soon as the answers that it needs are there.

use contract::names;
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Service};
use observed::keda::serves;
use text::command::Command;

use crate::board::{Board, Observer};
use crate::request::{self, Cluster, get, get_one};
use crate::{
    Settings, broker, keda, logs, metrics_api, numbers, permissions, pod_metrics, prometheus, target,
};
use diagnosis::Part;
use diagnosis::facts::{CustomObject, ExternalMetric, Fact, Facts, Outcome, ScaleTarget, VerticalSpec};

/// The objects of the HPA's namespace.
#[derive(Clone)]
struct Objects {
    autoscaler: Fact<HorizontalPodAutoscaler>,
    autoscalers: Fact<Vec<HorizontalPodAutoscaler>>,
    deployments: Fact<Vec<Deployment>>,
    stateful_sets: Fact<Vec<StatefulSet>>,
    replica_sets: Fact<Vec<ReplicaSet>>,
    pods: Fact<Vec<Pod>>,
    services: Fact<Vec<Service>>,
    warnings: Fact<Vec<Event>>,
    vertical: Fact<Vec<CustomObject<VerticalSpec>>>,
}

impl Objects {
    async fn read(cluster: &Cluster, settings: &Settings) -> Self {
        let Settings { namespace, .. } = settings;
        let core = |kind: &str| format!("/api/v1/namespaces/{namespace}/{kind}");
        let apps = |kind: &str| format!("/apis/apps/v1/namespaces/{namespace}/{kind}");
        let all = |kind: &str| get(kind, namespace);
        let (deployments, sets, replica_sets) =
            (apps("deployments"), apps("statefulsets"), apps("replicasets"));
        let (pods, services) = (core("pods"), core("services"));
        let events = format!("{}?fieldSelector=type%3DWarning", core("events"));
        let events_command = all("events").flag("--field-selector", "type=Warning");
        let vertical = format!("/apis/autoscaling.k8s.io/v1/namespaces/{namespace}/verticalpodautoscalers");
        let (hpa_command, hpa_path) = hpa(settings);
        let hpas = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
        let (
            autoscaler,
            autoscalers,
            deployments,
            stateful_sets,
            replica_sets,
            pods,
            services,
            warnings,
            vertical,
        ) = tokio::join!(
            request::object(cluster, hpa_command, &hpa_path),
            request::list(cluster, all("hpa"), &hpas),
            request::list(cluster, all("deployment"), &deployments),
            request::list(cluster, all("statefulset"), &sets),
            request::list(cluster, all("replicaset"), &replica_sets),
            request::list(cluster, all("pods"), &pods),
            request::list(cluster, all("service"), &services),
            request::list(cluster, events_command, &events),
            request::list(cluster, all("verticalpodautoscaler"), &vertical),
        );
        Self {
            autoscaler,
            autoscalers,
            deployments,
            stateful_sets,
            replica_sets,
            pods,
            services,
            warnings,
            vertical,
        }
    }

    fn put(self, facts: &mut Facts) {
        facts.autoscaler = self.autoscaler;
        facts.autoscalers = self.autoscalers;
        facts.deployments = self.deployments;
        facts.stateful_sets = self.stateful_sets;
        facts.replica_sets = self.replica_sets;
        facts.pods = self.pods;
        facts.services = self.services;
        facts.warnings = self.warnings;
        facts.vertical = self.vertical;
    }
}

/// The command and the path of the HPA.
fn hpa(settings: &Settings) -> (Command, String) {
    let Settings { namespace, hpa, .. } = settings;
    let path = format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{hpa}");
    (get_one("hpa", hpa, namespace).flag("-o", "yaml"), path)
}

/// The observations of the External metric with that index.
fn metric(facts: &mut Facts, index: usize) -> &mut ExternalMetric {
    let at = facts.metrics.iter().position(|metric| metric.index == index).unwrap_or_else(|| {
        facts.metrics.push(ExternalMetric::not_asked(index, "it has not been asked yet"));
        facts.metrics.len() - 1
    });
    &mut facts.metrics[at]
}

/// Collects the facts, and reports each part that answers.
pub(crate) async fn collect(cluster: &Cluster, settings: &Settings, observer: Option<Observer>) -> Facts {
    let facts = Facts::not_asked("it has not been asked yet");
    let facts = Facts { subject: settings.subject(), now: Timestamp::now(), ..facts };
    let board = Board::new(facts, observer);
    let namespace = settings.namespace.as_str();
    board.asked(Part::Server);
    let version = crate::version(&cluster.client, &settings.server).await;
    if matches!(version.outcome, Outcome::Failed(_) | Outcome::NotPermitted(_)) {
        let facts = Facts::not_asked("the API server cannot be reached");
        let facts = Facts { subject: settings.subject(), now: Timestamp::now(), version, ..facts };
        board.answered(Part::Server, |all| all.clone_from(&facts));
        return facts;
    }
    let server = async {
        let command = Command::kubectl(["get"]).object("namespace", namespace).flag("-o", "yaml");
        let found = request::object(cluster, command, &format!("/api/v1/namespaces/{namespace}")).await;
        board.answered(Part::Server, |facts| (facts.version, facts.namespace) = (version, found));
    };
    let objects = async {
        board.asked(Part::Objects);
        let objects = Objects::read(cluster, settings).await;
        board.answered(Part::Objects, |facts| objects.clone().put(facts));
        objects
    };
    let objects = objects.boxed().shared();
    let api = metrics_api::read(cluster).boxed().shared();
    let scraped = prometheus::objects(cluster, namespace, settings.prometheus.as_ref()).boxed().shared();
    let permissions_there = async {
        let (scraped, api) = tokio::join!(scraped.clone(), api.clone());
        let prometheus = scraped.services.all().first().map_or(names::MONITORING, |at| &at.namespace);
        let is_keda = api.registration.get().is_some_and(serves);
        let adapter = api.rules_config_map.split_once('/').filter(|_| !is_keda);
        let adapter = adapter.map_or(names::MONITORING, |(at, _)| at);
        let there = permissions::review_there(cluster, prometheus, adapter);
        let keda =
            async { if is_keda { permissions::review_keda(cluster, namespace).await } else { Vec::new() } };
        let (there, keda) = tokio::join!(there, keda);
        [there, keda].concat()
    };
    let permissions = async {
        let (here, there) = tokio::join!(permissions::review(cluster, namespace), permissions_there);
        [here, there].concat()
    };
    let keda = async {
        let api = api.clone().await;
        keda::read(cluster, namespace, &api.registration).await
    };
    let logs = async {
        let objects = objects.clone().await;
        logs::read(cluster, namespace, objects.pods.all()).await
    };
    let scaled = async {
        let objects = objects.clone().await;
        let hpa = objects.autoscaler.get();
        let target = match hpa.and_then(|hpa| hpa.spec.as_ref()) {
            Some(spec) => target::read(cluster, namespace, &spec.scale_target_ref).await,
            None => ScaleTarget::not_asked("the HPA is unknown"),
        };
        let selector = target.scale.get().and_then(|scale| scale.status.as_ref()?.selector.as_deref());
        let metrics = pod_metrics::read(cluster, namespace, hpa, selector).await;
        (target, metrics)
    };
    let questions = async {
        let (objects, api) = tokio::join!(objects.clone(), api.clone());
        let metrics = objects.autoscaler.get().map(diagnosis::externals).unwrap_or_default();
        let questions = numbers::questions(&metrics, api.rules.get(), namespace);
        (metrics, questions)
    };
    let questions = questions.boxed().shared();
    let broker = async {
        let (objects, scraped, (_, questions)) =
            tokio::join!(objects.clone(), scraped.clone(), questions.clone());
        let series: Vec<String> = questions.iter().flat_map(|question| question.series.clone()).collect();
        let (services, pods) = (objects.services.all(), objects.pods.all());
        broker::read(cluster, namespace, services, pods, scraped.monitors.all(), &series).await
    };
    let prometheus = async {
        let (scraped, api, (_, questions)) = tokio::join!(scraped.clone(), api.clone(), questions.clone());
        // The user's choice comes first.
        let exists = settings.prometheus.is_none() && api.prometheus_service.get().is_some();
        let adapters = api.backend.get().filter(|_| exists).and_then(diagnosis::prometheus_service);
        Box::pin(prometheus::read(cluster, scraped, adapters, &questions)).await
    };
    let answered = async {
        let (api, (metrics, _)) = tokio::join!(api.clone(), questions.clone());
        let answers = numbers::answers(cluster, namespace, &metrics).await;
        let indexes = metrics.iter().map(|metric| metric.index);
        (api, indexes.zip(answers).collect::<Vec<_>>())
    };
    let controller =
        async { tokio::join!(crate::controller_arguments(cluster), crate::controller_settings(cluster)) };
    join_all([
        server.boxed(),
        board.part(Part::Permissions, permissions, |facts, all| facts.permissions = all).boxed(),
        board.part(Part::Keda, keda, |facts, keda| facts.keda = keda).boxed(),
        board.part(Part::Logs, logs, |facts, logs| facts.logs = logs).boxed(),
        board
            .part(Part::Target, scaled, |facts, (target, metrics)| {
                (facts.target, facts.pod_metrics) = (target, metrics);
            })
            .boxed(),
        board.part(Part::Broker, broker, |facts, broker| facts.broker = broker).boxed(),
        board
            .part(Part::Prometheus, prometheus, |facts, (prometheus, numbers)| {
                facts.prometheus = prometheus;
                for numbers in numbers {
                    let metric = metric(facts, numbers.index);
                    let response = metric.response.clone();
                    *metric = ExternalMetric { response, ..numbers };
                }
            })
            .boxed(),
        board
            .part(Part::Api, answered, |facts, (api, answers)| {
                facts.api = api;
                for (index, answer) in answers {
                    metric(facts, index).response = answer;
                }
            })
            .boxed(),
        board
            .part(Part::Controller, controller, |facts, (arguments, settings): (_, Fact<ConfigMap>)| {
                (facts.controller_arguments, facts.controller_settings) = (arguments, settings);
            })
            .boxed(),
    ])
    .await;
    let mut facts = board.facts();
    facts.now = Timestamp::now();
    board.asked(Part::Sync);
    let ((command, path), (metrics, questions)) = (hpa(settings), questions.clone().await);
    numbers::look_again(cluster, &mut facts, &metrics, &questions, &path, &command).boxed().await;
    board.answered(Part::Sync, |all| all.clone_from(&facts));
    facts
}
