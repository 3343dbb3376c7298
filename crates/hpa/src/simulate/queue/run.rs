//! The run: a schedule of events, and the pods that process them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::model::{Arrivals, Counted, Queue, QueueSample, Run, check};
use crate::input::Reading;
use crate::simulate::{SimulateError, Simulator};
use crate::time::Time;

/// Runs the queue with the HPA.
///
/// # Errors
/// [`SimulateError::Setting`] for a setting out of its range, [`SimulateError::TooLong`] after `max_steps` steps.
pub fn run(simulator: &mut Simulator, queue: &Queue) -> Result<Run, SimulateError> {
    check(queue, simulator)?;
    Simulation::new(queue, simulator).run()
}

/// An event of the simulation. The order of the variants is the order at equal times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SimEvent {
    Done {
        pod: usize,
    },
    Started {
        pod: usize,
    },
    Burst {
        jobs: u32,
    },
    /// Job `count` of an entry of `arrivals`.
    Arrival {
        entry: usize,
        count: u64,
    },
    Scrape,
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Ready,
    /// Removed; finishes its current job.
    Terminating,
    Gone,
}

struct Consumer {
    phase: Phase,
    /// Unacked jobs; the pod works on the first.
    unacked: u32,
}

/// The state of a run.
struct Simulation<'a> {
    queue: &'a Queue,
    simulator: &'a mut Simulator,
    schedule: BinaryHeap<Reverse<(i64, SimEvent)>>,
    now: i64,
    consumers: Vec<Consumer>,
    /// The pods that count for the size, oldest first.
    members: Vec<usize>,
    /// Ready pods with room, in the order in which they got room.
    free: VecDeque<usize>,
    ready_jobs: u64,
    unacked_jobs: u64,
    ready_pods: i32,
    scraped: Option<u64>,
    steps: u64,
    run: Run,
}

impl<'a> Simulation<'a> {
    fn new(queue: &'a Queue, simulator: &'a mut Simulator) -> Self {
        let run = Run {
            steps: Vec::new(),
            samples: Vec::new(),
            arrived: 0,
            done: 0,
            drained_at_ms: None,
            peak_depth: 0,
            pod_ms: 0,
        };
        let mut simulation = Self {
            queue,
            simulator,
            schedule: BinaryHeap::new(),
            now: 0,
            consumers: Vec::new(),
            members: Vec::new(),
            free: VecDeque::new(),
            ready_jobs: 0,
            unacked_jobs: 0,
            ready_pods: 0,
            scraped: None,
            steps: 0,
            run,
        };
        for _ in 0..simulation.simulator.size() {
            simulation.add_pod(0);
        }
        simulation.push(queue.scrape_phase_ms, SimEvent::Scrape);
        simulation.push(queue.sync_phase_ms, SimEvent::Sync);
        for (entry, arrivals) in queue.arrivals.iter().enumerate() {
            match *arrivals {
                Arrivals::Burst { at_ms, jobs } => simulation.push(at_ms, SimEvent::Burst { jobs }),
                Arrivals::Rate { .. } => simulation.schedule_arrival(entry, 0),
            }
        }
        simulation
    }

    fn push(&mut self, at: i64, event: SimEvent) {
        self.schedule.push(Reverse((at, event)));
    }

    /// Schedules job `count` of a rate.
    fn schedule_arrival(&mut self, entry: usize, count: u64) {
        let Arrivals::Rate { from_ms, until_ms, per_second } = self.queue.arrivals[entry] else { return };
        if per_second <= 0.0 {
            return;
        }
        let at = from_ms.saturating_add((count as f64 * 1000.0 / per_second) as i64);
        if at < until_ms {
            self.push(at, SimEvent::Arrival { entry, count });
        }
    }

    fn run(mut self) -> Result<Run, SimulateError> {
        while let Some(Reverse((at, event))) = self.schedule.pop() {
            if at > self.queue.duration_ms {
                break;
            }
            self.steps += 1;
            if self.steps > self.queue.max_steps {
                return Err(SimulateError::TooLong { steps: self.queue.max_steps, at_ms: self.now });
            }
            self.advance_to(at);
            match event {
                SimEvent::Done { pod } => self.done(pod),
                SimEvent::Started { pod } => self.started(pod),
                SimEvent::Burst { jobs } => self.arrive(jobs.into()),
                SimEvent::Arrival { entry, count } => {
                    self.arrive(1);
                    self.schedule_arrival(entry, count + 1);
                }
                SimEvent::Scrape => {
                    self.scraped = Some(match self.queue.counted {
                        Counted::All => self.ready_jobs + self.unacked_jobs,
                        Counted::Ready => self.ready_jobs,
                    });
                    self.push(at.saturating_add(self.queue.scrape_interval_ms), SimEvent::Scrape);
                }
                SimEvent::Sync => {
                    self.sync();
                    let period = self.simulator.config().sync_period_seconds.saturating_mul(1000);
                    self.push(at.saturating_add(period), SimEvent::Sync);
                }
            }
        }
        self.advance_to(self.queue.duration_ms);
        if self.ready_jobs + self.unacked_jobs > 0 {
            self.run.drained_at_ms = None;
        }
        Ok(self.run)
    }

    fn advance_to(&mut self, at: i64) {
        self.run.pod_ms =
            self.run.pod_ms.saturating_add(i64::from(self.ready_pods).saturating_mul(at - self.now));
        self.now = at;
    }

    fn arrive(&mut self, jobs: u64) {
        self.run.arrived += jobs;
        self.ready_jobs += jobs;
        self.run.peak_depth = self.run.peak_depth.max(self.ready_jobs + self.unacked_jobs);
        self.deliver();
    }

    /// Delivers ready jobs to pods with room, one each in turn.
    fn deliver(&mut self) {
        while self.ready_jobs > 0 {
            let Some(pod) = self.free.pop_front() else { return };
            let consumer = &mut self.consumers[pod];
            if consumer.phase != Phase::Ready {
                continue;
            }
            consumer.unacked += 1;
            self.ready_jobs -= 1;
            self.unacked_jobs += 1;
            let (begins, room) = (consumer.unacked == 1, consumer.unacked < self.queue.prefetch);
            if room {
                self.free.push_back(pod);
            }
            if begins {
                self.push(self.now.saturating_add(self.queue.work_ms), SimEvent::Done { pod });
            }
        }
    }

    fn done(&mut self, pod: usize) {
        let consumer = &mut self.consumers[pod];
        let was_full = consumer.unacked >= self.queue.prefetch;
        consumer.unacked = consumer.unacked.saturating_sub(1);
        let (phase, more) = (consumer.phase, consumer.unacked > 0);
        if phase == Phase::Terminating {
            consumer.phase = Phase::Gone;
        }
        self.unacked_jobs -= 1;
        self.run.done += 1;
        if phase == Phase::Ready {
            if more {
                self.push(self.now.saturating_add(self.queue.work_ms), SimEvent::Done { pod });
            }
            if was_full {
                self.free.push_back(pod);
            }
        }
        if self.ready_jobs + self.unacked_jobs == 0 {
            self.run.drained_at_ms = Some(self.now);
        }
        self.deliver();
    }

    fn add_pod(&mut self, start_ms: i64) {
        self.steps += 1;
        let pod = self.consumers.len();
        self.consumers.push(Consumer { phase: Phase::Starting, unacked: 0 });
        self.members.push(pod);
        if start_ms == 0 {
            self.started(pod);
        } else {
            self.push(self.now.saturating_add(start_ms), SimEvent::Started { pod });
        }
    }

    fn started(&mut self, pod: usize) {
        let consumer = &mut self.consumers[pod];
        if consumer.phase != Phase::Starting {
            return;
        }
        consumer.phase = Phase::Ready;
        self.ready_pods += 1;
        self.free.push_back(pod);
        self.deliver();
    }

    /// Removes the newest pod. Pods become ready in the order of their start, so this is a starting pod if one exists.
    fn remove_pod(&mut self) {
        let Some(pod) = self.members.pop() else { return };
        let consumer = &mut self.consumers[pod];
        if consumer.phase == Phase::Ready {
            self.ready_pods -= 1;
        }
        let requeued = consumer.unacked.saturating_sub(1);
        consumer.phase = if consumer.unacked > 0 { Phase::Terminating } else { Phase::Gone };
        consumer.unacked -= requeued;
        self.unacked_jobs -= u64::from(requeued);
        self.ready_jobs += u64::from(requeued);
        self.deliver();
    }

    fn sync(&mut self) {
        let size = self.simulator.size();
        self.run.samples.push(QueueSample {
            at_ms: self.now,
            ready_jobs: self.ready_jobs,
            unacked_jobs: self.unacked_jobs,
            size,
            ready_pods: self.ready_pods,
            scraped: self.scraped,
        });
        let reading = match self.scraped {
            Some(depth) => {
                let milli = i64::try_from(depth).unwrap_or(i64::MAX).saturating_mul(1000);
                Reading::External(vec![milli])
            }
            None => Reading::External(Vec::new()),
        };
        let readings = vec![reading; self.simulator.spec().metrics.len()];
        let step = self.simulator.sync(Time(self.now), &readings, Some(self.ready_pods));
        for _ in step.before..step.after {
            self.add_pod(self.queue.pod_start_ms);
        }
        for _ in step.after..step.before {
            self.remove_pod();
        }
        self.run.steps.push(step);
    }
}
