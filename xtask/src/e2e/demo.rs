//! The demo on the cluster: installed from `manifests/`, marked as this suite's own, removed by that mark.

use std::path::Path;

use anyhow::{Context as _, bail};
use contract::names;
use serde_json::Value;

use super::kubectl::Kubectl;

/// Label of the namespace of a demo that this suite has installed, and its value.
const MARK: (&str, &str) = ("surge-e2e", "installed");

/// How long pods may take to be ready, and the autoscaler to have a first reading.
const READY: &str = "--timeout=300s";

/// The demo that is installed, or not yet.
pub(super) struct Demo<'a> {
    kubectl: &'a Kubectl,
    root: &'a Path,
    rabbitmq_image: Option<&'a str>,
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

impl<'a> Demo<'a> {
    pub(super) fn new(kubectl: &'a Kubectl, root: &'a Path, rabbitmq_image: Option<&'a str>) -> Self {
        Self { kubectl, root, rabbitmq_image }
    }

    /// # Errors
    /// When the cluster has a demo that this suite did not install.
    pub(super) fn refuse_a_foreign_one(&self, context: &str) -> anyhow::Result<()> {
        let found =
            self.kubectl.run(["get", "namespace", names::NAMESPACE, "--ignore-not-found", "-o", "json"])?;
        if owner(&found)? == Owner::Another {
            bail!(
                "the cluster of context {context} has a namespace {} that this suite did not make, so nothing was done; \
                 remove the demo there with `surge down`, or test another cluster",
                names::NAMESPACE
            );
        }
        Ok(())
    }

    /// Installs the demo and waits until it is ready and the autoscaler has read the metric once.
    ///
    /// # Errors
    /// When the API refuses something, or it does not come up in time.
    pub(super) fn install(&self) -> anyhow::Result<()> {
        println!("installing the demo");
        let kubectl = self.kubectl;
        let secrets = std::process::Command::new("sh")
            .arg(self.root.join("manifests/secrets.sh"))
            .output()
            .context("there is no shell")?;
        // What is there already, from an earlier run that was kept, stays.
        let created = kubectl.run_with(&String::from_utf8_lossy(&secrets.stdout), ["create", "-f", "-"]);
        if let Err(error) = created
            && !error.to_string().contains("AlreadyExists")
        {
            return Err(error);
        }
        let mark = format!("{}={}", MARK.0, MARK.1);
        kubectl.run(["label", "--overwrite", "namespace", names::NAMESPACE, &mark])?;
        let folder = self.root.join("target/e2e/demo");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let has_storage = kubectl.run(["get", "storageclass", "-o", "name"])?.lines().next().is_some();
        let file = folder.join("kustomization.yaml");
        std::fs::write(&file, kustomization(has_storage, self.rabbitmq_image)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let rendered = kubectl.run(["kustomize", &folder.to_string_lossy()])?;
        let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=surge-e2e", "-f", "-"];
        kubectl.run_with(&rendered, apply)?;
        let statefulset = format!("statefulset/{}", names::RABBITMQ);
        let deployments = [names::PRODUCER, names::WORKER].map(|name| format!("deployment/{name}"));
        for workload in [statefulset.as_str(), &deployments[0], &deployments[1]] {
            kubectl.run(["-n", names::NAMESPACE, "rollout", "status", workload, READY])?;
        }
        let hpa = format!("hpa/{}", names::HPA);
        kubectl
            .run(["-n", names::NAMESPACE, "wait", "--for=condition=ScalingActive", &hpa, READY])
            .context("the autoscaler has no reading of the metric: is the stack installed, and does `surge doctor` agree?")?;
        Ok(())
    }

    /// Removes the demo, if it is this suite's own.
    ///
    /// # Errors
    /// When it does not go within a few minutes.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        let mark = format!("{}={}", MARK.0, MARK.1);
        let arguments = ["delete", "namespace", "-l", &mark, "--ignore-not-found", READY];
        self.kubectl.run(arguments)?;
        println!("removed {}", self.what());
        Ok(())
    }

    /// What was installed, in words.
    pub(super) fn what(&self) -> String {
        format!("namespace {} with everything in it", names::NAMESPACE)
    }

    /// The command that removes it.
    pub(super) fn removal(&self) -> String {
        format!("kubectl delete namespace {}", names::NAMESPACE)
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

/// The manifests as this cluster takes them: without a volume claim where no storage class could serve it, and with another
/// broker image if one is wanted. It stands in `target/e2e/demo`.
fn kustomization(has_storage: bool, rabbitmq_image: Option<&str>) -> anyhow::Result<String> {
    let manifests = "../../../manifests";
    let mut text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{manifests}/overlays/plugin]\n"
    );
    if !has_storage {
        text.push_str(&format!("components: [{manifests}/components/ephemeral]\n"));
    }
    if let Some(image) = rabbitmq_image {
        let (name, tag) = image.rsplit_once(':').with_context(|| format!("{image} has no tag"))?;
        text.push_str(&format!("images: [{{name: rabbitmq, newName: {name:?}, newTag: {tag:?}}}]\n"));
    }
    Ok(text)
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
    fn the_kustomization_fits_the_cluster() {
        let plain = kustomization(true, None).unwrap();
        assert!(!plain.contains("components") && !plain.contains("images"), "{plain}");
        let other = kustomization(false, Some("registry:5000/rabbitmq:3.10")).unwrap();
        assert!(other.contains("components/ephemeral"), "{other}");
        assert!(other.contains(r#"newName: "registry:5000/rabbitmq", newTag: "3.10""#), "{other}");
        assert!(kustomization(true, Some("rabbitmq")).is_err());
    }
}
