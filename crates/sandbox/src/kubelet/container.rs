//! The state of one container of a pod, and the back-off of its restarts. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container as Spec, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::status::ContainerView;
use crate::back_off::exponential;

/// The state of a container.
#[derive(Debug)]
pub(super) enum RunState {
    /// Not running. The worker starts it at `due`, or as soon as the init containers are done.
    Waiting { reason: String, message: Option<String>, due: Option<Instant> },
    /// Its process runs.
    Running(RunningProcess),
    /// Its process ended at `at`.
    Terminated { status: ContainerStateTerminated, at: Instant },
}

/// A running process.
#[derive(Debug)]
pub(super) struct RunningProcess {
    pub(super) pid: i32,
    /// Start, for the status.
    pub(super) started_at: Time,
    /// Start, for measuring durations.
    pub(super) started: Instant,
    /// Its declared ports.
    pub(super) ports: Vec<u16>,
    /// Cancelled when the process ends; ends its probes and its kill timer.
    pub(super) ended: CancellationToken,
    /// True once its termination has begun.
    pub(super) terminating: bool,
}

/// A container and its history.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) spec: Spec,
    pub(super) state: RunState,
    pub(super) last: Option<ContainerStateTerminated>,
    pub(super) restarts: i32,
    /// Number of the current run. Updates about earlier runs are ignored.
    pub(super) run: u64,
    pub(super) pid: Option<i32>,
    pub(super) ready: bool,
    pub(super) started: bool,
    /// True once the configured start delay has been applied.
    pub(super) delayed: bool,
    pub(super) image_known: bool,
    pub(super) crashes: BackOff,
    pub(super) pulls: BackOff,
    /// Time of the next repeated `BackOff` event.
    pub(super) repeat_backoff_event_at: Option<Instant>,
    /// Time of the next attempt to pull the image.
    pub(super) next_pull_at: Option<Instant>,
}

impl Container {
    pub(super) fn new(spec: Spec, reason: &str) -> Self {
        Self {
            spec,
            state: RunState::Waiting { reason: reason.to_owned(), message: None, due: None },
            last: None,
            restarts: 0,
            run: 0,
            pid: None,
            ready: false,
            started: false,
            delayed: false,
            image_known: false,
            crashes: BackOff::default(),
            pulls: BackOff::default(),
            next_pull_at: None,
            repeat_backoff_event_at: None,
        }
    }

    /// The container's part of the pod status.
    pub(super) fn view(&self) -> ContainerView {
        let state = match &self.state {
            RunState::Waiting { reason, message, .. } => ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some(reason.clone()),
                    message: message.clone(),
                }),
                ..ContainerState::default()
            },
            RunState::Running(process) => ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(process.started_at.clone()) }),
                ..ContainerState::default()
            },
            RunState::Terminated { status, .. } => {
                ContainerState { terminated: Some(status.clone()), ..ContainerState::default() }
            }
        };
        let last = self
            .last
            .clone()
            .map(|status| ContainerState { terminated: Some(status), ..ContainerState::default() });
        ContainerView {
            name: self.spec.name.clone(),
            image: self.spec.image.clone().unwrap_or_default(),
            image_known: self.image_known,
            state,
            last,
            ready: self.ready,
            started: self.started,
            restarts: self.restarts,
            pid: self.pid,
        }
    }

    /// The exit code of a terminated container.
    pub(super) fn exit_code(&self) -> Option<i32> {
        match &self.state {
            RunState::Terminated { status, .. } => Some(status.exit_code),
            _ => None,
        }
    }

    /// The running process.
    pub(super) fn running(&mut self) -> Option<&mut RunningProcess> {
        match &mut self.state {
            RunState::Running(process) => Some(process),
            _ => None,
        }
    }
}

/// Counts failures of a container and doubles the delay after each, as a kubelet does.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct BackOff {
    failures: u32,
}

/// Settings of a [`BackOff`].
#[derive(Debug, Clone, Copy)]
pub(super) struct BackOffLimits {
    pub(super) first: Duration,
    pub(super) max: Duration,
    /// A run of this length resets the delay.
    pub(super) reset: Duration,
}

impl BackOff {
    /// Returns the delay between the end of a run that lasted `ran` and the next start. The first restart is immediate.
    pub(super) fn restart_delay(&mut self, ran: Duration, limits: BackOffLimits) -> Duration {
        if ran >= limits.reset {
            self.failures = 0;
        }
        let earlier_failures = self.failures;
        self.failures = self.failures.saturating_add(1);
        match earlier_failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => exponential(limits.first, limits.max, doublings),
        }
    }

    /// Returns the delay after a failure, the first one included.
    pub(super) fn retry_delay(&mut self, limits: BackOffLimits) -> Duration {
        let delay = exponential(limits.first, limits.max, self.failures);
        self.failures = self.failures.saturating_add(1);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_delays_double_after_the_first() {
        let seconds = Duration::from_secs;
        let limits = BackOffLimits { first: seconds(10), max: seconds(300), reset: seconds(600) };
        let mut back_off = BackOff::default();
        let delays: Vec<u64> = (0..8).map(|_| back_off.restart_delay(seconds(1), limits).as_secs()).collect();
        assert_eq!(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off.restart_delay(seconds(600), limits).as_secs(), 0, "a long run resets the delay");
        assert_eq!(back_off.restart_delay(seconds(599), limits).as_secs(), 10);

        let mut pulls = BackOff::default();
        let delays: Vec<u64> = (0..3).map(|_| pulls.retry_delay(limits).as_secs()).collect();
        assert_eq!(delays, [10, 20, 40]);
    }
}
