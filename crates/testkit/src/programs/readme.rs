//! The table of settings in a README, generated from `--help`.

use clap::{Arg, Command};

const BEGIN: &str = "<!-- settings: generated from --help by the test -->\n";
const END: &str = "<!-- end of settings -->";

/// Asserts that the README at `path` contains the settings table of `command`. With `SURGE_UPDATE` in the environment it
/// writes the table.
pub fn assert_settings_table(path: &str, command: &Command) {
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the README has no mark before the settings");
    let (_, after) = rest.split_once(END).expect("the README has no mark after the settings");
    let expected = format!("{before}{BEGIN}\n{}\n{END}{after}", table(command));
    if std::env::var_os("SURGE_UPDATE").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == expected,
        "{path} differs from --help: update it with SURGE_UPDATE=1 cargo test"
    );
}

fn table(command: &Command) -> String {
    let mut rows =
        vec!["| variable | flag | default | meaning |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    rows.extend(command.get_arguments().filter(|arg| arg.get_long().is_some()).map(row));
    rows.join("\n") + "\n"
}

fn row(arg: &Arg) -> String {
    let variable = arg.get_env().map_or(String::new(), |name| format!("`{}`", name.to_str().unwrap()));
    let help = arg.get_help().unwrap().to_string();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_str().unwrap()).collect();
    // Defaults that clap does not know are in the help text, in clap's format.
    let in_help =
        help.split_once(" [default: ").and_then(|(before, rest)| Some((before, rest.split_once(']')?)));
    let (meaning, default) = match in_help {
        Some((before, (default, after))) => (format!("{before}{after}"), default.to_owned()),
        None => (help, defaults.join(" ")),
    };
    let takes_value = arg.get_action().takes_values();
    let default = if takes_value && !default.is_empty() { format!("`{default}`") } else { String::new() };
    format!("| {variable} | `--{}` | {default} | {meaning} |", arg.get_long().unwrap())
}
