//! The producer as a program of its own; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    producer::main_with(std::env::args_os(), None)
}
