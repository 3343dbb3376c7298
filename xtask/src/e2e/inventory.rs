//! What is on the cluster before and after: the suite must leave nothing behind and take nothing away.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::kubectl::Kubectl;

/// Kinds whose objects would outlive the demo's namespace, and workloads, which a test may have stopped.
const KINDS: &str = "namespaces,clusterroles,clusterrolebindings,apiservices,customresourcedefinitions,\
    validatingwebhookconfigurations,mutatingwebhookconfigurations,roles,rolebindings,deployments,statefulsets";

/// One line an object: kind, namespace, name, replicas.
const LINES: &str = r#"jsonpath={range .items[*]}{.kind}{"\t"}{.metadata.namespace}{"\t"}{.metadata.name}{"\t"}{.spec.replicas}{"\n"}{end}"#;

/// Namespaces that tests make for themselves begin so.
const OF_TESTS: [&str; 2] = ["surge-e2e", "surge-twins"];

/// How long the cluster may take to have removed what was deleted.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// The objects of a cluster, by kind, place, name, and whether what should run is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inventory(BTreeSet<String>);

/// What is on the cluster now and was not before, and the other way round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    new: Vec<String>,
    gone: Vec<String>,
}

impl Inventory {
    /// # Errors
    /// When kubectl cannot list them.
    pub(super) fn take(kubectl: &Kubectl) -> anyhow::Result<Self> {
        Ok(Self::read(&kubectl.run(["get", KINDS, "--all-namespaces", "-o", LINES])?))
    }

    fn read(lines: &str) -> Self {
        let lines = lines.lines().filter_map(|line| {
            let mut fields = line.split('\t');
            let (kind, namespace, name, replicas) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next());
            let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            let stopped = if replicas == Some("0") { ", scaled to 0" } else { "" };
            Some(format!("{kind} {place}{name}{stopped}"))
        });
        Self(lines.collect())
    }

    fn difference(&self, now: &Self) -> Difference {
        let only = |these: &Self, those: &Self| these.0.difference(&those.0).cloned().collect();
        Difference { new: only(now, self), gone: only(self, now) }
    }

    /// Removes the namespaces that interrupted tests left, and waits until the cluster is as it was.
    ///
    /// # Errors
    /// When kubectl fails.
    pub(super) fn restored(&self, kubectl: &Kubectl) -> anyhow::Result<Difference> {
        let began = Instant::now();
        loop {
            let difference = self.difference(&Self::take(kubectl)?);
            if difference.is_none() || began.elapsed() > PATIENCE {
                return Ok(difference);
            }
            for namespace in difference.namespaces_of_tests() {
                kubectl.run(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"])?;
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Difference {
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }

    fn namespaces_of_tests(&self) -> impl Iterator<Item = &str> {
        let namespaces = self.new.iter().filter_map(|line| line.strip_prefix("Namespace "));
        namespaces.filter(|name| OF_TESTS.iter().any(|beginning| name.starts_with(beginning)))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = |what: &str, lines: &[String]| match lines {
            [] => String::new(),
            lines => format!("\n  {what}: {}", lines.join(", ")),
        };
        write!(f, "{}{}", lines("new", &self.new), lines("gone", &self.gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_leaves_or_takes_away_is_named() {
        let before = Inventory::read(
            "Namespace\t\tmonitoring\t\nDeployment\tmonitoring\tadapter\t1\nAPIService\t\tv1beta1.external\t\n",
        );
        let after = Inventory::read(
            "Namespace\t\tmonitoring\t\nNamespace\t\tsurge-e2e-1\t\nNamespace\t\tother\t\nDeployment\tmonitoring\tadapter\t0\n",
        );
        assert!(before.difference(&before).is_none());
        let difference = before.difference(&after);
        assert_eq!(
            difference.to_string(),
            "\n  new: Deployment monitoring/adapter, scaled to 0, Namespace other, Namespace surge-e2e-1\
             \n  gone: APIService v1beta1.external, Deployment monitoring/adapter"
        );
        assert_eq!(difference.namespaces_of_tests().collect::<Vec<_>>(), ["surge-e2e-1"]);
    }

    #[test]
    fn another_number_of_replicas_is_no_difference() {
        let of = |replicas: u8| Inventory::read(&format!("Deployment\ta\tb\t{replicas}\n"));
        assert!(of(1).difference(&of(5)).is_none());
    }
}
