//! Probes of a pod's containers, and what follows from their answers.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Probe;
use tokio::sync::mpsc;

use super::super::probe::{self, Answer, Place, Plan, Purpose, Report};
use super::{News, What, Worker, seconds};

impl Worker {
    /// Starts a probe's task, which ends with the run.
    pub(super) fn probe(&mut self, index: usize, purpose: Purpose, probe: Option<&Probe>, already: Duration) {
        let Some(probe) = probe else { return };
        let mut plan = Plan::new(purpose, probe, self.node.settings.first_ready_probe);
        plan.initial_delay = plan.initial_delay.saturating_sub(already);
        let place = self.place();
        let (news, run) = (self.news.clone(), self.containers[index].run);
        let Some(over) = self.containers[index].running().map(|run| run.over.clone()) else { return };
        let (reports, mut heard) = mpsc::channel(1);
        self.node.cluster.tasks.spawn(async move {
            let forward = async {
                while let Some((purpose, report)) = heard.recv().await {
                    if news.send(News { index, run, what: What::Probed(purpose, report) }).await.is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = over.cancelled() => {}
                ((), ()) = async { tokio::join!(probe::run(plan, place, reports), forward) } => {}
            }
        });
    }

    pub(super) fn place(&self) -> Place {
        Place {
            ports: self.node.ports.clone(),
            client: self.node.http.clone(),
            uid: self.uid.clone(),
            ip: self.ip.clone(),
            pod: Arc::clone(&self.pod),
        }
    }

    pub(super) fn probed(&mut self, index: usize, purpose: Purpose, report: Report) {
        let container = &mut self.containers[index];
        let Some(run) = container.running() else { return };
        let (ran, terminating) = (run.started.elapsed(), run.terminating);
        match report {
            Report::Said(Answer::Failure(text)) => {
                self.warn(index, "Unhealthy", format!("{} probe failed: {text}", purpose.name()));
            }
            Report::Said(Answer::Error(text)) => {
                let message =
                    format!("{} probe errored and resulted in unknown state: {text}", purpose.name());
                self.warn(index, "Unhealthy", message);
            }
            Report::Said(Answer::Success) => {}
            Report::Turned(good) => match purpose {
                Purpose::Readiness => self.containers[index].ready = good,
                Purpose::Startup if good => {
                    container.started = true;
                    let spec = container.spec.clone();
                    container.ready = spec.readiness_probe.is_none();
                    self.probe(index, Purpose::Liveness, spec.liveness_probe.as_ref(), ran);
                    self.probe(index, Purpose::Readiness, spec.readiness_probe.as_ref(), ran);
                }
                Purpose::Liveness if good => {}
                Purpose::Liveness | Purpose::Startup if terminating || self.ending.is_some() => {}
                Purpose::Liveness | Purpose::Startup => {
                    let spec = &container.spec;
                    let probe = match purpose {
                        Purpose::Startup => spec.startup_probe.as_ref(),
                        _ => spec.liveness_probe.as_ref(),
                    };
                    let own = probe.and_then(|probe| probe.termination_grace_period_seconds);
                    let (name, what) = (spec.name.clone(), purpose.name().to_lowercase());
                    let grace = seconds(own.unwrap_or_else(|| self.spec_grace()));
                    let message = format!("Container {name} failed {what} probe, will be restarted");
                    self.say(index, "Killing", message);
                    self.terminate(index, grace);
                }
            },
        }
    }
}
