//! Completion: scripts for shells, and the answers to kubectl's questions about the plugin.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::{Generator, Shell};
use installer::print::say;

use super::Cli;

/// The name under which kubectl asks for completions of the plugin `kubectl-surge`.
pub(super) const KUBECTL_PLUGIN: &str = "kubectl_complete-surge";

/// The end of an answer to kubectl: complete no files. The number is cobra's ShellCompDirectiveNoFileComp.
const NO_FILES: &str = ":4\n";

/// The end of an answer to kubectl without a restriction.
const ANYTHING: &str = ":0\n";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Shell
    shell: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
    Nushell,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    say(&match arguments.shell {
        Language::Bash => script(Shell::Bash),
        Language::Zsh => script(Shell::Zsh),
        Language::Fish => script(Shell::Fish),
        Language::PowerShell => script(Shell::PowerShell),
        Language::Nushell => script(clap_complete_nushell::Nushell),
    });
    ExitCode::SUCCESS
}

fn script(shell: impl Generator) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "surge", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Answers kubectl, which passes the words behind `kubectl surge`; the last one is incomplete. An answer is one candidate a
/// line, with its help behind a tab, and a last line that limits what the shell adds.
pub(super) fn for_kubectl(arguments: &[OsString]) -> ExitCode {
    let mut words = arguments.to_vec();
    if words.len() < 2 {
        words.push(OsString::new());
    }
    let last = words.len() - 1;
    let found = clap_complete::engine::complete(&mut Cli::command(), words, last, None).unwrap_or_default();
    let mut answer = String::new();
    for candidate in found.iter().filter(|candidate| !candidate.is_hide_set()) {
        answer.push_str(&candidate.get_value().to_string_lossy());
        if let Some(help) = candidate.get_help().map(ToString::to_string) {
            answer.push('\t');
            answer.push_str(help.lines().next().unwrap_or_default());
        }
        answer.push('\n');
    }
    answer.push_str(if found.is_empty() { ANYTHING } else { NO_FILES });
    say(&answer);
    ExitCode::SUCCESS
}
