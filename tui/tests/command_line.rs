//! The command line itself: output that cannot be written, completions, manual pages, and answers for programs.

use std::fs::OpenOptions;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// Commands that need no cluster. With a kubeconfig that does not exist, some of them exit with 3.
const COMMANDS: [(&[&str], i32); 10] = [
    (&["--version"], 0),
    (&["--help"], 0),
    (&["status", "--help"], 0),
    (&["version"], 0),
    (&["man", "doctor"], 0),
    (&["completions", "zsh"], 0),
    (&["doctor", "--dry-run"], 0),
    (&["status", "--dry-run"], 0),
    (&["status", "-o", "json"], 3),
    (&["doctor", "-o", "json"], 3),
];

fn surge(arguments: &[&str]) -> Command {
    let mut command = Command::new(SURGE);
    command.args(arguments).env("KUBECONFIG", "/nowhere/config").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    surge(arguments).output().unwrap()
}

#[test]
fn a_full_disk_is_an_error_of_its_own() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (arguments, _) in COMMANDS {
        let output = surge(arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(74), "{arguments:?}: {said}");
        assert!(said.contains("writing to standard output failed: No space left"), "{arguments:?}: {said}");
    }
    for program in ["producer", "worker", "rabbitmq"] {
        let output = surge(&["pod", program, "--help"]).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(74), "{program}");
    }
    // An error that cannot be written is no reason to panic.
    for arguments in [&["--no-such-flag"][..], &["status"], &["doctor"]] {
        let output = surge(arguments).stderr(full()).output().unwrap();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    for (arguments, code) in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = surge(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains("standard output") && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
fn answers_for_programs_are_json_without_a_cluster() {
    let version: Value = serde_json::from_slice(&run(&["version", "-o", "json"]).stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    for arguments in [["status", "--output", "json"], ["doctor", "--output", "json"]] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["reachable"], json!(false), "{answer}");
        assert!(answer.to_string().contains("there is no kubeconfig at /nowhere/config"), "{answer}");
    }
}

#[test]
fn without_a_cluster_the_next_step_is_named() {
    for arguments in
        [&["status"][..], &["doctor"], &["list"], &["explain"], &["run", "spike"], &["up", "--yes"]]
    {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains("there is no kubeconfig at /nowhere/config"), "{arguments:?}: {said}");
        assert!(said.contains("surge sandbox"), "{arguments:?}: {said}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "nushell"] {
        let output = run(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["surge", "doctor", "completions", "context"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn manual_pages_are_roff() {
    for (arguments, expected) in [(&["man"][..], "surge"), (&["man", "up"], "surge\\-up")] {
        let page = String::from_utf8(run(arguments).stdout).unwrap();
        assert!(page.contains(".TH") && page.contains(expected), "{page}");
    }
    assert_eq!(run(&["man", "nonsense"]).status.code(), Some(2));
}

#[test]
fn kubectl_runs_it_as_a_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let link = |name: &str| {
        let path = folder.path().join(name);
        std::os::unix::fs::symlink(SURGE, &path).unwrap();
        path
    };
    let help = Command::new(link("kubectl-surge")).arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: kubectl surge"), "{help:?}");
    // kubectl completes a plugin's words with a program of this name.
    let complete = link("kubectl_complete-surge");
    for (words, expected, last) in [
        (&["do"][..], "doctor\t", ":4"),
        (&[""], "status\t", ":4"),
        (&["status", "--out"], "--output\t", ":4"),
        (&["completions", ""], "zsh", ":4"),
    ] {
        let answer = Command::new(&complete).args(words).output().unwrap();
        let answer = String::from_utf8(answer.stdout).unwrap();
        assert!(answer.lines().any(|line| line.starts_with(expected)), "{words:?}: {answer}");
        assert_eq!(answer.lines().last(), Some(last), "{words:?}");
        assert!(!answer.contains("reaper"), "{answer}");
    }
}
