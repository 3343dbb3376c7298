//! How an image archive gets onto the nodes of a cluster.

use anyhow::{Context as _, ensure};

/// Stands in a command for the archive's file.
pub(super) const ARCHIVE: &str = "{archive}";

/// The command that was given, else the one of a tool that names its contexts in a way that is known.
///
/// # Errors
/// When no command was given and the context is nobody's that is known, or when the command names no archive.
pub(super) fn command(given: Option<&str>, context: &str) -> anyhow::Result<String> {
    if let Some(given) = given {
        ensure!(
            given.contains(ARCHIVE),
            "`{given}` does not say where the archive's file goes: write {ARCHIVE} there"
        );
        return Ok(given.to_owned());
    }
    known(context).with_context(|| {
        format!(
            "how images are loaded into the cluster of context {context} is not known; \
             say it with --load 'COMMAND {{archive}}'"
        )
    })
}

/// kind calls its contexts `kind-NAME`, k3d `k3d-NAME`; minikube calls them by the profile's name, which is `minikube`
/// unless another one was asked for.
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
    fn tools_are_known_by_their_contexts() {
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
        assert!(error.contains("write {archive} there"), "{error}");
    }
}
