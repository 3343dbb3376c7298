//! Probes: one task for each probes a container periodically and reports changes to the pod's worker.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use k8s_openapi::api::core::v1::{HTTPGetAction, Pod, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::network::{self, Ports};

/// Time during which an unready container is probed more often than its period says.
const FAST_PROBE_WINDOW: Duration = Duration::from_secs(5);

/// The kind of probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeType {
    Startup,
    Liveness,
    Readiness,
}

impl ProbeType {
    /// The name in events.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// The container is healthy.
    Success,
    /// The container is unhealthy, with the message for the event.
    Failure(String),
    /// The probe could not run. It counts neither as a success nor as a failure.
    Error(String),
}

/// A message to the pod's worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeReport {
    /// An attempt did not succeed: record an event.
    Unsuccessful(ProbeResult),
    /// A threshold is reached: the container is healthy now (`true`) or unhealthy.
    Changed(bool),
}

/// A probe with Kubernetes' defaults.
#[derive(Debug, Clone)]
pub(super) struct ProbeSettings {
    pub(super) probe_type: ProbeType,
    pub(super) action: ProbeAction,
    pub(super) initial_delay: Duration,
    pub(super) period: Duration,
    pub(super) timeout: Duration,
    pub(super) success_threshold: u32,
    pub(super) failure_threshold: u32,
    /// Period until the first success, for readiness and startup.
    pub(super) first_period: Duration,
}

/// The request of a probe.
#[derive(Debug, Clone)]
pub(super) enum ProbeAction {
    /// A GET request that must return a status from 200 to 399.
    Http(HTTPGetAction),
    /// A connection that must open.
    Tcp(IntOrString),
    /// A kind that the sandbox does not support.
    Unsupported(&'static str),
}

impl ProbeSettings {
    pub(super) fn new(probe_type: ProbeType, probe: &Probe, first_period: Duration) -> Self {
        let seconds = |value: Option<i32>, default: u64| {
            Duration::from_secs(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(default))
        };
        let count = |value: Option<i32>, default: u32| {
            value.and_then(|value| u32::try_from(value).ok()).filter(|&value| value > 0).unwrap_or(default)
        };
        let action = if let Some(get) = &probe.http_get {
            ProbeAction::Http(get.clone())
        } else if let Some(tcp) = &probe.tcp_socket {
            ProbeAction::Tcp(tcp.port.clone())
        } else if probe.exec.is_some() {
            ProbeAction::Unsupported("exec")
        } else {
            ProbeAction::Unsupported("grpc")
        };
        let period = seconds(probe.period_seconds, 10).max(Duration::from_secs(1));
        Self {
            probe_type,
            action,
            initial_delay: seconds(probe.initial_delay_seconds, 0),
            period,
            timeout: seconds(probe.timeout_seconds, 1).max(Duration::from_secs(1)),
            success_threshold: count(probe.success_threshold, 1),
            failure_threshold: count(probe.failure_threshold, 3),
            first_period: first_period.min(period),
        }
    }
}

/// Counts equal results in a row and detects when a threshold is reached. Pure.
#[derive(Debug)]
pub(super) struct ResultCounter {
    row: u32,
    last: Option<bool>,
    state: Option<bool>,
    success_threshold: u32,
    failure_threshold: u32,
}

impl ResultCounter {
    pub(super) fn new(success_threshold: u32, failure_threshold: u32) -> Self {
        Self { row: 0, last: None, state: None, success_threshold, failure_threshold }
    }

    /// Counts a result. Returns the new state when the result changes it.
    pub(super) fn count(&mut self, good: bool) -> Option<bool> {
        if self.last == Some(good) {
            self.row = self.row.saturating_add(1);
        } else {
            (self.last, self.row) = (Some(good), 1);
        }
        let needed = if good { self.success_threshold } else { self.failure_threshold };
        if self.row >= needed && self.state != Some(good) {
            self.state = Some(good);
            return Some(good);
        }
        None
    }
}

/// The pod that a probe or hook connects to.
#[derive(Clone)]
pub(super) struct ProbeTarget {
    pub(super) ports: Ports,
    pub(super) client: reqwest::Client,
    pub(super) uid: String,
    pub(super) ip: String,
    pub(super) pod: std::sync::Arc<Pod>,
}

/// Probes forever and reports to `worker`. Ends when the worker is gone or a startup probe has succeeded.
pub(super) async fn run(
    settings: ProbeSettings,
    target: ProbeTarget,
    worker: mpsc::Sender<(ProbeType, ProbeReport)>,
) {
    let mut counter = ResultCounter::new(settings.success_threshold, settings.failure_threshold);
    tokio::time::sleep(settings.initial_delay).await;
    let mut next = Instant::now();
    let slow_from = next + FAST_PROBE_WINDOW;
    // Failures in the first period are normal for a container that starts.
    let mut next_event = next + settings.period - settings.first_period;
    // Before the first success, frequent probes make the container ready sooner. Only results at the real period count
    // as failures.
    let mut fast = settings.probe_type != ProbeType::Liveness;
    if !fast {
        next_event = next;
    }
    loop {
        let result = probe_once(&settings, &target).await;
        let now = Instant::now();
        let good = result == ProbeResult::Success;
        let regular = good || now >= next_event;
        let mut reports = VecDeque::new();
        if regular {
            if !good {
                next_event += settings.period;
                reports.push_back(ProbeReport::Unsuccessful(result.clone()));
            }
            if !matches!(result, ProbeResult::Error(_)) {
                reports.extend(counter.count(good).map(ProbeReport::Changed));
            }
        }
        for report in reports {
            let done = settings.probe_type == ProbeType::Startup && report == ProbeReport::Changed(true);
            if worker.send((settings.probe_type, report)).await.is_err() || done {
                return;
            }
        }
        fast = fast && !good && !matches!(result, ProbeResult::Error(_)) && now < slow_from;
        let step = if fast { settings.first_period } else { settings.period };
        next = if fast { now + step } else { (next + step).max(now) };
        tokio::time::sleep_until(next).await;
    }
}

async fn probe_once(settings: &ProbeSettings, target: &ProbeTarget) -> ProbeResult {
    match &settings.action {
        ProbeAction::Unsupported(kind) => ProbeResult::Error(format!(
            "the sandbox does not support {kind} probes, because pods are processes without a container; \
             use httpGet or tcpSocket"
        )),
        ProbeAction::Tcp(port) => {
            let Some(declared) = network::declared_port(port, Some(&target.pod)) else {
                return no_such_port(port);
            };
            let connecting = target.ports.connect(&target.uid, declared);
            let dial = format!("dial tcp {}:{declared}", target.ip);
            match tokio::time::timeout(settings.timeout, connecting).await {
                Ok(Ok(_)) => ProbeResult::Success,
                Ok(Err(error)) => ProbeResult::Failure(format!("{dial}: {}", cause(&error))),
                Err(_) => ProbeResult::Failure(format!("{dial}: i/o timeout")),
            }
        }
        ProbeAction::Http(get) => http_get(settings.timeout, target, get).await,
    }
}

fn no_such_port(port: &IntOrString) -> ProbeResult {
    let text = match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    ProbeResult::Error(format!("couldn't find port \"{text}\" in the pod's containers"))
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
        _ => error.to_string(),
    }
}

/// Sends one GET request.
pub(super) async fn http_get(timeout: Duration, target: &ProbeTarget, get: &HTTPGetAction) -> ProbeResult {
    let Some(declared) = network::declared_port(&get.port, Some(&target.pod)) else {
        return no_such_port(&get.port);
    };
    let path = get.path.as_deref().unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let shown = format!("Get \"http://{}:{declared}{path}\"", target.ip);
    let Some(real) = target.ports.real(&target.uid, declared) else {
        return ProbeResult::Failure(format!(
            "{shown}: dial tcp {}:{declared}: connect: connection refused",
            target.ip
        ));
    };
    let mut request = target
        .client
        .get(format!("http://127.0.0.1:{real}{path}"))
        .header("User-Agent", "kube-probe/1.34")
        .header("Accept", "*/*")
        .header("Connection", "close");
    for header in get.http_headers.iter().flatten() {
        request = request.header(&header.name, &header.value);
    }
    match tokio::time::timeout(timeout, request.send()).await {
        Err(_) => ProbeResult::Failure(format!(
            "{shown}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        )),
        Ok(Err(error)) if error.is_connect() => ProbeResult::Failure(format!(
            "{shown}: dial tcp {}:{declared}: connect: connection refused",
            target.ip
        )),
        Ok(Err(error)) => ProbeResult::Failure(format!("{shown}: {error}")),
        Ok(Ok(response)) => {
            let status = response.status().as_u16();
            if (200..400).contains(&status) {
                ProbeResult::Success
            } else {
                ProbeResult::Failure(format!("HTTP probe failed with statuscode: {status}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_change_the_state_once() {
        let mut counter = ResultCounter::new(1, 3);
        let changes: Vec<Option<bool>> =
            [false, false, false, false, true, true, false, false, true, false, false, false]
                .into_iter()
                .map(|good| counter.count(good))
                .collect();
        let none = None;
        assert_eq!(
            changes,
            [none, none, Some(false), none, Some(true), none, none, none, none, none, none, Some(false)]
        );
    }

    #[test]
    fn missing_settings_have_kubernetes_defaults() {
        let settings = ProbeSettings::new(ProbeType::Readiness, &Probe::default(), Duration::from_millis(50));
        assert_eq!((settings.period, settings.timeout), (Duration::from_secs(10), Duration::from_secs(1)));
        assert_eq!((settings.success_threshold, settings.failure_threshold), (1, 3));
        assert!(settings.initial_delay.is_zero());
    }
}
