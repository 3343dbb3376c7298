//! `surge import`: the history of another tool as a recording.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use text::{clean, duration};

use super::cluster::ClusterArgs;
use super::{UNREACHABLE, USAGE, complain, note, runtime};
use ::import::prometheus::{Answers, NAMES, Subject, Wanted};
use ::import::{Imported, hpa_status, prometheus};
use cluster::connect;
use cluster::connect::server::Access;
use cluster::errors::Failure;
use cluster::prometheus::range::{Range, RangeServer};
use cluster::prometheus::{Address, servers};
use recording::writer::{Settings, WriteError, Writer};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    tool: Tool,
}

impl Args {
    /// The arguments that select the cluster, if the tool uses one.
    pub(super) fn cluster(&mut self) -> Option<&mut ClusterArgs> {
        match &mut self.tool {
            Tool::Prometheus(arguments) => Some(&mut arguments.cluster),
            Tool::HpaStatus(_) => None,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Tool {
    /// Series of kube-state-metrics about one HPA, and a queue or a metric
    Prometheus(Box<PrometheusArgs>),
    /// The records that `kubectl hpa-status record` writes
    HpaStatus(HpaStatusArgs),
}

#[derive(Debug, clap::Args)]
struct PrometheusArgs {
    /// Name of the HorizontalPodAutoscaler
    #[arg(long, value_name = "NAME")]
    hpa: String,
    /// First moment: RFC 3339, seconds since 1970, or a time before now such as 2h
    #[arg(long, value_name = "TIME")]
    start: String,
    /// Last moment, in the same forms
    #[arg(long, value_name = "TIME", default_value = "0s")]
    end: String,
    /// Distance of two samples
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    step: std::time::Duration,
    /// A series to add: queue, in-work or metric, and its query; may be repeated
    #[arg(long = "query", value_name = "NAME=PROMQL", value_parser = query)]
    queries: Vec<(Subject, String)>,
    /// URL of Prometheus, such as https://prometheus.example [default: through a tunnel to the cluster's]
    #[arg(long, value_name = "URL", conflicts_with = "prometheus")]
    url: Option<String>,
    /// PEM file of the CAs that may have issued the certificate of --url [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    certificate_authority: Option<PathBuf>,
    /// File with a bearer token for --url; a user and a password can be in the URL
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Service of Prometheus [default: those named prometheus-operated]
    #[arg(long, value_name = "NAMESPACE/SERVICE:PORT")]
    prometheus: Option<Address>,
    /// Recording to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = "import.surge.jsonl")]
    output: PathBuf,
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, clap::Args)]
struct HpaStatusArgs {
    /// File of JSON lines
    #[arg(value_name = "FILE")]
    records: PathBuf,
    /// Name of the HPA, or NAMESPACE/NAME [default: the only one of the file]
    #[arg(long, value_name = "NAME")]
    hpa: Option<String>,
    /// Recording to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = "import.surge.jsonl")]
    output: PathBuf,
}

/// A failure with its exit code.
type Failed = (u8, String);

/// Exit code when the data cannot be imported or written.
const FAILED: u8 = 1;

/// Parses `NAME=PROMQL`.
fn query(text: &str) -> Result<(Subject, String), String> {
    let (name, query) = text.split_once('=').ok_or("the form is NAME=PROMQL")?;
    let known = NAMES.iter().find(|(known, ..)| *known == name.trim());
    let (_, subject, _) = known.ok_or_else(|| {
        let names: Vec<String> =
            NAMES.iter().map(|(name, _, meaning)| format!("{name} ({meaning})")).collect();
        format!("the name {:?} is unknown; the names are: {}", clean::text(name), names.join(", "))
    })?;
    Ok((*subject, query.trim().to_owned()))
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let result = match &arguments.tool {
        Tool::Prometheus(arguments) => from_prometheus(arguments),
        Tool::HpaStatus(arguments) => from_hpa_status(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, sentence)) => {
            complain(&sentence);
            ExitCode::from(code)
        }
    }
}

fn from_hpa_status(arguments: &HpaStatusArgs) -> Result<(), Failed> {
    let path = &arguments.records;
    let unreadable = |error| (FAILED, format!("reading {} failed: {error}", path.display()));
    let records = std::fs::read_to_string(path).map_err(unreadable)?;
    let imported = hpa_status::import(&records, arguments.hpa.as_deref())
        .map_err(|error| (FAILED, format!("{}: {error}", path.display())))?;
    write(&imported, &arguments.output)
}

fn from_prometheus(arguments: &PrometheusArgs) -> Result<(), Failed> {
    let now = Timestamp::now();
    let range = Range {
        start: moment(&arguments.start, now).map_err(|sentence| (USAGE, format!("--start: {sentence}")))?,
        end: moment(&arguments.end, now).map_err(|sentence| (USAGE, format!("--end: {sentence}")))?,
        step: arguments.step.max(std::time::Duration::from_millis(1)),
    };
    if range.start >= range.end {
        return Err((USAGE, "--start must be before --end".to_owned()));
    }
    let runtime = runtime().ok_or((FAILED, "starting the runtime failed".to_owned()))?;
    let (wanted, answers) = runtime.block_on(ask(arguments, range))?;
    let imported =
        prometheus::import(&wanted, &answers, range.step).map_err(|error| (FAILED, error.to_string()))?;
    write(&imported, &arguments.output)
}

/// A moment as promtool takes it, or a time before `now`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Timestamp::from_millisecond((seconds * 1_000.0) as i64).map_err(|error| error.to_string());
    }
    let ago = duration::parse(text)
        .map_err(|_| format!("{:?} is no time such as 2026-05-01T10:00:00Z or 2h", clean::text(text)))?;
    now.checked_sub(ago).map_err(|error| error.to_string())
}

/// The answers of the first server that has the HPA.
async fn ask(arguments: &PrometheusArgs, range: Range) -> Result<(Wanted, Answers), Failed> {
    let (namespace, mut all) = match &arguments.url {
        Some(url) => {
            let access = Access {
                certificate_authority: arguments.certificate_authority.clone(),
                token_file: arguments.token_file.clone(),
            };
            let server =
                RangeServer::url(url, &access).map_err(|sentence| (USAGE, format!("--url: {sentence}")))?;
            let namespace = arguments.cluster.namespace.clone();
            (namespace.ok_or((USAGE, "--url needs --namespace".to_owned()))?, vec![server])
        }
        None => {
            let cluster = connect::load(&arguments.cluster.flags())
                .await
                .map_err(|error| (UNREACHABLE, format!("{}; {}", error.what, error.advice)))?;
            let endpoints = servers(&cluster.client, arguments.prometheus.as_ref()).await.map_err(failed)?;
            let own = || cluster.client.default_namespace().to_owned();
            let namespace = arguments.cluster.namespace.clone().unwrap_or_else(own);
            let server = |endpoint| RangeServer::tunnel(cluster.client.clone(), endpoint);
            (namespace, endpoints.into_iter().map(server).collect())
        }
    };
    let wanted = Wanted { namespace, name: arguments.hpa.clone() };
    let mut outcome = Err((UNREACHABLE, "no Prometheus was found; --url names one".to_owned()));
    for server in &mut all {
        match answers(server, &wanted, arguments, range).await {
            Ok(answers) if answers.get(&Subject::Current).is_some_and(|rows| !rows.is_empty()) => {
                return Ok((wanted, answers));
            }
            Ok(answers) => outcome = Ok((wanted.clone(), answers)),
            Err(failure) => outcome = outcome.or(Err(failed(failure))),
        }
    }
    outcome
}

async fn answers(
    server: &mut RangeServer,
    wanted: &Wanted,
    arguments: &PrometheusArgs,
    range: Range,
) -> Result<Answers, Failure> {
    let mut answers = Answers::new();
    for (subject, query) in wanted.queries().into_iter().chain(arguments.queries.clone()) {
        answers.insert(subject, server.query(&query, range).await?);
    }
    for (subject, query) in wanted.workload_queries(&answers) {
        answers.insert(subject, server.query(&query, range).await?);
    }
    Ok(answers)
}

fn failed(failure: Failure) -> Failed {
    let (Failure::Lost(sentence) | Failure::Unavailable(sentence)) = failure;
    (UNREACHABLE, sentence)
}

/// Writes the recording, and says what it does not have.
fn write(imported: &Imported, path: &Path) -> Result<(), Failed> {
    let failed = |error: WriteError| (FAILED, error.to_string());
    let settings = Settings {
        imported: Some((imported.tool.to_owned(), imported.missing.clone())),
        ..Settings::new(imported.started, env!("CARGO_PKG_VERSION"))
    };
    let mut writer = Writer::create(path, settings).map_err(failed)?;
    for stamped in &imported.events {
        writer.write(stamped).map_err(failed)?;
    }
    let bytes = writer.finish().map_err(failed)?;
    for sentence in &imported.missing {
        note(sentence);
    }
    note(&format!("{}: {} events, {} kB", path.display(), imported.events.len(), bytes.div_ceil(1_000)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_or_ages() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-05-01T10:00:00Z", "2026-05-01T10:00:00Z"),
            ("1777629600", "2026-05-01T10:00:00Z"),
            ("2h", "2026-05-01T10:00:00Z"),
            ("0s", "2026-05-01T12:00:00Z"),
        ] {
            assert_eq!(moment(text, now).unwrap().to_string(), expected, "{text}");
        }
        assert!(moment("yesterday", now).unwrap_err().contains("is no time such as"));
    }

    #[test]
    fn a_query_has_a_known_name() {
        assert_eq!(query("queue=sum(x{a=\"b\"})"), Ok((Subject::Queue, "sum(x{a=\"b\"})".to_owned())));
        assert!(query("depth=x").unwrap_err().contains("the names are: queue"));
        assert!(query("x").is_err());
    }
}
