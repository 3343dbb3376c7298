//! Probes: a task for each asks the container at its period and tells the pod's worker what changed.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1::{HTTPGetAction, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::network::{self, Ports};

/// How long a container that is not well yet is looked at more often than its period says.
const FAST: Duration = Duration::from_secs(5);

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Startup,
    Liveness,
    Readiness,
}

impl Purpose {
    /// As events call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// What one question gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// As it should be.
    Success,
    /// Not; with what to say.
    Failure(String),
    /// The question could not be asked; nothing follows from that.
    Error(String),
}

/// What the worker hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    /// One question failed: an event is due.
    Said(Answer),
    /// The threshold is reached: the container is now well, or not.
    Turned(bool),
}

/// A probe with Kubernetes' defaults filled in.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) purpose: Purpose,
    pub(super) action: Action,
    pub(super) initial_delay: Duration,
    pub(super) period: Duration,
    pub(super) timeout: Duration,
    pub(super) successes: u32,
    pub(super) failures: u32,
    /// Period until the first success, for readiness and startup.
    pub(super) first_period: Duration,
}

/// How to ask.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// GET and a status from 200 to 399.
    Http(HTTPGetAction),
    /// A connection.
    Tcp(IntOrString),
    /// Not offered; with its name.
    Other(&'static str),
}

impl Plan {
    pub(super) fn new(purpose: Purpose, probe: &Probe, first_period: Duration) -> Self {
        let seconds = |value: Option<i32>, default: u64| {
            Duration::from_secs(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(default))
        };
        let count = |value: Option<i32>, default: u32| {
            value.and_then(|value| u32::try_from(value).ok()).filter(|&value| value > 0).unwrap_or(default)
        };
        let action = if let Some(get) = &probe.http_get {
            Action::Http(get.clone())
        } else if let Some(tcp) = &probe.tcp_socket {
            Action::Tcp(tcp.port.clone())
        } else if probe.exec.is_some() {
            Action::Other("exec")
        } else {
            Action::Other("grpc")
        };
        let period = seconds(probe.period_seconds, 10).max(Duration::from_secs(1));
        Self {
            purpose,
            action,
            initial_delay: seconds(probe.initial_delay_seconds, 0),
            period,
            timeout: seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1)),
            successes: count(probe.success_threshold, 1),
            failures: count(probe.failure_threshold, 3),
            first_period: first_period.min(period),
        }
    }
}

/// Counts answers of one kind in a row and says when a threshold is reached. Pure.
#[derive(Debug)]
pub(super) struct Tally {
    row: u32,
    last: Option<bool>,
    state: Option<bool>,
    successes: u32,
    failures: u32,
}

impl Tally {
    pub(super) fn new(successes: u32, failures: u32) -> Self {
        Self { row: 0, last: None, state: None, successes, failures }
    }

    /// Takes in an answer; gives the new state when it turned.
    pub(super) fn count(&mut self, good: bool) -> Option<bool> {
        if self.last == Some(good) {
            self.row = self.row.saturating_add(1);
        } else {
            (self.last, self.row) = (Some(good), 1);
        }
        let needed = if good { self.successes } else { self.failures };
        if self.row >= needed && self.state != Some(good) {
            self.state = Some(good);
            return Some(good);
        }
        None
    }
}

/// Where a container's ports are, and how messages name them.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) ports: Ports,
    pub(super) client: reqwest::Client,
    pub(super) uid: String,
    pub(super) ip: String,
    pub(super) pod: std::sync::Arc<Pod>,
}

/// Asks for ever, and tells `worker`. Ends when nobody listens, or a startup probe has succeeded.
pub(super) async fn run(plan: Plan, place: Place, worker: mpsc::Sender<(Purpose, Report)>) {
    let mut tally = Tally::new(plan.successes, plan.failures);
    tokio::time::sleep(plan.initial_delay).await;
    let mut next = Instant::now();
    let slow_from = next + FAST;
    // What is not well in the first period is only starting.
    let mut next_event = next + plan.period - plan.first_period;
    // Until it is well for the first time, looking more often makes it ready sooner without harm; only answers at the
    // real period count as failures.
    let mut fast = plan.purpose != Purpose::Liveness;
    if !fast {
        next_event = next;
    }
    loop {
        let answer = ask(&plan, &place).await;
        let now = Instant::now();
        let good = answer == Answer::Success;
        let regular = good || now >= next_event;
        let mut reports = VecDeque::new();
        if regular {
            if !good {
                next_event += plan.period;
                reports.push_back(Report::Said(answer.clone()));
            }
            if !matches!(answer, Answer::Error(_)) {
                reports.extend(tally.count(good).map(Report::Turned));
            }
        }
        for report in reports {
            let over = plan.purpose == Purpose::Startup && report == Report::Turned(true);
            if worker.send((plan.purpose, report)).await.is_err() || over {
                return;
            }
        }
        fast = fast && !good && !matches!(answer, Answer::Error(_)) && now < slow_from;
        let step = if fast { plan.first_period } else { plan.period };
        next = if fast { now + step } else { (next + step).max(now) };
        tokio::time::sleep_until(next).await;
    }
}

async fn ask(plan: &Plan, place: &Place) -> Answer {
    match &plan.action {
        Action::Other(kind) => Answer::Error(format!(
            "{kind} probes are not offered here: pods are processes of this machine and have no container to enter; \
             use httpGet or tcpSocket"
        )),
        Action::Tcp(port) => {
            let Some(declared) = network::declared_port(port, Some(&place.pod)) else {
                return no_such_port(port);
            };
            let connecting = place.ports.connect(&place.uid, declared);
            let target = format!("dial tcp {}:{declared}", place.ip);
            match tokio::time::timeout(plan.timeout, connecting).await {
                Ok(Ok(_)) => Answer::Success,
                Ok(Err(error)) => Answer::Failure(format!("{target}: {}", cause(&error))),
                Err(_) => Answer::Failure(format!("{target}: i/o timeout")),
            }
        }
        Action::Http(get) => http(plan.timeout, place, get).await,
    }
}

fn no_such_port(port: &IntOrString) -> Answer {
    let text = match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    Answer::Error(format!("couldn't find port \"{text}\" in the pod's containers"))
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
        _ => error.to_string(),
    }
}

/// Asks once over HTTP.
pub(super) async fn http(timeout: Duration, place: &Place, get: &HTTPGetAction) -> Answer {
    let Some(declared) = network::declared_port(&get.port, Some(&place.pod)) else {
        return no_such_port(&get.port);
    };
    let path = get.path.as_deref().unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let shown = format!("Get \"http://{}:{declared}{path}\"", place.ip);
    let Some(real) = place.ports.real(&place.uid, declared) else {
        return Answer::Failure(format!(
            "{shown}: dial tcp {}:{declared}: connect: connection refused",
            place.ip
        ));
    };
    let mut request = place
        .client
        .get(format!("http://127.0.0.1:{real}{path}"))
        .header("User-Agent", "kube-probe/1.34")
        .header("Accept", "*/*")
        .header("Connection", "close");
    for header in get.http_headers.iter().flatten() {
        request = request.header(&header.name, &header.value);
    }
    match tokio::time::timeout(timeout, request.send()).await {
        Err(_) => Answer::Failure(format!(
            "{shown}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        )),
        Ok(Err(error)) if error.is_connect() => {
            Answer::Failure(format!("{shown}: dial tcp {}:{declared}: connect: connection refused", place.ip))
        }
        Ok(Err(error)) => Answer::Failure(format!("{shown}: {error}")),
        Ok(Ok(answer)) => {
            let status = answer.status().as_u16();
            if (200..400).contains(&status) {
                Answer::Success
            } else {
                Answer::Failure(format!("HTTP probe failed with statuscode: {status}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_turn_the_state_once() {
        let mut tally = Tally::new(1, 3);
        let turned: Vec<Option<bool>> =
            [false, false, false, false, true, true, false, false, true, false, false, false]
                .into_iter()
                .map(|good| tally.count(good))
                .collect();
        let none = None;
        assert_eq!(
            turned,
            [none, none, Some(false), none, Some(true), none, none, none, none, none, none, Some(false)]
        );
    }

    #[test]
    fn absent_settings_have_the_defaults_of_kubernetes() {
        let plan = Plan::new(Purpose::Readiness, &Probe::default(), Duration::from_millis(50));
        assert_eq!((plan.period, plan.timeout), (Duration::from_secs(10), Duration::from_secs(1)));
        assert_eq!((plan.successes, plan.failures), (1, 3));
        assert!(plan.initial_delay.is_zero());
    }
}
