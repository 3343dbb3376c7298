//! The bursts of this run, oldest first, and the meaning of an observation for each of them.

use std::collections::VecDeque;
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};

pub use crate::bursts::burst::{Burst, BurstChain, StateBefore};
use crate::bursts::job_outcomes::{LogGap, MAX_IDS};
use crate::bursts::stopwatch::{Caveat, MissingReason, Observation, Provenance, Stage, StageTime};
use crate::clock::At;
use crate::reported::{BurstProgress, Source};
use crate::workers::timelines::PodTime;

/// Bursts kept; the oldest go first.
pub const MAX_BURSTS: usize = 100;

/// Time after its acceptance from which an empty queue means that a burst is drained, even if no sample ever
/// showed it.
const DRAINED_AFTER: Duration = Duration::from_secs(5);

/// Time for which the queue must be empty before unreported jobs are lost: the last log lines need it.
const VERDICT_DELAY: Duration = Duration::from_secs(5);

/// Time after the verdict in which a late line may still prove a job done.
const CLOSING_DELAY: Duration = Duration::from_secs(60);

/// The basis for the verdict that all is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The queue is empty, also for the HPA, and the workers are at the minimum.
    Seen,
    /// The queue cannot be read; it is empty for the HPA, and the workers are at the minimum.
    Unread,
    /// The queue is empty. The minimum cannot be compared: there is no HPA, or its scale target cannot be
    /// read.
    Unseen,
}

/// The bursts of this run, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bursts {
    list: VecDeque<Burst>,
    fired: u32,
    /// The time since which every poll has shown an empty queue.
    empty_since: Option<At>,
}

impl Bursts {
    /// Adds a burst.
    pub fn fire(&mut self, at: At, id: BurstId, size: u32, before: StateBefore) {
        if self.list.len() == MAX_BURSTS {
            self.list.pop_front();
        }
        self.fired += 1;
        let blind = [(Source::Logs, LogGap::Log), (Source::Pods, LogGap::Pods)];
        let gap = blind.into_iter().find(|(source, _)| before.blind.contains_key(source));
        let mut burst = Burst::new(at, id, self.fired, size, before);
        if let Some((_, gap)) = gap {
            burst.job_tracker.gap(gap);
        }
        for other in self.list.iter_mut().filter(|other| other.is_running()) {
            other.overlaps.insert(burst.number);
            burst.overlaps.insert(other.number);
        }
        self.list.push_back(burst);
    }

    /// All bursts in memory, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Burst> {
        self.list.iter()
    }

    /// The newest burst.
    #[must_use]
    pub fn newest(&self) -> Option<&Burst> {
        self.list.back()
    }

    /// The burst with a number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Burst> {
        self.list.iter().find(|burst| burst.number == number)
    }

    /// Number of bursts fired in this run.
    #[must_use]
    pub fn fired(&self) -> u32 {
        self.fired
    }

    /// Number of bursts with unsent requests or missing answers.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.list.iter().filter(|burst| !burst.finished).count()
    }

    /// Returns true if jobs of any burst may still be in the queue.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.list.iter().any(Burst::is_in_flight)
    }

    /// Returns true while any burst's stopwatch runs.
    #[must_use]
    pub fn running(&self) -> bool {
        self.list.iter().any(Burst::is_running)
    }

    /// The burst with an ID.
    pub fn get_mut(&mut self, id: &BurstId) -> Option<&mut Burst> {
        self.list.iter_mut().find(|burst| burst.id == *id)
    }

    /// Number of IDs that may still be remembered.
    fn room(&self) -> usize {
        MAX_IDS.saturating_sub(self.list.iter().map(|burst| burst.job_tracker.ids()).sum())
    }

    /// Records the progress of a burst's requests. Returns the number of newly accepted jobs.
    pub fn progress(&mut self, progress: BurstProgress) -> u32 {
        let room = self.room();
        let Some(burst) = self.get_mut(&progress.id) else { return 0 };
        let newly_accepted = progress.accepted.saturating_sub(burst.accepted);
        burst.sent = burst.sent.max(progress.sent);
        burst.accepted = burst.accepted.max(progress.accepted);
        burst.failed = progress.failed;
        burst.waiting = progress.waiting;
        burst.finished |= progress.finished;
        burst.job_tracker.confirmed(newly_accepted, &progress.new_ids, room);
        if let Some(at) = progress.first_accepted {
            burst.see(Stage::FirstAccepted, Observation::exact(at, Provenance::Answer));
        }
        if burst.accepted > 0 {
            burst.promote();
        }
        if burst.finished {
            match progress.last_accepted {
                Some(at) => burst.see(Stage::LastAccepted, Observation::exact(at, Provenance::Answer)),
                None => burst.give_up(Stage::FirstAccepted, &MissingReason::NothingAccepted),
            }
        }
        burst.drain_by_jobs();
        newly_accepted
    }

    /// Handles a value of the chain: bursts that wait for more than before record the step if `value` is
    /// higher.
    ///
    /// If another burst or the continuous load (`load`) could be the cause, the time is an estimate.
    pub fn number(&mut self, stage: Stage, seen: Observation, value: f64, load: bool) {
        let caveats = self.caveats(stage, load);
        for (burst, caveat) in self.list.iter_mut().zip(caveats) {
            burst.number(stage, value, seen.with_caveat(caveat));
        }
    }

    /// Handles the metric of the HPA as a share of its target.
    pub fn share(&mut self, seen: Observation, share: f64, load: bool) {
        let caveats = self.caveats(Stage::ExternalApi, load);
        for (burst, caveat) in self.list.iter_mut().zip(caveats) {
            burst.share(share, seen.with_caveat(caveat));
        }
    }

    /// Handles a queue of `total` messages: bursts whose jobs were in it are drained at zero. `staleness` is
    /// the possible age of the figure.
    pub fn depth(&mut self, seen: Observation, total: u64, staleness: Duration) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_in_flight()) {
            burst.peak_depth = burst.peak_depth.max(total as f64);
        }
        if total > 0 {
            self.empty_since = None;
            return;
        }
        self.empty_since.get_or_insert(seen.at);
        for burst in &mut self.list {
            // A figure from before the last job was accepted shows nothing about it.
            let last = burst.watch.at(Stage::LastAccepted);
            let is_fresh = last.is_some_and(|last| seen.at.since(last) >= staleness);
            // A small burst can drain before any sample shows it; its jobs' log lines report it then.
            let was_there = burst.watch.has(Stage::InBroker)
                || last.is_some_and(|last| seen.at.since(last) >= DRAINED_AFTER + staleness);
            if burst.finished && burst.accepted > 0 && is_fresh && was_there {
                // An overlapping burst may have kept the queue filled long after this one was drained.
                let other = burst.overlaps.last().map(|number| Caveat::OtherBurst(*number));
                let caveat = burst.with_load.then_some(Caveat::Load).or(other);
                burst.watch.see(Stage::Drained, seen.with_caveat(caveat).not_before(burst.pressed));
            }
        }
    }

    /// Marks the jobs in flight as lost: the broker came back without its messages.
    pub fn lost(&mut self) {
        for burst in self.list.iter_mut().filter(|burst| burst.accepted > 0) {
            burst.watch.note(Stage::Drained, StageTime::Never(MissingReason::Lost));
        }
    }

    /// Handles the HPA's `desired` replicas.
    pub fn desired(&mut self, seen: Observation, desired: i32, load: bool) {
        self.raised(Stage::Desired, seen, desired, load);
    }

    /// Handles the replicas that the scale target asks for.
    pub fn spec_replicas(&mut self, seen: Observation, replicas: i32, load: bool) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.peak_replicas = burst.peak_replicas.max(replicas);
        }
        self.raised(Stage::Deployment, seen, replicas, load);
    }

    /// Records that the scale target is at the minimum, in its spec and its status, or is not.
    pub fn at_min(&mut self, seen: Observation, is_at_min: bool) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.at_min = if is_at_min && burst.is_scaled() { burst.at_min.or(Some(seen)) } else { None };
        }
    }

    fn raised(&mut self, stage: Stage, seen: Observation, now: i32, load: bool) {
        let caveats = self.caveats(stage, load);
        for (burst, caveat) in self.list.iter_mut().zip(caveats) {
            burst.raised(stage, now, seen.with_caveat(caveat));
        }
    }

    /// The caveat of a step that is seen now, for each burst: the load, or another burst that is the likelier cause.
    fn caveats(&self, stage: Stage, load: bool) -> Vec<Option<Caveat>> {
        let caveat = |burst: &Burst| match load {
            true => Some(Caveat::Load),
            false => self.other_cause(burst, stage).map(Caveat::OtherBurst),
        };
        self.list.iter().map(caveat).collect()
    }

    /// The burst that is the likelier cause of a step of `burst`: one that is larger, or as large and fired before, and that has
    /// come as far along the chain. What follows from the rescale has the cause of the rescale.
    fn other_cause(&self, burst: &Burst, stage: Stage) -> Option<u32> {
        let follows =
            matches!(stage, Stage::Deployment | Stage::Scheduled | Stage::Started | Stage::PodReady);
        if let Some(desired) = burst.watch.get(Stage::Desired).seen().filter(|_| follows) {
            return match desired.caveat {
                Some(Caveat::OtherBurst(number)) => Some(number),
                _ => None,
            };
        }
        let rivals = self.list.iter().filter(|other| other.number != burst.number && other.is_running());
        let is_likelier = |other: &&Burst| {
            let is_first = other.number < burst.number && !other.watch.has(stage);
            let is_there = stage.after().is_none_or(|before| other.watch.has(before));
            is_there && (other.size > burst.size || other.size == burst.size && is_first)
        };
        rivals.filter(is_likelier).max_by_key(|other| other.size).map(|other| other.number)
    }

    /// Handles a worker that is scheduled, started or ready. It is new to those bursts that were fired before
    /// `came`, when it first appeared.
    pub fn worker(&mut self, seen: Observation, came: At, stage: Stage) {
        let caveats = self.caveats(stage, false);
        for (burst, caveat) in self.list.iter_mut().zip(caveats) {
            if burst.is_running() && came > burst.pressed {
                let load = burst.with_load.then_some(Caveat::Load);
                burst.see(stage, seen.with_caveat(load.or(caveat)));
            }
        }
    }

    /// Handles a log event about a job of a burst.
    pub fn job(&mut self, seen: Observation, event: &JobEvent) {
        let room = self.room();
        let Some(burst) = event.burst.as_ref().and_then(|id| self.get_mut(id)) else { return };
        if let Some(waited) = event.wait_ms.map(Duration::from_millis) {
            burst.longest_wait = burst.longest_wait.max(Some(waited));
        }
        match event.kind {
            JobEventKind::Started | JobEventKind::Requeued => return,
            JobEventKind::Acked => {
                burst.job_tracker.ended(event.id, room);
                let caveat = (burst.unsampled > 0).then_some(Caveat::NotSampled);
                burst.watch.see(Stage::FirstAck, seen.with_caveat(caveat).not_before(burst.pressed));
            }
            JobEventKind::Failed => {
                burst.dead += u32::from(burst.job_tracker.ended(event.id, room));
            }
        }
        burst.last_ended = Some(seen.not_before(burst.pressed));
        burst.drain_by_jobs();
    }

    /// Records that a source cannot be read, with the cause.
    pub fn blind(&mut self, source: Source, cause: &str) {
        for burst in &mut self.list {
            burst.mark_unreadable(source, cause);
        }
        if source == Source::Broker {
            self.empty_since = None;
        }
    }

    /// Records a gap in a log, or `unsampled` workers that are not followed at all.
    pub fn gap(&mut self, gap: LogGap, unsampled: usize) {
        for burst in self.list.iter_mut().filter(|burst| burst.job_tracker.are_open()) {
            burst.job_tracker.gap(gap);
            burst.unsampled = burst.unsampled.max(unsampled);
        }
    }

    /// Records that the continuous load is on.
    pub fn with_load(&mut self) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.with_load = true;
        }
    }

    /// Marks open jobs as lost where the queue has been empty for long enough, and forgets IDs without
    /// further use. Returns the numbers of the bursts that have lost jobs, each with the count.
    pub fn mark_missing(&mut self, at: At) -> Vec<(u32, u32)> {
        let Some(empty_since) = self.empty_since else { return Vec::new() };
        let mut losses = Vec::new();
        for burst in &mut self.list {
            let Some(last) = burst.watch.at(Stage::LastAccepted) else { continue };
            let quiet_since = empty_since.max(last);
            if burst.finished && burst.job_tracker.are_open() && at.since(quiet_since) >= VERDICT_DELAY {
                burst.job_tracker.mark_missing();
                if let crate::bursts::job_outcomes::LostJobs::Jobs(lost @ 1..) = burst.lost() {
                    losses.push((burst.number, lost));
                    if lost == burst.accepted {
                        burst.watch.note(Stage::FirstAck, StageTime::Never(MissingReason::Lost));
                    }
                }
            }
            if at.since(quiet_since) >= CLOSING_DELAY {
                burst.job_tracker.forget_ids();
            }
        }
        losses
    }

    /// Returns true while a verdict is pending, so that time matters.
    #[must_use]
    pub fn unjudged(&self) -> bool {
        self.empty_since.is_some()
            && self
                .list
                .iter()
                .any(|burst| burst.finished && burst.accepted > 0 && burst.job_tracker.are_open())
    }

    /// Ends the bursts: all is quiet, as far as observed.
    pub fn quiet(&mut self, seen: Observation, pod_time: PodTime, quiet: Settled) {
        let newest = self.list.iter().rfind(|burst| burst.is_running()).map(|burst| burst.number);
        for burst in &mut self.list {
            if burst.watch.is_over() || burst.accepted == 0 || !burst.finished {
                continue;
            }
            let delay = burst.before.chain.rescale_delay();
            let end = match (burst.watch.get(Stage::Drained), quiet) {
                (StageTime::Seen(drained), _) => drained.at,
                (StageTime::Never(_), _) => burst.pressed,
                // The HPA may not have read the burst yet, and the logs may still report its last job.
                (StageTime::NotYet, Settled::Unread) if seen.at.since(burst.pressed) >= delay => {
                    let Some(cause) = burst.blind(Source::Broker).map(str::to_owned) else { continue };
                    burst
                        .watch
                        .note(Stage::Drained, StageTime::Never(MissingReason::Unread(Source::Broker, cause)));
                    burst.pressed
                }
                (StageTime::NotYet, _) => continue,
            };
            if burst.is_scaled() && quiet != Settled::Unseen {
                let other = newest.filter(|newest| *newest > burst.number).map(Caveat::OtherBurst);
                let caveat = burst.with_load.then_some(Caveat::Load).or(other);
                // A few jobs in the queue need no more than the minimum: that state may begin before the last
                // job ends.
                burst.watch.see(Stage::BackAtMin, burst.at_min.unwrap_or(seen).with_caveat(caveat));
                burst.give_up(Stage::InBroker, &MissingReason::BetweenPolls);
            } else if seen.at.since(end) >= delay {
                burst.give_up(Stage::InBroker, &MissingReason::NotNeeded);
            } else {
                continue;
            }
            burst.ended = Some((seen.at, pod_time));
        }
    }
}

#[cfg(test)]
mod tests;
