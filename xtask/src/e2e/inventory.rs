//! The objects of the cluster before and after the run: the suite must neither leave nor remove any.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::kubectl::Kubectl;

/// Cluster-wide kinds, which outlive the demo's namespace, and workloads, which a test may have stopped.
const KINDS: &str = "namespaces,clusterroles,clusterrolebindings,apiservices,customresourcedefinitions,\
    validatingwebhookconfigurations,mutatingwebhookconfigurations,roles,rolebindings,deployments,statefulsets";

/// One line per object: kind, namespace, name, replicas.
const LINES: &str = r#"jsonpath={range .items[*]}{.kind}{"\t"}{.metadata.namespace}{"\t"}{.metadata.name}{"\t"}{.spec.replicas}{"\n"}{end}"#;

/// Prefixes of the namespaces that tests create.
const TEST_NAMESPACES: [&str; 2] = ["surge-e2e", "surge-twins"];

/// Time limit for the cluster to finish deletions.
const DELETION_TIMEOUT: Duration = Duration::from_secs(120);

/// Time between two listings.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The objects of a cluster: kind, namespace, name, and a note on workloads that are scaled to 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inventory(BTreeSet<String>);

/// The objects that appeared and disappeared between two inventories.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    new: Vec<String>,
    gone: Vec<String>,
}

impl Inventory {
    /// # Errors
    /// When kubectl cannot list the objects.
    pub(super) fn take(kubectl: &Kubectl) -> anyhow::Result<Self> {
        Ok(Self::read(&kubectl.run(["get", KINDS, "--all-namespaces", "-o", LINES])?))
    }

    fn read(lines: &str) -> Self {
        let lines = lines.lines().filter_map(|line| {
            let mut fields = line.split('\t');
            let (kind, namespace, name, replicas) =
                (fields.next()?, fields.next()?, fields.next()?, fields.next());
            let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
            let stopped = if replicas == Some("0") { ", scaled to 0" } else { "" };
            Some(format!("{kind} {prefix}{name}{stopped}"))
        });
        Self(lines.collect())
    }

    fn difference(&self, now: &Self) -> Difference {
        let only = |these: &Self, those: &Self| these.0.difference(&those.0).cloned().collect();
        Difference { new: only(now, self), gone: only(self, now) }
    }

    /// Deletes namespaces that interrupted tests left, and waits until the cluster equals this inventory again. Returns the
    /// difference that remains.
    ///
    /// # Errors
    /// When kubectl fails.
    pub(super) fn wait_until_restored(&self, kubectl: &Kubectl) -> anyhow::Result<Difference> {
        let began = Instant::now();
        loop {
            let difference = self.difference(&Self::take(kubectl)?);
            if difference.is_empty() || began.elapsed() > DELETION_TIMEOUT {
                return Ok(difference);
            }
            for namespace in difference.test_namespaces() {
                kubectl.run(["delete", "namespace", namespace, "--ignore-not-found", "--wait=false"])?;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Difference {
    /// Returns true if the inventories are equal.
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }

    fn test_namespaces(&self) -> impl Iterator<Item = &str> {
        let namespaces = self.new.iter().filter_map(|line| line.strip_prefix("Namespace "));
        namespaces.filter(|name| TEST_NAMESPACES.iter().any(|prefix| name.starts_with(prefix)))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = |title: &str, lines: &[String]| match lines {
            [] => String::new(),
            lines => format!("\n  {title}: {}", lines.join(", ")),
        };
        write!(f, "{}{}", lines("new", &self.new), lines("gone", &self.gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_gone_objects_are_listed() {
        let before = Inventory::read(
            "Namespace\t\tmonitoring\t\nDeployment\tmonitoring\tadapter\t1\nAPIService\t\tv1beta1.external\t\n",
        );
        let after = Inventory::read(
            "Namespace\t\tmonitoring\t\nNamespace\t\tsurge-e2e-1\t\nNamespace\t\tother\t\nDeployment\tmonitoring\tadapter\t0\n",
        );
        assert!(before.difference(&before).is_empty());
        let difference = before.difference(&after);
        assert_eq!(
            difference.to_string(),
            "\n  new: Deployment monitoring/adapter, scaled to 0, Namespace other, Namespace surge-e2e-1\
             \n  gone: APIService v1beta1.external, Deployment monitoring/adapter"
        );
        assert_eq!(difference.test_namespaces().collect::<Vec<_>>(), ["surge-e2e-1"]);
    }

    #[test]
    fn a_replica_count_is_not_compared() {
        let of = |replicas: u8| Inventory::read(&format!("Deployment\ta\tb\t{replicas}\n"));
        assert!(of(1).difference(&of(5)).is_empty());
    }
}
