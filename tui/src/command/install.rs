//! The common part of `up`, `down` and `status`: runtime, signals, questions and exit codes.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::{complain, note, runtime, signals};
use installer::failure::{Failure, FailureKind};
use installer::print::say;
use installer::request::Mode;

/// Runs a command. A signal stops it and decides the exit code.
pub(super) fn run(command: impl AsyncFnOnce(CancellationToken) -> Result<ExitCode, Failure>) -> ExitCode {
    let Some(runtime) = runtime() else { return ExitCode::FAILURE };
    let code = runtime.block_on(async {
        let stop = CancellationToken::new();
        let caught = match signals::first_signal(&stop) {
            Ok(caught) => caught,
            Err(error) => {
                complain(&format!("catching signals failed: {error}"));
                return ExitCode::FAILURE;
            }
        };
        match command(stop).await {
            Ok(code) => code,
            Err(failure) if failure.kind == FailureKind::Stopped => {
                failed(&failure);
                ExitCode::from(*caught.borrow())
            }
            Err(failure) => failed(&failure),
        }
    });
    runtime.shutdown_background();
    code
}

/// Prints the failure and returns its exit code.
pub(super) fn failed(failure: &Failure) -> ExitCode {
    complain(&failure.what);
    for line in failure.advice.lines() {
        note(&format!("  {line}"));
    }
    ExitCode::from(failure.kind.exit_code())
}

/// The mode for `--yes` and `--dry-run`. A question needs a terminal.
pub(super) fn mode(yes: bool, dry_run: bool) -> Result<Mode, Failure> {
    match (dry_run, yes) {
        (true, _) => Ok(Mode::DryRun),
        (false, true) => Ok(Mode::Yes),
        (false, false) if std::io::stdin().is_terminal() => Ok(Mode::Ask),
        (false, false) => Err(Failure::usage(
            "stdin is not a terminal",
            "use --yes to continue without a question, or --dry-run",
        )),
    }
}

/// Asks a question: any answer but yes is no. A signal ends the wait.
pub(super) async fn agree(question: &str, stop: &CancellationToken) -> Result<bool, Failure> {
    let mut out = std::io::stdout();
    if write!(out, "{question} [y/N] ").and_then(|()| out.flush()).is_err() {
        return Ok(false);
    }
    // The reading thread ends with the process.
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => Ok(matches!(&answer, Ok(Ok(answer)) if is_yes(answer))),
        () = stop.cancelled() => {
            say("\n");
            Err(Failure::stopped())
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// The command line of this process, for a retry.
pub(super) fn command_line() -> Vec<String> {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once("surge".to_owned()).chain(words).collect()
}
