//! `surge report`: recordings as one HTML file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::tz::TimeZone;
use text::clean;

use super::{complain, note};
use ::report::{Origin, Results, Run, page};
use installer::print::say;
use recording::reader::Recording;

/// The name of this program in the file, with its version.
const PROGRAM: &str = concat!("Surge ", env!("CARGO_PKG_VERSION"));

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recordings; several are compared, each with the first one
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// HTML file to write, replacing an older one; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,
    /// Results of `surge run --output json`, one for each recording
    #[arg(long, value_name = "FILE")]
    results: Vec<PathBuf>,
    /// Show times of day in UTC [default: the zone of this machine]
    #[arg(long)]
    utc: bool,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    match write(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &Args) -> Result<(), String> {
    if !arguments.results.is_empty() && arguments.results.len() != arguments.files.len() {
        return Err("--results needs one file for each recording".to_owned());
    }
    let zone = if arguments.utc { TimeZone::UTC } else { TimeZone::system() };
    let mut runs = Vec::new();
    for (index, path) in arguments.files.iter().enumerate() {
        let mut run = run(path, zone.clone())?;
        run.results = arguments.results.get(index).map(|path| results(path)).transpose()?;
        runs.push(run);
    }
    let html = page::html(&runs, PROGRAM);
    let path = &arguments.output;
    if path == Path::new("-") {
        say(&html);
        return Ok(());
    }
    std::fs::write(path, &html).map_err(|error| format!("writing {} failed: {error}", path.display()))?;
    note(&format!("{}: {} kB", path.display(), html.len().div_ceil(1_000)));
    Ok(())
}

/// Replays a recording.
fn run(path: &Path, zone: TimeZone) -> Result<Run, String> {
    let Recording { header, events, damage } = Recording::open(path).map_err(|error| error.to_string())?;
    let program = match &header.imported {
        Some(tool) => format!("Surge {}, import from {tool}", header.surge),
        None => format!("Surge {}", header.surge),
    };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let origin = Origin {
        name: clean::text(&name),
        program: clean::text(&program),
        kubernetes: header.kubernetes.as_deref().map(clean::text),
        started: header.started,
        begins: header.from,
        is_redacted: header.redacted,
        missing: damage.sentences().into_iter().chain(header.unknown).collect(),
    };
    Ok(Run::replay(origin, zone, events))
}

fn results(path: &Path) -> Result<Results, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("reading {} failed: {error}", path.display()))?;
    let document = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Results::read(&document)
        .ok_or_else(|| format!("{} has no results of `surge run --output json`", path.display()))
}
