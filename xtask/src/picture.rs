//! Draws the pictures of the README and of the gallery, from the recording in `docs/recordings`.

use std::process::Command;

use anyhow::Context as _;

/// Runs the test that compares the pictures with the screens, so that it writes them.
pub(crate) fn run() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--workspace", "--locked", "--test", "it", "pictures::"])
        .env("INSTA_UPDATE", "always")
        .status()
        .context("starting cargo failed")?;
    anyhow::ensure!(status.success(), "drawing the pictures failed");
    println!("docs/pictures is up to date; look at each picture before you commit it");
    Ok(())
}
