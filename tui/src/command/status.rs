//! `surge status`: its arguments, its lines, and its exit code.

use std::io::Write as _;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::cluster::ClusterArgs;
use super::install;
use installer::failure::Failure;
use installer::hints::Hints;
use installer::status;
use installer::status::lines::{Line, State, is_fine, lines};
use installer::status::questions::questions;
use installer::up::say;

/// A check failed.
const CHECK: u8 = 1;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// Print what would be asked, and ask nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Ten lines
    Text,
    /// One object
    Json,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let (flags, output) = (arguments.cluster.flags(), arguments.output);
    let namespace =
        arguments.cluster.namespace.clone().unwrap_or_else(|| contract::names::NAMESPACE.to_owned());
    if arguments.dry_run {
        say(&questions(&Hints::new(&flags, &namespace)));
        return ExitCode::SUCCESS;
    }
    install::run(async move |stop: CancellationToken| {
        // Every question has a deadline; a signal does not wait for them.
        let facts = tokio::select! {
            facts = status::look(&flags, &namespace, &stop) => facts?,
            () = stop.cancelled() => return Err(Failure::stopped()),
        };
        let lines = lines(&facts, jiff::Timestamp::now());
        let text = match output {
            Format::Text => written(&lines),
            Format::Json => {
                format!("{}\n", serde_json::json!({"fine": is_fine(&lines), "lines": lines}))
            }
        };
        // A closed standard output is nobody's loss.
        let _closed = std::io::stdout().write_all(text.as_bytes());
        Ok(if is_fine(&lines) { ExitCode::SUCCESS } else { ExitCode::from(CHECK) })
    })
}

fn written(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.about.len()).max().unwrap_or(0);
    let sign = |state| match state {
        State::Ok => "ok",
        State::Bad => "!!",
        State::Note => "--",
    };
    lines.iter().map(|line| format!("{} {:width$}  {}\n", sign(line.state), line.about, line.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_told_without_colour() {
        let line = |about, state| Line { about, state, text: "x".to_owned() };
        let text =
            written(&[line("hpa", State::Ok), line("prometheus", State::Bad), line("stack", State::Note)]);
        assert_eq!(text, "ok hpa         x\n!! prometheus  x\n-- stack       x\n");
    }
}
