//! The obstacles between the kubeconfig and the demo, as sentences.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use text::clean;

use super::Cluster;
use crate::errors::{self, Connection};

/// The way to a demo without a cluster.
const WITHOUT_CLUSTER: &str = "without a cluster, `surge sandbox` runs the demo on this machine";

/// An obstacle: a sentence with the cause, a title, and the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConnectError {
    /// A sentence: the attempt, its object and the cause.
    pub what: String,
    /// A few words for a title line.
    pub short: String,
    /// The fix.
    pub advice: String,
}

impl ConnectError {
    pub(super) fn new(what: impl AsRef<str>, short: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        let [what, short, advice] = [what.as_ref(), short.as_ref(), advice.as_ref()].map(clean::text);
        Self { what, short, advice }
    }

    /// No kubeconfig at `path`; `None` if there is no default path.
    pub(super) fn no_kubeconfig(path: Option<&Path>) -> Self {
        let what = match path {
            Some(path) => format!("there is no kubeconfig at {}", path.display()),
            None => "there is no kubeconfig: neither KUBECONFIG nor HOME is set".to_owned(),
        };
        Self::new(
            what,
            "no kubeconfig found",
            format!("use --kubeconfig FILE, or set KUBECONFIG; {WITHOUT_CLUSTER}"),
        )
    }

    /// An unreadable kubeconfig.
    pub(super) fn unreadable_kubeconfig(path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("reading the kubeconfig {} failed: {error}", path.display()),
            "the kubeconfig is not readable",
            "make it readable for you, or use --kubeconfig FILE",
        )
    }

    /// A kubeconfig that cannot be parsed.
    pub(super) fn invalid_kubeconfig(path: Option<&Path>, cause: &str) -> Self {
        let which = path.map_or_else(String::new, |path| format!(" {}", path.display()));
        Self::new(
            format!("the kubeconfig{which} is invalid: {cause}"),
            "the kubeconfig is invalid",
            "fix it, or use --kubeconfig FILE",
        )
    }

    /// A kubeconfig without the context; `wanted` is empty if it has no current context either.
    pub(super) fn no_context(wanted: &str, known: &[&str]) -> Self {
        let known = match known {
            [] => format!("it has no contexts; use --kubeconfig FILE; {WITHOUT_CLUSTER}"),
            known => format!("it has: {}", known.join(", ")),
        };
        if wanted.is_empty() {
            let what = "the kubeconfig has no current context";
            return Self::new(what, "no current context", format!("use --context NAME; {known}"));
        }
        let what = format!("the kubeconfig has no context {wanted}");
        Self::new(what, format!("no context {wanted}"), known)
    }

    /// A context from which no client can be made.
    pub(super) fn unusable_context(context: &str, cause: &str) -> Self {
        Self::new(
            format!("context {context} is not usable: {cause}"),
            format!("context {context} is not usable"),
            "check its cluster and user with: kubectl config view",
        )
    }

    /// A field of the context, or of its cluster or user, that does not work.
    pub(super) fn invalid_field(context: &str, cause: &str, fix: &str) -> Self {
        Self::new(
            format!("context {context} of the kubeconfig is not usable: {cause}"),
            format!("context {context} is not usable"),
            fix,
        )
    }

    /// A server that does not answer.
    pub(super) fn unreachable(cluster: &Cluster, cause: &str, fix: &str) -> Self {
        let Cluster { context, server, proxy, .. } = cluster;
        let proxy = proxy.as_ref().map_or_else(String::new, |proxy| format!(" through proxy {proxy}"));
        Self::new(
            format!("the API server of context {context} ({server}{proxy}) is not reachable: {cause}"),
            format!("context {context} is not reachable"),
            fix,
        )
    }

    /// A server that rejects the credentials.
    pub(super) fn unauthenticated(context: &str, cause: &str) -> Self {
        Self::new(
            format!("the API server of context {context} rejects the kubeconfig's credentials: {cause}"),
            format!("context {context} rejects the credentials"),
            "log in again, or choose another user with --context NAME",
        )
    }

    /// A server that rejects a client certificate, which has expired.
    pub(super) fn expired_certificate(context: &str, expired: Timestamp) -> Self {
        Self::new(
            format!(
                "the API server of context {context} rejects the user's client-certificate: it expired at {expired}"
            ),
            format!("context {context} rejects the credentials"),
            "renew the user's client-certificate, or use --context NAME",
        )
    }

    /// A user without the right to read the HPA.
    pub(super) fn forbidden(context: &str, namespace: &str, hpa: &str, cause: &str) -> Self {
        Self::new(
            format!("context {context} may not read HPA {hpa} in namespace {namespace}: {cause}"),
            format!("context {context} may not read the demo"),
            "ask for the right to get and watch it, or use --context NAME",
        )
    }

    /// Any other answer to the request for the HPA.
    pub(super) fn failed(context: &str, hpa: &str, cause: &str) -> Self {
        Self::new(
            format!("reading HPA {hpa} in context {context} failed: {cause}"),
            format!("context {context} answers with an error"),
            "check the cluster with: kubectl get hpa -A",
        )
    }

    /// A cluster without the namespace.
    pub(super) fn no_namespace(context: &str, namespace: &str) -> Self {
        Self::new(
            format!("context {context} has no namespace {namespace}"),
            format!("no demo found in context {context}"),
            "install the demo there, or use --namespace NAME",
        )
    }

    /// A namespace without the HPA.
    pub(super) fn no_hpa(context: &str, namespace: &str, hpa: &str) -> Self {
        Self::new(
            format!("namespace {namespace} in context {context} has no HPA {hpa}"),
            format!("no demo found in context {context}"),
            "install the demo there, or use --hpa NAME",
        )
    }

    /// A server that answers too late.
    pub(crate) fn late(cluster: &Cluster, limit: Duration) -> Self {
        let cause = format!("no answer within {limit:?}");
        Self::unreachable(cluster, &cause, Connection::TimedOut.fix(false))
    }

    /// An error of the request for `what`.
    pub(crate) fn of_read(cluster: &Cluster, what: &str, error: &kube::Error) -> Self {
        let (context, cause) = (&cluster.context, errors::kube(error));
        if errors::is_unauthenticated(error) {
            Self::unauthenticated(context, &cause)
        } else if errors::is_forbidden(error) {
            Self::new(
                format!("context {context} may not read {what}: {cause}"),
                format!("context {context} may not read the HPA"),
                "ask for the rights in manifests/rbac/viewer.yaml, or use --context NAME",
            )
        } else if errors::is_unreachable(error) {
            Self::unreachable(cluster, &cause, Connection::of(error).fix(cluster.proxy.is_some()))
        } else {
            Self::new(
                format!("reading {what} in context {context} failed: {cause}"),
                format!("context {context} answers with an error"),
                "list the HPAs with: surge list -A",
            )
        }
    }

    /// An error of the request for the HPAs of a namespace, or of all.
    pub(crate) fn of_list(cluster: &Cluster, namespace: Option<&str>, error: &kube::Error) -> Self {
        let (context, cause) = (&cluster.context, errors::kube(error));
        let place = match namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => "all namespaces".to_owned(),
        };
        if errors::is_unauthenticated(error) {
            Self::unauthenticated(context, &cause)
        } else if errors::is_forbidden(error) {
            let way_out = if namespace.is_some() { "use --context NAME" } else { "use -n NAME" };
            Self::new(
                format!("context {context} may not list the HPAs of {place}: {cause}"),
                format!("context {context} may not list HPAs"),
                format!("{way_out}, or ask for the right to list horizontalpodautoscalers"),
            )
        } else if errors::is_unreachable(error) {
            Self::unreachable(cluster, &cause, Connection::of(error).fix(cluster.proxy.is_some()))
        } else {
            Self::new(
                format!("listing the HPAs of {place} in context {context} failed: {cause}"),
                format!("context {context} answers with an error"),
                "check the cluster with: kubectl get hpa -A",
            )
        }
    }
}
