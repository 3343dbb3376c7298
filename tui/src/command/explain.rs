//! `surge explain`: the decision of one HPA's next sync, in words.

use std::process::ExitCode;

use super::cluster::ClusterArgs;
use super::{Format, UNREACHABLE, USAGE, complain, runtime};
use ::explain::change::Subject as Changed;
use ::explain::history::rescales;
use ::explain::report::Report;
use ::explain::rules::Rules;
use ::explain::{Subject, explain};
use cluster::connect::{self, Cluster, ConnectError};
use cluster::inputs;
use hpa::Time;
use installer::print::say;
use text::clean;

/// Exit code when a metric fails.
const CANNOT_SCALE: u8 = 1;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the HorizontalPodAutoscaler [default: the only one of the namespace]
    #[arg(value_name = "HPA")]
    hpa: Option<String>,
    /// Form of the report; json follows docs/schema/explain.json
    #[arg(long, short, value_name = "FORM", default_value = "text")]
    output: Format,
    /// Add the past rescales that the HPA's Events report
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

/// A failure with its exit code.
type Failed = (u8, String);

pub(super) fn main(arguments: &Args) -> ExitCode {
    let Some(runtime) = runtime() else { return ExitCode::FAILURE };
    let report = match runtime.block_on(read(arguments)) {
        Ok(report) => report,
        Err((code, sentence)) => {
            complain(&sentence);
            return ExitCode::from(code);
        }
    };
    say(&match arguments.output {
        Format::Text => report.text(),
        Format::Json => format!("{:#}\n", report.json()),
    });
    if report.can_scale() { ExitCode::SUCCESS } else { ExitCode::from(CANNOT_SCALE) }
}

fn unreadable(ConnectError { what, advice, .. }: ConnectError) -> Failed {
    (UNREACHABLE, format!("{what}; {advice}"))
}

async fn read(arguments: &Args) -> Result<Report, Failed> {
    let flags = arguments.cluster.flags();
    let cluster = connect::load(&flags).await.map_err(unreadable)?;
    let own = || cluster.client.default_namespace().to_owned();
    let namespace = arguments.cluster.namespace.clone().unwrap_or_else(own);
    let name = match &arguments.hpa {
        Some(name) => name.clone(),
        None => only(&cluster, &namespace).await?,
    };
    let inputs = inputs::read(&cluster, &namespace, &name).await.map_err(unreadable)?;
    let subject = Subject {
        hpa: &inputs.hpa,
        namespace: &namespace,
        scale: inputs.scale.as_ref().map_err(String::as_str),
        pods: &inputs.pods,
        foreign: &inputs.foreign,
        readings: &inputs.readings,
        rules: Rules::of(inputs.version.as_deref()),
        now: inputs.now,
    };
    let explained = explain(&subject, &time_of_day).zip(inputs.hpa.spec.as_deref());
    let Some((explanation, spec)) = explained else {
        let sentence = format!("the specification of HPA {} is invalid", clean::text(&name));
        return Err((UNREACHABLE, sentence));
    };
    let changed = Changed { namespace: &namespace, name: &name, spec, flags: &(&flags).into() };
    let report = Report::new(&cluster.context, changed, explanation);
    if !arguments.history {
        return Ok(report);
    }
    let events = inputs::events(&cluster, &namespace, &name).await.map_err(unreadable)?;
    let clock = |at: jiff::Timestamp| time_of_day(Time(at.as_millisecond()));
    Ok(report.with_history(&rescales(&events), &clock))
}

/// The only HPA of a namespace.
async fn only(cluster: &Cluster, namespace: &str) -> Result<String, Failed> {
    let mut names = inputs::names(cluster, namespace).await.map_err(unreadable)?;
    let shown = clean::text(namespace);
    match names.as_slice() {
        [_] => Ok(names.remove(0)),
        [] => Err((UNREACHABLE, format!("namespace {shown} has no HPA; all namespaces: surge list -A"))),
        names => {
            let names: Vec<String> = names.iter().map(|name| clean::text(name)).collect();
            Err((USAGE, format!("namespace {shown} has several HPAs; name one of: {}", names.join(", "))))
        }
    }
}

/// A time of the cluster in this machine's zone.
fn time_of_day(time: Time) -> String {
    let Ok(timestamp) = jiff::Timestamp::from_millisecond(time.0) else { return String::new() };
    timestamp.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}
