//! `surge status`: the installed parts, and the value of each hop from the broker to the autoscaler with its age.

pub mod dry_run;
pub mod lines;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::apply::{Objects, REQUEST_TIMEOUT};
use super::cluster_state::MetricsServer;
use super::connected_cluster::ConnectedCluster;
use super::failure::Failure;
use super::helm::{Helm, Listed};
use super::hints::Hints;
use super::owner;
use super::ready::{self, Rollout};
use super::stack_values;
use super::survey;
use cluster::connect::ConnectFlags;
use cluster::{broker, errors, external_metric, prometheus};
use observed::convert;
use observed::{DepthSample, Hpa, MetricSample, ScrapedSample};
use text::clean;
use text::command::Command;

/// The facts; an unreadable one is a sentence with the cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Context, server and version.
    pub place: String,
    /// Namespace.
    pub namespace: String,
    /// Number of objects that `surge up` installed.
    pub installed: usize,
    /// The profile of the install.
    pub profile: Option<String>,
    /// Releases of the stack that `surge up` installed.
    pub releases: Result<Vec<StackRelease>, String>,
    /// Broker, producer and workers, with their rollouts.
    pub workloads: Vec<(&'static str, Result<Option<Rollout>, String>)>,
    /// The depth, from the broker.
    pub depth: Result<Option<DepthSample>, String>,
    /// Name of the queue.
    pub queue: String,
    /// The sample in Prometheus; `None` if the metric does not come from it.
    pub scraped: Option<Result<ScrapedSample, String>>,
    /// The external metric.
    pub metric: Result<MetricSample, String>,
    /// The server of external metrics.
    pub server: MetricsServer,
    /// The autoscaler.
    pub hpa: Result<Option<Autoscaler>, String>,
    /// The command that installs the demo.
    pub up: Command,
}

/// A release of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackRelease {
    /// Helm's entry.
    pub listed: Listed,
    /// The user's values, such as `grafana.enabled=false`.
    pub settings: Vec<String>,
}

/// The autoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// The HPA.
    pub hpa: Hpa,
    /// Time of its creation, by the cluster's clock.
    pub created: Option<Timestamp>,
}

/// Reads all facts once.
///
/// # Errors
/// If the cluster is not reachable. A missing part is a fact, not an error.
pub async fn read(flags: &ConnectFlags, namespace: &str, stop: &CancellationToken) -> Result<Facts, Failure> {
    let mut connected = ConnectedCluster::connect(flags).await?;
    let client = &connected.cluster.client;
    let marked = survey::marked(&mut connected.objects, namespace).await?;
    let helm_flags = connected.flags(flags);
    let releases = async {
        let helm = Helm::find(&helm_flags, stop.clone()).await?;
        let mut releases = Vec::new();
        for listed in helm.list(&survey::release_selector()).await? {
            let values = helm.values(&listed.name, &listed.namespace).await?;
            releases.push(StackRelease { settings: stack_values::settings(&values), listed });
        }
        Ok(releases)
    };
    let releases = releases.await.map_err(|failure: Failure| first_line(&failure.what));
    let profile = profile(&mut connected.objects, &marked).await;
    let server = survey::metrics(&mut connected.objects).await?;
    let workloads = workloads(client, namespace).await;
    let hpa = hpa(client, namespace).await;
    let metric = hpa.as_ref().ok().and_then(|found| found.as_ref()?.hpa.metric.clone());
    let queue = metric
        .as_ref()
        .and_then(|metric| metric.queue.clone())
        .unwrap_or_else(|| contract::queue::ORDERS.to_owned());
    let keda = server.is_keda();
    let (depth, scraped, external) = tokio::join!(
        broker::once(client, namespace, &queue),
        async {
            match &metric {
                Some(metric) if !keda => Some(prometheus::once(client, namespace, metric).await),
                _ => None,
            }
        },
        async {
            match &metric {
                Some(metric) => external_metric::ask(client, namespace, metric).await.map_err(cause),
                None => Err("no HPA reads an External metric".to_owned()),
            }
        }
    );
    Ok(Facts {
        place: connected.title(),
        namespace: namespace.to_owned(),
        installed: marked.len(),
        profile,
        releases,
        workloads,
        depth: depth.map_err(cause),
        queue,
        scraped: scraped.map(|sample| sample.map_err(cause)),
        metric: external,
        server,
        hpa,
        up: Hints::new(flags, namespace).surge(&["up"]),
    })
}

fn cause(failure: errors::Failure) -> String {
    match failure {
        errors::Failure::Lost(cause) | errors::Failure::Unavailable(cause) => cause,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

async fn profile(objects: &mut Objects, marked: &[super::object::Key]) -> Option<String> {
    let found = objects.get(marked.first()?).await.ok()??;
    found["metadata"]["labels"][owner::PROFILE].as_str().map(clean::text)
}

async fn with_timeout<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Err(_elapsed) => Err(format!("no answer within {REQUEST_TIMEOUT:?}")),
        Ok(answer) => answer.map_err(|error| errors::kube(&error)),
    }
}

async fn workloads(client: &Client, namespace: &str) -> Vec<(&'static str, Result<Option<Rollout>, String>)> {
    use contract::names::{PRODUCER, RABBITMQ, WORKER};
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let broker =
        with_timeout(sets.get_opt(RABBITMQ)).await.map(|found| found.as_ref().map(ready::stateful_set));
    let mut all = vec![(RABBITMQ, broker)];
    for name in [PRODUCER, WORKER] {
        let found = with_timeout(deployments.get_opt(name)).await;
        all.push((name, found.map(|found| found.as_ref().map(ready::deployment))));
    }
    all
}

async fn hpa(client: &Client, namespace: &str) -> Result<Option<Autoscaler>, String> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let found = with_timeout(api.get_opt(contract::names::HPA)).await?;
    Ok(found.map(|object| Autoscaler {
        hpa: convert::hpa::convert(&object),
        created: convert::timestamp(object.metadata.creation_timestamp.as_ref()),
    }))
}
