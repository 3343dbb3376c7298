//! Development tasks of the project, run as `cargo xtask NAME`.

mod e2e;
mod image;
mod manifests;
mod picture;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of the project")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the end-to-end tests on a cluster: build, load, install, test, remove
    #[command(after_help = e2e::VARIABLES)]
    E2e(e2e::Args),
    /// Builds the images of the producer and the worker as archives, without Docker
    Image(image::Args),
    /// Generates manifests/ and the README's table of values from the chart, with Helm
    Manifests(manifests::Args),
    /// Draws the pictures of README and gallery from the recording in docs/recordings
    Picture,
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::E2e(args) => e2e::run(&args),
        Command::Image(args) => image::run(&args),
        Command::Manifests(args) => manifests::run(&args),
        Command::Picture => picture::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace, even with RUST_BACKTRACE=1: most errors come from the environment.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
