//! The README says what `--help` says.

mod support;

use clap::CommandFactory;

#[test]
fn the_readme_has_the_settings() {
    support::readme::has_the_settings("README.md", &producer::Settings::command());
}
