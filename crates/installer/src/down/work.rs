//! A removal, done step by step.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Wish, told, uninstall};
use crate::again;
use crate::apply::Objects;
use crate::failure::Failure;
use crate::helm::Helm;
use crate::hints::Hints;
use crate::object::Key;
use crate::progress::Progress;
use crate::removal::{Removal, Step};
use crate::survey;
use crate::up::{Mode, say};
use crate::wait::Waiting;
use cluster::connect::Cluster;
use text::clean;

/// How long helm may take to remove a release.
const UNINSTALLING: Duration = Duration::from_secs(300);

/// What the steps are done with.
pub(super) struct Work<'a> {
    pub(super) wish: &'a Wish,
    pub(super) cluster: &'a Cluster,
    pub(super) helm: Option<&'a Helm>,
    pub(super) stop: &'a CancellationToken,
}

impl Work<'_> {
    /// Does the steps, and then what is agreed to about the namespaces.
    pub(super) async fn run(
        &self,
        objects: &mut Objects,
        removal: &Removal,
        mode: Mode,
        agree: impl AsyncFn(&str) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let total = removal.steps.len() + removal.namespaces.len();
        let mut progress = Progress::stdout(total);
        for step in &removal.steps {
            progress.begin(&step.title());
            self.step(objects, step, &mut progress)
                .await
                .map_err(|failure| self.failed(failure, &progress))?;
        }
        let mut kept = Vec::new();
        for namespace in &removal.namespaces {
            progress.begin(&format!("namespace {}", namespace.name));
            let question = clean::text(&format!("Remove namespace {}?", told(namespace)));
            progress.end_line();
            let goes = self.wish.namespaces || (mode == Mode::Ask && agree(&question).await?);
            if !goes {
                progress.done("stays");
                kept.push(namespace);
                continue;
            }
            let key = survey::namespace_key(&namespace.name);
            self.remove(objects, &[key], &mut progress)
                .await
                .map_err(|failure| self.failed(failure, &progress))?;
        }
        if !kept.is_empty() {
            let names: Vec<&str> = kept.iter().map(|namespace| namespace.name.as_str()).collect();
            let what: Vec<String> = kept.iter().map(|namespace| told(namespace)).collect();
            let what = clean::text(&what.join("; "));
            let hints = Hints::new(&self.wish.flags, &self.wish.namespace);
            let remove = hints.kubectl(&[&["delete", "namespace"], names.as_slice()].concat());
            let remove = clean::text(&remove);
            say(&format!("\nwhat up made and down left: namespace {what}; remove with: {remove}\n"));
        }
        Ok(())
    }

    async fn step(&self, objects: &mut Objects, step: &Step, progress: &mut Progress) -> Result<(), Failure> {
        match step {
            Step::Objects { keys, .. } => self.remove(objects, keys, progress).await,
            Step::Api(key) => self.remove(objects, std::slice::from_ref(key), progress).await,
            Step::Release(release) => {
                if let Some(helm) = self.helm {
                    helm.run(&uninstall(release), UNINSTALLING).await?;
                }
                progress.done("uninstalled; its CustomResourceDefinitions stay if helm keeps them");
                Ok(())
            }
        }
    }

    async fn remove(
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
        let hints = Hints::new(&self.wish.flags, &self.wish.namespace);
        let waiting = Waiting {
            client: &self.cluster.client,
            timeout: self.wish.timeout,
            stop: self.stop,
            hints: &hints,
        };
        for key in keys {
            waiting.gone(objects, key, progress).await?;
        }
        let count = keys.len();
        progress.done(&if count == 1 { "removed".to_owned() } else { format!("{count} removed") });
        Ok(())
    }

    fn failed(&self, mut failure: Failure, progress: &Progress) -> Failure {
        failure.what = format!("step \"{}\" was not done: {}", progress.title(), failure.what);
        let again =
            format!("what is gone stays gone; go on with: {}", again::line(&self.wish.again, failure.change));
        failure.advice =
            if failure.advice.is_empty() { again } else { format!("{}\n{again}", failure.advice) };
        failure
    }
}
