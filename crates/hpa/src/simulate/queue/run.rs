//! The run: a schedule of events, and the pods that process them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::model::{Arrivals, Counted, Queue, QueueSample, Run, check};
use crate::input::Reading;
use crate::simulate::{SimulateError, Simulator, Step};
use crate::spec::Spec;
use crate::status::Status;
use crate::time::Time;

/// Runs the queue with the HPA.
///
/// # Errors
/// [`SimulateError::Setting`] for a setting out of its range, [`SimulateError::TooLong`] after `max_steps` steps.
pub fn run(simulator: &mut Simulator, queue: &Queue) -> Result<Run, SimulateError> {
    let mut simulation = Simulation::new(queue, simulator)?;
    simulation.advance(queue.duration_ms)?;
    Ok(simulation.finish())
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
    /// The next job of the load that [`Simulation::set_rate`] set for the `count`th time.
    Flow {
        count: u64,
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

/// The load that a caller sets.
#[derive(Debug, Default)]
struct Flow {
    per_second: f64,
    /// Time of the last change or job, and the part of a job that was due then.
    since: i64,
    owed: f64,
    /// Number of changes: the schedule may hold a job of an earlier rate.
    count: u64,
}

/// A run that goes on step by step, so that a caller can react to it.
pub struct Simulation<'a> {
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
    /// The ready jobs by their time of arrival, oldest first.
    arrived: VecDeque<(i64, u64)>,
    unacked_jobs: u64,
    ready_pods: i32,
    scraped: Option<u64>,
    /// False while the metrics API has no answer.
    is_readable: bool,
    flow: Flow,
    steps: u64,
    run: Run,
}

impl<'a> Simulation<'a> {
    /// A run at its beginning.
    ///
    /// # Errors
    /// Fails with [`SimulateError::Setting`] for a setting out of its range.
    pub fn new(queue: &'a Queue, simulator: &'a mut Simulator) -> Result<Self, SimulateError> {
        check(queue, simulator)?;
        let run = Run {
            steps: Vec::new(),
            samples: Vec::new(),
            arrived: 0,
            done: 0,
            drained_at_ms: None,
            peak_depth: 0,
            longest_wait_ms: 0,
            redelivered: 0,
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
            arrived: VecDeque::new(),
            unacked_jobs: 0,
            ready_pods: 0,
            scraped: None,
            is_readable: true,
            flow: Flow::default(),
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
        Ok(simulation)
    }

    /// The time of the next event.
    #[must_use]
    pub fn next_ms(&self) -> Option<i64> {
        self.schedule.peek().map(|Reverse((at, _))| *at)
    }

    /// The queue and the pods now.
    #[must_use]
    pub fn sample(&self) -> QueueSample {
        QueueSample {
            at_ms: self.now,
            ready_jobs: self.ready_jobs,
            unacked_jobs: self.unacked_jobs,
            size: self.simulator.size(),
            ready_pods: self.ready_pods,
            scraped: self.scraped,
        }
    }

    /// The result so far.
    #[must_use]
    pub fn so_far(&self) -> &Run {
        &self.run
    }

    /// Takes the syncs since the last call out of the result.
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.run.steps)
    }

    /// The HPA.
    #[must_use]
    pub fn simulator(&mut self) -> &mut Simulator {
        self.simulator
    }

    /// The specification of the HPA, with defaults.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        self.simulator.spec()
    }

    /// The status of the HPA after the last sync.
    #[must_use]
    pub fn status(&self) -> &Status {
        self.simulator.status()
    }

    /// Adds jobs now.
    pub fn burst(&mut self, jobs: u32) {
        self.arrive(jobs.into());
    }

    /// Changes the continuous load to that rate in jobs per second, from now on.
    pub fn set_rate(&mut self, per_second: f64) {
        self.settle_flow();
        self.flow.count += 1;
        self.flow.per_second = if per_second.is_finite() { per_second.max(0.0) } else { 0.0 };
        self.schedule_flow();
    }

    /// Makes the metric readable, or unreadable: each read of the HPA fails then.
    pub fn set_readable(&mut self, is_readable: bool) {
        self.is_readable = is_readable;
    }

    /// Kills the oldest ready pod: its jobs are ready again, and a new pod starts in its place. Returns false without one.
    pub fn kill_pod(&mut self) -> bool {
        let place = self.members.iter().position(|pod| self.consumers[*pod].phase == Phase::Ready);
        let Some(place) = place else { return false };
        let pod = self.members.remove(place);
        let consumer = &mut self.consumers[pod];
        consumer.phase = Phase::Gone;
        let unacked = std::mem::take(&mut consumer.unacked);
        self.ready_pods -= 1;
        self.requeue(unacked);
        self.add_pod(self.queue.pod_start_ms);
        self.deliver();
        true
    }

    /// Puts unacked jobs back at the head of the queue, where RabbitMQ puts them.
    fn requeue(&mut self, jobs: u32) {
        if jobs > 0 {
            self.unacked_jobs -= u64::from(jobs);
            self.ready_jobs += u64::from(jobs);
            self.run.redelivered += u64::from(jobs);
            self.arrived.push_front((self.now, jobs.into()));
        }
    }

    /// Counts the part of a job that is due since the last change.
    fn settle_flow(&mut self) {
        let flow = &mut self.flow;
        flow.owed += flow.per_second * (self.now - flow.since) as f64 / 1000.0;
        flow.since = self.now;
    }

    fn schedule_flow(&mut self) {
        let flow = &self.flow;
        if flow.per_second > 0.0 {
            let wait = (1.0 - flow.owed).max(0.0) * 1000.0 / flow.per_second;
            let (at, count) = (self.now.saturating_add(wait.ceil() as i64), flow.count);
            self.push(at, SimEvent::Flow { count });
        }
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

    /// Plays all events up to `until_ms`, inclusive, but not those after the duration of the queue.
    ///
    /// # Errors
    /// Fails with [`SimulateError::TooLong`] after `max_steps` steps.
    pub fn advance(&mut self, until_ms: i64) -> Result<(), SimulateError> {
        let until = until_ms.min(self.queue.duration_ms);
        while let Some(at) = self.next_ms().filter(|at| *at <= until) {
            let Some(Reverse((_, event))) = self.schedule.pop() else { break };
            self.steps += 1;
            if self.steps > self.queue.max_steps {
                return Err(SimulateError::TooLong { steps: self.queue.max_steps, at_ms: self.now });
            }
            self.advance_to(at);
            match event {
                SimEvent::Done { pod } => self.done(pod),
                SimEvent::Started { pod } => self.started(pod),
                SimEvent::Burst { jobs } => self.arrive(jobs.into()),
                SimEvent::Flow { count } if count == self.flow.count => {
                    self.settle_flow();
                    let due = self.flow.owed.floor().max(1.0);
                    self.flow.owed -= due;
                    self.arrive(due as u64);
                    self.schedule_flow();
                }
                SimEvent::Flow { .. } => {}
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
        self.advance_to(until);
        Ok(())
    }

    fn finish(mut self) -> Run {
        if self.ready_jobs + self.unacked_jobs > 0 {
            self.run.drained_at_ms = None;
        }
        self.run
    }

    fn advance_to(&mut self, at: i64) {
        self.run.pod_ms =
            self.run.pod_ms.saturating_add(i64::from(self.ready_pods).saturating_mul(at - self.now));
        self.now = at;
    }

    fn arrive(&mut self, jobs: u64) {
        self.run.arrived += jobs;
        self.ready_jobs += jobs;
        match self.arrived.back_mut() {
            Some((at, count)) if *at == self.now => *count += jobs,
            _ if jobs > 0 => self.arrived.push_back((self.now, jobs)),
            _ => {}
        }
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
            if let Some((at, count)) = self.arrived.front_mut() {
                self.run.longest_wait_ms = self.run.longest_wait_ms.max(self.now - *at);
                *count -= 1;
                if *count == 0 {
                    self.arrived.pop_front();
                }
            }
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
        // A killed pod has given its jobs back.
        if consumer.phase == Phase::Gone {
            return;
        }
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
        self.requeue(requeued);
        self.deliver();
    }

    fn sync(&mut self) {
        self.run.samples.push(self.sample());
        let reading = match self.scraped {
            _ if !self.is_readable => Reading::Failed("the metrics API has no answer".to_owned()),
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
