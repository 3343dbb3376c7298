//! One container of a pod: its state, and when it may start again. Pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Container as Spec, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::status::View;

/// What a container does.
#[derive(Debug)]
pub(super) enum State {
    /// Not running; tried at `due`, or when its turn comes.
    Waiting { reason: String, message: Option<String>, due: Option<Instant> },
    /// A process runs.
    Running(Run),
    /// The process ended, at an instant.
    Ended { how: ContainerStateTerminated, at: Instant },
}

/// A running process.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) pid: i32,
    pub(super) since: Time,
    pub(super) started: Instant,
    /// Its declared ports.
    pub(super) ports: Vec<u16>,
    /// Cancelled at its end: probes and the killer go with it.
    pub(super) over: CancellationToken,
    /// It was asked to end.
    pub(super) terminating: bool,
}

/// A container with its past.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) spec: Spec,
    pub(super) state: State,
    pub(super) last: Option<ContainerStateTerminated>,
    pub(super) restarts: i32,
    /// Number of the run; tells news of this process from news of an earlier one.
    pub(super) run: u64,
    pub(super) pid: Option<i32>,
    pub(super) ready: bool,
    pub(super) started: bool,
    /// The delay of a real node's start is over.
    pub(super) delayed: bool,
    pub(super) image_known: bool,
    pub(super) crashes: BackOff,
    pub(super) pulls: BackOff,
    /// When it is said again that the container is held back.
    pub(super) say_again: Option<Instant>,
    /// When the image is looked for again.
    pub(super) pull_again: Option<Instant>,
}

impl Container {
    pub(super) fn new(spec: Spec, reason: &str) -> Self {
        Self {
            spec,
            state: State::Waiting { reason: reason.to_owned(), message: None, due: None },
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
            pull_again: None,
            say_again: None,
        }
    }

    /// As the status shows it.
    pub(super) fn view(&self) -> View {
        let state = match &self.state {
            State::Waiting { reason, message, .. } => ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some(reason.clone()),
                    message: message.clone(),
                }),
                ..ContainerState::default()
            },
            State::Running(run) => ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(run.since.clone()) }),
                ..ContainerState::default()
            },
            State::Ended { how, .. } => {
                ContainerState { terminated: Some(how.clone()), ..ContainerState::default() }
            }
        };
        let last = self
            .last
            .clone()
            .map(|how| ContainerState { terminated: Some(how), ..ContainerState::default() });
        View {
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

    /// Exit code, when it has ended.
    pub(super) fn exit_code(&self) -> Option<i32> {
        match &self.state {
            State::Ended { how, .. } => Some(how.exit_code),
            _ => None,
        }
    }

    /// The running process.
    pub(super) fn running(&mut self) -> Option<&mut Run> {
        match &mut self.state {
            State::Running(run) => Some(run),
            _ => None,
        }
    }
}

/// Doubling waits between restarts, with the first restart at once, as a kubelet does it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct BackOff {
    step: Duration,
}

/// Settings of a [`BackOff`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) base: Duration,
    pub(super) max: Duration,
    pub(super) reset: Duration,
}

impl BackOff {
    /// How long after its end a run that lasted `ran` is followed by the next one.
    pub(super) fn after(&mut self, ran: Duration, limits: Limits) -> Duration {
        if ran >= limits.reset {
            self.step = Duration::ZERO;
        }
        let wait = self.step;
        self.step = if wait.is_zero() { limits.base } else { (wait * 2).min(limits.max) };
        wait
    }

    /// As [`Self::after`], but the first failure waits too.
    pub(super) fn next(&mut self, limits: Limits) -> Duration {
        self.step = if self.step.is_zero() { limits.base } else { (self.step * 2).min(limits.max) };
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_then_waits_double() {
        let seconds = Duration::from_secs;
        let limits = Limits { base: seconds(10), max: seconds(300), reset: seconds(600) };
        let mut back_off = BackOff::default();
        let waits: Vec<u64> = (0..8).map(|_| back_off.after(seconds(1), limits).as_secs()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off.after(seconds(600), limits).as_secs(), 0, "a long run is forgiven");
        assert_eq!(back_off.after(seconds(599), limits).as_secs(), 10);

        let mut pulls = BackOff::default();
        let waits: Vec<u64> = (0..3).map(|_| pulls.next(limits).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40]);
    }
}
