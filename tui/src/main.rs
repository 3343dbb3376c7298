//! Arguments to a command, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tui::command::main(std::env::args_os())
}
