//! `surge man`: manual pages in roff, for `man -l -` and for packages.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_mangen::Man;
use installer::print::note_write;

use super::{Cli, USAGE, complain};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Subcommand to describe [default: surge itself]
    command: Option<String>,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let mut root = Cli::command();
    // Gives each subcommand its full name.
    root.build();
    let page = match &arguments.command {
        None => Some(root),
        Some(name) => root
            .get_subcommands()
            .find(|command| command.get_name() == name && !command.is_hide_set())
            .cloned(),
    };
    let Some(page) = page else {
        complain("there is no such subcommand; surge --help lists them");
        return ExitCode::from(USAGE);
    };
    note_write(Man::new(page).render(&mut std::io::stdout()));
    ExitCode::SUCCESS
}
