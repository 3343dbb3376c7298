//! `surge run`: a scenario on a cluster, on a sandbox of its own, or in virtual time.

mod on_target;
mod progress;
mod written;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::cluster::ClusterArgs;
use super::dashboard::{LoadArgs, RecordArgs};
use super::{Format, USAGE, complain};
use crate::source;
use cluster::prometheus::Address;
use hpa::{Config, Release};
use installer::print::say;
use scenario::file::Scenario;
use scenario::names;
use scenario::outcome::{Outcome, RunResult};
use scenario::results::{Context, Mode};
use scenario::settings::Settings;
use scenario::{library, virtual_run};

/// Exit code when a step or an expectation failed, as that of k6 for thresholds.
const FAILED: u8 = 99;

/// The HPA of a virtual run without a manifest: the demo's.
const DEMO_HPA: &str = include_str!("../../../manifests/overlays/plugin/hpa.yaml");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of a scenario of the library, or path of a TOML file
    #[arg(value_name = "SCENARIO", required_unless_present = "list")]
    scenario: Option<String>,
    /// List the scenarios of the library, and every name for conditions
    #[arg(long, conflicts_with = "scenario")]
    list: bool,
    /// Run on a sandbox of its own, with the settings of the scenario
    #[cfg(feature = "sandbox")]
    #[arg(long, conflicts_with_all = ["context", "namespace", "kubeconfig", "hpa", "virtual_time"])]
    sandbox: bool,
    /// Run in virtual time, on the exact controller and a simulated queue
    #[arg(long = "virtual", conflicts_with_all = ["context", "namespace", "kubeconfig", "hpa"])]
    virtual_time: bool,
    /// Manifest of an HPA whose settings the sandbox or the virtual run takes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["context", "namespace", "kubeconfig", "hpa"])]
    hpa_file: Option<PathBuf>,
    /// Put load on the cluster without a question
    #[arg(long, short = 'y')]
    yes: bool,
    /// Form of the result; json follows docs/schema/run.json
    #[arg(long, short, value_name = "FORM", default_value = "text", help_heading = "Results")]
    output: Format,
    #[command(flatten)]
    files: written::Files,
    #[command(flatten)]
    record: RecordArgs,
    /// Name of the HorizontalPodAutoscaler
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    hpa: Option<String>,
    /// Service of Prometheus [default: those named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT", help_heading = "Cluster")]
    prometheus: Option<Address>,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

/// A failure before or outside of the run: the exit code, and the sentence.
type Failed = (u8, String);

/// A finished run.
struct Finished {
    result: RunResult,
    context: Context,
    /// The exit code of a run that was stopped.
    stopped: u8,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    let Some(wanted) = arguments.scenario.clone() else {
        say(&list());
        return ExitCode::SUCCESS;
    };
    let scenario = match source::scenario::load(&wanted) {
        Ok(scenario) => scenario,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| complain(mistake));
            return ExitCode::from(USAGE);
        }
    };
    let (output, files) = (arguments.output, arguments.files.clone());
    let finished = match ran(arguments, scenario) {
        Ok(finished) => finished,
        Err((code, sentence)) => {
            complain(&sentence);
            return ExitCode::from(code);
        }
    };
    let Finished { result, context, stopped } = &finished;
    say(&match output {
        Format::Text => result.text(),
        Format::Json => format!("{:#}\n", scenario::results::json::document(result, context)),
    });
    let mistakes = files.write(result, context);
    mistakes.iter().for_each(|mistake| complain(mistake));
    match &result.outcome {
        Outcome::Stopped(_) => ExitCode::from(*stopped),
        Outcome::Failed => ExitCode::from(FAILED),
        Outcome::Passed if mistakes.is_empty() && result.left.is_empty() => ExitCode::SUCCESS,
        Outcome::Passed => ExitCode::FAILURE,
    }
}

/// The library, and the table of names.
fn list() -> String {
    let mut text = "SCENARIOS\n".to_owned();
    for name in library::names() {
        let about = library::scenario(name).and_then(Result::ok).map(|found| found.description);
        text += &format!("{name:18}  {}\n", about.unwrap_or_default());
    }
    format!("{text}\n{}", names::text())
}

fn ran(arguments: Args, mut scenario: Scenario) -> Result<Finished, Failed> {
    let manifest = arguments.hpa_file.as_deref().map(manifest).transpose()?;
    if arguments.virtual_time {
        if arguments.record.record.is_some() {
            return Err((
                USAGE,
                "--record needs a sandbox or a cluster: a virtual run has no sources".to_owned(),
            ));
        }
        return virtually(scenario, manifest);
    }
    let is_sandbox = arguments.is_sandbox();
    match manifest {
        Some(_) if !is_sandbox => {
            return Err((
                USAGE,
                "--hpa-file needs --sandbox or --virtual: a cluster has its own HPA".to_owned(),
            ));
        }
        Some(spec) => scenario.hpa = Settings::of(&spec),
        None => {}
    }
    on_target::run(arguments, scenario)
}

impl Args {
    #[cfg(feature = "sandbox")]
    fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    #[cfg(not(feature = "sandbox"))]
    fn is_sandbox(&self) -> bool {
        false
    }
}

fn virtually(mut scenario: Scenario, manifest: Option<hpa::Spec>) -> Result<Finished, Failed> {
    let spec = match manifest {
        Some(spec) => {
            // The manifest is what is tested: it wins over the settings of the scenario.
            scenario.hpa = Settings::default();
            spec
        }
        None => spec(DEMO_HPA).map_err(|why| (1, why))?,
    };
    let context = context(Mode::Virtual, "virtual queue".to_owned(), None);
    let run = virtual_run::run(&Arc::new(scenario), spec, Config::release(Release::V1_34))
        .map_err(|error| (USAGE, error.to_string()))?;
    Ok(Finished { result: run.result, context, stopped: 1 })
}

/// The circumstances of a run that begins now.
fn context(mode: Mode, target: String, kubernetes: Option<String>) -> Context {
    Context {
        mode,
        target,
        surge: env!("CARGO_PKG_VERSION").to_owned(),
        kubernetes,
        started_ms: jiff::Timestamp::now().as_millisecond(),
    }
}

/// The specification of the HPA in a manifest.
fn manifest(path: &Path) -> Result<hpa::Spec, Failed> {
    let shown = text::clean::text(&path.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|error| (USAGE, format!("{shown}: {error}")))?;
    spec(&text).map_err(|why| (USAGE, format!("{shown}: {why}")))
}

/// The specification of the first HPA in a YAML text with one or more documents.
fn spec(text: &str) -> Result<hpa::Spec, String> {
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(text).map_err(|error| text::clean::text(&error.to_string()))?;
    let found = documents.into_iter().find(|object| object["kind"] == "HorizontalPodAutoscaler");
    let mut object = found.ok_or("it has no HorizontalPodAutoscaler")?;
    serde_json::from_value(object["spec"].take()).map_err(|error| {
        format!("its specification cannot be read: {}", text::clean::text(&error.to_string()))
    })
}

/// Returns true if progress may overwrite its line.
fn has_terminal() -> bool {
    std::io::stderr().is_terminal()
}
