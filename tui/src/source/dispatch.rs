//! Starts the sources of a target, and carries out the effects of the dashboard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::source::drill::Drills;
use crate::source::event_sender::EventSender;
use crate::source::load::burst::Bursts;
use crate::source::load::plan::LoadPlan;
use crate::source::load::{continuous, producer};
use crate::source::logs::Logs;
use crate::source::poll_timer::PollTimer;
use crate::source::prometheus;
use crate::source::{
    broker, drill, external_metric, kill, liveness, metrics, scaled_object, scenario, server_clock, tune,
    usage, watch as watches,
};
use cluster::prometheus::Address;
use cluster::ready_pods;
use cluster::tunnel::Tunnels;
use dashboard::clock::Clock;
use dashboard::message::{Effect, Event};
use dashboard::reported::{BurstProgress, PollRate, ScenarioEvent};
use doctor;

/// Shortest interval between two polls of the broker, by the contract.
const DEPTH_BUSY: Duration = Duration::from_millis(200);
/// Interval of the other polls while jobs are in flight.
const SAMPLES_BUSY: Duration = Duration::from_millis(250);
/// Intervals of the polls of the metrics that no other source reads: metrics-server has a new sample every 15 s.
const METRICS_BUSY: Duration = Duration::from_secs(1);
const METRICS_IDLE: Duration = Duration::from_secs(3);
/// A metrics server measures every 15 s.
const USAGE: Duration = Duration::from_secs(15);
/// Interval of all other polls while nothing happens.
const IDLE: Duration = Duration::from_secs(1);

/// The intervals of the sources in seconds, by name: for the header of a recording.
#[must_use]
pub fn intervals() -> BTreeMap<String, f64> {
    let all = [
        ("depth.busy", DEPTH_BUSY),
        ("depth.idle", IDLE),
        ("samples.busy", SAMPLES_BUSY),
        ("samples.idle", IDLE),
        ("metrics.busy", METRICS_BUSY),
        ("metrics.idle", METRICS_IDLE),
        ("usage", USAGE),
    ];
    all.into_iter().map(|(name, interval)| (name.to_owned(), interval.as_secs_f64())).collect()
}

/// The watched target and the rights to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Namespace of the demo.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// Address of Prometheus; `None` searches for it.
    pub prometheus: Option<Address>,
    /// The requests of bursts and of the continuous load.
    pub load: LoadPlan,
    /// If set, nothing changes the cluster.
    pub read_only: bool,
}

/// Limit of the shutdown, in which drills restore what they stopped.
pub const SHUTDOWN_TIMEOUT: Duration = drill::RESTORE_TIMEOUT.saturating_add(Duration::from_secs(1));

/// Runs all sources with `client`, and carries out `effects` until their sender is gone.
///
/// Dropping the future ends everything. At the end the drills are restored. Returns one sentence for each part that could
/// not be restored.
pub async fn run(
    client: Client,
    settings: Settings,
    outbox: EventSender,
    clock: Clock,
    mut effects: mpsc::Receiver<Effect>,
) -> Vec<String> {
    let mut tasks = JoinSet::new();
    let (watchfulness, watchful) = watch::channel(PollRate::Idle);
    let (learner, serving) = ready_pods::channel();
    start_watching(&mut tasks, &client, &settings, &outbox, &watchful, learner);

    let tunnels = Tunnels::new(client.clone(), settings.load.endpoint(&settings.namespace), serving);
    let bursts = Bursts::new(tunnels, settings.load.clone(), clock);
    let (rate, rated) = watch::channel(0.0);
    tasks.spawn(producer::run(bursts.clone(), outbox.clone()));
    tasks.spawn(continuous::run(bursts.clone(), rated, outbox.clone()));
    let mut logs = Logs::new(client.clone(), settings.namespace.clone(), outbox.clone(), Instant::now());

    let drills = Drills::new(client.clone(), settings.namespace.clone());

    while let Some(effect) = effects.recv().await {
        while tasks.try_join_next().is_some() {}
        if settings.read_only
            && let Some(refusal) = refuse(&effect)
        {
            outbox.send(refusal).await;
            continue;
        }
        match effect {
            Effect::Fire { id, size } => {
                let (bursts, outbox) = (bursts.clone(), outbox.clone());
                tasks.spawn(async move { bursts.fire(id, size, &outbox).await });
            }
            Effect::Load { rate: wanted } => {
                rate.send_replace(wanted);
            }
            Effect::KillPod { name, uid } => {
                let killing = kill::pod(client.clone(), settings.namespace.clone(), name, uid);
                let outbox = outbox.clone();
                tasks.spawn(async move { outbox.send(killing.await).await });
            }
            Effect::Tune(request) => {
                let (client, namespace) = (client.clone(), settings.namespace.clone());
                let tuning = tune::carry_out(client, namespace, settings.hpa.clone(), request);
                let outbox = outbox.clone();
                tasks.spawn(async move { outbox.send(tuning.await).await });
            }
            Effect::Doctor => {
                let (client, outbox) = (client.clone(), outbox.clone());
                let wanted = doctor::Settings {
                    context: String::new(),
                    server: String::new(),
                    namespace: settings.namespace.clone(),
                    hpa: settings.hpa.clone(),
                    prometheus: settings.prometheus.clone(),
                    flags: text::command::ClusterFlags::default(),
                };
                tasks.spawn(async move {
                    let (observed, mut news) = tokio::sync::mpsc::unbounded_channel();
                    let observer: doctor::Observer = Box::new(move |progress| _ = observed.send(progress));
                    // The channel closes with the examination.
                    let progress = async {
                        while let Some(progress) = news.recv().await {
                            outbox.send(Event::DoctorProgress(Box::new(progress))).await;
                        }
                    };
                    let (report, ()) = tokio::join!(doctor::examine(&client, &wanted, observer), progress);
                    outbox.send(Event::Doctor(Box::new(report))).await;
                });
            }
            Effect::Drill(request) => {
                let (drills, outbox) = (drills.clone(), outbox.clone());
                tasks.spawn(async move { outbox.send(drills.carry_out(request).await).await });
            }
            Effect::PollRate(wanted) => {
                watchfulness.send_replace(wanted);
            }
            Effect::FollowLogs(pods) => logs.follow(&pods),
            Effect::ReadScenario(path) => {
                let outbox = outbox.clone();
                tasks.spawn(async move {
                    let read = tokio::task::spawn_blocking(move || scenario::load(&path).map(Arc::new));
                    if let Ok(found) = read.await {
                        outbox.send(Event::Scenario(ScenarioEvent::Read(found))).await;
                    }
                });
            }
            // The session carries these out.
            Effect::WatchFleet | Effect::Open { .. } | Effect::FindPlaces(_) | Effect::Switch(..) => {}
            // The runtime carries these out itself.
            Effect::TickIn(_)
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Quit
            | Effect::Keep(_)
            | Effect::Record(_)
            | Effect::Replay(_) => {}
        }
    }
    drills.put_all_back().await
}

fn start_watching(
    tasks: &mut JoinSet<()>,
    client: &Client,
    settings: &Settings,
    outbox: &EventSender,
    watchful: &watch::Receiver<PollRate>,
    serving: ready_pods::ReadyPodsWriter,
) {
    let namespace = || settings.namespace.clone();
    let samples = || PollTimer::new(watchful.clone(), SAMPLES_BUSY, IDLE);
    let (hpa, latest_hpa) = watch::channel(None);
    let (workload, latest_workload) = watch::channel(None);
    let (returned, returns) = liveness::channel();
    let place =
        || watches::Place { client: client.clone(), namespace: namespace(), returns: returns.clone() };
    tasks.spawn(liveness::run(client.clone(), returned, outbox.clone()));
    tasks.spawn(watches::hpa::run(place(), settings.hpa.clone(), outbox.clone(), hpa));
    tasks.spawn(watches::workload::run(place(), latest_hpa.clone(), samples(), outbox.clone(), workload));
    tasks.spawn(watches::pods::run(place(), latest_workload.clone(), serving, outbox.clone()));
    tasks.spawn(usage::run(
        client.clone(),
        namespace(),
        latest_workload.clone(),
        PollTimer::new(watchful.clone(), USAGE, USAGE),
        outbox.clone(),
    ));
    tasks.spawn(metrics::run(
        client.clone(),
        namespace(),
        latest_hpa.clone(),
        latest_workload,
        PollTimer::new(watchful.clone(), METRICS_BUSY, METRICS_IDLE),
        outbox.clone(),
    ));
    tasks.spawn(watches::events::run(place(), outbox.clone()));
    tasks.spawn(external_metric::run(
        client.clone(),
        namespace(),
        latest_hpa.clone(),
        samples(),
        outbox.clone(),
    ));
    tasks.spawn(server_clock::run(client.clone(), outbox.clone()));
    let depth = PollTimer::new(watchful.clone(), DEPTH_BUSY, IDLE);
    let (scaled_object, latest_object) = watch::channel(None);
    tasks.spawn(scaled_object::run(
        client.clone(),
        namespace(),
        latest_hpa.clone(),
        outbox.clone(),
        scaled_object,
    ));
    let followed = broker::Followed { hpa: latest_hpa.clone(), object: latest_object.clone() };
    tasks.spawn(broker::run(client.clone(), namespace(), followed, depth, outbox.clone()));
    tasks.spawn(prometheus::run(
        client.clone(),
        namespace(),
        settings.prometheus.clone(),
        prometheus::Followed { hpa: latest_hpa, object: latest_object },
        samples(),
        outbox.clone(),
    ));
}

/// The event that replaces an effect that would change the cluster.
fn refuse(effect: &Effect) -> Option<Event> {
    const WHY: &str = "switched off by --read-only";
    match effect {
        Effect::Fire { id, size } => Some(Event::Burst(BurstProgress {
            id: id.clone(),
            size: *size,
            sent: 0,
            accepted: 0,
            failed: [(WHY.to_owned(), *size)].into(),
            new_ids: Vec::new(),
            first_sent: None,
            first_accepted: None,
            last_accepted: None,
            waiting: None,
            finished: true,
        })),
        Effect::Load { rate } if *rate > 0.0 => Some(Event::Load(dashboard::reported::LoadProgress {
            rate: 0.0,
            accepted: 0,
            failed: std::collections::BTreeMap::new(),
            stopped: Some(WHY.to_owned()),
        })),
        Effect::KillPod { name, .. } => {
            Some(Event::KillDone { attempt: format!("delete pod {name}"), result: Err(WHY.to_owned()) })
        }
        Effect::Tune(request) => Some(Event::Tune(tune::refused(request, WHY))),
        Effect::Drill(request) => Some(Event::Drill(drill::refused(request, WHY))),
        _ => None,
    }
}
