//! Carries out the steps of a plan.

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
use crate::wait::{self, Waiting};

/// Numbers of applied objects.
#[derive(Default)]
struct Counts {
    created: usize,
    changed: usize,
    unchanged: usize,
}

/// Carries out steps.
pub(super) struct Executor<'a> {
    pub(super) request: &'a Request,
    pub(super) state: &'a ClusterState,
    pub(super) helm: &'a Helm,
    pub(super) objects: Objects,
    pub(super) waiting: Waiting<'a>,
    pub(super) stop: &'a CancellationToken,
}

impl Executor<'_> {
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
        self.waiting.workloads(&wait::workloads(&objects), progress).await?;
        let serves = |object: &Value| {
            object["kind"] == "APIService" && object["metadata"]["name"] == plan::API_SERVICE
        };
        if objects.iter().any(serves) {
            self.waiting.api_service(&mut self.objects, progress).await?;
        }
        progress.done(if action == Action::Keep { "unchanged, ready" } else { "ready" });
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
