//! One burst: how its requests went, what became of its jobs, its stopwatch, and what it was measured by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::BurstId;

use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::job_outcomes::{JobTracker, LostJobs};
use crate::bursts::stopwatch::{Caveat, MissingReason, Observation, Stage, StageTime, Stopwatch};
use crate::clock::At;
use crate::reported::Source;
use crate::workers::timelines::PodTime;

/// What the watches tell may come in another order than it happened: a new pod counts as this burst's if it was seen at
/// most so long before the Deployment was.
const WATCHES_APART: Duration = Duration::from_secs(2);

/// What the chain showed when the key was pressed: a step has happened when it shows more than that.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateBefore {
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
    /// Sources that could not be read, and why.
    pub blind: BTreeMap<Source, String>,
    /// Pod-seconds of the run so far.
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
    /// Requests that it consists of.
    pub size: u32,
    /// When the key was pressed.
    pub pressed: At,
    /// Requests written to a tunnel.
    pub sent: u32,
    /// Jobs that the producer reported as confirmed.
    pub accepted: u32,
    /// Requests that failed, by cause.
    pub failed: BTreeMap<String, u32>,
    /// What it waits for.
    pub waiting: Option<String>,
    /// Whether all requests have ended, one way or the other.
    pub finished: bool,
    /// What became of its jobs.
    pub job_tracker: JobTracker,
    /// Deliveries of its jobs beyond the first.
    pub redelivered: u32,
    /// Jobs that went to the dead-letter queue.
    pub dead: u32,
    /// The steps.
    pub watch: Stopwatch,
    /// The longest that one of its jobs waited for a worker, as the workers' logs say.
    pub longest_wait: Option<Duration>,
    /// Most messages seen in the queue meanwhile.
    pub peak_depth: f64,
    /// Most replicas that the Deployment asked for meanwhile.
    pub peak_replicas: i32,
    /// Numbers of the bursts that were under way at the same time.
    pub overlaps: BTreeSet<u32>,
    /// Whether the continuous load ran meanwhile.
    pub with_load: bool,
    /// Workers beyond those whose logs are read, at most.
    pub unsampled: usize,
    /// When it ended, and the pod-seconds of the run until then.
    pub ended: Option<(At, PodTime)>,
    pub(super) before: StateBefore,
    /// When the last of its jobs that has ended did so.
    pub(super) last_ended: Option<Observation>,
    /// Since when the workers have been back at the minimum, which may be before the last job is done.
    pub(super) at_min: Option<Observation>,
    /// Steps that were seen before what must have come first was.
    early: BTreeMap<Stage, Observation>,
}

impl Burst {
    pub(super) fn new(at: At, id: BurstId, number: u32, size: u32, before: StateBefore) -> Self {
        let mut watch = Stopwatch::default();
        watch.see(Stage::KeyPress, Observation::received(at, crate::bursts::stopwatch::Provenance::Key));
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

    /// The autoscaler's settings when the key was pressed.
    #[must_use]
    pub fn tuning(&self) -> Option<&HpaSettings> {
        self.before.tuning.as_ref()
    }

    /// Pod-seconds of the run when the key was pressed.
    #[must_use]
    pub fn pod_time_before(&self) -> PodTime {
        self.before.pod_time
    }

    /// Requests that failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Jobs done, each counted once, as the workers' logs say.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.job_tracker.count().saturating_sub(self.dead)
    }

    /// Confirmed jobs that are neither done nor in the queue.
    #[must_use]
    pub fn lost(&self) -> LostJobs {
        self.job_tracker.lost(self.accepted)
    }

    /// Whether jobs of it may still be in the queue.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        !self.finished || (self.accepted > 0 && *self.watch.get(Stage::Drained) == StageTime::NotYet)
    }

    /// Whether the stopwatch still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.is_in_flight() || (self.accepted > 0 && !self.watch.is_over())
    }

    /// Whether a step is being waited for: what it waits on has happened.
    #[must_use]
    pub fn awaits(&self, stage: Stage) -> bool {
        self.is_running() && self.watch.is_awaited(stage)
    }

    /// Why a source could not be read while this burst ran, if so.
    #[must_use]
    pub fn blind(&self, source: Source) -> Option<&str> {
        self.before.blind.get(&source).map(String::as_str)
    }

    pub(super) fn went_blind(&mut self, source: Source, cause: &str) {
        if self.is_running() {
            self.before.blind.entry(source).or_insert_with(|| cause.to_owned());
        }
    }

    /// Why times of this burst are estimates, if something else was going on.
    pub(super) fn doubt(&self, load: bool, others: bool) -> Option<Caveat> {
        if load {
            Some(Caveat::Load)
        } else if others {
            Some(Caveat::OtherBurst)
        } else {
            None
        }
    }

    /// A step was seen. Without a confirmed job it waits: a full queue alone is no sign of this burst.
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

    /// Whether it made the autoscaler ask for more pods, as far as can be seen.
    pub(super) fn is_scaled(&self) -> bool {
        self.watch.has(Stage::Deployment)
            || (self.watch.has(Stage::Desired) && self.blind(Source::Workload).is_some())
    }

    /// Notes the steps that waited for what has now been seen.
    pub(super) fn promote(&mut self) {
        for (stage, seen) in std::mem::take(&mut self.early) {
            let is_ours = match self.watch.at(Stage::Deployment) {
                Some(scaled) if stage >= Stage::Scheduled => At(seen.at.0 + WATCHES_APART) >= scaled,
                _ => true,
            };
            if is_ours {
                self.see(stage, seen);
            }
        }
    }

    /// Each of its confirmed jobs is known to have ended: it is through, whatever else is in the queue.
    pub(super) fn drained_by_jobs(&mut self) {
        if self.finished
            && self.accepted > 0
            && self.job_tracker.are_complete(self.accepted)
            && let Some(seen) = self.last_ended
        {
            self.watch.see(Stage::Drained, seen);
        }
    }

    /// A replica count was read: more than before is the step; less becomes the new measure.
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

    /// A number of the chain was read: more than before, or than the lowest since, is the step.
    pub(super) fn number(&mut self, stage: Stage, value: f64, seen: Observation) {
        if self.watch.has(stage) || !self.is_in_flight() {
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
            // The queue may drain meanwhile: what was there before becomes less, so measure from the lowest.
            Some(low) => *low = low.min(value),
            // Nothing had been read before: whatever is there may be ours.
            None if value > 0.0 => self.see(stage, seen.doubted(Some(Caveat::NothingBefore))),
            None => *floor = Some(value),
        }
    }

    /// Without which sources a step cannot be seen: the one that tells of it first, then those on which that depends.
    fn needs(stage: Stage) -> &'static [Source] {
        match stage {
            Stage::KeyPress => &[],
            Stage::FirstAccepted | Stage::LastAccepted => &[Source::Producer],
            Stage::InBroker | Stage::Drained => &[Source::Broker],
            Stage::Scraped => &[Source::Prometheus],
            Stage::ExternalApi => &[Source::ExternalMetric],
            Stage::Desired => &[Source::Hpa],
            // Without an HPA nobody asks for more, nor is there a minimum to come back to.
            Stage::Deployment | Stage::BackAtMin => &[Source::Workload, Source::Hpa],
            Stage::Scheduled | Stage::Started | Stage::PodReady => &[Source::Pods, Source::Hpa],
            // Whose log is to be read, the pods say.
            Stage::FirstAck => &[Source::Logs, Source::Pods],
        }
    }

    /// Says of every step that has not been seen, from `first` on, that it is not going to be, and why.
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
                    MissingReason::BetweenLooks
                }
                (None, Stage::Desired) if self.is_scaled() => MissingReason::BetweenLooks,
                (None, Stage::InBroker) => MissingReason::BetweenLooks,
                (None, _) => otherwise.clone(),
            };
            self.watch.note(stage, StageTime::Never(why));
        }
    }
}
