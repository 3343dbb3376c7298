//! One burst: its requests, the outcome of its jobs, its stopwatch, and the state before it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::BurstId;

use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::job_outcomes::{JobTracker, LostJobs};
use crate::bursts::stopwatch::{Caveat, MissingReason, Observation, Stage, StageTime, Stopwatch};
use crate::clock::At;
use crate::reported::Source;
use crate::workers::timelines::PodTime;

/// Watch events may arrive in another order than the changes happened. A new pod counts as this burst's if
/// its event came at most this long before the Deployment's.
const MAX_EVENT_SKEW: Duration = Duration::from_secs(2);

/// The chain that a burst sets in motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BurstChain {
    /// Jobs with IDs, for a queue.
    #[default]
    Jobs,
    /// Requests without IDs, to a Service whose HPA reads a queue.
    Queue,
    /// Requests to a Service whose HPA reads no queue.
    Metric,
}

impl BurstChain {
    /// The steps that it does not have.
    fn absent(self) -> &'static [Stage] {
        match self {
            Self::Jobs => &[],
            Self::Queue => &[Stage::FirstAck],
            Self::Metric => &[Stage::InBroker, Stage::Scraped, Stage::FirstAck, Stage::Drained],
        }
    }

    /// Time after its end in which a burst can still make the HPA rescale: a scrape, a sync and a margin. Resource metrics have
    /// a window of their own.
    pub(super) fn rescale_delay(self) -> Duration {
        Duration::from_secs(if self == Self::Metric { 90 } else { 45 })
    }
}

/// The state of the chain at the key press: a step has happened when a value exceeds it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateBefore {
    /// The chain.
    pub chain: BurstChain,
    /// Messages in the queue.
    pub depth: Option<f64>,
    /// The sample in Prometheus.
    pub scraped: Option<f64>,
    /// The external metric.
    pub metric: Option<f64>,
    /// Replicas that the HPA wanted.
    pub desired: Option<i32>,
    /// Replicas that the Deployment asked for.
    pub spec_replicas: Option<i32>,
    /// Sources that could not be read, with the cause.
    pub blind: BTreeMap<Source, String>,
    /// Pod-seconds of the run until then.
    pub pod_time: PodTime,
    /// The autoscaler's settings.
    pub tuning: Option<HpaSettings>,
}

/// One burst.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// Its ID, in every request and job.
    pub id: BurstId,
    /// Its number in this run, from 1.
    pub number: u32,
    /// Number of requests.
    pub size: u32,
    /// The time of the key press.
    pub pressed: At,
    /// Requests written to a tunnel.
    pub sent: u32,
    /// Jobs that the producer reported as confirmed.
    pub accepted: u32,
    /// Requests that failed, by cause.
    pub failed: BTreeMap<String, u32>,
    /// The reason for which it waits.
    pub waiting: Option<String>,
    /// True once all requests have succeeded or failed.
    pub finished: bool,
    /// The outcome of its jobs.
    pub job_tracker: JobTracker,
    /// Deliveries of its jobs beyond the first.
    pub redelivered: u32,
    /// Jobs that went to the dead-letter queue.
    pub dead: u32,
    /// The steps.
    pub watch: Stopwatch,
    /// The longest wait of one of its jobs for a worker, from the workers' logs.
    pub longest_wait: Option<Duration>,
    /// Most messages in the queue during the burst.
    pub peak_depth: f64,
    /// Most replicas that the Deployment asked for during the burst.
    pub peak_replicas: i32,
    /// Numbers of the bursts that ran at the same time.
    pub overlaps: BTreeSet<u32>,
    /// True if the continuous load ran during the burst.
    pub with_load: bool,
    /// Most workers whose logs were not read.
    pub unsampled: usize,
    /// The time of its end, and the pod-seconds of the run until then.
    pub ended: Option<(At, PodTime)>,
    pub(super) before: StateBefore,
    /// The end of the latest of its ended jobs.
    pub(super) last_ended: Option<Observation>,
    /// The time since which the workers have been back at the minimum; it may be before the last job is done.
    pub(super) at_min: Option<Observation>,
    /// Steps observed before the steps that they depend on.
    early: BTreeMap<Stage, Observation>,
}

impl Burst {
    pub(super) fn new(at: At, id: BurstId, number: u32, size: u32, before: StateBefore) -> Self {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Observation::exact(at, crate::bursts::stopwatch::Provenance::Key));
        for stage in before.chain.absent() {
            watch.note(*stage, StageTime::Never(MissingReason::NotInChain));
        }
        Self {
            id,
            number,
            size,
            pressed: at,
            sent: 0,
            accepted: 0,
            failed: BTreeMap::new(),
            waiting: None,
            finished: false,
            job_tracker: JobTracker::default(),
            redelivered: 0,
            dead: 0,
            watch,
            longest_wait: None,
            peak_depth: 0.0,
            peak_replicas: before.spec_replicas.unwrap_or(0),
            overlaps: BTreeSet::new(),
            with_load: false,
            unsampled: 0,
            ended: None,
            before,
            last_ended: None,
            at_min: None,
            early: BTreeMap::new(),
        }
    }

    /// The autoscaler's settings at the key press.
    #[must_use]
    pub fn tuning(&self) -> Option<&HpaSettings> {
        self.before.tuning.as_ref()
    }

    /// Pod-seconds of the run at the key press.
    #[must_use]
    pub fn pod_time_before(&self) -> PodTime {
        self.before.pod_time
    }

    /// Requests that failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Jobs done, each counted once, from the workers' logs.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.job_tracker.count().saturating_sub(self.dead)
    }

    /// Confirmed jobs that are neither done nor in the queue.
    #[must_use]
    pub fn lost(&self) -> LostJobs {
        self.job_tracker.lost(self.accepted)
    }

    /// Returns true if jobs of it may still be in the queue.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        !self.finished || (self.accepted > 0 && *self.watch.get(Stage::Drained) == StageTime::NotYet)
    }

    /// Returns true while the stopwatch runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_in_flight() || (self.accepted > 0 && !self.watch.is_over())
    }

    /// Returns true if a step is awaited: the step that it depends on has happened.
    #[must_use]
    pub fn awaits(&self, stage: Stage) -> bool {
        self.is_running() && self.watch.is_awaited(stage)
    }

    /// The cause for which a source could not be read during this burst, if there was one.
    #[must_use]
    pub fn blind(&self, source: Source) -> Option<&str> {
        self.before.blind.get(&source).map(String::as_str)
    }

    pub(super) fn mark_unreadable(&mut self, source: Source, cause: &str) {
        if self.is_running() {
            self.before.blind.entry(source).or_insert_with(|| cause.to_owned());
        }
    }

    /// Records a step. Without a confirmed job the step is kept back: a full queue alone does not show this
    /// burst.
    pub(super) fn see(&mut self, stage: Stage, seen: Observation) {
        let seen = seen.not_before(self.pressed);
        let is_early = match stage {
            Stage::InBroker | Stage::Scraped | Stage::ExternalApi => self.accepted == 0,
            Stage::Scheduled | Stage::Started | Stage::PodReady => !self.is_scaled(),
            _ => false,
        };
        if is_early {
            self.early.entry(stage).or_insert(seen);
        } else {
            self.watch.see(stage, seen);
        }
    }

    /// Returns true if it made the autoscaler ask for more pods, as far as observed.
    pub(super) fn is_scaled(&self) -> bool {
        self.watch.has(Stage::Deployment)
            || (self.watch.has(Stage::Desired) && self.blind(Source::Workload).is_some())
    }

    /// Records the steps that were kept back for this observation.
    pub(super) fn promote(&mut self) {
        for (stage, seen) in std::mem::take(&mut self.early) {
            let is_ours = match self.watch.at(Stage::Deployment) {
                Some(scaled) if stage >= Stage::Scheduled => At(seen.at.0 + MAX_EVENT_SKEW) >= scaled,
                _ => true,
            };
            if is_ours {
                self.see(stage, seen);
            }
        }
    }

    /// Marks the burst as drained once each of its confirmed jobs has ended, whatever else is in the queue.
    pub(super) fn drain_by_jobs(&mut self) {
        if self.finished
            && self.accepted > 0
            && self.job_tracker.are_complete(self.accepted)
            && let Some(seen) = self.last_ended
        {
            self.watch.see(Stage::Drained, seen);
        }
    }

    /// Handles a replica count: more than before is the step; less becomes the new baseline.
    pub(super) fn raised(&mut self, stage: Stage, now: i32, seen: Observation) {
        if self.watch.is_over() || self.accepted == 0 {
            return;
        }
        let before =
            if stage == Stage::Desired { &mut self.before.desired } else { &mut self.before.spec_replicas };
        match before {
            Some(low) if now > *low => {
                self.see(stage, seen);
                self.promote();
            }
            Some(low) => *low = now,
            None => *before = Some(now),
        }
    }

    /// Handles a value of the chain: more than before, or than the lowest since, is the step.
    pub(super) fn number(&mut self, stage: Stage, value: f64, seen: Observation) {
        if self.watch.has(stage) || !self.is_in_flight() || self.before.chain == BurstChain::Metric {
            return;
        }
        let floor = match stage {
            Stage::InBroker => &mut self.before.depth,
            Stage::Scraped => &mut self.before.scraped,
            Stage::ExternalApi => &mut self.before.metric,
            _ => return,
        };
        match floor {
            Some(low) if value > *low => self.see(stage, seen),
            // The queue may drain meanwhile, so compare with the lowest value.
            Some(low) => *low = low.min(value),
            // There was no value before: this one may be ours.
            None if value > 0.0 => self.see(stage, seen.with_caveat(Some(Caveat::NothingBefore))),
            None => *floor = Some(value),
        }
    }

    /// Handles the metric as a share of its target: above 1 is the step, in a chain without a queue.
    pub(super) fn share(&mut self, share: f64, seen: Observation) {
        if self.before.chain == BurstChain::Metric && self.is_running() && share > 1.0 {
            self.see(Stage::ExternalApi, seen);
        }
    }

    /// The sources without which a step is not visible: the reporting one first, then its dependencies.
    fn needs(stage: Stage) -> &'static [Source] {
        match stage {
            Stage::KeyPress => &[],
            Stage::FirstAccepted | Stage::LastAccepted => &[Source::Producer],
            Stage::InBroker | Stage::Drained => &[Source::Broker],
            Stage::Scraped => &[Source::Prometheus],
            Stage::ExternalApi => &[Source::ExternalMetric],
            Stage::Desired => &[Source::Hpa],
            // Without an HPA nothing asks for more, and there is no minimum to return to.
            Stage::Deployment | Stage::BackAtMin => &[Source::Workload, Source::Hpa],
            Stage::Scheduled | Stage::Started | Stage::PodReady => &[Source::Pods, Source::Hpa],
            // The pods decide which logs are read.
            Stage::FirstAck => &[Source::Logs, Source::Pods],
        }
    }

    /// Marks every step that has not happened, from `first` on, as missing, with the reason.
    pub(super) fn give_up(&mut self, first: Stage, otherwise: &MissingReason) {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage >= first) {
            if *self.watch.get(stage) != StageTime::NotYet {
                continue;
            }
            let unread = Self::needs(stage)
                .iter()
                .find_map(|source| Some(MissingReason::Unread(*source, self.blind(*source)?.to_owned())));
            let why = match (unread, stage) {
                _ if self.accepted == 0 => otherwise.clone(),
                (Some(unread), _) => unread,
                (None, Stage::FirstAck) if self.unsampled > 0 => MissingReason::NotSampled,
                (None, Stage::FirstAck) => MissingReason::LogGap,
                (None, Stage::Scheduled | Stage::Started | Stage::PodReady) if self.is_scaled() => {
                    MissingReason::NoNewPod
                }
                (None, Stage::InBroker | Stage::Scraped | Stage::ExternalApi) if self.is_scaled() => {
                    MissingReason::BetweenPolls
                }
                (None, Stage::Desired) if self.is_scaled() => MissingReason::BetweenPolls,
                (None, Stage::InBroker) => MissingReason::BetweenPolls,
                (None, _) => otherwise.clone(),
            };
            self.watch.note(stage, StageTime::Never(why));
        }
    }
}
