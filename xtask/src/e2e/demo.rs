//! The demo on the cluster: `surge up` installs it, a label marks it as the suite's own, `surge down` removes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use contract::names;
use serde_json::Value;

use super::kubectl::Kubectl;

/// Label and value on the namespace of a demo that the suite installed.
const OWNER_LABEL: (&str, &str) = ("surge-e2e", "installed");

/// Time limit for the first metric value of the HPA: Prometheus must load the monitor, and the adapter must list the
/// series.
const METRIC_TIMEOUT: &str = "--timeout=300s";

/// The demo, installed or not.
pub(super) struct Demo<'a> {
    pub(super) kubectl: &'a Kubectl,
    /// The program `surge`.
    pub(super) surge: PathBuf,
    pub(super) kubeconfig: &'a Path,
    /// Install the monitoring stack too.
    pub(super) stack: bool,
    pub(super) rabbitmq_image: Option<&'a str>,
}

/// The owner of the demo's namespace.
#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// The namespace does not exist.
    None,
    /// An earlier run of the suite created it.
    Suite,
    /// A user created it.
    Other,
}

/// # Errors
/// When the cluster has a demo that the suite did not install.
pub(super) fn refuse_foreign(kubectl: &Kubectl, context: &str) -> anyhow::Result<()> {
    let found = kubectl.run(["get", "namespace", names::NAMESPACE, "--ignore-not-found", "-o", "json"])?;
    if owner(&found)? == Owner::Other {
        bail!(
            "context {context} has a namespace {} that this suite did not create; nothing changed. \
             Remove the demo with `surge down --namespaces`, or use another cluster",
            names::NAMESPACE
        );
    }
    Ok(())
}

impl Demo<'_> {
    /// Installs the demo and waits until the HPA has read the metric once.
    ///
    /// # Errors
    /// When `surge up` fails, or the HPA has no metric value within the time limit.
    pub(super) fn install(&self) -> anyhow::Result<()> {
        let has_storage = self.kubectl.run(["get", "storageclass", "-o", "name"])?.lines().next().is_some();
        self.surge(&up(self.stack, has_storage, self.rabbitmq_image))?;
        let label = format!("{}={}", OWNER_LABEL.0, OWNER_LABEL.1);
        self.kubectl.run(["label", "--overwrite", "namespace", names::NAMESPACE, &label])?;
        let hpa = format!("hpa/{}", names::HPA);
        self.kubectl
            .run(["-n", names::NAMESPACE, "wait", "--for=condition=ScalingActive", &hpa, METRIC_TIMEOUT])
            .context("the HPA cannot read the metric; `surge doctor` shows the cause")?;
        Ok(())
    }

    /// Removes the demo, and its namespace if `surge up` or the suite created it.
    ///
    /// # Errors
    /// When `surge down` fails.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        self.surge(&["down", "--yes", "--namespaces"].map(str::to_owned))
    }

    /// The command that removes the demo, for the user.
    pub(super) fn removal_command(&self) -> String {
        format!("surge down --namespaces --kubeconfig {}", self.kubeconfig.display())
    }

    fn surge(&self, arguments: &[String]) -> anyhow::Result<()> {
        println!("surge {}", arguments.join(" "));
        let status = Command::new(&self.surge)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.kubeconfig)
            .status()
            .with_context(|| format!("cannot start {}", self.surge.display()))?;
        ensure!(status.success(), "surge {} failed: {status}", arguments.join(" "));
        Ok(())
    }
}

/// The owner of a namespace; `json` is empty if it does not exist.
fn owner(json: &str) -> anyhow::Result<Owner> {
    if json.trim().is_empty() {
        return Ok(Owner::None);
    }
    let namespace: Value = serde_json::from_str(json).context("kubectl did not print JSON")?;
    Ok(if namespace["metadata"]["labels"][OWNER_LABEL.0] == OWNER_LABEL.1 {
        Owner::Suite
    } else {
        Owner::Other
    })
}

/// Arguments of `surge up`. Without a storage class, the broker gets no volume claim.
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
    fn a_demo_without_the_label_is_foreign() {
        let with = |labels: &str| format!(r#"{{"metadata": {{"labels": {labels}}}}}"#);
        for (json, expected) in [
            (String::new(), Owner::None),
            (with("{}"), Owner::Other),
            (with(r#"{"surge-e2e": "installed"}"#), Owner::Suite),
            (r#"{"metadata": {}}"#.to_owned(), Owner::Other),
        ] {
            assert_eq!(owner(&json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn up_arguments_depend_on_the_cluster() {
        assert_eq!(up(true, true, None), ["up", "--yes"]);
        let other = up(false, false, Some("registry:5000/rabbitmq:3.10"));
        assert_eq!(other[2..5], ["--skip-stack", "--set", "rabbitmq.persistence.enabled=false"]);
        assert_eq!(other[5..], ["--image", "rabbitmq=registry:5000/rabbitmq:3.10"]);
    }
}
