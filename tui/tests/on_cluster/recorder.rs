//! A recording of the API, independent of the dashboard: watches for objects, the external metrics API, and the broker's metrics
//! through the API server's Service proxy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::task::JoinHandle;

use crate::scenarios::site::Site;

/// The recorded series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    /// Ready replicas of the scale target.
    Ready,
    /// Replicas of the scale target.
    Current,
    /// Desired replicas of the HPA.
    Desired,
    /// The value of the external metrics API.
    Metric,
    /// Messages in the queue, by the broker's own metrics.
    Depth,
}

/// A value, and the instants of its request and its answer.
#[derive(Debug, Clone, Copy)]
struct Point {
    series: Series,
    asked: Instant,
    seen: Instant,
    value: u64,
}

type Points = Arc<Mutex<Vec<Point>>>;

/// Records until it is dropped.
pub(crate) struct Recorder {
    points: Points,
    tasks: Vec<JoinHandle<()>>,
}

/// Time between two requests.
const POLL: Duration = Duration::from_millis(250);

impl Recorder {
    pub(crate) fn start(site: &Site) -> Self {
        let points = Points::default();
        let (client, namespace) = (&site.client, site.namespace.as_str());
        let tasks = vec![
            site.spawn(hpa(Api::namespaced(client.clone(), namespace), Arc::clone(&points))),
            site.spawn(deployment(Api::namespaced(client.clone(), namespace), Arc::clone(&points))),
            site.spawn(poll(
                client.clone(),
                Series::Metric,
                metric_path(namespace),
                value_of_metric,
                Arc::clone(&points),
            )),
            site.spawn(poll(
                client.clone(),
                Series::Depth,
                depth_path(namespace),
                value_of_depth,
                Arc::clone(&points),
            )),
        ];
        Self { points, tasks }
    }

    fn of(&self, series: Series) -> Vec<Point> {
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.iter().filter(|point| point.series == series).copied().collect()
    }

    /// The smallest and the largest value of the series between the instants: those seen then, and the neighbours on both sides.
    /// `None` if nothing was seen.
    pub(crate) fn between(&self, series: Series, from: Instant, to: Instant) -> Option<(u64, u64)> {
        let points = self.of(series);
        let first = points.iter().rposition(|point| point.seen <= from).unwrap_or(0);
        let last = points.iter().position(|point| point.asked >= to).unwrap_or(points.len().checked_sub(1)?);
        let values = points.get(first..=last.max(first))?.iter().map(|point| point.value);
        Some((values.clone().min()?, values.max()?))
    }

    /// The values of a series in order, each run of equal ones once.
    pub(crate) fn steps(&self, series: Series) -> Vec<u64> {
        let mut steps: Vec<u64> = self.of(series).iter().map(|point| point.value).collect();
        steps.dedup();
        steps
    }

    /// The last value of a series.
    pub(crate) fn last(&self, series: Series) -> Option<u64> {
        self.of(series).last().map(|point| point.value)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn push(points: &Points, series: Series, asked: Instant, value: u64) {
    let point = Point { series, asked, seen: Instant::now(), value };
    points.lock().unwrap_or_else(PoisonError::into_inner).push(point);
}

async fn hpa(api: Api<HorizontalPodAutoscaler>, points: Points) {
    let config = watcher::Config::default().fields(&format!("metadata.name={}", contract::names::HPA));
    let mut events = Box::pin(watcher(api, config));
    while let Some(event) = events.next().await {
        if let Ok(watcher::Event::Apply(hpa) | watcher::Event::InitApply(hpa)) = event {
            let desired = hpa.status.map_or(0, |status| status.desired_replicas);
            push(&points, Series::Desired, Instant::now(), u64::try_from(desired).unwrap_or(0));
        }
    }
}

async fn deployment(api: Api<Deployment>, points: Points) {
    let config = watcher::Config::default().fields(&format!("metadata.name={}", contract::names::WORKER));
    let mut events = Box::pin(watcher(api, config));
    while let Some(event) = events.next().await {
        if let Ok(watcher::Event::Apply(found) | watcher::Event::InitApply(found)) = event {
            let status = found.status.unwrap_or_default();
            for (series, value) in
                [(Series::Ready, status.ready_replicas), (Series::Current, status.replicas)]
            {
                push(&points, series, Instant::now(), u64::try_from(value.unwrap_or(0)).unwrap_or(0));
            }
        }
    }
}

fn metric_path(namespace: &str) -> String {
    let (metric, queue) = (contract::names::EXTERNAL_METRIC, contract::queue::ORDERS);
    format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}?labelSelector=queue%3D{queue}"
    )
}

fn value_of_metric(text: &str) -> Option<u64> {
    let list: serde_json::Value = serde_json::from_str(text).ok()?;
    let value = list["items"][0]["value"].as_str()?;
    match value.strip_suffix('k') {
        Some(thousands) => Some(thousands.parse::<u64>().ok()? * 1_000),
        None => value.parse().ok(),
    }
}

fn depth_path(namespace: &str) -> String {
    let (service, port) = (contract::names::RABBITMQ, contract::names::RABBITMQ_METRICS.name);
    format!(
        "/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/metrics/detailed?family=queue_coarse_metrics"
    )
}

fn value_of_depth(text: &str) -> Option<u64> {
    let queue = format!("queue=\"{}\"", contract::queue::ORDERS);
    let line = text
        .lines()
        .find(|line| line.starts_with("rabbitmq_detailed_queue_messages{") && line.contains(&queue))?;
    line.split_whitespace().last()?.parse::<f64>().ok().map(|value| value as u64)
}

async fn poll(client: Client, series: Series, path: String, value: fn(&str) -> Option<u64>, points: Points) {
    loop {
        let asked = Instant::now();
        let request = http::Request::get(&path).body(Vec::new());
        if let Ok(request) = request
            && let Ok(text) = client.request_text(request).await
            && let Some(value) = value(&text)
        {
            push(&points, series, asked, value);
        }
        tokio::time::sleep(POLL).await;
    }
}
