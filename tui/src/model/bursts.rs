//! The bursts of this run, oldest first, and what an observation means for each of them.

use std::collections::VecDeque;
use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};

pub use super::burst::{Before, Burst};
use super::fates::{Gap, MAX_IDS};
use super::lanes::PodTime;
use super::stopwatch::{Doubt, How, Reading, Seen, Stage, Why};
use crate::event::{At, BurstProgress, Source};

/// Bursts kept; the oldest go first.
pub const MAX_BURSTS: usize = 100;

/// So long after its acceptance an empty queue means that a burst is through, even if no sample ever showed it.
const THROUGH: Duration = Duration::from_secs(5);

/// How long after its end a burst can still make the HPA rescale: a scrape, a sync and some room.
const SETTLED: Duration = Duration::from_secs(45);

/// How long the queue must have been empty until what no log has spoken of is lost: the last lines need their time.
const VERDICT: Duration = Duration::from_secs(5);

/// How long after the verdict a late line may still prove a job done.
const CLOSING: Duration = Duration::from_secs(60);

/// The bursts of this run, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bursts {
    list: VecDeque<Burst>,
    fired: u32,
    /// Since when the queue has been seen empty at every look.
    empty_since: Option<At>,
}

impl Bursts {
    /// A burst was fired.
    pub fn fire(&mut self, at: At, id: BurstId, size: u32, before: Before) {
        if self.list.len() == MAX_BURSTS {
            self.list.pop_front();
        }
        self.fired += 1;
        let mut burst = Burst::new(at, id, self.fired, size, before);
        for other in self.list.iter_mut().filter(|other| other.is_running()) {
            other.overlaps.insert(burst.number);
            burst.overlaps.insert(other.number);
        }
        self.list.push_back(burst);
    }

    /// All that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Burst> {
        self.list.iter()
    }

    /// The newest.
    #[must_use]
    pub fn newest(&self) -> Option<&Burst> {
        self.list.back()
    }

    /// The burst of that number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Burst> {
        self.list.iter().find(|burst| burst.number == number)
    }

    /// How many were fired in this run.
    #[must_use]
    pub fn fired(&self) -> u32 {
        self.fired
    }

    /// How many still have requests to send or answers to come.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.list.iter().filter(|burst| !burst.finished).count()
    }

    /// Whether jobs of some burst may still be in the queue.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        self.list.iter().any(Burst::is_in_flight)
    }

    /// Whether some burst's stopwatch still runs.
    #[must_use]
    pub fn running(&self) -> bool {
        self.list.iter().any(Burst::is_running)
    }

    /// The burst of that ID.
    pub fn get_mut(&mut self, id: &BurstId) -> Option<&mut Burst> {
        self.list.iter_mut().find(|burst| burst.id == *id)
    }

    /// IDs that may still be remembered.
    fn room(&self) -> usize {
        MAX_IDS.saturating_sub(self.list.iter().map(|burst| burst.fates.ids()).sum())
    }

    /// How the requests of a burst go. Returns how many more jobs are accepted than before.
    pub fn progress(&mut self, progress: BurstProgress) -> u32 {
        let room = self.room();
        let Some(burst) = self.get_mut(&progress.id) else { return 0 };
        let news = progress.accepted.saturating_sub(burst.accepted);
        burst.sent = burst.sent.max(progress.sent);
        burst.accepted = burst.accepted.max(progress.accepted);
        burst.failed = progress.failed;
        burst.waiting = progress.waiting;
        burst.finished |= progress.finished;
        burst.fates.confirmed(news, &progress.new_ids, room);
        if let Some(at) = progress.first_accepted {
            burst.see(Stage::FirstAccepted, Seen::received(at, How::Answer));
        }
        if burst.accepted > 0 {
            burst.promote();
        }
        if burst.finished {
            match progress.last_accepted {
                Some(at) => burst.see(Stage::LastAccepted, Seen::received(at, How::Answer)),
                None => burst.give_up(Stage::FirstAccepted, &Why::NothingAccepted),
            }
        }
        burst.drained_by_jobs();
        news
    }

    /// A number of the chain was read: whoever waits to see more than before has seen it if `value` is higher.
    ///
    /// Where another burst or the continuous load (`load`) could be the cause, the time is an estimate.
    pub fn number(&mut self, stage: Stage, seen: Seen, value: f64, load: bool) {
        let open = self.list.iter().filter(|burst| burst.is_in_flight()).count();
        for burst in &mut self.list {
            let doubt = burst.doubt(load, open > 1);
            burst.number(stage, value, seen.doubted(doubt));
        }
    }

    /// The queue was seen with `total` messages: bursts whose jobs were seen in it are drained at zero. `staleness` is how
    /// old the figure may be.
    pub fn depth(&mut self, seen: Seen, total: u64, staleness: Duration) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_in_flight()) {
            burst.peak_depth = burst.peak_depth.max(total as f64);
        }
        if total > 0 {
            self.empty_since = None;
            return;
        }
        self.empty_since.get_or_insert(seen.at);
        for burst in &mut self.list {
            // A figure from before the last job came says nothing about it.
            let last = burst.watch.at(Stage::LastAccepted);
            let is_fresh = last.is_some_and(|last| seen.at.since(last) >= staleness);
            // A small burst can be through before any sample shows it; its jobs' own lines say so then.
            let was_there = burst.watch.has(Stage::InBroker)
                || last.is_some_and(|last| seen.at.since(last) >= THROUGH + staleness);
            if burst.finished && burst.accepted > 0 && is_fresh && was_there {
                // An overlapping burst may have kept the queue from being empty long after this one was through.
                let others = !burst.overlaps.is_empty();
                let doubt = burst.doubt(burst.with_load, others);
                burst.watch.see(Stage::Drained, seen.doubted(doubt).not_before(burst.pressed));
            }
        }
    }

    /// The broker came back without messages that had been there: what was in flight may never be done.
    pub fn lost(&mut self) {
        for burst in self.list.iter_mut().filter(|burst| burst.accepted > 0) {
            burst.watch.note(Stage::Drained, Reading::Never(Why::Lost));
        }
    }

    /// The HPA wants `desired` replicas.
    pub fn desired(&mut self, seen: Seen, desired: i32, load: bool) {
        self.raised(Stage::Desired, seen, desired, load);
    }

    /// The scale target asks for `replicas` pods.
    pub fn spec_replicas(&mut self, seen: Seen, replicas: i32, load: bool) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.peak_replicas = burst.peak_replicas.max(replicas);
        }
        self.raised(Stage::Deployment, seen, replicas, load);
    }

    /// The scale target is at the minimum, as asked for and as it is, or is not.
    pub fn at_min(&mut self, seen: Seen, is_at_min: bool) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.at_min = if is_at_min && burst.is_scaled() { burst.at_min.or(Some(seen)) } else { None };
        }
    }

    fn raised(&mut self, stage: Stage, seen: Seen, now: i32, load: bool) {
        let running = self.list.iter().filter(|burst| burst.is_running()).count();
        for burst in &mut self.list {
            let doubt = burst.doubt(load, running > 1);
            burst.raised(stage, now, seen.doubted(doubt));
        }
    }

    /// A worker was seen scheduled, started or ready.
    pub fn worker(&mut self, seen: Seen, uid: &str, stage: Stage) {
        let running = self.list.iter().filter(|burst| burst.is_running()).count();
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            if !burst.before.workers.contains(uid) {
                let doubt = burst.doubt(burst.with_load, running > 1);
                burst.see(stage, seen.doubted(doubt));
            }
        }
    }

    /// A worker's log said something about a job of a burst.
    pub fn job(&mut self, seen: Seen, event: &JobEvent) {
        let room = self.room();
        let Some(burst) = event.burst.as_ref().and_then(|id| self.get_mut(id)) else { return };
        if let Some(waited) = event.wait_ms.map(Duration::from_millis) {
            burst.longest_wait = burst.longest_wait.max(Some(waited));
        }
        match event.kind {
            JobEventKind::Started | JobEventKind::Requeued => return,
            JobEventKind::Acked => {
                burst.fates.ended(event.id, room);
                let doubt = (burst.unsampled > 0).then_some(Doubt::NotSampled);
                burst.watch.see(Stage::FirstAck, seen.doubted(doubt).not_before(burst.pressed));
            }
            JobEventKind::Failed => {
                burst.dead += u32::from(burst.fates.ended(event.id, room));
            }
        }
        burst.last_ended = Some(seen.not_before(burst.pressed));
        burst.drained_by_jobs();
    }

    /// A source could not be read, for that cause.
    pub fn blind(&mut self, source: Source, cause: &str) {
        for burst in &mut self.list {
            burst.went_blind(source, cause);
        }
        if source == Source::Broker {
            self.empty_since = None;
        }
    }

    /// A log was not read without a gap, or `unsampled` workers are not followed at all.
    pub fn gap(&mut self, gap: Gap, unsampled: usize) {
        for burst in self.list.iter_mut().filter(|burst| burst.fates.are_open()) {
            burst.fates.gap(gap);
            burst.unsampled = burst.unsampled.max(unsampled);
        }
    }

    /// The continuous load is on.
    pub fn with_load(&mut self) {
        for burst in self.list.iter_mut().filter(|burst| burst.is_running()) {
            burst.with_load = true;
        }
    }

    /// Says what is lost where the queue has been empty for long enough, and forgets IDs that are of no more use. Returns
    /// the numbers of the bursts that have lost jobs, with how many.
    pub fn judge(&mut self, at: At) -> Vec<(u32, u32)> {
        let Some(empty_since) = self.empty_since else { return Vec::new() };
        let mut losses = Vec::new();
        for burst in &mut self.list {
            let Some(last) = burst.watch.at(Stage::LastAccepted) else { continue };
            let quiet_since = empty_since.max(last);
            if burst.finished && burst.fates.are_open() && at.since(quiet_since) >= VERDICT {
                burst.fates.judge();
                if let super::fates::Lost::Jobs(lost @ 1..) = burst.lost() {
                    losses.push((burst.number, lost));
                }
            }
            if at.since(quiet_since) >= CLOSING {
                burst.fates.close();
            }
        }
        losses
    }

    /// Whether a verdict is still to come, so that time matters.
    #[must_use]
    pub fn unjudged(&self) -> bool {
        self.empty_since.is_some()
            && self.list.iter().any(|burst| burst.finished && burst.accepted > 0 && burst.fates.are_open())
    }

    /// All is quiet: the queue is empty, also as the HPA sees it, and the workers are at the minimum.
    pub fn quiet(&mut self, seen: Seen, pod_time: PodTime) {
        let running = self.list.iter().filter(|burst| burst.is_running()).count();
        for burst in &mut self.list {
            let end = match burst.watch.get(Stage::Drained) {
                Reading::NotYet => continue,
                Reading::Never(_) => burst.pressed,
                Reading::Seen(drained) => drained.at,
            };
            if burst.watch.is_over() || burst.accepted == 0 {
                continue;
            }
            if burst.is_scaled() {
                let doubt = burst.doubt(burst.with_load, running > 1);
                // Few jobs in the queue need no more than the minimum: that may have been before the last of them.
                burst.watch.see(Stage::BackAtMin, burst.at_min.unwrap_or(seen).doubted(doubt));
                burst.give_up(Stage::InBroker, &Why::BetweenLooks);
            } else if seen.at.since(end) >= SETTLED {
                burst.give_up(Stage::InBroker, &Why::NotNeeded);
            } else {
                continue;
            }
            burst.ended = Some((seen.at, pod_time));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use uuid::Uuid;

    use super::super::fates::Lost;
    use super::*;

    const POLL: Duration = Duration::from_millis(500);

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
    }

    fn asked(s: u64) -> Seen {
        Seen::within(at(s), How::Asked, POLL)
    }

    fn watched(s: u64) -> Seen {
        Seen::received(at(s), How::Watch)
    }

    fn id(text: &str) -> BurstId {
        text.parse().unwrap()
    }

    fn before() -> Before {
        Before {
            depth: Some(0.0),
            scraped: Some(0.0),
            metric: Some(0.0),
            desired: Some(1),
            spec_replicas: Some(1),
            workers: BTreeSet::from(["old".to_owned()]),
            ..Before::default()
        }
    }

    /// The jobs of a burst have the IDs from 0.
    fn accept(bursts: &mut Bursts, name: &str, accepted: u32, finished: bool) -> u32 {
        let known = bursts.get_mut(&id(name)).unwrap().accepted;
        bursts.progress(BurstProgress {
            id: id(name),
            size: 50,
            sent: accepted,
            accepted,
            failed: BTreeMap::new(),
            new_ids: (known..accepted).map(|n| Uuid::from_u128(n.into())).collect(),
            first_sent: Some(at(1)),
            first_accepted: (accepted > 0).then_some(at(1)),
            last_accepted: (accepted > 0).then_some(at(2)),
            waiting: None,
            finished,
        })
    }

    fn job(name: &str, kind: JobEventKind, n: u128) -> JobEvent {
        JobEvent {
            kind,
            id: Some(Uuid::from_u128(n)),
            burst: Some(id(name)),
            traceparent: None,
            at: jiff::Timestamp::UNIX_EPOCH,
            redelivered: false,
            wait_ms: Some(100 * u64::try_from(n).unwrap()),
            work_ms: None,
            reason: None,
        }
    }

    fn ack(bursts: &mut Bursts, s: u64, name: &str, jobs: std::ops::Range<u128>) {
        for n in jobs {
            bursts.job(Seen::received(at(s), How::Log), &job(name, JobEventKind::Acked, n));
        }
    }

    #[test]
    fn a_burst_goes_through_its_stages() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        assert_eq!(accept(&mut bursts, "a", 20, false), 20);
        assert_eq!(accept(&mut bursts, "a", 50, true), 30);
        bursts.number(Stage::InBroker, asked(3), 50.0, false);
        bursts.depth(asked(3), 50, Duration::ZERO);
        bursts.number(Stage::Scraped, asked(4), 50.0, false);
        bursts.number(Stage::ExternalApi, asked(5), 50.0, true);
        bursts.desired(watched(6), 3, false);
        bursts.spec_replicas(watched(7), 3, false);
        bursts.worker(watched(8), "old", Stage::Scheduled);
        bursts.worker(watched(9), "new", Stage::Scheduled);
        bursts.worker(watched(10), "new", Stage::Started);
        bursts.worker(watched(10), "new", Stage::PodReady);
        ack(&mut bursts, 11, "a", 0..1);
        bursts.depth(asked(12), 3, Duration::ZERO);
        bursts.depth(asked(13), 0, Duration::ZERO);
        bursts.quiet(watched(14), PodTime::default());
        let burst = bursts.newest().unwrap();
        let times: Vec<_> = Stage::ALL.into_iter().map(|stage| burst.watch.at(stage)).collect();
        assert_eq!(times, [1, 1, 2, 3, 4, 5, 6, 7, 9, 10, 10, 11, 13, 14].map(|s| Some(at(s))));
        let api = burst.watch.get(Stage::ExternalApi).seen().unwrap();
        assert_eq!((api.doubt, api.margin), (Some(Doubt::Load), POLL));
        assert_eq!(burst.watch.get(Stage::InBroker).seen().unwrap().doubt, None);
        assert_eq!((burst.peak_depth, burst.peak_replicas), (50.0, 3));
        assert!(!bursts.running());
    }

    #[test]
    fn what_shows_before_the_first_answer_counts_from_when_it_showed() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        bursts.number(Stage::InBroker, asked(2), 7.0, false);
        assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker), "nothing was accepted yet");
        bursts.number(Stage::InBroker, asked(3), 9.0, false);
        accept(&mut bursts, "a", 20, false);
        assert_eq!(bursts.newest().unwrap().watch.at(Stage::InBroker), Some(at(2)));
    }

    #[test]
    fn a_pod_may_be_told_of_before_the_deployment_that_asked_for_it() {
        for (pod, counts) in [(6, true), (2, false)] {
            let mut bursts = Bursts::default();
            bursts.fire(at(1), id("a"), 50, before());
            accept(&mut bursts, "a", 50, true);
            bursts.worker(watched(pod), "new", Stage::Scheduled);
            assert!(!bursts.newest().unwrap().watch.has(Stage::Scheduled));
            bursts.spec_replicas(watched(7), 3, false);
            assert_eq!(bursts.newest().unwrap().watch.has(Stage::Scheduled), counts, "seen at {pod}");
        }
    }

    #[test]
    fn the_last_job_ends_a_burst_though_others_are_in_the_queue() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 3, before());
        accept(&mut bursts, "a", 3, true);
        ack(&mut bursts, 5, "a", 0..2);
        bursts.depth(asked(6), 40, Duration::ZERO);
        assert!(!bursts.newest().unwrap().watch.has(Stage::Drained));
        bursts.job(Seen::received(at(7), How::Log), &job("a", JobEventKind::Failed, 2));
        let burst = bursts.newest().unwrap();
        let drained = burst.watch.get(Stage::Drained).seen().unwrap();
        assert_eq!((drained.at, drained.how, drained.doubt), (at(7), How::Log, None));
        assert_eq!((burst.done(), burst.dead, burst.lost()), (2, 1, Lost::Jobs(0)));
        assert_eq!(burst.longest_wait, Some(Duration::from_millis(200)));
    }

    #[test]
    fn jobs_that_end_before_the_last_answer_drain_the_burst_all_the_same() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 2, before());
        ack(&mut bursts, 2, "a", 0..2);
        accept(&mut bursts, "a", 2, true);
        assert_eq!(bursts.newest().unwrap().watch.at(Stage::Drained), Some(at(2)));
    }

    #[test]
    fn what_no_log_spoke_of_is_lost_once_the_queue_was_empty_for_long_enough() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        accept(&mut bursts, "a", 50, true);
        ack(&mut bursts, 3, "a", 0..48);
        bursts.depth(asked(4), 2, Duration::ZERO);
        bursts.depth(asked(10), 0, Duration::ZERO);
        assert_eq!(bursts.judge(at(14)), []);
        assert!(bursts.unjudged());
        assert_eq!(bursts.judge(at(15)), [(1, 2)]);
        assert_eq!(bursts.judge(at(16)), [], "told once");
        assert_eq!(bursts.newest().unwrap().lost(), Lost::Jobs(2));
        bursts.judge(at(100));
        assert_eq!(bursts.newest().unwrap().fates.ids(), 0);
        assert_eq!(bursts.newest().unwrap().lost(), Lost::Jobs(2));
    }

    #[test]
    fn a_gap_in_a_log_makes_the_loss_unknown() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        accept(&mut bursts, "a", 50, true);
        bursts.gap(Gap::Log, 0);
        bursts.depth(asked(10), 0, Duration::ZERO);
        assert_eq!(bursts.judge(at(99)), []);
        assert_eq!(bursts.newest().unwrap().lost(), Lost::Unknown(Gap::Log));
    }

    #[test]
    fn a_stale_zero_is_no_end() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        accept(&mut bursts, "a", 50, true);
        bursts.number(Stage::InBroker, asked(3), 50.0, false);
        let stale = Duration::from_secs(5);
        bursts.depth(asked(4), 0, stale);
        assert!(!bursts.newest().unwrap().watch.has(Stage::Drained), "it may be from before the burst");
        bursts.depth(asked(8), 0, stale);
        assert!(bursts.newest().unwrap().watch.has(Stage::Drained));
    }

    #[test]
    fn in_a_draining_queue_more_than_the_lowest_counts() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 10, Before { depth: Some(30.0), ..before() });
        accept(&mut bursts, "a", 10, true);
        bursts.number(Stage::InBroker, asked(2), 12.0, false);
        assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker));
        bursts.number(Stage::InBroker, asked(3), 22.0, false);
        assert!(bursts.newest().unwrap().watch.has(Stage::InBroker));
    }

    #[test]
    fn a_burst_that_needs_no_rescale_ends_all_the_same() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 1, before());
        bursts.blind(Source::Prometheus, "no right");
        accept(&mut bursts, "a", 1, true);
        ack(&mut bursts, 2, "a", 0..1);
        bursts.quiet(watched(3), PodTime::default());
        assert!(bursts.running(), "the HPA may still see it");
        bursts.quiet(watched(60), PodTime::default());
        assert!(!bursts.running());
        let watch = &bursts.newest().unwrap().watch;
        for (stage, why) in [
            (Stage::InBroker, Why::BetweenLooks),
            (Stage::Scraped, Why::Unread(Source::Prometheus, "no right".to_owned())),
            (Stage::ExternalApi, Why::NotNeeded),
            (Stage::Desired, Why::NotNeeded),
            (Stage::BackAtMin, Why::NotNeeded),
        ] {
            assert_eq!(*watch.get(stage), Reading::Never(why), "{stage:?}");
        }
    }

    #[test]
    fn the_way_back_may_end_before_the_last_job_does() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 2, before());
        accept(&mut bursts, "a", 2, true);
        bursts.at_min(watched(2), true);
        bursts.spec_replicas(watched(3), 2, false);
        for (second, is_at_min) in [(3, false), (5, true), (6, false), (7, true), (8, true)] {
            bursts.at_min(watched(second), is_at_min);
        }
        ack(&mut bursts, 9, "a", 0..2);
        bursts.quiet(watched(10), PodTime::default());
        let watch = &bursts.newest().unwrap().watch;
        assert_eq!((watch.at(Stage::BackAtMin), watch.at(Stage::Drained)), (Some(at(7)), Some(at(9))));
    }

    #[test]
    fn two_bursts_at_once_are_said_to_overlap_and_make_times_estimates() {
        let mut bursts = Bursts::default();
        for name in ["a", "b"] {
            bursts.fire(at(1), id(name), 50, before());
            accept(&mut bursts, name, 50, true);
        }
        bursts.number(Stage::InBroker, asked(3), 100.0, false);
        for burst in bursts.iter() {
            assert_eq!(burst.watch.get(Stage::InBroker).seen().unwrap().doubt, Some(Doubt::OtherBurst));
        }
        let overlaps: Vec<Vec<u32>> = bursts.iter().map(|b| b.overlaps.iter().copied().collect()).collect();
        assert_eq!(overlaps, [[2], [1]]);
    }

    #[test]
    fn a_burst_of_which_nothing_was_accepted_is_over() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        assert!(bursts.running());
        accept(&mut bursts, "a", 0, true);
        assert!(!bursts.running());
        let watch = &bursts.newest().unwrap().watch;
        assert_eq!(*watch.get(Stage::InBroker), Reading::Never(Why::NothingAccepted));
    }

    #[test]
    fn only_so_many_bursts_and_ids_are_kept() {
        let mut bursts = Bursts::default();
        for n in 0..2 * MAX_BURSTS {
            bursts.fire(at(1), id(&n.to_string()), 1_000, before());
            accept(&mut bursts, &n.to_string(), 1_000, true);
        }
        assert_eq!(bursts.iter().count(), MAX_BURSTS);
        assert_eq!(bursts.newest().unwrap().number, 2 * MAX_BURSTS as u32);
        assert!(bursts.iter().map(|burst| burst.fates.ids()).sum::<usize>() <= MAX_IDS);
        assert_eq!(bursts.newest().unwrap().lost(), Lost::Unknown(Gap::TooMany));
    }
}
