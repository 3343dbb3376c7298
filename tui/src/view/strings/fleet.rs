//! Text of the screen Fleet, and of the dialogs that change the place.

use dashboard::fleet::{Interval, Order};

pub(in crate::view) const TITLE: &str = "Fleet";
pub(in crate::view) const READING: &str = "reading the HPAs";
pub(in crate::view) const NO_MATCH: &str = "no HPA matches the filter";

pub(in crate::view) const NAMESPACE: &str = "NAMESPACE";
pub(in crate::view) const NAME: &str = "NAME";
pub(in crate::view) const REFERENCE: &str = "REFERENCE";
pub(in crate::view) const METRIC: &str = "METRIC";
pub(in crate::view) const REPLICAS: &str = "REPLICAS";
pub(in crate::view) const BOUNDS: &str = "MIN-MAX";
pub(in crate::view) const SCALED: &str = "SCALED";
pub(in crate::view) const SYNC: &str = "SYNC";
pub(in crate::view) const VERDICT: &str = "VERDICT";

pub(in crate::view) const CONTEXTS: &str = "Contexts of the kubeconfig";
pub(in crate::view) const NAMESPACES: &str = "Namespaces";
pub(in crate::view) const ALL_NAMESPACES: &str = "all namespaces";
pub(in crate::view) const LOADING_PLACES: &str = "reading the list";
pub(in crate::view) const CURRENT: &str = "current";
pub(in crate::view) const PLACE_KEYS: &[(&str, &str)] =
    &[("↑ ↓", "choose"), ("enter", "go there"), ("esc", "close")];

/// The place without HPAs.
pub(in crate::view) fn no_hpa(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("namespace {namespace} has no HPA"),
        None => "the cluster has no HPA".to_owned(),
    }
}

/// A demo cluster for a place without HPAs.
pub(in crate::view) const SANDBOX: &str = "surge --sandbox starts a cluster with one on this machine";

/// The number of HPAs and their place.
pub(in crate::view) fn count(shown: usize, all: usize, namespace: Option<&str>) -> String {
    let noun = if all == 1 { "HPA" } else { "HPAs" };
    let number = if shown == all { format!("{all} {noun}") } else { format!("{shown} of {all} {noun}") };
    match namespace {
        Some(namespace) => format!("{number} in {namespace}"),
        None => format!("{number} in all namespaces"),
    }
}

pub(in crate::view) fn order(order: Order) -> &'static str {
    match order {
        Order::Verdict => "worst first",
        Order::Name => "by name",
        Order::Share => "largest share first",
        Order::Replicas => "most replicas first",
        Order::LastScale => "newest rescale first",
        Order::Interval => "slowest sync first",
    }
}

/// A measured sync interval.
pub(in crate::view) fn interval(interval: Interval) -> String {
    let seconds = interval.duration().as_secs_f64();
    // A bound must not look smaller than it is.
    match interval {
        Interval::About(_) if seconds < 9.95 => format!("{seconds:.1} s"),
        Interval::About(_) => format!("{seconds:.0} s"),
        Interval::AtMost(_) => format!("≤{:.0} s", seconds.ceil()),
    }
}

/// The controller's message about the chosen HPA.
pub(in crate::view) fn message(message: &str) -> String {
    format!(". Controller: {message}")
}
