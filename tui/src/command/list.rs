//! `surge list`: every HPA of a namespace or of a cluster, with a verdict.

mod json;
mod table;

use std::process::ExitCode;

use jiff::Timestamp;

use super::cluster::ClusterArgs;
use super::{UNREACHABLE, complain, runtime};
use cluster::connect::{self, ConnectError};
use cluster::fleet;
use explain::fleet::Row;
use installer::print::say;
use text::clean;

/// The form of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// More columns
    Wide,
    /// One object, by docs/schema/list.json
    Json,
    /// The same object
    Yaml,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// List the HPAs of all namespaces [default: the context's namespace]
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Label selector, such as app=web,tier!=cache
    #[arg(long, short = 'l', value_name = "SELECTOR", default_value = "", hide_default_value = true)]
    selector: String,
    /// Form of the list [default: a table]
    #[arg(long, short, value_name = "FORM")]
    output: Option<Output>,
    /// Leave out the line with the names of the columns
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let Some(runtime) = runtime() else { return ExitCode::FAILURE };
    match runtime.block_on(read(arguments)) {
        Ok(list) => print(&list, arguments),
        Err(error) => {
            complain(&format!("{}; {}", error.what, error.advice));
            ExitCode::from(UNREACHABLE)
        }
    }
}

/// The HPAs of a place.
struct List {
    context: String,
    /// `None` for all namespaces.
    namespace: Option<String>,
    rows: Vec<Row>,
}

async fn read(arguments: &Args) -> Result<List, ConnectError> {
    let cluster = connect::load(&arguments.cluster.flags()).await?;
    let own = || cluster.client.default_namespace().to_owned();
    let namespace =
        (!arguments.all_namespaces).then(|| arguments.cluster.namespace.clone().unwrap_or_else(own));
    let (namespace_name, selector) = (namespace.as_deref(), arguments.selector.as_str());
    let paused = fleet::scaled_objects(&cluster.client, namespace_name, selector, explain::fleet::paused);
    let (rows, paused) = tokio::join!(fleet::list(&cluster, namespace_name, selector), paused);
    let mut rows: Vec<Row> = rows?;
    match paused {
        // An older KEDA keeps the HPA of a paused object.
        Ok(paused) => {
            let new = |row: &Row| {
                !rows.iter().any(|known| (&known.namespace, &known.name) == (&row.namespace, &row.name))
            };
            let new: Vec<Row> = paused.into_iter().filter(new).collect();
            rows.extend(new);
        }
        Err(error) => complain(&error),
    }
    Ok(List { context: cluster.context, namespace, rows })
}

fn print(list: &List, arguments: &Args) -> ExitCode {
    let now = Timestamp::now();
    let text = match arguments.output {
        Some(Output::Json) => format!("{:#}\n", json::object(list, now)),
        Some(Output::Yaml) => match serde_saphyr::to_string(&json::object(list, now)) {
            Ok(text) => text,
            Err(error) => {
                complain(&format!("writing the list as YAML failed: {error}"));
                return ExitCode::FAILURE;
            }
        },
        None | Some(Output::Wide) if list.rows.is_empty() => {
            complain(&nothing(list.namespace.as_deref(), !arguments.selector.is_empty()));
            return ExitCode::SUCCESS;
        }
        form @ (None | Some(Output::Wide)) => {
            let columns = table::columns(list.namespace.is_none(), form.is_some());
            table::text(&list.rows, &columns, !arguments.no_headers, now)
        }
    };
    say(&text);
    ExitCode::SUCCESS
}

/// The sentence for an empty list.
fn nothing(namespace: Option<&str>, is_selected: bool) -> String {
    let which = if is_selected { " that the selector matches" } else { "" };
    match namespace {
        Some(namespace) => {
            let namespace = clean::text(namespace);
            format!("namespace {namespace} has no HPA{which}; all namespaces: surge list -A")
        }
        None => format!("the cluster has no HPA{which}"),
    }
}
