//! Commands that the output suggests. They select the cluster and the demo of the command line, so that users can paste them.

use cluster::connect::ConnectFlags;
use text::command::{ClusterFlags, Command};
use text::secret;

use super::object::Key;

/// The flags that every suggested command needs.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    flags: ClusterFlags,
    namespace: String,
}

impl Hints {
    /// Hints for the cluster and the demo of the command line.
    #[must_use]
    pub fn new(flags: &ConnectFlags, namespace: &str) -> Self {
        Self { flags: flags.into(), namespace: namespace.to_owned() }
    }

    /// The namespace of the demo.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A command of kubectl.
    #[must_use]
    pub fn kubectl(&self, arguments: &[&str]) -> Command {
        Command::kubectl(arguments.iter().copied()).on(&self.flags)
    }

    /// A command of kubectl on one object.
    #[must_use]
    pub fn on_object(&self, verb: &str, key: &Key, more: &[&str]) -> Command {
        on_object(verb, key).args(more.iter().copied()).on(&self.flags)
    }

    /// A command of surge for this demo; without arguments the dashboard.
    #[must_use]
    pub fn surge(&self, arguments: &[&str]) -> Command {
        let command = Command::surge(arguments.iter().copied()).on(&self.flags);
        if self.namespace == contract::names::NAMESPACE {
            return command;
        }
        command.flag("--namespace", self.namespace.as_str())
    }

    /// A command of helm.
    #[must_use]
    pub fn helm(&self, arguments: &[&str]) -> Command {
        Command::helm(arguments.iter().copied()).on(&self.flags)
    }
}

/// A command of kubectl on one object of the current cluster.
#[must_use]
pub fn on_object(verb: &str, key: &Key) -> Command {
    let command = Command::kubectl([verb]).object(&key.kind, &key.name);
    match &key.namespace {
        Some(namespace) => command.namespace(namespace),
        None => command,
    }
}

/// The command line that was given, for a retry; `words` are its arguments, the program's name first.
#[must_use]
pub fn retry_command(words: &[String]) -> Command {
    match words {
        [] => Command::surge([""; 0]),
        [program, arguments @ ..] => Command::new(program).args(arguments.iter().cloned()),
    }
}

/// The advice after a failed step. It does not repeat a command line with credentials; without them, the command would differ.
#[must_use]
pub fn continue_with(words: &[String]) -> String {
    let command = if words.iter().any(|word| secret::hide_word(word) != word.as_str()) {
        "the same command; its credentials are not shown".to_owned()
    } else {
        retry_command(words).to_string()
    };
    format!("completed steps stay; continue with: {command}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_select_cluster_and_demo() {
        let usual = Hints::new(&ConnectFlags::default(), contract::names::NAMESPACE);
        assert_eq!(usual.surge(&[]).to_string(), "surge");
        assert_eq!(usual.kubectl(&["get", "pods"]).to_string(), "kubectl get pods");
        let flags = ConnectFlags { kubeconfig: Some("/a b".into()), context: Some("far".into()) };
        let other = Hints::new(&flags, "demo");
        assert_eq!(
            other.surge(&["doctor"]).to_string(),
            "surge doctor --kubeconfig '/a b' --context far --namespace demo"
        );
        assert_eq!(other.helm(&["list"]).to_string(), "helm list --kubeconfig '/a b' --kube-context far");
        assert_eq!(
            other.kubectl(&["get", "pods", "-n", "demo"]).to_string(),
            "kubectl get pods -n demo --kubeconfig '/a b' --context far"
        );
    }

    #[test]
    fn a_retry_repeats_the_command_line() {
        let words = ["surge", "up", "--set", "a=b c", "--yes"].map(str::to_owned);
        assert_eq!(retry_command(&words).to_string(), "surge up --set 'a=b c' --yes");
        assert!(continue_with(&words).ends_with("continue with: surge up --set 'a=b c' --yes"));
    }

    #[test]
    fn a_retry_repeats_no_credentials() {
        for word in [
            "rabbitmq.auth.password=geheim",
            "--stack-set=kube-prometheus-stack.a=1,grafana.adminPassword=geheim",
            "--stack-set=kube-prometheus-stack.grafana.adminPassword=geheim",
            "prometheus-adapter=https://me:geheim@h/charts",
            "keda=https://h/keda.tgz?token=geheim",
        ] {
            let words = ["surge", "up", "--set", word].map(str::to_owned);
            let advice = continue_with(&words);
            assert!(
                advice.contains("continue with: the same command; ") && !advice.contains("geheim"),
                "{advice}"
            );
        }
    }
}
