//! Builds the test targets named `cluster`, runs their tests one at a time, and prints one line per test.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::interrupt::{self, End, Interrupt};

/// Prefix of the line that a test prints when it lacks a prerequisite.
const NOT_RUN: &str = "not run:";

/// Time limit for one test.
const TEST_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// One test of a test executable.
#[derive(Clone)]
pub(super) struct Test {
    package: String,
    executable: PathBuf,
    folder: PathBuf,
    name: String,
}

/// The counts of a run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    passed: usize,
    pub(super) failed: usize,
    not_run: usize,
    /// Tests that a signal ended or prevented.
    pub(super) interrupted: usize,
    took: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, not_run, interrupted, took } = self;
        write!(f, "{passed} passed, {failed} failed, {not_run} not run")?;
        if *interrupted > 0 {
            write!(f, ", {interrupted} interrupted")?;
        }
        write!(f, ", in {} s", took.as_secs())
    }
}

/// The result of one test.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    TimedOut,
    NotRun(String),
    Interrupted,
}

/// The result of the build: the tests, and the program `surge`.
pub(super) struct Built {
    pub(super) tests: Vec<Test>,
    pub(super) surge: PathBuf,
}

/// Builds the targets and lists the tests whose names contain `filter`.
///
/// # Errors
/// When the build fails, or no test matches.
pub(super) fn build(root: &Path, filter: Option<&str>) -> anyhow::Result<Built> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "test",
            "--workspace",
            "--locked",
            "--test",
            "cluster",
            "--bin",
            "surge",
            "--no-run",
            "--message-format=json",
        ])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "the cluster tests do not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let surge = executables(&messages, "surge", "bin").next().context("cargo built no surge")?.executable;
    let mut tests = Vec::new();
    for target in executables(&messages, "cluster", "test") {
        let listed = Command::new(&target.executable)
            .args(["--list", "--ignored", "--format", "terse"])
            .output()
            .with_context(|| format!("cannot run {}", target.executable.display()))?;
        for name in names(&String::from_utf8_lossy(&listed.stdout)) {
            if filter.is_none_or(|filter| name.contains(filter)) {
                tests.push(Test { name, ..target.clone() });
            }
        }
    }
    ensure!(!tests.is_empty(), "no test matches");
    Ok(Built { tests, surge })
}

/// The executables of that name and kind in cargo's JSON messages, each as a test without a name.
fn executables<'a>(messages: &'a str, name: &'a str, kind: &'a str) -> impl Iterator<Item = Test> + 'a {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(move |message| {
        let target = &message["target"];
        // The unit tests of a program are another executable with the same name.
        let is_right_profile = message["profile"]["test"] == (kind == "test");
        let is_wanted = target["name"] == name && target["kind"][0] == kind && is_right_profile;
        let executable = PathBuf::from(message["executable"].as_str().filter(|_| is_wanted)?);
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
        let package = folder.file_name()?.to_string_lossy().into_owned();
        Some(Test { package, executable, folder, name: String::new() })
    })
}

fn names(listing: &str) -> Vec<String> {
    listing.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect()
}

/// Runs the tests until the end or a signal. The output of each goes to a file in `folder`.
///
/// # Errors
/// When a test cannot be started, or its file cannot be written. A failed test is not an error.
pub(super) fn run(
    tests: &[Test],
    environment: &[(&str, String)],
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Summary> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let began = Instant::now();
    let mut summary = Summary::default();
    for test in tests {
        if interrupt.requested() {
            summary.interrupted += 1;
            continue;
        }
        let log = folder.join(format!("{}-{}.log", test.package, test.name.replace("::", "-")));
        let started = Instant::now();
        let outcome = run_one(test, environment, &log, interrupt)?;
        let took = format!("{:.1} s", started.elapsed().as_secs_f64());
        let (word, why, counter) = match &outcome {
            Outcome::Passed => ("ok", String::new(), &mut summary.passed),
            Outcome::Failed => ("FAILED", format!("  see {}", log.display()), &mut summary.failed),
            Outcome::TimedOut => {
                let why = format!(
                    "  timed out after {} minutes; see {}",
                    TEST_TIMEOUT.as_secs() / 60,
                    log.display()
                );
                ("FAILED", why, &mut summary.failed)
            }
            Outcome::NotRun(why) => ("not run", format!("  {why}"), &mut summary.not_run),
            Outcome::Interrupted => ("stopped", "  interrupted".to_owned(), &mut summary.interrupted),
        };
        *counter += 1;
        println!("{word:<8} {took:>8}  {}  {}{why}", test.package, test.name);
    }
    summary.took = began.elapsed();
    Ok(summary)
}

fn run_one(
    test: &Test,
    environment: &[(&str, String)],
    log: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(&test.executable);
    command
        .current_dir(&test.folder)
        .args(["--exact", &test.name, "--ignored", "--nocapture", "--test-threads=1"])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file);
    let end = interrupt::run(&mut command, TEST_TIMEOUT, interrupt)?;
    let written = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(outcome(end, &String::from_utf8_lossy(&written)))
}

/// Classifies the end of a test. A test without its prerequisites fails, so that a plain `cargo test` does not count it as
/// passed; here it is [`Outcome::NotRun`].
fn outcome(end: End, written: &str) -> Outcome {
    match end {
        End::Success => Outcome::Passed,
        End::TimedOut => Outcome::TimedOut,
        End::Interrupted => Outcome::Interrupted,
        End::Failure => {
            let why = written.lines().find_map(|line| line.strip_prefix(NOT_RUN));
            why.map_or(Outcome::Failed, |why| Outcome::NotRun(why.trim().to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_messages_and_test_lists_are_parsed() {
        let artifact = |name: &str, kind: &str, test: bool, executable: Value| {
            serde_json::json!({
                "profile": {"test": test}, "reason": "compiler-artifact", "manifest_path": "/source/tui/Cargo.toml",
                "target": {"name": name, "kind": [kind]}, "executable": executable,
            })
            .to_string()
        };
        let messages = [
            artifact("cluster", "test", true, "/source/target/cluster-1".into()),
            artifact("cluster", "lib", false, Value::Null),
            artifact("screens", "test", true, "/source/target/screens-1".into()),
            artifact("surge", "bin", true, "/source/target/deps/surge-1".into()),
            artifact("surge", "bin", false, "/source/target/surge".into()),
            "no message".to_owned(),
        ];
        let messages = messages.join("\n");
        let found: Vec<Test> = executables(&messages, "cluster", "test").collect();
        assert_eq!(found.len(), 1);
        let surge: Vec<Test> = executables(&messages, "surge", "bin").collect();
        assert_eq!((surge.len(), surge[0].executable.to_str()), (1, Some("/source/target/surge")));
        assert_eq!((found[0].package.as_str(), found[0].folder.to_str()), ("tui", Some("/source/tui")));
        assert_eq!(names("a::b: test\nc: test\nd: benchmark\n"), ["a::b", "c"]);
    }

    #[test]
    fn a_test_without_its_prerequisite_is_not_run() {
        let output =
            "thread 'x' panicked at a.rs:1:1:\nnot run: SURGE_E2E_KUBECTL does not say where kubectl is\n";
        let why = "SURGE_E2E_KUBECTL does not say where kubectl is".to_owned();
        assert_eq!(outcome(End::Failure, output), Outcome::NotRun(why));
        assert_eq!(outcome(End::Failure, "assertion failed"), Outcome::Failed);
        assert_eq!(outcome(End::Success, ""), Outcome::Passed);
        assert_eq!(outcome(End::Interrupted, output), Outcome::Interrupted);
        assert_eq!(outcome(End::TimedOut, output), Outcome::TimedOut);
    }
}
