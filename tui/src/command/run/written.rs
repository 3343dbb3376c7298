//! The results of a run as files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use scenario::outcome::RunResult;
use scenario::results::{Context, csv, junit, markdown, openmetrics};

/// The variable with the file to which GitHub Actions shows summaries.
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The files to write.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Results")]
pub(super) struct Files {
    /// Write a JUnit file: one test case for each step and expectation
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a summary in Markdown; appended to $GITHUB_STEP_SUMMARY when set
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Write the values over time as OpenMetrics
    #[arg(long, value_name = "FILE")]
    openmetrics: Option<PathBuf>,
    /// Write CSV tables into this folder
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
}

impl Files {
    /// Writes all files. Returns one sentence a failure.
    pub(super) fn write(&self, result: &RunResult, context: &Context) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut write = |path: &Path, text: &str| {
            if let Err(error) = std::fs::write(path, text) {
                mistakes.push(failed(path, &error));
            }
        };
        let summary = markdown::summary(result, context);
        if let Some(path) = &self.summary {
            write(path, &summary);
        }
        if let Some(path) = &self.openmetrics {
            write(path, &openmetrics::text(result, context));
        }
        if let Some(folder) = &self.csv {
            // A folder that cannot be made fails with each of its files.
            let _made = std::fs::create_dir_all(folder);
            for (name, text) in csv::files(result, context) {
                write(&folder.join(name), &text);
            }
        }
        if let Some(path) = &self.junit {
            match junit::xml(result, context) {
                Ok(xml) => write(path, &xml),
                Err(why) => mistakes.push(format!("writing {} failed: {why}", path.display())),
            }
        }
        if let Some(path) = std::env::var_os(GITHUB_SUMMARY).filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
            if let Err(error) = file.and_then(|mut file| file.write_all(summary.as_bytes())) {
                mistakes.push(failed(&path, &error));
            }
        }
        mistakes
    }
}

fn failed(path: &Path, error: &std::io::Error) -> String {
    format!("writing {} failed: {error}", text::clean::text(&path.display().to_string()))
}
