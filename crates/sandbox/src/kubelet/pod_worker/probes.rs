//! The probes of a pod's containers, and the effects of their results.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Probe;
use tokio::sync::mpsc;

use super::super::probe::{self, ProbeReport, ProbeResult, ProbeSettings, ProbeTarget, ProbeType};
use super::{ContainerChange, ContainerUpdate, PodWorker, seconds};

impl PodWorker {
    /// Starts the task of a probe, which ends with the process. `ran` is the process' age.
    pub(super) fn start_probe(
        &mut self,
        index: usize,
        probe_type: ProbeType,
        probe: Option<&Probe>,
        ran: Duration,
    ) {
        let Some(probe) = probe else { return };
        let mut settings = ProbeSettings::new(probe_type, probe, self.node.config.first_ready_probe);
        settings.initial_delay = settings.initial_delay.saturating_sub(ran);
        let target = self.probe_target();
        let (updates, run) = (self.updates.clone(), self.containers[index].run);
        let Some(ended) = self.containers[index].running().map(|process| process.ended.clone()) else {
            return;
        };
        let (reports, mut receiver) = mpsc::channel(1);
        self.node.cluster.tasks.spawn(async move {
            let forward = async {
                while let Some((probe_type, report)) = receiver.recv().await {
                    let change = ContainerChange::Probed(probe_type, report);
                    if updates.send(ContainerUpdate { index, run, change }).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = ended.cancelled() => {}
                ((), ()) = async { tokio::join!(probe::run(settings, target, reports), forward) } => {}
            }
        });
    }

    pub(super) fn probe_target(&self) -> ProbeTarget {
        ProbeTarget {
            ports: self.node.ports.clone(),
            client: self.node.http.clone(),
            uid: self.uid.clone(),
            ip: self.ip.clone(),
            pod: Arc::clone(&self.pod),
        }
    }

    pub(super) fn handle_probe(&mut self, index: usize, probe_type: ProbeType, report: ProbeReport) {
        let container = &mut self.containers[index];
        let Some(process) = container.running() else { return };
        let (ran, terminating) = (process.started.elapsed(), process.terminating);
        match report {
            ProbeReport::Unsuccessful(ProbeResult::Failure(text)) => {
                self.warning_event(index, "Unhealthy", format!("{} probe failed: {text}", probe_type.name()));
            }
            ProbeReport::Unsuccessful(ProbeResult::Error(text)) => {
                let message =
                    format!("{} probe errored and resulted in unknown state: {text}", probe_type.name());
                self.warning_event(index, "Unhealthy", message);
            }
            ProbeReport::Unsuccessful(ProbeResult::Success) => {}
            ProbeReport::Changed(good) => match probe_type {
                ProbeType::Readiness => self.containers[index].ready = good,
                ProbeType::Startup if good => {
                    container.started = true;
                    let spec = container.spec.clone();
                    container.ready = spec.readiness_probe.is_none();
                    self.start_probe(index, ProbeType::Liveness, spec.liveness_probe.as_ref(), ran);
                    self.start_probe(index, ProbeType::Readiness, spec.readiness_probe.as_ref(), ran);
                }
                ProbeType::Liveness if good => {}
                ProbeType::Liveness | ProbeType::Startup if terminating || self.grace_seconds.is_some() => {}
                ProbeType::Liveness | ProbeType::Startup => {
                    let spec = &container.spec;
                    let probe = match probe_type {
                        ProbeType::Startup => spec.startup_probe.as_ref(),
                        _ => spec.liveness_probe.as_ref(),
                    };
                    let own_grace = probe.and_then(|probe| probe.termination_grace_period_seconds);
                    let (name, kind) = (spec.name.clone(), probe_type.name().to_lowercase());
                    let grace = seconds(own_grace.unwrap_or_else(|| self.spec_grace_seconds()));
                    let message = format!("Container {name} failed {kind} probe, will be restarted");
                    self.normal_event(index, "Killing", message);
                    self.terminate(index, grace);
                }
            },
        }
    }
}
