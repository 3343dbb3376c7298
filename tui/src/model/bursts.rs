//! The bursts of this run: how their requests went, what became of their jobs, and their stopwatches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use contract::BurstId;

use super::stopwatch::{Reading, Stage, Stopwatch};
use crate::event::{At, BurstProgress};

/// Bursts kept; the oldest go first.
pub const MAX_BURSTS: usize = 100;

/// So long after its acceptance an empty queue means that a burst is through, even if no sample ever showed it.
const THROUGH: Duration = Duration::from_secs(5);

/// How long after its end a burst can still make the HPA rescale: a scrape, a sync and some room.
const SETTLED: Duration = Duration::from_secs(45);

/// What the chain showed when the key was pressed: a step has happened when it shows more than that.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Before {
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
    /// Uids of the workers.
    pub workers: BTreeSet<String>,
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
    /// Jobs done, as the workers' logs say.
    pub acked: u32,
    /// Jobs delivered again.
    pub redelivered: u32,
    /// Jobs that went to the dead-letter queue.
    pub dead: u32,
    /// The steps.
    pub watch: Stopwatch,
    before: Before,
}

impl Burst {
    /// Requests that failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether jobs of it may still be in the queue.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        !self.finished || (self.accepted > 0 && self.watch.get(Stage::Drained) == Reading::NotYet)
    }
}

/// The bursts of this run, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bursts {
    list: VecDeque<Burst>,
    fired: u32,
}

impl Bursts {
    /// A burst was fired.
    pub fn fire(&mut self, at: At, id: BurstId, size: u32, before: Before) {
        if self.list.len() == MAX_BURSTS {
            self.list.pop_front();
        }
        self.fired += 1;
        let mut watch = Stopwatch::default();
        watch.note(Stage::KeyPress, Reading::Observed(at));
        self.list.push_back(Burst {
            id,
            number: self.fired,
            size,
            pressed: at,
            sent: 0,
            accepted: 0,
            failed: BTreeMap::new(),
            waiting: None,
            finished: false,
            acked: 0,
            redelivered: 0,
            dead: 0,
            watch,
            before,
        });
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
        self.list.iter().any(|burst| burst.is_in_flight() || (burst.accepted > 0 && !burst.watch.is_over()))
    }

    /// The burst of that ID.
    pub fn get_mut(&mut self, id: &BurstId) -> Option<&mut Burst> {
        self.list.iter_mut().find(|burst| burst.id == *id)
    }

    /// How the requests of a burst go. Returns how many more jobs are accepted than before.
    pub fn progress(&mut self, progress: BurstProgress) -> u32 {
        let Some(burst) = self.get_mut(&progress.id) else { return 0 };
        let news = progress.accepted.saturating_sub(burst.accepted);
        burst.sent = burst.sent.max(progress.sent);
        burst.accepted = burst.accepted.max(progress.accepted);
        burst.failed = progress.failed;
        burst.waiting = progress.waiting;
        burst.finished |= progress.finished;
        if let Some(at) = progress.first_sent {
            burst.watch.note(Stage::Sent, Reading::Observed(at));
        }
        if burst.finished
            && let Some(at) = progress.last_accepted
        {
            burst.watch.note(Stage::Accepted, Reading::Observed(at));
        }
        news
    }

    /// A number of the chain was read: whoever waits to see more than before has seen it if `value` is higher.
    ///
    /// `at` is the time that the number stands for. Where another burst or the continuous load could be the cause
    /// (`shared`), the time is an estimate.
    pub fn number(&mut self, stage: Stage, at: At, value: f64, shared: bool) {
        let open = self.list.iter().filter(|burst| burst.is_in_flight()).count();
        for burst in &mut self.list {
            if burst.watch.has(stage) || !burst.is_in_flight() || burst.accepted == 0 {
                continue;
            }
            let floor = match stage {
                Stage::InBroker => &mut burst.before.depth,
                Stage::Scraped => &mut burst.before.scraped,
                Stage::ExternalApi => &mut burst.before.metric,
                _ => return,
            };
            match floor {
                Some(low) if value > *low => {
                    let at = at.max(burst.pressed);
                    let reading =
                        if shared || open > 1 { Reading::Estimated(at) } else { Reading::Observed(at) };
                    burst.watch.note(stage, reading);
                }
                // The queue may drain meanwhile: what was there before becomes less, so measure from the lowest.
                Some(low) => *low = low.min(value),
                // Nothing had been read before: whatever is there may be ours.
                None if value > 0.0 => burst.watch.note(stage, Reading::Estimated(at.max(burst.pressed))),
                None => *floor = Some(value),
            }
        }
    }

    /// The queue was seen with `total` messages: bursts whose jobs were seen in it are drained at zero.
    pub fn depth(&mut self, at: At, total: u64) {
        if total > 0 {
            return;
        }
        for burst in &mut self.list {
            // A small burst can be through before any sample shows it; its jobs' own lines say so then.
            let accepted = burst.watch.get(Stage::Accepted).at();
            let seen = burst.watch.has(Stage::InBroker)
                || burst.acked.saturating_add(burst.dead) >= burst.accepted
                || accepted.is_some_and(|accepted| at.since(accepted) >= THROUGH);
            if burst.finished && burst.accepted > 0 && seen {
                burst.watch.note(Stage::Drained, Reading::Observed(at));
            }
        }
    }

    /// The broker came back without messages that had been there: what was in flight may never be done.
    pub fn lost(&mut self) {
        for burst in self.list.iter_mut().filter(|burst| burst.accepted > 0) {
            burst.watch.note(Stage::Drained, Reading::Never("lost"));
        }
    }

    /// The HPA wants `desired` replicas.
    pub fn desired(&mut self, at: At, desired: i32) {
        for burst in self.list.iter_mut().filter(|burst| !burst.watch.is_over() && burst.accepted > 0) {
            raised(&mut burst.watch, Stage::Desired, &mut burst.before.desired, desired, at);
        }
    }

    /// The scale target asks for `replicas` pods.
    pub fn spec_replicas(&mut self, at: At, replicas: i32) {
        for burst in self.list.iter_mut().filter(|burst| !burst.watch.is_over() && burst.accepted > 0) {
            raised(&mut burst.watch, Stage::Deployment, &mut burst.before.spec_replicas, replicas, at);
        }
    }

    /// A worker was seen scheduled or ready.
    pub fn worker(&mut self, at: At, uid: &str, stage: Stage) {
        for burst in self.list.iter_mut().filter(|burst| {
            !burst.before.workers.contains(uid)
                && burst.watch.has(Stage::Deployment)
                && !burst.watch.is_over()
        }) {
            burst.watch.note(stage, Reading::Observed(at));
        }
    }

    /// A job of a burst is done.
    pub fn acked(&mut self, at: At, id: &BurstId) {
        let Some(burst) = self.get_mut(id) else { return };
        burst.acked += 1;
        burst.watch.note(Stage::FirstAck, Reading::Observed(at));
    }

    /// All is quiet: the queue is empty, also as the HPA sees it, and the workers are at the minimum.
    pub fn quiet(&mut self, at: At) {
        for burst in &mut self.list {
            let end = match burst.watch.get(Stage::Drained) {
                Reading::NotYet => continue,
                Reading::Never(_) => burst.pressed,
                Reading::Observed(at) | Reading::Estimated(at) => at,
            };
            if burst.watch.has(Stage::Deployment) {
                burst.watch.note(Stage::BackAtMin, Reading::Observed(at));
            } else if at.since(end) >= SETTLED {
                for stage in &Stage::ALL[Stage::Scraped as usize..] {
                    burst.watch.note(*stage, Reading::Never("not needed"));
                }
            }
        }
    }
}

/// Notes a step when a replica count is above what it was; a lower count becomes the new measure.
fn raised(watch: &mut Stopwatch, stage: Stage, before: &mut Option<i32>, now: i32, at: At) {
    match before {
        Some(low) if now > *low => watch.note(stage, Reading::Observed(at)),
        Some(low) => *low = now,
        None => *before = Some(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> At {
        At(Duration::from_secs(s))
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
        }
    }

    fn accept(bursts: &mut Bursts, name: &str, accepted: u32, finished: bool) -> u32 {
        bursts.progress(BurstProgress {
            id: id(name),
            size: 50,
            sent: accepted,
            accepted,
            failed: BTreeMap::new(),
            new_ids: Vec::new(),
            first_sent: Some(at(1)),
            first_accepted: Some(at(1)),
            last_accepted: Some(at(2)),
            waiting: None,
            finished,
        })
    }

    #[test]
    fn a_burst_goes_through_its_stages() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        bursts.number(Stage::InBroker, at(1), 50.0, false);
        assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker), "nothing was accepted yet");
        assert_eq!(accept(&mut bursts, "a", 20, false), 20);
        assert_eq!(accept(&mut bursts, "a", 50, true), 30);
        bursts.number(Stage::InBroker, at(3), 50.0, false);
        bursts.number(Stage::Scraped, at(4), 50.0, false);
        bursts.number(Stage::ExternalApi, at(5), 50.0, true);
        bursts.desired(at(6), 3);
        bursts.spec_replicas(at(7), 3);
        bursts.worker(at(8), "old", Stage::Scheduled);
        bursts.worker(at(9), "new", Stage::Scheduled);
        bursts.worker(at(10), "new", Stage::PodReady);
        bursts.acked(at(11), &id("a"));
        bursts.depth(at(12), 3);
        bursts.depth(at(13), 0);
        bursts.quiet(at(14));
        let burst = bursts.newest().unwrap();
        let times: Vec<_> = Stage::ALL.into_iter().map(|stage| burst.watch.get(stage)).collect();
        let mut expected: Vec<_> =
            [1, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14].map(|second| Reading::Observed(at(second))).to_vec();
        expected[Stage::ExternalApi as usize] = Reading::Estimated(at(5));
        assert_eq!(times, expected);
        assert!(!bursts.running());
    }

    #[test]
    fn in_a_draining_queue_more_than_the_lowest_counts() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 10, Before { depth: Some(30.0), ..before() });
        accept(&mut bursts, "a", 10, true);
        bursts.number(Stage::InBroker, at(2), 12.0, false);
        assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker));
        bursts.number(Stage::InBroker, at(3), 22.0, false);
        assert!(bursts.newest().unwrap().watch.has(Stage::InBroker));
    }

    #[test]
    fn a_burst_that_needs_no_rescale_ends_all_the_same() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 1, before());
        accept(&mut bursts, "a", 1, true);
        bursts.acked(at(2), &id("a"));
        bursts.depth(at(2), 0);
        bursts.quiet(at(3));
        assert!(bursts.running(), "the HPA may still see it");
        bursts.quiet(at(60));
        assert!(!bursts.running());
        let watch = &bursts.newest().unwrap().watch;
        assert_eq!(watch.get(Stage::Desired), Reading::Never("not needed"));
    }

    #[test]
    fn two_bursts_at_once_make_times_estimates() {
        let mut bursts = Bursts::default();
        for name in ["a", "b"] {
            bursts.fire(at(1), id(name), 50, before());
            accept(&mut bursts, name, 50, true);
        }
        bursts.number(Stage::InBroker, at(3), 100.0, false);
        assert!(bursts.iter().all(|b| b.watch.get(Stage::InBroker) == Reading::Estimated(at(3))));
    }

    #[test]
    fn a_burst_of_which_nothing_was_accepted_is_over() {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        assert!(bursts.running());
        accept(&mut bursts, "a", 0, true);
        assert!(!bursts.running());
    }

    #[test]
    fn only_so_many_are_kept() {
        let mut bursts = Bursts::default();
        for n in 0..2 * MAX_BURSTS {
            bursts.fire(at(1), id(&n.to_string()), 1, before());
        }
        assert_eq!(bursts.iter().count(), MAX_BURSTS);
        assert_eq!(bursts.newest().unwrap().number, 2 * MAX_BURSTS as u32);
    }
}
