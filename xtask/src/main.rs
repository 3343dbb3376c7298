//! The project's own chores, run as `cargo xtask NAME`.

mod e2e;
mod image;
mod manifests;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the end-to-end suite on a cluster: builds, loads, installs, tests, removes
    #[command(after_help = e2e::VARIABLES)]
    E2e(e2e::Args),
    /// Builds the producer's and the worker's images as archives, without Docker
    Image(image::Args),
    /// Writes manifests/ from the chart, with Helm
    Manifests(manifests::Args),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::E2e(args) => e2e::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Manifests(args) => manifests::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A sentence, whatever RUST_BACKTRACE says: what fails here is mostly the world, not this program.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
