//! Finds the test targets that need something installed, so that CI names no package by hand.

use std::io::Write as _;

use anyhow::Context as _;
use cargo_metadata::{MetadataCommand, TargetKind};

/// Arguments of `cargo xtask ignored`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of test targets, such as `rabbitmq`
    #[arg(required = true)]
    names: Vec<String>,
}

/// Prints one line a test target: `PACKAGE/TARGET`.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata failed")?;
    let mut out = std::io::stdout().lock();
    for package in &metadata.packages {
        for target in &package.targets {
            if target.kind.contains(&TargetKind::Test) && args.names.contains(&target.name) {
                writeln!(out, "{}/{}", package.name, target.name)?;
            }
        }
    }
    Ok(())
}
