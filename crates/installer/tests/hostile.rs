//! Suggested commands with hostile values: a real shell runs each one, and stub programs on `PATH` record the arguments.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command as Process;

use cluster::connect::ConnectFlags;
use installer::hints::{self, Hints};
use installer::image_pull::PullFailure;
use installer::images::LocalCluster;
use installer::object::Key;
use installer::{print, status};
use text::command::Command;

const HOSTILE: [&str; 12] = [
    "a b",
    "it's",
    "\"$HOME\"",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "a\nb",
    "-rf",
    "=ls",
    "\u{1b}[31m\tred",
    "~ * ? [a] {b,c}",
    "| & > < ( )",
];

/// Stub programs in a folder of their own. Each appends its name and its arguments to a file, NUL-separated.
struct Stubs(tempfile::TempDir);

impl Stubs {
    fn new() -> Self {
        let stubs = Self(tempfile::tempdir().unwrap());
        for program in ["kubectl", "helm", "surge", "kind", "minikube", "k3d"] {
            let path = stubs.0.path().join(program);
            let script = "#!/bin/sh\nprintf '%s\\0' \"${0##*/}\" \"$@\" >>\"${0%/*}/words\"\n";
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        stubs
    }

    /// The words that the programs of a script get.
    fn run(&self, script: &str) -> Vec<String> {
        let record = self.0.path().join("words");
        let _absent = std::fs::remove_file(&record);
        let path = format!("{}:/usr/bin:/bin", self.0.path().display());
        let output = Process::new("sh")
            .args(["-c", script])
            .current_dir(self.0.path())
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!self.0.path().join("pwned").exists(), "{script}");
        let text = String::from_utf8(std::fs::read(record).unwrap()).unwrap();
        text.strip_suffix('\0').unwrap().split('\0').map(str::to_owned).collect()
    }

    fn check(&self, command: &Command) {
        let expected: Vec<&str> = std::iter::once(command.program())
            .chain(command.arguments().iter().map(String::as_str))
            .collect();
        assert_eq!(self.run(&command.to_string()), expected, "{command}");
    }
}

#[test]
fn sh_passes_hostile_values_unchanged() {
    let stubs = Stubs::new();
    for value in HOSTILE {
        let flags = ConnectFlags { kubeconfig: Some(value.into()), context: Some(value.to_owned()) };
        let hints = Hints::new(&flags, value);
        let key = Key {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(value.to_owned()),
            name: value.to_owned(),
        };
        let words = ["surge", "up", "--set", value].map(str::to_owned);
        for command in [
            hints.surge(&["doctor"]),
            hints.kubectl(&["get", "pods", "-n", value]),
            hints.helm(&["list", "--selector", value]),
            hints.on_object("describe", &key, &["-o", "yaml"]),
            hints::retry_command(&words),
            LocalCluster::Kind(value.to_owned()).load(Path::new(value)),
            LocalCluster::Minikube(value.to_owned()).load(Path::new(value)),
            LocalCluster::K3d(value.to_owned()).load(Path::new(value)),
        ] {
            stubs.check(&command);
        }
    }
}

#[test]
fn prose_carries_commands_unchanged() {
    let stubs = Stubs::new();
    for value in HOSTILE {
        let hints = Hints::new(&ConnectFlags { kubeconfig: None, context: Some(value.to_owned()) }, "demo");
        let pull = PullFailure {
            pod: value.to_owned(),
            container: "c".to_owned(),
            image: "i:1".to_owned(),
            reason: "ErrImagePull".to_owned(),
            message: String::new(),
        };
        let advice = pull.advice(None, "demo", &hints).pop().unwrap();
        let words = stubs.run(advice.strip_prefix("details: ").unwrap());
        let object = if value.starts_with('-') {
            vec![format!("pod/{value}")]
        } else {
            vec!["pod".into(), value.into()]
        };
        let context = if value.starts_with('-') {
            vec![format!("--context={value}")]
        } else {
            vec!["--context".into(), value.into()]
        };
        let rest = vec!["-n".to_owned(), "demo".to_owned()];
        assert_eq!(words[2..], [object, rest, context].concat(), "{advice}");

        // Failures clean their lines, and a command has no characters that cleaning removes.
        let failure = installer::failure::Failure::step("x", &advice);
        assert_eq!(failure.advice, advice.trim_end());
    }
}

#[test]
fn dry_runs_are_scripts_of_the_same_commands() {
    let stubs = Stubs::new();
    for value in HOSTILE {
        let hints = Hints::new(&ConnectFlags { kubeconfig: None, context: Some(value.to_owned()) }, "demo");
        let words = stubs.run(&status::dry_run::requests(&hints));
        assert_eq!(words.iter().filter(|word| word.ends_with(value)).count(), 6, "{words:?}");
        let key = Key {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: None,
            name: value.to_owned(),
        };
        // A deletion is a comment, also over several lines.
        assert!(print::deletion(&key).lines().all(|line| line.starts_with("# ")));
    }
}
