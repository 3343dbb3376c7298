//! The handles of a test. A test without a handle that it needs fails with the mark by which `cargo xtask e2e` prints it as not
//! run.

use std::path::PathBuf;
use std::time::Duration;

use crate::scenarios::site::Site;

/// The prefix of the message of a test that could not run. `xtask/src/e2e/suite.rs` searches for it.
const NOT_RUN: &str = "not run:";

fn handle(variable: &str, what: &str) -> String {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!("{NOT_RUN} {variable} does not say {what}"),
    }
}

/// The cluster under test.
pub(crate) fn cluster() -> Site {
    let kubeconfig =
        PathBuf::from(handle("SURGE_E2E_KUBECONFIG", "which kubeconfig leads to a cluster with the demo"));
    let namespace = std::env::var("SURGE_E2E_NAMESPACE");
    Site::new(&kubeconfig, namespace.as_deref().unwrap_or(contract::names::NAMESPACE))
}

/// The cluster under test, with the demo at rest.
pub(crate) fn demo() -> Site {
    let site = cluster();
    site.wait_for_rest();
    site
}

/// A shell command that restarts the API server and returns when it serves again.
pub(crate) fn restart_apiserver() -> String {
    handle("SURGE_E2E_RESTART_APISERVER", "by which command the API server is restarted")
}

/// The program kubectl.
pub(crate) fn kubectl() -> String {
    handle("SURGE_E2E_KUBECTL", "where kubectl is")
}

/// An image with Perl, for pods that use the processor and serve HTTP.
pub(crate) fn perl_image() -> String {
    handle("SURGE_E2E_PERL_IMAGE", "which image has Perl")
}

/// Helm, which `surge up` finds on the path.
pub(crate) fn helm() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join("helm").is_file());
    assert!(is_there, "{NOT_RUN} there is no helm on the path");
}

/// Images of the cluster that replace the chart's, as `--image` takes them.
pub(crate) fn images() -> Vec<String> {
    let named = [("rabbitmq", "SURGE_E2E_RABBITMQ_IMAGE"), ("exporter", "SURGE_E2E_EXPORTER_IMAGE")];
    let given = named.iter().filter_map(|(name, variable)| {
        let image = std::env::var(variable).ok().filter(|image| !image.is_empty())?;
        Some(format!("{name}={image}"))
    });
    given.collect()
}

/// The profile of the adapter's rules; the default is `plugin`.
pub(crate) fn is_exporter() -> bool {
    std::env::var("SURGE_E2E_PROFILE").is_ok_and(|profile| profile == "exporter")
}

/// The sync period of the cluster's autoscaler.
pub(crate) fn sync_period() -> Duration {
    let seconds = std::env::var("SURGE_E2E_SYNC_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(15))
}
