//! The commands of a report go to the cluster that was looked at, and not to whichever is the current one.

/// The flags without which a command would go to another cluster than the one that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flags {
    /// Context that was asked for by name.
    pub context: Option<String>,
    /// Kubeconfig that was asked for by name.
    pub kubeconfig: Option<String>,
}

impl Flags {
    /// The text with its commands led to the same cluster.
    #[must_use]
    pub fn lead(&self, text: &str) -> String {
        let given = |context: &str| {
            let flag = |name: &str, value: &Option<String>| {
                value.as_ref().map_or_else(String::new, |value| format!(" --{name} {}", shell(value)))
            };
            flag(context, &self.context) + &flag("kubeconfig", &self.kubeconfig)
        };
        let (plain, helm) = (given("context"), given("kube-context"));
        let mut led = text.to_owned();
        for (command, flags) in
            [("kubectl ", &plain), ("surge doctor", &plain), ("surge up", &plain), ("helm ", &helm)]
        {
            let name = command.trim_end();
            let rest = &command[name.len()..];
            led = led.replace(command, &format!("{name}{flags}{rest}"));
        }
        led
    }
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@%=".contains(c)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_go_to_the_cluster_that_was_looked_at() {
        let flags = Flags { context: Some("a b".into()), kubeconfig: Some("/k".into()) };
        for (text, led) in [
            ("kubectl get hpa -n x", "kubectl --context 'a b' --kubeconfig /k get hpa -n x"),
            (
                "helm uninstall a && kubectl x",
                "helm --kube-context 'a b' --kubeconfig /k uninstall a && kubectl --context 'a b' --kubeconfig /k x",
            ),
            ("surge doctor", "surge doctor --context 'a b' --kubeconfig /k"),
            ("kubectl.kubernetes.io/x: y", "kubectl.kubernetes.io/x: y"),
        ] {
            assert_eq!(flags.lead(text), led);
            assert_eq!(Flags::default().lead(text), text);
        }
    }
}
