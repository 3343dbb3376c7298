//! The target while the dashboard runs: one cluster, the watch on its fleet, and the sources of at most one open HPA.
//!
//! Another HPA or another cluster replaces them: the old sources end, and restore their drills, before the new ones start. A
//! sender that is closed in between guarantees that no late event of the old ones reaches the model.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::source::dispatch::{self, SHUTDOWN_TIMEOUT};
use crate::source::event_sender::EventSender;
use crate::source::load::plan::LoadPlan;
use crate::source::target::{Opens, Running};
use crate::source::{fleet, places, target};
use cluster::connect::ConnectFlags;
use cluster::prometheus::Address;
use dashboard::clock::Clock;
use dashboard::message::{Effect, Event};
use dashboard::reported::{FleetEvent, Place, PlaceKind, Target};

/// Effects that may wait for the sources of the open HPA.
const EFFECTS: usize = 64;

/// Limit of all sources to end.
pub const END_TIMEOUT: Duration = SHUTDOWN_TIMEOUT.saturating_add(Duration::from_secs(1));

/// The user's settings, for every target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Kubeconfig and context of the first target.
    pub flags: ConnectFlags,
    /// Address of Prometheus; `None` searches for it.
    pub prometheus: Option<Address>,
    /// The requests of bursts and of the continuous load.
    pub load: LoadPlan,
    /// If set, nothing changes the cluster.
    pub read_only: bool,
}

/// A cluster that was found by [`places::connect`], or the reason why it cannot be used.
type Attempt = Pin<Box<dyn Future<Output = Result<places::Connected, String>> + Send>>;

struct Session {
    settings: Settings,
    outbox: EventSender,
    clock: Clock,
    client: Client,
    /// The name of the cluster in titles.
    title: String,
    /// Set on the sandbox, where the first burst needs no confirmation.
    is_own: bool,
    fleet: Option<Sources<()>>,
    hpa: Option<(mpsc::Sender<Effect>, Sources<Vec<String>>)>,
    attempt: Option<Attempt>,
    /// A sentence for each drill that could not be restored.
    unrestored: Vec<String>,
}

/// Sources that send over a sender of their own.
struct Sources<T> {
    outbox: EventSender,
    tasks: JoinSet<T>,
}

impl<T: Send + 'static> Sources<T> {
    fn start<F>(outbox: &EventSender, run: impl FnOnce(EventSender) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let outbox = outbox.branch();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(outbox.clone()));
        Self { outbox, tasks }
    }
}

/// Runs the sources of a target, and carries out `effects` until their sender is gone.
///
/// Dropping the future ends everything. Returns one sentence for each drill that could not be restored.
pub async fn run(
    running: Running,
    settings: Settings,
    outbox: EventSender,
    clock: Clock,
    mut effects: mpsc::Receiver<Effect>,
) -> Vec<String> {
    let Running { client, title, is_own, opens, .. } = running;
    let mut session = Session {
        settings,
        outbox,
        clock,
        client,
        title,
        is_own,
        fleet: None,
        hpa: None,
        attempt: None,
        unrestored: Vec::new(),
    };
    match opens {
        Opens::Hpa { namespace, name } => session.start(namespace, name),
        Opens::Fleet { namespace } => session.watch_fleet(namespace).await,
    }
    loop {
        tokio::select! {
            effect = effects.recv() => match effect {
                Some(effect) => session.carry_out(effect).await,
                None => break,
            },
            found = attempted(&mut session.attempt) => {
                session.attempt = None;
                session.switched(found).await;
            }
        }
    }
    session.close().await;
    session.unrestored
}

async fn attempted(attempt: &mut Option<Attempt>) -> Result<places::Connected, String> {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

impl Session {
    async fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::WatchFleet => {
                if self.fleet.is_none() {
                    self.watch_fleet(None).await;
                }
            }
            Effect::Open { namespace, hpa } => self.open(namespace, hpa).await,
            Effect::FindPlaces(kind) => {
                let (client, flags, outbox) =
                    (self.client.clone(), self.settings.flags.clone(), self.outbox.clone());
                let (current, is_own) = (self.title.clone(), self.is_own);
                // It ends by itself, and its answer is for a dialog that may be closed meanwhile.
                tokio::spawn(async move {
                    let found = match kind {
                        PlaceKind::Context => places::contexts(&flags, (!is_own).then_some(current.as_str())),
                        PlaceKind::Namespace => places::namespaces(&client).await,
                    };
                    outbox.send(Event::Fleet(FleetEvent::Places(kind, found))).await;
                });
            }
            Effect::Switch(PlaceKind::Namespace, Place { name, .. }) => self.watch_fleet(name).await,
            Effect::Switch(PlaceKind::Context, Place { name, .. }) => {
                let flags = ConnectFlags { context: name, ..self.settings.flags.clone() };
                self.attempt = Some(Box::pin(places::connect(flags)));
            }
            effect => {
                if let Some((effects, _)) = &self.hpa {
                    // Sources that have ended need no effects.
                    let _ended = effects.send(effect).await;
                }
            }
        }
    }

    /// Starts the sources of an HPA. Those of another one must have ended.
    fn start(&mut self, namespace: String, hpa: String) {
        let settings = dispatch::Settings {
            namespace,
            hpa,
            prometheus: self.settings.prometheus.clone(),
            load: self.settings.load.clone(),
            read_only: self.settings.read_only,
        };
        let (effects, wanted) = mpsc::channel(EFFECTS);
        let (client, clock) = (self.client.clone(), self.clock);
        let sources =
            Sources::start(&self.outbox, |outbox| dispatch::run(client, settings, outbox, clock, wanted));
        self.hpa = Some((effects, sources));
    }

    /// Ends the sources of the open HPA.
    async fn close(&mut self) {
        let Some((effects, mut sources)) = self.hpa.take() else { return };
        drop(effects);
        let ended = tokio::time::timeout(SHUTDOWN_TIMEOUT, sources.tasks.join_next()).await;
        if let Ok(Some(Ok(left))) = ended {
            self.unrestored.extend(left);
        }
        sources.tasks.abort_all();
        sources.outbox.close().await;
    }

    /// Opens another HPA of the cluster.
    async fn open(&mut self, namespace: String, hpa: String) {
        self.close().await;
        self.outbox.send(Event::Fleet(FleetEvent::Opened)).await;
        let title = format!("{} / {namespace} / {hpa}", self.title);
        self.announce(title, text::clean::text(&namespace), String::new()).await;
        self.start(namespace, hpa);
    }

    /// Reports the target as chosen and ready.
    async fn announce(&mut self, title: String, namespace: String, reason: String) {
        let target = Target {
            title,
            reason,
            namespace,
            version: None,
            confirm_first_burst: !self.is_own,
            sync_period: None,
            first_burst: None,
        };
        target::announce(&self.client, target, &self.outbox).await;
    }

    /// Watches the fleet in a namespace, or in all, in place of another one.
    async fn watch_fleet(&mut self, namespace: Option<String>) {
        if let Some(mut old) = self.fleet.take() {
            old.tasks.abort_all();
            old.outbox.close().await;
        }
        let client = self.client.clone();
        self.fleet = Some(Sources::start(&self.outbox, |outbox| fleet::run(client, namespace, outbox)));
    }

    /// Goes to another cluster, or reports why that is not possible.
    async fn switched(&mut self, found: Result<places::Connected, String>) {
        let found = match found {
            Ok(found) => found,
            Err(sentence) => {
                return self.outbox.send(Event::Fleet(FleetEvent::NotSwitched(sentence))).await;
            }
        };
        self.close().await;
        self.client = found.cluster.client;
        self.title = text::clean::text(&found.cluster.context);
        self.is_own = false;
        self.settings.flags = found.flags;
        // The address of Prometheus was for the first cluster.
        self.settings.prometheus = None;
        self.outbox.send(Event::Fleet(FleetEvent::Alone)).await;
        self.announce(self.title.clone(), String::new(), String::new()).await;
        self.watch_fleet(None).await;
    }
}
