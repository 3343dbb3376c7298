//! The demo on the cluster: installed by `surge up`, marked as this suite's own, removed by `surge down`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use contract::names;
use serde_json::Value;

use super::kubectl::Kubectl;

/// Label of the namespace of a demo that this suite has installed, and its value.
const MARK: (&str, &str) = ("surge-e2e", "installed");

/// How long the autoscaler may take to have a first reading: the monitor has to reach Prometheus, and the adapter to list
/// its series.
const FIRST_READING: &str = "--timeout=300s";

/// The demo that is installed, or not yet.
pub(super) struct Demo<'a> {
    pub(super) kubectl: &'a Kubectl,
    /// The program `surge`.
    pub(super) surge: PathBuf,
    pub(super) kubeconfig: &'a Path,
    /// Whether the stack is installed too.
    pub(super) stack: bool,
    pub(super) rabbitmq_image: Option<&'a str>,
}

/// Whose the namespace of the demo is.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// There is none.
    Nobody,
    /// It was made by an earlier run of this suite.
    Us,
    /// It was made by somebody else.
    Another,
}

/// # Errors
/// When the cluster has a demo that this suite did not install.
pub(super) fn refuse_a_foreign_one(kubectl: &Kubectl, context: &str) -> anyhow::Result<()> {
    let found = kubectl.run(["get", "namespace", names::NAMESPACE, "--ignore-not-found", "-o", "json"])?;
    if owner(&found)? == Owner::Another {
        bail!(
            "the cluster of context {context} has a namespace {} that this suite did not make, so nothing was done; \
             remove the demo there with `surge down --namespaces`, or test another cluster",
            names::NAMESPACE
        );
    }
    Ok(())
}

impl Demo<'_> {
    /// Installs the demo and waits until the autoscaler has read the metric once.
    ///
    /// # Errors
    /// When `surge up` fails, or there is no reading in time.
    pub(super) fn install(&self) -> anyhow::Result<()> {
        let has_storage = self.kubectl.run(["get", "storageclass", "-o", "name"])?.lines().next().is_some();
        self.surge(&up(self.stack, has_storage, self.rabbitmq_image))?;
        let mark = format!("{}={}", MARK.0, MARK.1);
        self.kubectl.run(["label", "--overwrite", "namespace", names::NAMESPACE, &mark])?;
        let hpa = format!("hpa/{}", names::HPA);
        self.kubectl
            .run(["-n", names::NAMESPACE, "wait", "--for=condition=ScalingActive", &hpa, FIRST_READING])
            .context("the autoscaler has no reading of the metric; ask `surge doctor` why")?;
        Ok(())
    }

    /// Removes the demo and its namespace, if `surge up` or this suite made it.
    ///
    /// # Errors
    /// When `surge down` fails.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        self.surge(&["down", "--yes", "--namespaces"].map(str::to_owned))
    }

    /// The command that removes what was kept.
    pub(super) fn removal(&self) -> String {
        format!("surge down --namespaces --kubeconfig {}", self.kubeconfig.display())
    }

    fn surge(&self, arguments: &[String]) -> anyhow::Result<()> {
        println!("surge {}", arguments.join(" "));
        let status = Command::new(&self.surge)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.kubeconfig)
            .status()
            .with_context(|| format!("{} cannot be started", self.surge.display()))?;
        ensure!(status.success(), "surge {} failed: {status}", arguments.join(" "));
        Ok(())
    }
}

/// Whose namespace that is; `json` is empty when there is none.
fn owner(json: &str) -> anyhow::Result<Owner> {
    if json.trim().is_empty() {
        return Ok(Owner::Nobody);
    }
    let namespace: Value = serde_json::from_str(json).context("kubectl's answer is no JSON")?;
    Ok(if namespace["metadata"]["labels"][MARK.0] == MARK.1 { Owner::Us } else { Owner::Another })
}

/// What `surge` is asked for: the demo, with its stack or on the cluster's own; without a volume claim where no storage class could serve it.
fn up(stack: bool, has_storage: bool, rabbitmq_image: Option<&str>) -> Vec<String> {
    let mut arguments = ["up", "--yes"].map(str::to_owned).to_vec();
    if !stack {
        arguments.push("--skip-stack".to_owned());
    }
    if !has_storage {
        arguments.extend(["--set".to_owned(), "rabbitmq.persistence.enabled=false".to_owned()]);
    }
    if let Some(image) = rabbitmq_image {
        arguments.extend(["--image".to_owned(), format!("rabbitmq={image}")]);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_without_the_mark_is_anothers() {
        let with = |labels: &str| format!(r#"{{"metadata": {{"labels": {labels}}}}}"#);
        for (json, expected) in [
            (String::new(), Owner::Nobody),
            (with("{}"), Owner::Another),
            (with(r#"{"surge-e2e": "installed"}"#), Owner::Us),
            (r#"{"metadata": {}}"#.to_owned(), Owner::Another),
        ] {
            assert_eq!(owner(&json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn what_surge_is_asked_for_fits_the_cluster() {
        assert_eq!(up(true, true, None), ["up", "--yes"]);
        let other = up(false, false, Some("registry:5000/rabbitmq:3.10"));
        assert_eq!(other[2..5], ["--skip-stack", "--set", "rabbitmq.persistence.enabled=false"]);
        assert_eq!(other[5..], ["--image", "rabbitmq=registry:5000/rabbitmq:3.10"]);
    }
}
