//! Carries out the steps of an uninstall plan.

use tokio_util::sync::CancellationToken;

use super::{DownRequest, uninstall};
use crate::apply::Objects;
use crate::failure::Failure;
use crate::helm::{self, Helm};
use crate::hints::{self, Hints};
use crate::object::Key;
use crate::print::say;
use crate::progress::Progress;
use crate::request::Mode;
use crate::survey;
use crate::uninstall_plan::{CreatedNamespace, UninstallPlan, UninstallStep};
use crate::wait::Waiting;
use cluster::connect::Cluster;
use text::clean;

/// Carries out the steps of `surge down`.
pub(super) struct UninstallExecutor<'a> {
    pub(super) request: &'a DownRequest,
    pub(super) cluster: &'a Cluster,
    pub(super) helm: Option<&'a Helm>,
    pub(super) stop: &'a CancellationToken,
}

impl UninstallExecutor<'_> {
    /// Carries out the steps, and deletes the namespaces to which the user agrees.
    pub(super) async fn run(
        &self,
        objects: &mut Objects,
        plan: &UninstallPlan,
        mode: Mode,
        agree: impl AsyncFn(&str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut progress = Progress::stdout(plan.steps.len() + plan.namespaces.len());
        for step in &plan.steps {
            progress.begin(&step.title());
            self.step(objects, step, &mut progress)
                .await
                .map_err(|failure| self.failed(failure, &progress))?;
        }
        let mut kept = Vec::new();
        for namespace in &plan.namespaces {
            progress.begin(&format!("namespace {}", namespace.name));
            progress.end_line();
            let question = clean::text(&format!("Delete namespace {namespace}?"));
            let is_deleted = self.request.namespaces || (mode == Mode::Ask && agree(&question).await?);
            if !is_deleted {
                progress.done("stays");
                kept.push(namespace);
                continue;
            }
            let key = survey::namespace_key(&namespace.name);
            self.delete(objects, &[key], &mut progress)
                .await
                .map_err(|failure| self.failed(failure, &progress))?;
        }
        if !kept.is_empty() {
            say(&self.kept(&kept));
        }
        Ok(())
    }

    /// The namespaces that stay, and the command that deletes them.
    fn kept(&self, namespaces: &[&CreatedNamespace]) -> String {
        let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
        let shown: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
        let hints = Hints::new(&self.request.flags, &self.request.namespace);
        let command = hints.kubectl(&[&["delete", "namespace"], names.as_slice()].concat());
        let shown = clean::text(&shown.join("; "));
        format!("\nsurge up made namespace {shown}, which stays; delete it with: {command}\n")
    }

    async fn step(
        &self,
        objects: &mut Objects,
        step: &UninstallStep,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        match step {
            UninstallStep::Objects { keys, .. } => self.delete(objects, keys, progress).await,
            UninstallStep::Api(key) => self.delete(objects, std::slice::from_ref(key), progress).await,
            UninstallStep::Release(release) => {
                if let Some(helm) = self.helm {
                    helm.run(&uninstall(release), helm::CHANGE_TIMEOUT).await?;
                }
                progress.done("uninstalled; helm may keep its CustomResourceDefinitions");
                Ok(())
            }
        }
    }

    async fn delete(
        &self,
        objects: &mut Objects,
        keys: &[Key],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        for key in keys {
            if self.stop.is_cancelled() {
                return Err(Failure::stopped());
            }
            objects.delete(key).await?;
        }
        let hints = Hints::new(&self.request.flags, &self.request.namespace);
        let waiting = Waiting {
            client: &self.cluster.client,
            timeout: self.request.timeout,
            stop: self.stop,
            hints: &hints,
        };
        for key in keys {
            waiting.gone(objects, key, progress).await?;
        }
        let count = keys.len();
        progress.done(&if count == 1 { "deleted".to_owned() } else { format!("{count} deleted") });
        Ok(())
    }

    fn failed(&self, failure: Failure, progress: &Progress) -> Failure {
        failure.in_step(progress.title(), &hints::continue_with(&self.request.command_line))
    }
}
