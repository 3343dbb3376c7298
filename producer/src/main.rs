//! The producer's binary; the library has the code.

use std::process::ExitCode;

fn main() -> ExitCode {
    producer::main_with(std::env::args_os(), None)
}
