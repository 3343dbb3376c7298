//! The dashboard in a pseudo-terminal without a target: it starts at once, shows what is wrong, and restores the terminal at every
//! kind of end.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testkit::pty::{Modes, Pty};
use testkit::wait;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// The terminal modes of the running dashboard.
const TAKEN: Modes =
    Modes { raw: true, alternate_screen: true, hidden_cursor: true, bracketed_paste: true, mouse: true };

/// A file that is removed with the value.
struct File(PathBuf);

impl File {
    fn new(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("surge-test-{:x}", fastrand::u64(..)));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// An address without a listener: the reserved port, which no server takes by chance.
fn unreachable() -> File {
    File::new(
        "{apiVersion: v1, kind: Config, current-context: far, \
         clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: u, user: {}}], \
         contexts: [{name: far, context: {cluster: c, user: u}}]}",
    )
}

fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Pty {
    let pty = Pty::spawn(SURGE, arguments, environment, (120, 40)).unwrap();
    pty.wait_for("the first frame", |screen| screen.contains("surge"));
    pty
}

fn without_cluster() -> Pty {
    let pty = start(&["--kubeconfig", "/nowhere/config"], &[]);
    pty.wait_for("the problem", |screen| screen.contains("/nowhere/config"));
    assert_eq!(pty.modes().unwrap(), TAKEN);
    pty
}

fn signal(pty: &Pty, signal: Signal) {
    let pid = Pid::from_raw(pty.pid().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until the terminal is as a shell leaves it.
fn given_back(pty: &Pty) {
    wait::until_blocking("the terminal to be given back", || {
        (pty.modes().unwrap() == Modes::default()).then_some(())
    });
}

#[test]
fn without_a_terminal_it_says_so_and_ends_with_2() {
    let output = Command::new(SURGE)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("needs a terminal"), "{said}");
}

#[test]
fn wrong_arguments_end_with_2_and_a_sentence() {
    for arguments in [["--prometheus", "nowhere"], ["--no-such-flag", ""], ["--log", "/nowhere/at/all/log"]] {
        let mut pty = Pty::spawn(SURGE, &arguments, &[], (100, 20)).unwrap();
        assert_eq!(pty.exit_code(), 2, "{arguments:?}");
        assert!(!pty.screen().is_empty(), "{arguments:?}");
    }
}

#[test]
fn every_way_to_quit_restores_the_terminal() {
    for keys in ["q", "\u{3}"] {
        let mut pty = without_cluster();
        pty.send(keys).unwrap();
        assert_eq!(pty.exit_code(), 0, "{keys:?}");
        given_back(&pty);
    }
}

#[test]
fn signals_give_the_terminal_back() {
    for sent in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut pty = without_cluster();
        signal(&pty, sent);
        assert_eq!(pty.exit_code(), 0, "{sent:?}");
        given_back(&pty);
    }
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "the hook that panics on demand is in debug builds only")]
fn a_panic_restores_the_terminal_and_is_visible() {
    let mut pty =
        Pty::spawn(SURGE, &["--kubeconfig", "/nowhere/config"], &[("SURGE_TEST_PANIC", "1")], (120, 40))
            .unwrap();
    assert_eq!(pty.exit_code(), 1);
    given_back(&pty);
    let screen = pty.wait_for("the message", |screen| screen.contains("SURGE_TEST_PANIC"));
    assert!(screen.contains("panicked at"), "{screen}");
}

#[test]
fn ctrl_z_and_fg_work_as_in_any_shell() {
    let mut shell = Pty::spawn(
        "bash",
        &["--norc", "--noprofile", "-i"],
        &[("PS1", "prompt> "), ("HISTFILE", "/dev/null")],
        (120, 40),
    )
    .unwrap();
    shell.wait_for("the prompt", |screen| screen.contains("prompt>"));
    shell.send(&format!("{SURGE} --kubeconfig /nowhere/config\r")).unwrap();
    shell.wait_for("the dashboard", |screen| screen.contains("there is no kubeconfig"));

    shell.send("\u{1a}").unwrap();
    shell.wait_for("the shell to say so", |screen| screen.contains("Stopped"));
    wait::until_blocking("the screen to be the shell's", || (!shell.alternate()).then_some(()));

    shell.send("fg\r").unwrap();
    shell.wait_for("the dashboard again", |screen| screen.contains("there is no kubeconfig"));
    assert!(shell.alternate());

    shell.send("q").unwrap();
    wait::until_blocking("the screen to be the shell's", || (!shell.alternate()).then_some(()));
    shell.send("echo code=$?\r").unwrap();
    shell.wait_for("the exit code", |screen| screen.contains("code=0"));
}

#[test]
fn pasted_text_is_not_taken_for_keys() {
    let mut pty = without_cluster();
    pty.send("\u{1b}[200~q?q\u{3}\u{1b}[201~").unwrap();
    // A key with a visible effect proves that the pasted text before it was read.
    pty.send("?").unwrap();
    pty.wait_for("the help", |screen| screen.contains("fire a burst: one request per job"));
    pty.send("\u{1b}").unwrap();
    pty.wait_for("the screen without help", |screen| !screen.contains("fire a burst: one request per job"));
    assert!(pty.alternate());
}

#[test]
fn all_sizes_are_drawn_or_refused() {
    let pty = without_cluster();
    for (columns, rows) in [(80, 24), (200, 50), (60, 15)] {
        pty.resize(columns, rows).unwrap();
        pty.wait_for("a frame of the new size", |screen| {
            let last = screen.lines().nth(usize::from(rows) - 1).unwrap_or_default();
            last.contains("space")
        });
    }
    pty.resize(50, 10).unwrap();
    pty.wait_for("the notice", |screen| screen.contains("needs a larger window"));
    pty.resize(120, 40).unwrap();
    pty.wait_for("the screen", |screen| screen.contains("/nowhere/config"));
}

#[test]
fn keys_during_a_resize_are_read() {
    let mut pty = without_cluster();
    for round in 0..40 {
        let (key, size) = [("1", "burst 1 "), ("2", "burst 10 ")][round % 2];
        // While the first key is handled, the others and the new size arrive together.
        pty.send("3").unwrap();
        pty.resize(120 + u16::try_from(round % 3).unwrap(), 40).unwrap();
        pty.send(key).unwrap();
        pty.wait_for("the size of the burst", |screen| screen.contains(size));
    }
}

#[test]
fn a_cluster_problem_is_shown_and_retried() {
    let broken = File::new("clusters: [");
    let far = unreachable();
    for (arguments, said) in [
        (vec!["--kubeconfig", "/nowhere/config"], "there is no kubeconfig at /nowhere/config"),
        (vec!["--kubeconfig", broken.path()], "is invalid"),
        (vec!["--kubeconfig", far.path(), "--context", "near"], "has no context near"),
        (vec!["--kubeconfig", far.path()], "(http://127.0.0.1:1/) is not reachable"),
    ] {
        let pty = start(&arguments, &[("HOME", "/nonexistent"), ("KUBECONFIG", "")]);
        let screen = pty.wait_for(said, |screen| screen.replace('\n', " ").contains(said));
        assert!(screen.contains("retry"), "{screen}");
    }
}

#[test]
fn a_later_kubeconfig_is_used() {
    let far = unreachable();
    let text = std::fs::read_to_string(&far.0).unwrap();
    std::fs::write(&far.0, "clusters: [").unwrap();
    let pty = start(&["--kubeconfig", far.path()], &[]);
    pty.wait_for("the first problem", |screen| screen.contains("is invalid"));
    std::fs::write(&far.0, text).unwrap();
    pty.wait_for("the second problem", |screen| screen.contains("is not reachable"));
}
