//! The project's own chores, run as `cargo xtask NAME`.

mod ignored;
mod image;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints PACKAGE/TARGET for each test target of the given names
    Ignored(ignored::Args),
    /// Builds the producer's and the worker's images as archives, without Docker
    Image(image::Args),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Ignored(args) => ignored::run(&args),
        Command::Image(args) => image::run(&args),
    }
}
