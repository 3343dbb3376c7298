//! Carries out the steps of a plan.

use std::time::Duration;

use hpa::quantity::{Format, format_milli};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::apply::{Applied, Objects};
use crate::chart;
use crate::cluster_state::ClusterState;
use crate::failure::Failure;
use crate::helm::{self, Helm};
use crate::images;
use crate::object::{self, Key};
use crate::plan::{self, Action, Step};
use crate::progress::Progress;
use crate::request::Request;
use crate::upstream::Release;
use crate::wait::Waiting;
use crate::workloads;

/// Time limit for the parts of the stack that the metric chain does not need. They start long before the wait for them.
const EXTRA_LIMIT: Duration = Duration::from_secs(60);

/// Numbers of applied objects.
#[derive(Default)]
struct Counts {
    created: usize,
    changed: usize,
    unchanged: usize,
}

/// Carries out the steps of `surge up`.
pub(super) struct InstallExecutor<'a> {
    pub(super) request: &'a Request,
    pub(super) state: &'a ClusterState,
    pub(super) helm: &'a Helm,
    pub(super) objects: Objects,
    pub(super) waiting: Waiting<'a>,
    pub(super) stop: &'a CancellationToken,
    /// Workloads of the stack that the metric chain does not need.
    pub(super) extra: Vec<Key>,
}

impl InstallExecutor<'_> {
    /// Carries out one step and waits for its result.
    pub(super) async fn step(&mut self, step: &Step, progress: &mut Progress) -> Result<(), Failure> {
        match step {
            Step::Load(command) => {
                images::run(command, self.stop).await?;
                progress.done("loaded");
            }
            Step::Namespace(object) | Step::Rules(object) => {
                let applied = self.objects.apply(object, None).await?;
                progress.done(word(applied));
            }
            Step::Release(release, action) => self.release(release, *action, progress).await?,
            Step::Clear(keys) | Step::Prune(keys) => self.remove(keys, progress).await?,
            Step::Apply(objects) => self.apply(objects, progress).await?,
            Step::Ready(keys) => {
                self.waiting.workloads(keys, progress).await?;
                progress.done("ready");
            }
            Step::Extra => self.extra(progress).await?,
            Step::Metric => {
                let hpa_name = contract::names::HPA;
                let (name, value) = self.waiting.metric(&self.request.namespace, hpa_name, progress).await?;
                let value = format_milli(value, Format::DecimalSi);
                let has_read = self.waiting.read(&self.request.namespace, hpa_name, progress).await?;
                let reader = if has_read {
                    ", and the autoscaler has read it"
                } else {
                    "; the autoscaler has not read it yet"
                };
                progress.done(&format!("{name} answers: {value}{reader}"));
            }
        }
        Ok(())
    }

    async fn release(
        &mut self,
        release: &Release,
        action: Action,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        if action != Action::Keep {
            let folder = tempfile::tempdir().map_err(|error| {
                Failure::step(format!("creating a temporary folder failed: {error}"), "check TMPDIR")
            })?;
            let file = folder.path().join("values.json");
            chart::write_private(&file, &release.values)
                .map_err(|error| Failure::step(format!("writing values failed: {error}"), "check TMPDIR"))?;
            if action == Action::Upgrade {
                self.definitions(release, progress).await?;
            }
            progress.detail(if action == Action::Install { "helm installs it" } else { "helm upgrades it" });
            self.helm.run(&release.install(&file), helm::CHANGE_TIMEOUT).await?;
        }
        let manifest = self.helm.manifest(&release.name, &release.namespace).await?;
        let mut objects = object::parse(&manifest).map_err(|error| {
            Failure::step(format!("the objects of release {} are invalid: {error}", release.name), "")
        })?;
        for object in &mut objects {
            object::set_namespace(object, &release.namespace);
        }
        let workloads = workloads::of_release(&objects);
        self.extra.extend(workloads.extra);
        self.waiting.workloads(&workloads.needed, progress).await?;
        let serves = |object: &Value| {
            object["kind"] == "APIService" && object["metadata"]["name"] == plan::API_SERVICE
        };
        if objects.iter().any(serves) {
            self.waiting.api_service(&mut self.objects, progress).await?;
        }
        progress.done(if action == Action::Keep { "unchanged, ready" } else { "ready" });
        Ok(())
    }

    /// Applies the definitions of custom resources of a chart. Helm installs them, but never upgrades them.
    async fn definitions(&mut self, release: &Release, progress: &mut Progress) -> Result<(), Failure> {
        if release.values["crds"]["enabled"] == false {
            return Ok(());
        }
        progress.detail("its definitions of custom resources");
        let text = self.helm.definitions(&release.chart_arguments()).await?;
        let definitions = object::parse(&text).map_err(|error| {
            Failure::step(format!("the definitions of chart {} are invalid: {error}", release.chart), "")
        })?;
        for mut definition in definitions {
            self.check_stop()?;
            object::set_namespace(&mut definition, &release.namespace);
            self.objects.apply(&definition, None).await?;
        }
        Ok(())
    }

    /// Waits for the parts of the stack that the metric chain does not need. A failed one is a warning.
    async fn extra(&self, progress: &mut Progress) -> Result<(), Failure> {
        let waiting = Waiting { timeout: self.waiting.timeout.min(EXTRA_LIMIT), ..self.waiting };
        let failed = waiting.settled(&self.extra, progress).await?;
        for (_, failure) in &failed {
            progress.note(&format!("warning: {}", failure.what));
            for line in failure.advice.lines() {
                progress.note(line);
            }
        }
        let ready = self.extra.len() - failed.len();
        progress.done(&match (self.extra.len(), failed.len()) {
            (0, _) => "there are none".to_owned(),
            (_, 0) => "ready".to_owned(),
            (all, _) => format!("{ready} of {all} ready; the metric chain works without the others"),
        });
        Ok(())
    }

    /// Applies the namespace, then all other objects as a dry run, and then really. So a refusal leaves nothing half done.
    async fn apply(&mut self, objects: &[Value], progress: &mut Progress) -> Result<(), Failure> {
        let (namespaces, others): (Vec<&Value>, Vec<&Value>) =
            objects.iter().partition(|object| object["kind"] == "Namespace");
        let mut counts = Counts::default();
        self.apply_all(&namespaces, &mut counts, progress).await?;
        for object in &others {
            self.check_stop()?;
            self.objects.check_apply(object).await?;
        }
        self.apply_all(&others, &mut counts, progress).await?;
        let Counts { created, changed, unchanged } = counts;
        progress.done(&format!("{created} created, {changed} changed, {unchanged} unchanged"));
        Ok(())
    }

    async fn apply_all(
        &mut self,
        objects: &[&Value],
        counts: &mut Counts,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        for object in objects {
            self.check_stop()?;
            let key = Key::of(object);
            let before = self.state.existing.get(&key).map(|existing| &existing.object);
            let applied = self.objects.apply(object, before).await?;
            let what = format!("{} {}", key.short(&self.request.namespace), word(applied));
            match applied {
                Applied::Created => {
                    counts.created += 1;
                    progress.detail(&what);
                }
                Applied::Changed => {
                    counts.changed += 1;
                    progress.note(&what);
                }
                Applied::Unchanged => counts.unchanged += 1,
            }
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() { Err(Failure::stopped()) } else { Ok(()) }
    }

    async fn remove(&mut self, keys: &[Key], progress: &mut Progress) -> Result<(), Failure> {
        for key in keys {
            self.check_stop()?;
            self.objects.delete(key).await?;
            progress.note(&format!("deleting {}", key.short(&self.request.namespace)));
        }
        for key in keys {
            self.waiting.gone(&mut self.objects, key, progress).await?;
        }
        progress.done("deleted");
        Ok(())
    }
}

fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Created => "created",
        Applied::Changed => "changed",
        Applied::Unchanged => "unchanged",
    }
}
