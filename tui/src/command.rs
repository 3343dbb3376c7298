//! One file a subcommand; this one parses the arguments and calls one of them.

mod cluster;
mod complete;
mod dashboard;
mod doctor;
mod down;
mod explain;
mod import;
mod install;
mod list;
mod log;
mod man;
#[cfg(feature = "sandbox")]
mod pod;
mod record;
mod replay;
mod report;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod signals;
mod status;
mod up;
mod version;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use installer::print::{failed_write, note_write};
use text::duration;

use self::cluster::ClusterArgs;

/// Exit code for wrong usage.
const USAGE: u8 = 2;

/// Exit code when the cluster cannot be reached.
const UNREACHABLE: u8 = 3;

/// Exit code when standard output cannot be written: EX_IOERR of sysexits.h.
const WRITE_FAILED: u8 = 74;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// The runtime of a command that answers once; `None` after a complaint.
fn runtime() -> Option<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .inspect_err(|error| complain(&format!("starting the runtime failed: {error}")))
        .ok()
}

/// Drives and watches Kubernetes autoscaling from a terminal.
///
/// Without a subcommand it opens the dashboard on the current context's cluster: on the demo, else on the list of all
/// HPAs. Without an HPA it starts a sandbox. With --context, --namespace or --kubeconfig it uses that cluster and no other.
#[derive(Debug, Parser)]
#[command(name = "surge", version)]
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
    /// Run a scenario: load, waits and expectations, with results for CI
    Run(run::Args),
    /// Install the demo, and the stack below it, on a cluster
    Up(up::Args),
    /// Remove what `up` installed, and nothing else
    Down(down::Args),
    /// Show what is installed, and how fresh each hop is
    Status(status::Args),
    /// Record a cluster's autoscaling into a file, without a screen
    Record(record::Args),
    /// Play a recording on the screens of the dashboard, or try other settings on it
    Replay(replay::Args),
    /// Write recordings as one HTML file, and compare them
    Report(report::Args),
    /// Make a recording from the history of Prometheus or kubectl-hpa-status
    Import(import::Args),
    /// Run the sandbox without a dashboard, until SIGINT or SIGTERM
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    /// Print the completion script for a shell
    Completions(complete::Args),
    /// Print a manual page
    Man(man::Args),
    /// Print the version
    Version(version::Args),
    /// Internal: run the program of a sandbox pod
    #[cfg(feature = "sandbox")]
    #[command(hide = true, disable_help_flag = true, disable_version_flag = true)]
    Pod(pod::Args),
    /// Internal: clean up sandbox processes
    #[cfg(feature = "sandbox")]
    #[command(hide = true)]
    Reaper,
}

impl Command {
    /// The arguments that select the cluster, if the command uses one.
    fn cluster(&mut self) -> Option<&mut ClusterArgs> {
        match self {
            Self::Doctor(arguments) => Some(&mut arguments.cluster),
            Self::Explain(arguments) => Some(&mut arguments.cluster),
            Self::List(arguments) => Some(&mut arguments.cluster),
            Self::Run(arguments) => Some(&mut arguments.cluster),
            Self::Up(arguments) => Some(&mut arguments.cluster),
            Self::Down(arguments) => Some(&mut arguments.cluster),
            Self::Status(arguments) => Some(&mut arguments.cluster),
            Self::Record(arguments) => Some(&mut arguments.cluster),
            Self::Import(arguments) => arguments.cluster(),
            _ => None,
        }
    }
}

/// Runs the command of the arguments (the first is the program's name). The exit code is 2 if they cannot be parsed, and 74
/// if the output cannot be written.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::terminal::mask_panics();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    let code = if program == complete::KUBECTL_PLUGIN {
        complete::for_kubectl(&arguments)
    } else {
        match parse(program, &arguments) {
            Ok(cli) => run(cli),
            Err(error) => report(&error),
        }
    };
    match failed_write() {
        Some(cause) => {
            complain(&format!("writing to standard output failed: {cause}"));
            ExitCode::from(WRITE_FAILED)
        }
        None => code,
    }
}

/// The command line. kubectl runs a plugin `kubectl-surge` as `kubectl surge`.
fn command_line(program: &OsStr) -> clap::Command {
    let command = Cli::command();
    if program == "kubectl-surge" { command.bin_name("kubectl surge") } else { command }
}

/// Parses the arguments. The arguments that select the cluster may stand before a subcommand; those of the dashboard may not.
fn parse(program: &OsStr, arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = command_line(program);
    let matches = command.try_get_matches_from_mut(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    let (Some(subcommand), Some((name, _))) = (&mut cli.command, matches.subcommand()) else {
        return Ok(cli);
    };
    let mut cluster = subcommand.cluster();
    let misplaced = command.get_arguments().find(|argument| {
        let id = argument.get_id().as_str();
        let fits = cluster.is_some() && ClusterArgs::IDS.contains(&id);
        !fits && matches.value_source(id) == Some(ValueSource::CommandLine)
    });
    if let Some(argument) = misplaced {
        let sentence = format!("the subcommand '{name}' cannot be used with '{argument}' in front of it");
        return Err(command.error(ErrorKind::ArgumentConflict, sentence));
    }
    if let Some(cluster) = &mut cluster {
        cluster.fill_from(cli.dashboard.cluster.clone());
    }
    Ok(cli)
}

fn run(cli: Cli) -> ExitCode {
    match cli.command {
        None => dashboard::main(cli.dashboard),
        Some(Command::Doctor(arguments)) => doctor::main(arguments),
        Some(Command::Explain(arguments)) => explain::main(&arguments),
        Some(Command::List(arguments)) => list::main(&arguments),
        Some(Command::Run(arguments)) => run::main(arguments),
        Some(Command::Up(arguments)) => up::main(arguments),
        Some(Command::Down(arguments)) => down::main(arguments),
        Some(Command::Status(arguments)) => status::main(&arguments),
        Some(Command::Record(arguments)) => record::main(arguments),
        Some(Command::Replay(arguments)) => replay::main(&arguments),
        Some(Command::Report(arguments)) => report::main(&arguments),
        Some(Command::Import(arguments)) => import::main(&arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Sandbox(arguments)) => sandbox::main(arguments),
        Some(Command::Completions(arguments)) => complete::main(&arguments),
        Some(Command::Man(arguments)) => man::main(&arguments),
        Some(Command::Version(arguments)) => version::main(&arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Pod(arguments)) => pod::main(arguments),
        #[cfg(feature = "sandbox")]
        Some(Command::Reaper) => sandbox::reaper(),
    }
}

/// Prints the help, the version or an error of the arguments, and returns the exit code.
fn report(error: &clap::Error) -> ExitCode {
    let written = error.print();
    if !error.use_stderr() {
        note_write(written);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Writes a sentence with the program's name to standard error.
fn complain(sentence: &str) {
    note(&format!("surge: {sentence}"));
}

/// Writes a line to standard error, which may be closed: a terminal that is gone is no reason to panic.
fn note(line: &str) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Cli, clap::Error> {
        let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
        parse(OsStr::new(words[0]), &arguments)
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_ids_of_cluster_arguments_are_complete() {
        use clap::Args as _;
        let command = ClusterArgs::augment_args(clap::Command::new("x"));
        let ids: Vec<&str> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        assert_eq!(ids, ClusterArgs::IDS);
    }

    #[test]
    fn the_cluster_may_stand_before_the_subcommand() {
        for words in [
            &["surge", "--context", "x", "-n", "y", "status"][..],
            &["surge", "status", "--context", "x", "-n", "y"],
            &["surge", "--context", "x", "status", "-n", "y"],
            &["surge", "--context", "no", "-n", "y", "status", "--context", "x"],
        ] {
            let mut command = parsed(words).unwrap().command.unwrap();
            let cluster = command.cluster().unwrap();
            let found = (cluster.context.as_deref(), cluster.namespace.as_deref());
            assert_eq!(found, (Some("x"), Some("y")), "{words:?}");
        }
    }

    #[test]
    fn misplaced_arguments_are_refused() {
        for (words, expected) in [
            (&["surge", "--no-mouse", "status"][..], "cannot be used with '--no-mouse'"),
            (&["surge", "--context", "x", "version"], "cannot be used with '--context <NAME>'"),
        ] {
            let error = parsed(words).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_usage_names_the_program_that_was_called() {
        for (program, expected) in [("surge", "Usage: surge "), ("kubectl-surge", "Usage: kubectl surge ")] {
            let help = parsed(&[program, "--help"]).unwrap_err().to_string();
            assert!(help.contains(expected), "{help}");
        }
    }
}
