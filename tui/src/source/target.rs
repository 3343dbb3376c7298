//! The choice of the first cluster: the requested one, else the current context's if it has an HPA, else a fallback.
//!
//! A cluster with HPAs and without the demo opens the fleet. A cluster that goes away later is waited for; only the user
//! replaces it.

use std::pin::Pin;
use std::time::Duration;

use kube::Client;

use crate::source::event_sender::EventSender;
use cluster::backoff::Backoff;
use cluster::connect;
use cluster::connect::{Cluster, ConnectError, ConnectFlags, Found};
use dashboard::message::Event;
use dashboard::reported::{FleetEvent, Problem, Target, TargetEvent};
use text::clean;

/// Limit for finding the demo in the current context when no cluster was requested.
const PROBE: Duration = Duration::from_secs(2);

/// The reason for the fleet in place of the demo.
const NO_DEMO: &str = "no demo here; surge --sandbox starts one";

/// Limit of one request to a requested cluster.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A boxed future.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A target to watch when no cluster has the demo.
pub trait Fallback: Send + Sync {
    /// Starts the target and reports its steps and its readiness. `reason` is why it is used; it is empty if the user asked for
    /// it. Returns as soon as the target can be watched.
    fn start(self: Box<Self>, reason: String, outbox: EventSender) -> Boxed<Result<Running, Problem>>;
}

/// A target that can be watched.
pub struct Running {
    /// The client that reaches it.
    pub client: Client,
    /// The name of the cluster in titles.
    pub title: String,
    /// Set on the sandbox, where the first burst needs no confirmation.
    pub is_own: bool,
    /// The sources to start with.
    pub opens: Opens,
    /// Ends everything that was started for the target.
    pub stop: Box<dyn FnOnce() -> Boxed<()> + Send>,
}

/// The sources to start with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    /// Those of one HPA.
    Hpa {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The watch on all HPAs.
    Fleet {
        /// The namespace; `None` for all.
        namespace: Option<String>,
    },
}

/// The user's choice of a target.
pub struct TargetOptions {
    /// Kubeconfig and context.
    pub flags: ConnectFlags,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--hpa`; without it the demo's HPA, or any other ones.
    pub hpa: Option<String>,
    /// The fallback, if there is one.
    pub fallback: Option<Box<dyn Fallback>>,
    /// Set if the user asked for the fallback.
    pub straight_to_fallback: bool,
}

impl TargetOptions {
    /// Returns true if the user asked for a cluster, which excludes the fallback.
    fn names_a_cluster(&self) -> bool {
        self.flags != ConnectFlags::default() || self.namespace.is_some()
    }

    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(contract::names::NAMESPACE)
    }

    fn hpa(&self) -> &str {
        self.hpa.as_deref().unwrap_or(contract::names::HPA)
    }
}

/// Finds the target and reports it. Returns once it can be watched, or `None` if there will be none.
pub async fn choose(mut options: TargetOptions, outbox: &EventSender) -> Option<Running> {
    if options.straight_to_fallback
        && let Some(fallback) = options.fallback.take()
    {
        return fall_back(fallback, String::new(), outbox).await;
    }
    if options.names_a_cluster() {
        return Some(wait_for_cluster(&options, outbox).await);
    }
    looking(outbox, "looking for the demo in the current context of your kubeconfig").await;
    let found = tokio::time::timeout(PROBE, find(&options, PROBE)).await.unwrap_or_else(|_late| {
        let what = format!("the current context gave no answer within {PROBE:?}");
        Err(ConnectError { short: what.clone(), what, advice: String::new() })
    });
    match (found, options.fallback.take()) {
        (Ok((cluster, found)), _) => Some(watch(cluster, found, &options, outbox).await),
        (Err(obstacle), Some(fallback)) => fall_back(fallback, obstacle.short, outbox).await,
        (Err(_), None) => Some(wait_for_cluster(&options, outbox).await),
    }
}

async fn looking(outbox: &EventSender, sentence: &str) {
    outbox.send(Event::Target(TargetEvent::Looking(sentence.to_owned()))).await;
}

async fn find(options: &TargetOptions, within: Duration) -> Result<(Cluster, Found), ConnectError> {
    let cluster = connect::load_unattended(&options.flags).await?;
    let found = match &options.hpa {
        Some(hpa) => {
            connect::probe(&cluster, options.namespace(), hpa, within).await?;
            Found::Demo
        }
        None => connect::find(&cluster, options.namespace.as_deref(), options.hpa(), within).await?,
    };
    Ok((cluster, found))
}

/// Retries until the cluster shows the demo, and reports each obstacle.
async fn wait_for_cluster(options: &TargetOptions, outbox: &EventSender) -> Running {
    let which = match &options.flags.context {
        Some(context) => format!("context {}", clean::text(context)),
        None => "the current context".to_owned(),
    };
    looking(outbox, &format!("looking for the demo in {which}")).await;
    let mut backoff = Backoff::default();
    loop {
        match find(options, REQUEST_TIMEOUT).await {
            Ok((cluster, found)) => return watch(cluster, found, options, outbox).await,
            Err(obstacle) => {
                let wait = backoff.next_wait();
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

/// Reports the cluster as the target.
async fn watch(cluster: Cluster, found: Found, options: &TargetOptions, outbox: &EventSender) -> Running {
    let context = clean::text(&cluster.context);
    let target = |title: String, reason: &str, namespace: &str| Target {
        title,
        reason: reason.to_owned(),
        namespace: clean::text(namespace),
        version: None,
        confirm_first_burst: true,
        sync_period: None,
        first_burst: None,
    };
    let (opens, target) = match found {
        Found::Demo => {
            let (namespace, name) = (options.namespace(), options.hpa());
            let title = format!("{context} / {}", clean::text(namespace));
            let opens = Opens::Hpa { namespace: namespace.to_owned(), name: name.to_owned() };
            (opens, target(title, "", namespace))
        }
        Found::Others { namespace } => {
            outbox.send(Event::Fleet(FleetEvent::Alone)).await;
            let target = target(context.clone(), NO_DEMO, namespace.as_deref().unwrap_or_default());
            (Opens::Fleet { namespace: options.namespace.clone() }, target)
        }
    };
    announce(&cluster.client, target, outbox).await;
    let stop: Box<dyn FnOnce() -> Boxed<()> + Send> = Box::new(|| Box::pin(async {}));
    Running { client: cluster.client, title: context, is_own: false, opens, stop }
}

/// Reports a target as chosen and ready, and later what the cluster says about itself.
pub(super) async fn announce(client: &Client, mut target: Target, outbox: &EventSender) {
    outbox.send(Event::Target(TargetEvent::Chosen(target.clone()))).await;
    outbox.send(Event::Target(TargetEvent::Ready)).await;
    let (client, outbox) = (client.clone(), outbox.clone());
    // No source needs either, so nothing waits for them.
    tokio::spawn(async move {
        describe(&client, &mut target).await;
        if target.version.is_some() || target.sync_period.is_some() {
            outbox.send(Event::Target(TargetEvent::Chosen(target))).await;
        }
    });
}

/// Fills in the version of the cluster and the sync period of its HPAs, as far as they can be read.
pub async fn describe(client: &Client, target: &mut Target) {
    (target.version, target.sync_period) = tokio::join!(version(client), doctor::sync_period(client));
}

/// The version that the API server reports.
pub async fn version(client: &Client) -> Option<String> {
    let asked = tokio::time::timeout(REQUEST_TIMEOUT, client.apiserver_version()).await;
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
