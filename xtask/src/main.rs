//! The project's own chores, run as `cargo xtask NAME`.

mod image;
mod manifests;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the producer's and the worker's images as archives, without Docker
    Image(image::Args),
    /// Writes manifests/ from the chart, with Helm
    Manifests(manifests::Args),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Image(args) => image::run(&args),
        Command::Manifests(args) => manifests::run(&args),
    }
}
