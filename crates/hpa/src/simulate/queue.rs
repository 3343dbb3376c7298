//! A simulated queue with consumers and a metric: the closed loop of an HPA and a queue.
//!
//! # Assumptions
//!
//! - Time is in whole milliseconds. Steps without a setting take no time.
//! - The only metric is an External metric, the queue depth: ready and unacked jobs, or ready jobs only (see [`Counted`]).
//!   A scrape reads the depth at its time; a sync sees the last scrape. Before the first scrape there is no reading, and
//!   the sync fails as a real one does.
//! - Syncs and scrapes are exactly one period apart, from their phase on. Real syncs are a little further apart; exact
//!   periods meet the edges of windows exactly.
//! - A pod holds up to `prefetch` jobs and works on one at a time. Each job takes exactly `work_ms`. Jobs go to the pods in
//!   the order in which the pods get room, and no job fails.
//! - A new pod is ready `pod_start_ms` after the sync that requests it, regardless of how many start. The initial pods are
//!   ready at once. `status.replicas` of the scale always equals its `spec.replicas`.
//! - Scale-down removes starting pods first, then the pods that became ready last. A removed pod no longer counts as ready,
//!   requeues the jobs that it has not begun, and finishes its current job.
//! - A load that [`Simulation::set_rate`] changes keeps the fraction of the next job.
//! - At equal times the order is: jobs done, pods ready, jobs arriving, scrape, sync.

mod model;
mod run;

pub use model::{Arrivals, Counted, MAX_PODS, MAX_STEPS, Queue, QueueSample, Run};
pub use run::{Simulation, run};
