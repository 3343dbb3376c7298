//! The dashboard without a terminal: the library's sources, update and model, driven as its loop drives them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::source::dispatch;
use crate::source::dispatch::Settings;
use crate::source::event_sender::EventSender;
use crate::source::load::plan::LoadPlan;
use crate::source::recorder::Tap;
use cluster::connect;
use cluster::connect::{ConnectError, ConnectFlags};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dashboard::clock::{Clock, DayClock};
use dashboard::message::{Effect, Event, Input, Timestamped};
use dashboard::model::Model;
use dashboard::reported::{Target, TargetEvent};
use dashboard::update::recorded;
use kube::Client;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A client for the cluster of that kubeconfig; each call makes one with connections of its own.
///
/// # Errors
/// When the kubeconfig cannot be used.
pub async fn client(kubeconfig: &Path) -> Result<Client, ConnectError> {
    let flags = ConnectFlags { kubeconfig: Some(kubeconfig.to_owned()), context: None };
    Ok(connect::load(&flags).await?.client)
}

/// A dashboard that watches a cluster.
#[derive(Debug)]
pub struct Dashboard {
    /// Its model.
    pub model: Arc<Mutex<Model>>,
    events: mpsc::Sender<Timestamped>,
    clock: Clock,
    namespace: String,
}

impl Dashboard {
    /// Starts to watch, with times by `clock`.
    pub fn start(client: Client, clock: Clock) -> Self {
        Self::start_in(client, clock, contract::names::NAMESPACE)
    }

    /// The same for the demo in another namespace.
    pub fn start_in(client: Client, clock: Clock, namespace: &str) -> Self {
        Self::watch(client, clock, (namespace, contract::names::HPA), |_| {})
    }

    /// The same with a recorder, made from the events' sender and the clock of the day.
    pub fn start_with(
        client: Client,
        clock: Clock,
        namespace: &str,
        tap: impl FnOnce(EventSender, &DayClock) -> Tap,
    ) -> Self {
        Self::start_any(client, clock, (namespace, contract::names::HPA), tap, |_| {})
    }

    /// Watches any HPA, given by namespace and name. `look` gets the model after each event.
    pub fn watch(
        client: Client,
        clock: Clock,
        hpa: (&str, &str),
        look: impl FnMut(&Model) + Send + 'static,
    ) -> Self {
        Self::start_any(client, clock, hpa, |_outbox, _day| Tap::closed(), look)
    }

    fn start_any(
        client: Client,
        clock: Clock,
        (namespace, hpa): (&str, &str),
        tap: impl FnOnce(EventSender, &DayClock) -> Tap,
        look: impl FnMut(&Model) + Send + 'static,
    ) -> Self {
        let (events, received) = mpsc::channel(1_024);
        let (effects, wanted) = mpsc::channel(64);
        let settings = Settings {
            namespace: namespace.to_owned(),
            hpa: hpa.to_owned(),
            prometheus: None,
            load: LoadPlan::Jobs,
            read_only: false,
        };
        let outbox = EventSender::new(events.clone(), clock);
        let day = DayClock::of_run(&clock);
        let tap = tap(outbox.clone(), &day);
        tokio::spawn(dispatch::run(client, settings, outbox, clock, wanted));
        let model = Arc::new(Mutex::new(Model::new(day, (120, 40))));
        let watched = Arc::clone(&model);
        tokio::spawn(async move { drive(&watched, received, effects, clock, &tap, look).await });
        Self { model, events, clock, namespace: namespace.to_owned() }
    }

    /// Sends an event that no source of a cluster sends.
    pub async fn send(&self, event: Event) {
        // The receiver goes away when the dashboard ends.
        let _ended = self.events.send(self.clock.stamp(event)).await;
    }

    /// Reports the target as ready.
    pub async fn ready(&self) {
        let target = Target {
            title: "here".to_owned(),
            reason: String::new(),
            namespace: self.namespace.clone(),
            version: None,
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        };
        self.send(Event::Target(TargetEvent::Chosen(target))).await;
        self.send(Event::Target(TargetEvent::Ready)).await;
    }

    /// Types keys.
    pub async fn keys(&self, keys: &str) {
        for c in keys.chars() {
            self.send(Event::Input(Input::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)))).await;
        }
    }

    /// A value of its model.
    pub fn read<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.model.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Drives a model as the dashboard's loop does, without a terminal, until the events or the sources end.
pub async fn run(
    model: &Mutex<Model>,
    events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
    tap: &Tap,
) {
    drive(model, events, effects, clock, tap, |_| {}).await;
}

/// The same; `look` gets the model after each event.
async fn drive(
    model: &Mutex<Model>,
    mut events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
    tap: &Tap,
    mut look: impl FnMut(&Model),
) {
    let mut tick: Option<Instant> = None;
    loop {
        let due = async {
            match tick {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let stamped = tokio::select! {
            stamped = events.recv() => stamped,
            () = due => {
                tick = None;
                Some(clock.stamp(Event::Tick))
            }
        };
        let Some(stamped) = stamped else { return };
        let wanted = {
            let mut model = model.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = recorded(&mut model, stamped, |kept| tap.keep(kept));
            look(&model);
            wanted
        };
        for effect in wanted {
            match effect {
                Effect::TickIn(period) => tick = Some(Instant::now() + period),
                effect => {
                    if effects.send(effect).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
