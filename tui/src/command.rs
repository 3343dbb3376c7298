//! One file a subcommand; this one parses the arguments and calls one of them.

mod cluster;
mod dashboard;
mod doctor;
mod down;
mod duration;
mod explain;
mod install;
mod list;
mod log;
#[cfg(feature = "sandbox")]
mod pod;
#[cfg(feature = "sandbox")]
mod sandbox;
mod signals;
mod status;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Wrong usage.
const USAGE: u8 = 2;

/// Drives and watches Kubernetes autoscaling from a terminal.
///
/// Without a subcommand it opens the dashboard on the current context's cluster: on the demo, else on the list of all
/// HPAs. Without an HPA it starts a sandbox. With --context, --namespace or --kubeconfig it uses that cluster and no other.
#[derive(Debug, Parser)]
#[command(name = "surge", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    dashboard: dashboard::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the metric chain hop by hop and name the first fix
    Doctor(doctor::Args),
    /// Explain the decision of one HPA: the size, the reasons, what comes next
    Explain(explain::Args),
    /// List the HPAs with their winning metrics and verdicts
    List(list::Args),
    /// Install the demo, and the stack below it, on a cluster
    Up(up::Args),
    /// Remove what `up` installed, and nothing else
    Down(down::Args),
    /// Show what is installed, and how fresh each hop is
    Status(status::Args),
    /// Run the sandbox without a dashboard, until SIGINT or SIGTERM
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    /// Internal: run the program of a sandbox pod
    #[cfg(feature = "sandbox")]
    #[command(hide = true, disable_help_flag = true, disable_version_flag = true)]
    Pod(pod::Args),
    /// Internal: clean up sandbox processes
    #[cfg(feature = "sandbox")]
    #[command(hide = true)]
    Reaper,
}

/// Runs the command of the arguments (the first is the program's name); the exit code is 2 if they cannot be parsed.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output is no failure here.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match cli.command {
        None => dashboard::main(cli.dashboard),
        Some(Command::Doctor(arguments)) => doctor::main(arguments),
        Some(Command::Explain(arguments)) => explain::main(&arguments),
        Some(Command::List(arguments)) => list::main(&arguments),
        Some(Command::Up(arguments)) => up::main(arguments),
        Some(Command::Down(arguments)) => down::main(arguments),
        Some(Command::Status(arguments)) => status::main(&arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Sandbox(arguments)) => sandbox::main(arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Pod(arguments)) => pod::main(arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Reaper) => sandbox::reaper(),
    }
}

/// Writes a sentence to standard error.
fn complain(sentence: &str) {
    eprintln!("surge: {sentence}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
