//! Which cluster is watched: the one asked for, else the current context's if the demo is there, else a fallback.
//!
//! The choice is made once. A cluster that goes away later is waited for, never replaced.

use std::pin::Pin;
use std::time::Duration;

use kube::Client;

use crate::source::event_sender::EventSender;
use cluster::backoff::Backoff;
use cluster::connect;
use cluster::connect::{Cluster, ConnectError, ConnectFlags};
use dashboard::message::Event;
use dashboard::reported::{Problem, Target, TargetEvent};
use text::clean;

/// How long the current context may take to show the demo when no cluster was asked for.
const PROBE: Duration = Duration::from_secs(2);

/// How long one question to a cluster that was asked for may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A boxed future.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Something to watch where no cluster has the demo.
pub trait Fallback: Send + Sync {
    /// Starts it, telling the steps of its start and its readiness through the outbox; `reason` says why it was turned
    /// to, and is empty when it was asked for. Returns as soon as it can be watched.
    fn start(self: Box<Self>, reason: String, outbox: EventSender) -> Boxed<Result<Running, Problem>>;
}

/// A target that can be watched.
pub struct Running {
    /// The client that reaches it.
    pub client: Client,
    /// Namespace of the demo.
    pub namespace: String,
    /// Ends what was started for it.
    pub stop: Box<dyn FnOnce() -> Boxed<()> + Send>,
}

/// What was asked for.
pub struct TargetOptions {
    /// Kubeconfig and context.
    pub flags: ConnectFlags,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// Name of the HPA.
    pub hpa: String,
    /// What to turn to; `None` when there is nothing.
    pub fallback: Option<Box<dyn Fallback>>,
    /// Whether the fallback itself was asked for.
    pub straight_to_fallback: bool,
}

impl TargetOptions {
    /// Whether a cluster was asked for, so that nothing else will do.
    fn names_a_cluster(&self) -> bool {
        self.flags != ConnectFlags::default() || self.namespace.is_some()
    }

    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(contract::names::NAMESPACE)
    }
}

/// Finds the target, says so, and returns once it can be watched; `None` when there will be none.
pub async fn choose(mut wish: TargetOptions, outbox: &EventSender) -> Option<Running> {
    if wish.straight_to_fallback
        && let Some(fallback) = wish.fallback.take()
    {
        return fall_back(fallback, String::new(), outbox).await;
    }
    if wish.names_a_cluster() {
        return Some(wait_for_cluster(&wish, outbox).await);
    }
    looking(outbox, "looking for the demo in the current context of your kubeconfig").await;
    let found = tokio::time::timeout(PROBE, find(&wish, PROBE)).await.unwrap_or_else(|_late| {
        let what = format!("the current context gave no answer within {PROBE:?}");
        Err(ConnectError { short: what.clone(), what, advice: String::new() })
    });
    match (found, wish.fallback.take()) {
        (Ok(cluster), _) => Some(watch(cluster, &wish, outbox).await),
        (Err(obstacle), Some(fallback)) => fall_back(fallback, obstacle.short, outbox).await,
        (Err(_), None) => Some(wait_for_cluster(&wish, outbox).await),
    }
}

async fn looking(outbox: &EventSender, sentence: &str) {
    outbox.send(Event::Target(TargetEvent::Looking(sentence.to_owned()))).await;
}

async fn find(wish: &TargetOptions, within: Duration) -> Result<Cluster, ConnectError> {
    let cluster = connect::load(&wish.flags).await?;
    connect::probe(&cluster, wish.namespace(), &wish.hpa, within).await?;
    Ok(cluster)
}

/// Tries until the cluster shows the demo, saying each time what stands in the way.
async fn wait_for_cluster(wish: &TargetOptions, outbox: &EventSender) -> Running {
    let which = match &wish.flags.context {
        Some(context) => format!("context {}", clean::text(context)),
        None => "the current context".to_owned(),
    };
    looking(outbox, &format!("looking for the demo in {which}")).await;
    let mut backoff = Backoff::default();
    loop {
        match find(wish, WITHIN).await {
            Ok(cluster) => return watch(cluster, wish, outbox).await,
            Err(obstacle) => {
                let wait = backoff.failed(fastrand::f64());
                outbox
                    .failed(Problem {
                        what: obstacle.what,
                        advice: obstacle.advice,
                        retry: Some(outbox.after(wait)),
                    })
                    .await;
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Says that the cluster is the target.
async fn watch(cluster: Cluster, wish: &TargetOptions, outbox: &EventSender) -> Running {
    let namespace = wish.namespace().to_owned();
    let mut target = Target {
        title: format!("{} / {}", clean::text(&cluster.context), clean::text(&namespace)),
        reason: String::new(),
        namespace: clean::text(&namespace),
        version: None,
        confirm_first_burst: true,
    };
    outbox.send(Event::Target(TargetEvent::Chosen(target.clone()))).await;
    outbox.send(Event::Target(TargetEvent::Ready)).await;
    let (client, outbox) = (cluster.client.clone(), outbox.clone());
    // The version is only for the title line; nothing waits for it.
    tokio::spawn(async move {
        target.version = version(&client).await;
        if target.version.is_some() {
            outbox.send(Event::Target(TargetEvent::Chosen(target))).await;
        }
    });
    Running { client: cluster.client, namespace, stop: Box::new(|| Box::pin(async {})) }
}

/// The version that the API server reports, if it does.
pub async fn version(client: &Client) -> Option<String> {
    let asked = tokio::time::timeout(WITHIN, client.apiserver_version()).await;
    asked.ok()?.ok().map(|info| clean::text(&info.git_version))
}

async fn fall_back(fallback: Box<dyn Fallback>, reason: String, outbox: &EventSender) -> Option<Running> {
    match fallback.start(reason, outbox.clone()).await {
        Ok(running) => Some(running),
        Err(problem) => {
            outbox.failed(problem).await;
            None
        }
    }
}
