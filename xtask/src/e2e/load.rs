//! The command that loads an image archive onto the nodes of a cluster.

use anyhow::{Context as _, ensure};

/// Placeholder for the archive's file in a command.
pub(super) const ARCHIVE: &str = "{archive}";

/// Returns the `given` command, else the one for a cluster tool whose context names are known.
///
/// # Errors
/// When no command was given for an unknown context, or when the command lacks the placeholder.
pub(super) fn command(given: Option<&str>, context: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        ensure!(given.contains(ARCHIVE), "`{given}` lacks the placeholder {ARCHIVE} for the archive's file");
        return Ok(given.to_owned());
    }
    known(context).with_context(|| {
        format!(
            "context {context} belongs to no known tool (kind, k3d, minikube); \
             set --load 'COMMAND {{archive}}'"
        )
    })
}

/// Contexts of kind are named `kind-NAME`, those of k3d `k3d-NAME`. minikube uses the profile's name, by default
/// `minikube`.
fn known(context: &str) -> Option<String> {
    if let Some(name) = context.strip_prefix("kind-") {
        return Some(format!("kind load image-archive {{archive}} --name {name}"));
    }
    if let Some(name) = context.strip_prefix("k3d-") {
        return Some(format!("k3d image import {{archive}} --cluster {name}"));
    }
    (context == "minikube").then(|| "minikube image load {archive}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_name_identifies_the_tool() {
        for (context, command) in [
            ("kind-kind", Some("kind load image-archive {archive} --name kind")),
            ("k3d-demo", Some("k3d image import {archive} --cluster demo")),
            ("minikube", Some("minikube image load {archive}")),
            ("production", None),
        ] {
            assert_eq!(known(context).as_deref(), command, "{context}");
        }
        assert_eq!(command(Some("ctr import {archive}"), "kind-kind").unwrap(), "ctr import {archive}");
        let error = command(None, "production").unwrap_err().to_string();
        assert!(error.contains("--load 'COMMAND {archive}'"), "{error}");
        let error = command(Some("ctr import"), "kind-kind").unwrap_err().to_string();
        assert!(error.contains("placeholder {archive}"), "{error}");
    }
}
