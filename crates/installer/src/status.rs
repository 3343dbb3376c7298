//! `status`: what is installed, and for each hop from the broker to the autoscaler what it says and how old that is.

pub mod lines;
pub mod questions;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::apply::{Objects, WITHIN};
use super::failure::Failure;
use super::helm::{Helm, Listed};
use super::hints::Hints;
use super::owner;
use super::ready::{self, Rollout};
use super::seen::Metrics;
use super::survey;
use super::up::{Ground, ground};
use cluster::connect::ConnectFlags;
use cluster::{broker, errors, external_metric, prometheus};
use observed::convert;
use observed::{DepthSample, Hpa, MetricSample, ScrapedSample};
use text::clean;

/// What was found, each with a sentence where it could not be had.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Context, server and version.
    pub place: String,
    /// Namespace.
    pub namespace: String,
    /// What `up` installed there: how many objects.
    pub installed: usize,
    /// With which profile.
    pub profile: Option<String>,
    /// The stack's releases that `up` installed.
    pub releases: Result<Vec<Listed>, String>,
    /// Broker, producer and workers: name and rollout.
    pub workloads: Vec<(&'static str, Result<Option<Rollout>, String>)>,
    /// The broker's own count.
    pub depth: Result<Option<DepthSample>, String>,
    /// Name of the queue.
    pub queue: String,
    /// The sample in Prometheus; `None` where nobody reads it.
    pub scraped: Option<Result<ScrapedSample, String>>,
    /// The external metric.
    pub metric: Result<MetricSample, String>,
    /// Who serves external metrics.
    pub server: Metrics,
    /// The autoscaler.
    pub hpa: Result<Option<Autoscaler>, String>,
    /// The command that would install the demo there.
    pub up: String,
}

/// The autoscaler, and since when there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// As it was read.
    pub hpa: Hpa,
    /// When it was made, by the cluster's clock.
    pub made: Option<Timestamp>,
}

/// Looks at everything once.
///
/// # Errors
/// When the cluster cannot be reached. What is missing in it is a fact, not an error.
pub async fn look(flags: &ConnectFlags, namespace: &str, stop: &CancellationToken) -> Result<Facts, Failure> {
    let Ground { cluster, version, mut objects } = ground(flags).await?;
    let client = &cluster.client;
    let marked = survey::marked(&mut objects, namespace).await?;
    let up = clean::text(&Hints::new(flags, namespace).surge(&["up"]));
    let flags = ConnectFlags { context: Some(cluster.context.clone()), ..flags.clone() };
    let releases = async {
        let helm = Helm::find(&flags, stop.clone()).await?;
        helm.list(&survey::release_selector()).await
    };
    let releases = releases.await.map_err(|failure: Failure| first(&failure.what));
    let profile = profile(&mut objects, &marked).await;
    let server = survey::metrics(&mut objects).await?;
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
        place: clean::text(&format!(
            "context {} ({}), Kubernetes {version}",
            cluster.context, cluster.server
        )),
        namespace: namespace.to_owned(),
        installed: marked.len(),
        profile,
        releases,
        workloads,
        depth: depth.map_err(cause),
        queue,
        scraped: scraped.map(|asked| asked.map_err(cause)),
        metric: external,
        server,
        hpa,
        up,
    })
}

fn cause(failure: errors::Failure) -> String {
    match failure {
        errors::Failure::Lost(cause) | errors::Failure::Unavailable(cause) => cause,
    }
}

fn first(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

async fn profile(objects: &mut Objects, marked: &[super::object::Key]) -> Option<String> {
    let found = objects.get(marked.first()?).await.ok()??;
    found["metadata"]["labels"][owner::PROFILE].as_str().map(clean::text)
}

async fn within<T>(asking: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(WITHIN, asking).await {
        Err(_late) => Err(format!("no answer within {WITHIN:?}")),
        Ok(answer) => answer.map_err(|error| cluster::errors::kube(&error)),
    }
}

async fn workloads(client: &Client, namespace: &str) -> Vec<(&'static str, Result<Option<Rollout>, String>)> {
    use contract::names::{PRODUCER, RABBITMQ, WORKER};
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let broker = within(sets.get_opt(RABBITMQ)).await.map(|found| found.as_ref().map(ready::stateful_set));
    let mut all = vec![(RABBITMQ, broker)];
    for name in [PRODUCER, WORKER] {
        let found = within(deployments.get_opt(name)).await;
        all.push((name, found.map(|found| found.as_ref().map(ready::deployment))));
    }
    all
}

async fn hpa(client: &Client, namespace: &str) -> Result<Option<Autoscaler>, String> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let found = within(api.get_opt(contract::names::HPA)).await?;
    Ok(found.map(|object| Autoscaler {
        hpa: convert::hpa::convert(&object),
        made: object.metadata.creation_timestamp.as_ref().map(|made| made.0),
    }))
}
