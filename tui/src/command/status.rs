//! `surge status`: arguments, output and exit code.

use std::process::ExitCode;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::{Format, install};
use installer::failure::{Failure, FailureKind};
use installer::hints::Hints;
use installer::print::say;
use installer::status;
use installer::status::dry_run::requests;
use installer::status::lines::{LineState, StatusLine, is_fine, lines};

/// Exit code of a failed check.
const CHECK_FAILED: u8 = 1;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Form of the answer
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Format,
    /// Print the requests, and send none
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let (flags, output) = (arguments.cluster.flags(), arguments.output);
    let namespace =
        arguments.cluster.namespace.clone().unwrap_or_else(|| contract::names::NAMESPACE.to_owned());
    if arguments.dry_run {
        say(&requests(&Hints::new(&flags, &namespace)));
        return ExitCode::SUCCESS;
    }
    install::run(async move |stop: CancellationToken| {
        // Every request has a timeout; a signal does not wait for it.
        let facts = tokio::select! {
            facts = status::read(&flags, &namespace, &stop) => facts,
            () = stop.cancelled() => return Err(Failure::stopped()),
        };
        let facts = match facts {
            Ok(facts) => facts,
            Err(failure) if failure.kind == FailureKind::Unreachable => {
                return Err(unreachable(failure, output));
            }
            Err(failure) => return Err(failure),
        };
        let lines = lines(&facts, jiff::Timestamp::now());
        let text = match output {
            Format::Text => to_text(&lines),
            Format::Json => {
                format!("{}\n", json!({"reachable": true, "fine": is_fine(&lines), "lines": lines}))
            }
        };
        say(&text);
        Ok(if is_fine(&lines) { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
    })
}

/// The failure of a cluster that cannot be reached. For a program, standard output has the answer as well.
fn unreachable(failure: Failure, output: Format) -> Failure {
    if output == Format::Json {
        let error = json!({"what": failure.what, "advice": failure.advice});
        say(&format!("{}\n", json!({"reachable": false, "fine": false, "error": error, "lines": []})));
    }
    failure
}

fn to_text(lines: &[StatusLine]) -> String {
    let width = lines.iter().map(|line| line.about.len()).max().unwrap_or(0);
    let sign = |state| match state {
        LineState::Ok => "ok",
        LineState::Bad => "!!",
        LineState::Note => "--",
    };
    let mut text: String = lines
        .iter()
        .map(|line| format!("{} {:width$}  {}\n", sign(line.state), line.about, line.text))
        .collect();
    if lines.iter().any(|line| line.state == LineState::Note) {
        text.push_str("-- marks a note: nothing is wrong there\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_needs_no_colour() {
        let line = |about, state| StatusLine { about, state, text: "x".to_owned() };
        let text = to_text(&[
            line("hpa", LineState::Ok),
            line("prometheus", LineState::Bad),
            line("stack", LineState::Note),
        ]);
        let note = "-- marks a note: nothing is wrong there\n";
        assert_eq!(text, format!("ok hpa         x\n!! prometheus  x\n-- stack       x\n{note}"));
    }
}
