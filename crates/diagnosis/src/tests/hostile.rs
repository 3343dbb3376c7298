//! Hostile names in every fix and evidence of the catalogue: a real `sh` must pass on exactly the intended arguments, and run
//! nothing else.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command as Process;

use serde_json::Value;
use text::command::{ClusterFlags, Command};

use super::healthy;
use crate::{Facts, examine};

/// Texts that a shell, `kubectl`, YAML or JSON could take for syntax. They come before the names.
const HOSTILE: [&str; 4] = [
    "-x; touch pwned; ",
    "$(touch pwned)`touch pwned`",
    "a'b\"c\\\n\u{1b}[31m\u{202e}: {} #",
    "' && touch pwned || '",
];

/// The names of the healthy chain that become hostile.
const NAMES: [&str; 16] = [
    "demo",
    "scaler",
    "worker",
    "producer",
    "rabbitmq",
    "monitoring",
    "prometheus-adapter",
    "prometheus-operated",
    "prometheus",
    "main",
    "Orders",
    "orders",
    "keda",
    "alerts",
    "operator",
    "worker-1",
];

/// Programs that the commands run.
const PROGRAMS: [&str; 7] = ["kubectl", "helm", "surge", "xargs", "grep", "curl", "how"];

thread_local! {
    static PREFIX: Cell<&'static str> = const { Cell::new("") };
}

/// A name as the cluster under test has it.
pub(crate) fn name(text: &str) -> String {
    let prefix = PREFIX.get();
    if NAMES.contains(&text) { format!("{prefix}{text}") } else { text.to_owned() }
}

/// The JSON of an object with its names as the cluster under test has them.
pub(crate) fn names(value: &mut Value) {
    match value {
        Value::String(text) => *text = name(text),
        Value::Array(items) => items.iter_mut().for_each(names),
        Value::Object(fields) => fields.values_mut().for_each(names),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Examines each breakage on a cluster with hostile names.
pub(crate) fn check(breakages: impl Iterator<Item = fn(&mut Facts)>) {
    let shell = Shell::new();
    let mut commands = Vec::new();
    for breakage in breakages {
        for prefix in HOSTILE {
            PREFIX.set(prefix);
            let mut facts = healthy();
            breakage(&mut facts);
            let flags = ClusterFlags { kubeconfig: Some(prefix.into()), context: Some(prefix.into()) };
            facts.subject.flags = flags;
            let report = examine(&facts);
            PREFIX.set("");
            for fix in report.findings.iter().filter_map(|finding| finding.fix.as_ref()) {
                if let Some(yaml) = &fix.yaml {
                    let parsed: Result<Value, _> = serde_saphyr::from_str(yaml);
                    assert!(parsed.is_ok(), "{parsed:?} in {yaml}");
                }
                commands.extend(fix.command.clone());
            }
            commands.extend(report.findings.into_iter().filter_map(|finding| finding.evidence));
        }
    }
    shell.run(commands);
}

/// A `sh` whose `PATH` has only stubs that record their arguments.
struct Shell {
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for program in PROGRAMS {
            let path = folder.path().join(program);
            let stub = "#!/bin/sh\nprintf '%s\\0' \"${0##*/}\" \"$@\" 'end of command' >> record\n";
            fs::write(&path, stub).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    /// Runs the commands and compares what the programs recorded.
    fn run(&self, commands: Vec<Command>) {
        let mut texts = BTreeSet::new();
        let mut expected = Vec::new();
        for command in commands {
            assert!(!command.to_string().contains(['\u{1b}', '\u{202e}']), "{command}");
            if !texts.insert(command.to_string()) {
                continue;
            }
            let mut next = Some(&command);
            while let Some(command) = next {
                is_valid(command);
                let words = std::iter::once(command.program().to_owned());
                expected.push(words.chain(command.arguments().iter().cloned()).collect::<Vec<_>>());
                next = command.next();
            }
        }
        let script = texts.into_iter().collect::<Vec<_>>().join("\n") + "\nwait\n";
        let status = Process::new("/bin/sh")
            .arg("-c")
            .arg(&script)
            .env("PATH", self.folder.path())
            .current_dir(self.folder.path())
            .status()
            .unwrap();
        let record = fs::read_to_string(self.folder.path().join("record")).unwrap_or_default();
        let mut received: Vec<Vec<String>> = record
            .split("end of command\0")
            .map(|words| words.split_terminator('\0').map(str::to_owned).collect())
            .filter(|words: &Vec<String>| !words.is_empty())
            .collect();
        received.sort();
        expected.sort();
        assert_eq!(received, expected, "{status}: {script}");
        assert!(!self.folder.path().join("pwned").exists(), "{script}");
    }
}

/// Patches must be JSON, and values must not pass for flags.
fn is_valid(command: &Command) {
    let all = command.arguments();
    let arguments = all.split(|argument| argument == "--").next().unwrap_or_default();
    for pair in arguments.windows(2) {
        if pair[0] == "-p" {
            let patch: Result<Value, _> = serde_json::from_str(&pair[1]);
            assert!(patch.is_ok(), "{command}");
        }
        let takes_value = matches!(pair[0].as_str(), "-n" | "-c" | "-l");
        assert!(takes_value || !pair[1].starts_with("-x"), "{pair:?} in {command}");
    }
}
