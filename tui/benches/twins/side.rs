//! A cluster with the demo, and the dashboard that watches it while bursts are fired by its own keys.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use dashboard::bursts::burst::Burst;
use dashboard::clock::Clock;
use dashboard::reported::Source;
use diagnosis::{Timing, examine};
use doctor::{Settings, collect};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::Instant;

use tui::headless::{self, Dashboard};

/// A burst with its window, or the demo's start, never takes longer on a machine that can run it.
const LONG: Duration = Duration::from_secs(600);

/// Time between two reads of the dashboard's model.
const LOOK: Duration = Duration::from_millis(100);

/// Settings of both sides.
#[derive(Debug, Clone)]
pub(crate) struct Demo {
    /// The cluster's own; `None` leaves the sandbox its default.
    spec: Option<HorizontalPodAutoscalerSpec>,
    /// Duration of one job.
    pub(crate) work: String,
}

impl Default for Demo {
    fn default() -> Self {
        Self { spec: None, work: "5s".to_owned() }
    }
}

impl Demo {
    /// In one line, for the head of the tables.
    pub(crate) fn reported(&self, sync_seconds: u64) -> String {
        let spec =
            self.spec.as_ref().map_or_else(|| "the default".to_owned(), |spec| json!(spec).to_string());
        format!(
            "a job takes {}, the autoscaler looks every {sync_seconds} s; its specification: {spec}",
            self.work
        )
    }
}

/// One of the two.
pub(crate) struct Side {
    name: &'static str,
    client: Client,
    namespace: String,
    pub(crate) demo: Demo,
    dashboard: Dashboard,
}

/// The times of the bursts on a side.
pub(crate) struct Took {
    pub(crate) bursts: Vec<Burst>,
    /// From a burst to the decision, as the doctor adds it up from the intervals in force there.
    pub(crate) timing: Option<Timing>,
}

impl Side {
    /// A cluster as it is found.
    pub(crate) async fn of_cluster(kubeconfig: &Path, namespace: &str) -> anyhow::Result<Self> {
        let client = headless::client(kubeconfig).await?;
        let demo = found(&client, namespace).await?;
        Ok(Self::new("cluster", client, namespace, demo))
    }

    /// A sandbox, whose autoscaler is given the specification.
    pub(crate) async fn of_sandbox(kubeconfig: &Path, demo: &Demo) -> anyhow::Result<Self> {
        let client = headless::client(kubeconfig).await?;
        let namespace = contract::names::NAMESPACE;
        if let Some(spec) = &demo.spec {
            let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
            let change = Patch::Merge(json!({"spec": spec}));
            hpas.patch(contract::names::HPA, &PatchParams::default(), &change).await?;
        }
        Ok(Self::new("sandbox", client, namespace, demo.clone()))
    }

    fn new(name: &'static str, client: Client, namespace: &str, demo: Demo) -> Self {
        let dashboard = Dashboard::start_in(client.clone(), Clock::start(), namespace);
        Self { name, client, namespace: namespace.to_owned(), demo, dashboard }
    }

    /// Fires bursts one after another. Each is a part of `period` later after rest than the previous one: rest comes with a
    /// sync, so the bursts are spread evenly over the time between two syncs.
    pub(crate) async fn bursts(&self, count: u32, size: char, period: Duration) -> anyhow::Result<Took> {
        self.dashboard.ready().await;
        self.until("the demo to be at rest", || self.is_at_rest()).await?;
        let timing = self.timing().await;
        self.dashboard.keys(&size.to_string()).await;
        let mut bursts = Vec::new();
        for index in 0..count {
            self.until("the demo to be at rest", || self.is_at_rest()).await?;
            tokio::time::sleep(period * index / count).await;
            self.dashboard.keys(" ").await;
            let number = index + 1;
            let burst = self.until("the burst to be over", || self.over(number)).await?;
            eprintln!("{}: burst {number} of {count} is over", self.name);
            bursts.push(burst);
        }
        Ok(Took { bursts, timing })
    }

    async fn until<T>(&self, what: &str, condition: impl Fn() -> Option<T>) -> anyhow::Result<T> {
        let began = Instant::now();
        loop {
            if let Some(value) = condition() {
                return Ok(value);
            }
            if began.elapsed() > LONG {
                let sources = self.dashboard.read(|model| format!("{:?}", model.data.sources));
                bail!("{}: waited {LONG:?} for {what}, without success; its sources: {sources}", self.name);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns true if every source delivers, the queue is empty and nothing is in progress.
    fn is_at_rest(&self) -> Option<()> {
        const READ: [Source; 6] = [
            Source::Hpa,
            Source::Workload,
            Source::Pods,
            Source::Broker,
            Source::Prometheus,
            Source::ExternalMetric,
        ];
        self.dashboard.read(|model| {
            let received =
                |source| model.data.sources.get(source).is_some_and(|status| status.last_delivery.is_some());
            let is_over = |burst: &Burst| burst.watch.is_over() && !burst.job_tracker.are_open();
            let rests = READ.iter().all(received)
                && model.data.depth.is_some_and(|depth| depth.total() == 0)
                && model.data.sampling.followed().count() == 1
                && model.data.bursts.newest().is_none_or(is_over);
            rests.then_some(())
        })
    }

    fn over(&self, number: u32) -> Option<Burst> {
        self.dashboard.read(|model| {
            let newest = model.data.bursts.newest()?;
            (newest.number == number && newest.watch.is_over() && !newest.job_tracker.are_open())
                .then(|| newest.clone())
        })
    }

    /// The doctor's finding about the intervals, with all findings, because a failing chain would explain the figures.
    async fn timing(&self) -> Option<Timing> {
        let settings = Settings {
            context: String::new(),
            server: String::new(),
            namespace: self.namespace.clone(),
            hpa: contract::names::HPA.to_owned(),
            prometheus: None,
            flags: text::command::ClusterFlags::default(),
        };
        let report = examine(&Box::pin(collect(&self.client, &settings)).await);
        let intervals = report.findings.iter().filter(|finding| finding.hop == diagnosis::Hop::Intervals);
        intervals.for_each(|finding| println!("{}: {}", self.name, finding.detail));
        report.timing
    }
}

/// The demo as the cluster has it.
async fn found(client: &Client, namespace: &str) -> anyhow::Result<Demo> {
    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), namespace);
    let hpa = hpas.get(contract::names::HPA).await.with_context(|| {
        format!(
            "namespace {namespace} has no HPA {}; install the demo there with `surge up`",
            contract::names::HPA
        )
    })?;
    let workers: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let worker = workers.get(contract::names::WORKER).await?;
    let containers = worker.spec.and_then(|spec| spec.template.spec).map(|spec| spec.containers);
    let mut variables = containers.into_iter().flatten().filter_map(|container| container.env).flatten();
    let work = variables.find(|variable| variable.name == contract::settings::WORK_DURATION);
    let work = work.and_then(|variable| variable.value).context("the worker has no WORK_DURATION")?;
    Ok(Demo { spec: hpa.spec, work })
}
