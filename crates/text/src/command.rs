//! Commands as data: a program and its arguments, displayed as a line that a POSIX shell reads back word for word.
//!
//! Values from a cluster go into arguments as they are. Only [`Display`](fmt::Display) quotes, and only here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clean;
use crate::secret;

/// The command-line flags that select the cluster. `kubectl`, `helm` and `surge` all need them to reach the same one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterFlags {
    /// Path of the kubeconfig, if the user named one.
    pub kubeconfig: Option<String>,
    /// Context of the kubeconfig, if the user named one.
    pub context: Option<String>,
}

/// A command, or several that a shell joins.
///
/// ```
/// use text::command::{ClusterFlags, Command};
///
/// let flags = ClusterFlags { kubeconfig: None, context: Some("my cluster".to_owned()) };
/// let command = Command::kubectl(["get", "pods"]).namespace("it's").on(&flags);
/// assert_eq!(command.to_string(), r"kubectl get pods -n 'it'\''s' --context 'my cluster'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    next: Option<(Operator, Box<Command>)>,
}

/// The shell operator between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    /// `&&`
    And,
    /// `|`
    Pipe,
    /// `&`
    Background,
}

impl Command {
    /// A program without arguments.
    #[must_use]
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), next: None }
    }

    /// A command of `kubectl`.
    #[must_use]
    pub fn kubectl<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::new("kubectl").args(arguments)
    }

    /// A command of `helm`.
    #[must_use]
    pub fn helm<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::new("helm").args(arguments)
    }

    /// A command of `surge`; without arguments the dashboard.
    #[must_use]
    pub fn surge<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::new("surge").args(arguments)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a flag with its value: as two arguments, or as `--name=value` where the value could pass for a flag.
    #[must_use]
    pub fn flag(self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.starts_with('-') && name.starts_with("--") {
            return self.arg(format!("{name}={value}"));
        }
        self.arg(name).arg(value)
    }

    /// Adds an object of the cluster: as two arguments, or as `kind/name` where the name could pass for a flag.
    #[must_use]
    pub fn object(self, kind: &str, name: &str) -> Self {
        if name.starts_with('-') || name.is_empty() {
            return self.arg(format!("{kind}/{name}"));
        }
        self.arg(kind).arg(name)
    }

    /// Adds the last arguments, which are no flags: after `--` where one could pass for a flag.
    #[must_use]
    pub fn operands<S: Into<String>>(self, operands: impl IntoIterator<Item = S>) -> Self {
        let operands: Vec<String> = operands.into_iter().map(Into::into).collect();
        let needs_end = operands.iter().any(|operand| operand.starts_with('-'));
        self.args(needs_end.then_some("--")).args(operands)
    }

    /// Adds `-n` with a namespace.
    #[must_use]
    pub fn namespace(self, namespace: &str) -> Self {
        self.flag("-n", namespace)
    }

    /// Runs `next` after this command and only if this one succeeds: `&&`.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        self.joined(Operator::And, next)
    }

    /// Feeds the output of this command to `next`: `|`.
    #[must_use]
    pub fn pipe(self, next: Self) -> Self {
        self.joined(Operator::Pipe, next)
    }

    /// Runs `next` while this command runs: `&`.
    #[must_use]
    pub fn background(self, next: Self) -> Self {
        self.joined(Operator::Background, next)
    }

    fn joined(mut self, operator: Operator, next: Self) -> Self {
        self.next = Some(match self.next.take() {
            Some((first, rest)) => (first, Box::new(rest.joined(operator, next))),
            None => (operator, Box::new(next)),
        });
        self
    }

    /// Adds the flags that select the cluster to each command of `kubectl`, `helm` and `surge`, before a `--` argument if
    /// there is one.
    #[must_use]
    pub fn on(mut self, flags: &ClusterFlags) -> Self {
        let flag_of = |program: &str| match program {
            "kubectl" | "surge" => Some("--context"),
            "helm" => Some("--kube-context"),
            _ => None,
        };
        let context = match self.program.as_str() {
            "xargs" => self.arguments.iter().find_map(|argument| flag_of(argument)),
            program => flag_of(program),
        };
        if let Some(context) = context {
            let end = self.arguments.iter().position(|argument| argument == "--");
            let rest = end.map_or_else(Vec::new, |end| self.arguments.split_off(end));
            for (name, value) in [("--kubeconfig", &flags.kubeconfig), (context, &flags.context)] {
                if let Some(value) = value {
                    self = self.flag(name, value);
                }
            }
            self = self.args(rest);
        }
        self.next = self.next.map(|(operator, next)| (operator, Box::new(next.on(flags))));
        self
    }

    /// The command for a reader, without credentials: see [`secret::hide_word`].
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self {
            program: self.program.clone(),
            arguments: self.arguments.iter().map(|word| secret::hide_word(word).into_owned()).collect(),
            next: self.next.as_ref().map(|(operator, next)| (*operator, Box::new(next.without_secrets()))),
        }
    }

    /// The program of the first command.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The arguments of the first command.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// The command that the shell runs after this one or together with it.
    #[must_use]
    pub fn next(&self) -> Option<&Self> {
        self.next.as_ref().map(|(_, next)| next.as_ref())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quote(argument))?;
        }
        match &self.next {
            Some((Operator::And, next)) => write!(f, " && {next}"),
            Some((Operator::Pipe, next)) => write!(f, " | {next}"),
            Some((Operator::Background, next)) => write!(f, " & {next}"),
            None => Ok(()),
        }
    }
}

/// One word for a POSIX shell.
///
/// Characters that a terminal would act on or hide are written with `printf`, as are line ends: an indented line would change the
/// word. Only line ends at the end of the word stay, because a shell strips those from the output of `printf`. A NUL is left
/// out: no argument can hold one.
fn quote(word: &str) -> String {
    let word = word.replace('\0', "");
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    // zsh expands a word that starts with `=`.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(is_safe) {
        return word;
    }
    let last_line_ends = word.trim_end_matches('\n').len();
    let mut quoted = String::from("'");
    let mut is_escaped = false;
    let mut after_line_end = false;
    for (at, c) in word.char_indices() {
        let is_line_end = c == '\n' && at < last_line_ends;
        // The character after a line end keeps it from being the last of the output.
        let needs_escape = is_line_end || after_line_end || (c != '\n' && !clean::is_visible(c));
        after_line_end = is_line_end;
        if needs_escape != is_escaped {
            quoted.push_str(if needs_escape { "'\"$(printf '" } else { "')\"'" });
            is_escaped = needs_escape;
        }
        match c {
            c if needs_escape && c.is_ascii_alphanumeric() => quoted.push(c),
            c if needs_escape => {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes);
                bytes[..c.len_utf8()].iter().for_each(|byte| quoted.push_str(&format!("\\{byte:03o}")));
            }
            '\'' => quoted.push_str(r"'\''"),
            c => quoted.push(c),
        }
    }
    quoted.push_str(if is_escaped { "')\"" } else { "'" });
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 21] = [
        "",
        "plain",
        "a b",
        "it's",
        "'",
        "''",
        "\"double\" and $HOME",
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned #",
        "a\nb\n",
        "a\n\n'b\n7\n\u{1b}c",
        "\n x\ny",
        "\n\n",
        "-rf",
        "=ls",
        "\\033 \\n %s",
        "\u{1b}[31m\tred\r\u{202e}x\u{301}",
        "~ * ? [a] {b,c} !! ^",
        "| & > < ( )",
        "{\"a\": [\"b\"]}",
    ];

    /// The words that `sh` passes to a program in place of `command`, which a shell function of that name prints.
    fn words(command: &Command) -> Vec<String> {
        let script = format!("stub() {{ printf '%s\\0' \"$@\"; }}\n{command}\n");
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words: Vec<String> = text.split('\0').map(str::to_owned).collect();
        assert_eq!(words.pop().as_deref(), Some(""));
        words
    }

    #[test]
    fn sh_reads_the_arguments_back() {
        let command = Command::new("stub").args(HOSTILE);
        assert_eq!(words(&command), HOSTILE);
        for word in HOSTILE {
            assert_eq!(words(&Command::new("stub").arg(word)), [word]);
        }
    }

    #[test]
    fn joined_commands_are_quoted_one_by_one() {
        let one = || Command::new("stub").arg("a;b");
        let command = one().and(one()).and(one().pipe(Command::new("cat")));
        assert_eq!(command.to_string(), "stub 'a;b' && stub 'a;b' && stub 'a;b' | cat");
        assert_eq!(words(&command), ["a;b", "a;b", "a;b"]);
        assert_eq!(one().background(one()).to_string(), "stub 'a;b' & stub 'a;b'");
    }

    #[test]
    fn plain_words_stay_plain() {
        let line = |words: &[&str]| Command::new("surge").args(words.iter().copied()).to_string();
        assert_eq!(line(&["up", "--set", "a=b,c=d"]), "surge up --set a=b,c=d");
        assert_eq!(line(&["a b", "", "it's", "$x"]), r"surge 'a b' '' 'it'\''s' '$x'");
        assert_eq!(line(&["a\u{1b}[0m"]), r#"surge 'a'"$(printf '\033')"'[0m'"#);
        assert_eq!(line(&["a\nb c"]), r#"surge 'a'"$(printf '\012b')"' c'"#);
    }

    #[test]
    fn an_indented_line_keeps_its_arguments() {
        for word in ["a\nb", "\n  x\n", "-\n-"] {
            let command = Command::new("stub").arg(word.trim_end_matches('\n'));
            let indented = command.to_string().replace('\n', "\n  ");
            assert_eq!(indented, command.to_string());
        }
    }

    #[test]
    fn flags_select_the_cluster_of_each_command() {
        let flags = ClusterFlags { context: Some("a b".to_owned()), kubeconfig: Some("/k".to_owned()) };
        for (command, line) in [
            (
                Command::kubectl(["get", "hpa"]).namespace("x"),
                "kubectl get hpa -n x --kubeconfig /k --context 'a b'",
            ),
            (
                Command::kubectl(["exec", "a", "--", "b"]),
                "kubectl exec a --kubeconfig /k --context 'a b' -- b",
            ),
            (
                Command::helm(["list"]).and(Command::surge(["doctor"])),
                "helm list --kubeconfig /k --kube-context 'a b' && surge doctor --kubeconfig /k --context 'a b'",
            ),
            (
                Command::new("xargs").args(["kubectl", "get"]),
                "xargs kubectl get --kubeconfig /k --context 'a b'",
            ),
            (Command::new("docker").arg("ps"), "docker ps"),
        ] {
            assert_eq!(command.clone().on(&flags).to_string(), line);
            assert_eq!(command.clone().on(&ClusterFlags::default()), command);
        }
    }

    #[test]
    fn values_do_not_pass_for_flags() {
        let command = Command::surge(["doctor"]).flag("--namespace", "-x").flag("--hpa", "y");
        assert_eq!(command.to_string(), "surge doctor --namespace=-x --hpa y");
        let command = Command::kubectl(["delete"]).object("hpa", "-x").object("hpa", "y");
        assert_eq!(command.to_string(), "kubectl delete hpa/-x hpa y");
        let command = Command::helm(["uninstall"]).namespace("n").operands(["-x"]);
        assert_eq!(command.to_string(), "helm uninstall -n n -- -x");
        let command = Command::helm(["uninstall"]).namespace("n").operands(["x"]);
        assert_eq!(command.to_string(), "helm uninstall -n n x");
    }
}
