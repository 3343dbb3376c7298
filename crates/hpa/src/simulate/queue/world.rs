//! The run itself: an agenda of what happens when, and the pods that take jobs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Arrivals, Counted, Queue, Run, Sample};
use crate::input::Reading;
use crate::number::Time;
use crate::simulate::{SimulateError, Simulator};

/// What happens at a moment; the order of the variants is the order at equal times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Done {
        pod: usize,
    },
    Started {
        pod: usize,
    },
    Burst {
        jobs: u32,
    },
    /// The job number `count` of an entry of `arrivals`.
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
    /// Surplus: it finishes the job that it works at.
    Leaving,
    Gone,
}

struct Consumer {
    phase: Phase,
    /// Jobs held; the first is being worked at.
    held: u32,
}

pub(super) struct World<'a> {
    queue: &'a Queue,
    simulator: &'a mut Simulator,
    agenda: BinaryHeap<Reverse<(i64, Happening)>>,
    now: i64,
    consumers: Vec<Consumer>,
    /// The pods that count for the size, oldest first.
    members: Vec<usize>,
    /// Ready pods with room, in the order in which they got it.
    free: VecDeque<usize>,
    waiting: u64,
    held: u64,
    ready: i32,
    scraped: Option<u64>,
    steps: u64,
    run: Run,
}

impl<'a> World<'a> {
    pub(super) fn new(queue: &'a Queue, simulator: &'a mut Simulator) -> Self {
        let run = Run {
            steps: Vec::new(),
            samples: Vec::new(),
            arrived: 0,
            done: 0,
            drained_at_ms: None,
            peak_depth: 0,
            pod_ms: 0,
        };
        let mut world = Self {
            queue,
            simulator,
            agenda: BinaryHeap::new(),
            now: 0,
            consumers: Vec::new(),
            members: Vec::new(),
            free: VecDeque::new(),
            waiting: 0,
            held: 0,
            ready: 0,
            scraped: None,
            steps: 0,
            run,
        };
        for _ in 0..world.simulator.size() {
            world.add_pod(0);
        }
        world.plan(queue.scrape_phase_ms, Happening::Scrape);
        world.plan(queue.sync_phase_ms, Happening::Sync);
        for (entry, arrivals) in queue.arrivals.iter().enumerate() {
            match *arrivals {
                Arrivals::Burst { at_ms, jobs } => world.plan(at_ms, Happening::Burst { jobs }),
                Arrivals::Rate { .. } => world.plan_arrival(entry, 0),
            }
        }
        world
    }

    fn plan(&mut self, at: i64, happening: Happening) {
        self.agenda.push(Reverse((at, happening)));
    }

    /// Plans the job number `count` of a rate.
    fn plan_arrival(&mut self, entry: usize, count: u64) {
        let Arrivals::Rate { from_ms, until_ms, per_second } = self.queue.arrivals[entry] else { return };
        if per_second <= 0.0 {
            return;
        }
        let at = from_ms.saturating_add((count as f64 * 1000.0 / per_second) as i64);
        if at < until_ms {
            self.plan(at, Happening::Arrival { entry, count });
        }
    }

    pub(super) fn run(mut self) -> Result<Run, SimulateError> {
        while let Some(Reverse((at, happening))) = self.agenda.pop() {
            if at > self.queue.duration_ms {
                break;
            }
            self.steps += 1;
            if self.steps > self.queue.most_steps {
                return Err(SimulateError::TooLong { steps: self.queue.most_steps, at_ms: self.now });
            }
            self.pass_to(at);
            match happening {
                Happening::Done { pod } => self.done(pod),
                Happening::Started { pod } => self.started(pod),
                Happening::Burst { jobs } => self.arrive(jobs.into()),
                Happening::Arrival { entry, count } => {
                    self.arrive(1);
                    self.plan_arrival(entry, count + 1);
                }
                Happening::Scrape => {
                    self.scraped = Some(match self.queue.counted {
                        Counted::All => self.waiting + self.held,
                        Counted::Waiting => self.waiting,
                    });
                    self.plan(at.saturating_add(self.queue.scrape_interval_ms), Happening::Scrape);
                }
                Happening::Sync => {
                    self.sync();
                    let period = self.simulator.config().sync_period_seconds.saturating_mul(1000);
                    self.plan(at.saturating_add(period), Happening::Sync);
                }
            }
        }
        self.pass_to(self.queue.duration_ms);
        if self.waiting + self.held > 0 {
            self.run.drained_at_ms = None;
        }
        Ok(self.run)
    }

    fn pass_to(&mut self, at: i64) {
        self.run.pod_ms = self.run.pod_ms.saturating_add(i64::from(self.ready).saturating_mul(at - self.now));
        self.now = at;
    }

    fn arrive(&mut self, jobs: u64) {
        self.run.arrived += jobs;
        self.waiting += jobs;
        self.run.peak_depth = self.run.peak_depth.max(self.waiting + self.held);
        self.hand_out();
    }

    /// Gives waiting jobs to pods with room, one each in turn.
    fn hand_out(&mut self) {
        while self.waiting > 0 {
            let Some(pod) = self.free.pop_front() else { return };
            let consumer = &mut self.consumers[pod];
            if consumer.phase != Phase::Ready {
                continue;
            }
            consumer.held += 1;
            self.waiting -= 1;
            self.held += 1;
            let (begins, room) = (consumer.held == 1, consumer.held < self.queue.prefetch);
            if room {
                self.free.push_back(pod);
            }
            if begins {
                self.plan(self.now.saturating_add(self.queue.work_ms), Happening::Done { pod });
            }
        }
    }

    fn done(&mut self, pod: usize) {
        let consumer = &mut self.consumers[pod];
        let was_full = consumer.held >= self.queue.prefetch;
        consumer.held = consumer.held.saturating_sub(1);
        let (phase, more) = (consumer.phase, consumer.held > 0);
        if phase == Phase::Leaving {
            consumer.phase = Phase::Gone;
        }
        self.held -= 1;
        self.run.done += 1;
        if phase == Phase::Ready {
            if more {
                self.plan(self.now.saturating_add(self.queue.work_ms), Happening::Done { pod });
            }
            if was_full {
                self.free.push_back(pod);
            }
        }
        if self.waiting + self.held == 0 {
            self.run.drained_at_ms = Some(self.now);
        }
        self.hand_out();
    }

    fn add_pod(&mut self, start_ms: i64) {
        self.steps += 1;
        let pod = self.consumers.len();
        self.consumers.push(Consumer { phase: Phase::Starting, held: 0 });
        self.members.push(pod);
        if start_ms == 0 {
            self.started(pod);
        } else {
            self.plan(self.now.saturating_add(start_ms), Happening::Started { pod });
        }
    }

    fn started(&mut self, pod: usize) {
        let consumer = &mut self.consumers[pod];
        if consumer.phase != Phase::Starting {
            return;
        }
        consumer.phase = Phase::Ready;
        self.ready += 1;
        self.free.push_back(pod);
        self.hand_out();
    }

    /// Takes away the newest pod; as pods become ready in the order of their start, that is a starting one if there is.
    fn remove_pod(&mut self) {
        let Some(pod) = self.members.pop() else { return };
        let consumer = &mut self.consumers[pod];
        if consumer.phase == Phase::Ready {
            self.ready -= 1;
        }
        let back = consumer.held.saturating_sub(1);
        consumer.phase = if consumer.held > 0 { Phase::Leaving } else { Phase::Gone };
        consumer.held -= back;
        self.held -= u64::from(back);
        self.waiting += u64::from(back);
        self.hand_out();
    }

    fn sync(&mut self) {
        let size = self.simulator.size();
        self.run.samples.push(Sample {
            at_ms: self.now,
            waiting: self.waiting,
            held: self.held,
            size,
            ready: self.ready,
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
        let step = self.simulator.sync(Time(self.now), &readings, Some(self.ready));
        for _ in step.before..step.after {
            self.add_pod(self.queue.pod_start_ms);
        }
        for _ in step.after..step.before {
            self.remove_pod();
        }
        self.run.steps.push(step);
    }
}
