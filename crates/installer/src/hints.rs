//! Commands that a failure advises, for the cluster and the namespace that were asked for, so that they can be pasted as they are.

use super::shell;
use cluster::connect::ConnectFlags;

/// What every command has to say to mean the same cluster and demo.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    flags: ConnectFlags,
    namespace: String,
}

impl Hints {
    /// For what the command line said.
    #[must_use]
    pub fn new(flags: &ConnectFlags, namespace: &str) -> Self {
        Self { flags: flags.clone(), namespace: namespace.to_owned() }
    }

    /// The namespace of the demo.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command of kubectl on this cluster.
    #[must_use]
    pub fn kubectl(&self, words: &[&str]) -> String {
        self.command("kubectl", words, &[])
    }

    /// A command of ours on this cluster and for this demo; without words the dashboard.
    #[must_use]
    pub fn surge(&self, words: &[&str]) -> String {
        let namespace: &[&str] = if self.namespace == contract::names::NAMESPACE {
            &[]
        } else {
            &["--namespace", &self.namespace]
        };
        self.command("surge", words, namespace)
    }

    /// A command of helm on this cluster.
    #[must_use]
    pub fn helm(&self, words: &[&str]) -> String {
        // What everybody else calls a context, helm calls otherwise.
        self.command("helm", words, &[]).replace(" --context ", " --kube-context ")
    }

    fn command(&self, program: &str, words: &[&str], last: &[&str]) -> String {
        let file = self.flags.kubeconfig.as_ref().map(|path| path.to_string_lossy());
        let mut all = vec![program];
        all.extend(words);
        if let Some(file) = &file {
            all.extend(["--kubeconfig", file]);
        }
        if let Some(context) = &self.flags.context {
            all.extend(["--context", context]);
        }
        all.extend(last);
        shell::line(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_mean_what_was_meant() {
        let usual = Hints::new(&ConnectFlags::default(), contract::names::NAMESPACE);
        assert_eq!(usual.surge(&[]), "surge");
        assert_eq!(usual.kubectl(&["get", "pods"]), "kubectl get pods");
        let flags = ConnectFlags { kubeconfig: Some("/a b".into()), context: Some("far".into()) };
        let other = Hints::new(&flags, "demo");
        assert_eq!(
            other.surge(&["doctor"]),
            "surge doctor --kubeconfig '/a b' --context far --namespace demo"
        );
        assert_eq!(other.helm(&["list"]), "helm list --kubeconfig '/a b' --kube-context far");
        assert_eq!(
            other.kubectl(&["get", "pods", "-n", "demo"]),
            "kubectl get pods -n demo --kubeconfig '/a b' --context far"
        );
    }
}
