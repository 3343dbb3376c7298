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

/// The only child of a process.
fn child_of(pid: u32) -> Pid {
    let path = format!("/proc/{pid}/task/{pid}/children");
    wait::until_blocking("a child", || {
        let children = std::fs::read_to_string(&path).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    })
}

#[test]
fn stop_and_continue_from_outside_work_as_ctrl_z_and_fg() {
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
    let dashboard = child_of(shell.pid().unwrap());

    // SIGSTOP cannot be caught, but what follows it can.
    for sent in [Signal::TSTP, Signal::STOP] {
        kill_process(dashboard, sent).unwrap();
        // Before that the dashboard would get the shell's keys when it continues.
        shell.wait_for("the shell to say so", |screen| screen.contains("Stopped"));
        if sent == Signal::TSTP {
            wait::until_blocking("the terminal to be the shell's", || {
                let modes = shell.modes().unwrap();
                (!modes.alternate_screen && !modes.hidden_cursor && !modes.mouse).then_some(())
            });
        } else {
            // The shell's own modes, below the dashboard's picture.
            shell.send("stty sane\r").unwrap();
        }
        shell.send("fg\r").unwrap();
        shell.wait_for("the dashboard again", |screen| {
            screen.contains("there is no kubeconfig") && !screen.contains("Stopped")
        });
        wait::until_blocking("the modes", || (shell.modes().unwrap() == TAKEN).then_some(()));
        // Keys are read.
        shell.send("?").unwrap();
        shell.wait_for("the help", |screen| screen.contains("fire a burst: one request per job"));
        shell.send("n").unwrap();
        shell.wait_for("no help", |screen| !screen.contains("fire a burst: one request per job"));
    }
    shell.send("q").unwrap();
    wait::until_blocking("the screen to be the shell's", || (!shell.alternate()).then_some(()));
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code");
    // The shell keeps SIGHUP to itself. Standard error may be the lost terminal, too.
    for (errors, size) in [("2>/dev/null", (120, 40)), ("", (120, 40)), ("", (0, 0))] {
        let script = format!(
            "trap '' HUP; {SURGE} --kubeconfig /nowhere/config {errors}; echo $? > {0}.new; mv {0}.new {0}",
            code.display()
        );
        let is_ready = |output: &[u8]| output.windows(5).any(|window| window == b"surge");
        let mut child = testkit::pty::hang_up("sh", &["-c", &script], size, is_ready).unwrap();
        let ended = wait::until_blocking("the program to end", || std::fs::read_to_string(&code).ok());
        assert_eq!(ended, "129\n", "{errors} {size:?}");
        std::fs::remove_file(&code).unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_terminal_without_a_size_is_drawn_on() {
    let mut pty = Pty::spawn(SURGE, &["--kubeconfig", "/nowhere/config"], &[], (0, 0)).unwrap();
    wait::until_blocking("the first frame", || {
        pty.bytes().windows(5).any(|window| window == b"surge").then_some(())
    });
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
}

/// A kubeconfig whose credential plugin is a shell script.
fn with_plugin(mode: &str, script: &str) -> File {
    File::new(
        &serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "far",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
                "interactiveMode": mode,
            }}}],
            "contexts": [{"name": "far", "context": {"cluster": "c", "user": "u"}}],
        })
        .to_string(),
    )
}

/// Prints credentials with the first line of the input as the token.
const ASK: &str = r#"printf 'Code: ' >&2; read code; test "$code" || exit 7;
    echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t"}}'"#;

#[test]
fn a_credential_plugin_asks_before_the_first_frame() {
    for mode in ["Always", "IfAvailable"] {
        let config = with_plugin(mode, ASK);
        let mut pty = Pty::spawn(SURGE, &["--kubeconfig", config.path()], &[], (120, 40)).unwrap();
        pty.wait_for("the question", |screen| screen.contains("Code: "));
        assert!(!pty.alternate());
        pty.send("1234\r").unwrap();
        // Each attempt uses the same answer.
        pty.wait_for("the server", |screen| screen.contains("Connection refused"));
        assert!(pty.alternate());
        pty.send("q").unwrap();
        assert_eq!(pty.exit_code(), 0);
    }
}

#[test]
fn a_question_without_an_answer_ends_the_program() {
    let config = with_plugin("Always", ASK);
    let start = || Pty::spawn(SURGE, &["--kubeconfig", config.path()], &[], (120, 40)).unwrap();
    let mut pty = start();
    pty.wait_for("the question", |screen| screen.contains("Code: "));
    pty.send("\r").unwrap();
    assert_eq!(pty.exit_code(), 3);
    pty.wait_for("the cause", |screen| screen.contains("credential plugin sh failed (exit status: 7)"));
    let mut pty = start();
    pty.wait_for("the question", |screen| screen.contains("Code: "));
    pty.send("\u{3}").unwrap();
    assert_ne!(pty.exit_code(), 0);
    assert!(!pty.alternate());
}

#[test]
fn a_slow_credential_plugin_blocks_no_key() {
    let config = with_plugin("Never", "sleep 60");
    for key in ["q", "\u{3}"] {
        let mut pty = start(&["--kubeconfig", config.path()], &[]);
        pty.send(key).unwrap();
        assert_eq!(pty.exit_code(), 0, "{key:?}");
    }
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
