//! CSV by RFC 4180, one file a table.

use super::Context;
use crate::figure::Known;
use crate::names::{Name, Scope};
use crate::outcome::RunResult;

/// The files, each with its name.
#[must_use]
pub fn files(result: &RunResult, context: &Context) -> Vec<(&'static str, String)> {
    vec![
        ("run.csv", run(result, context)),
        ("samples.csv", samples(result)),
        ("steps.csv", steps(result)),
        ("expectations.csv", expectations(result)),
        ("bursts.csv", bursts(result)),
        ("rescales.csv", rescales(result)),
    ]
}

fn run(result: &RunResult, context: &Context) -> String {
    let mut rows = vec![
        ["name".to_owned(), "value".to_owned()],
        ["scenario".to_owned(), result.scenario.clone()],
        ["mode".to_owned(), context.mode.word().to_owned()],
        ["target".to_owned(), context.target.clone()],
        ["started_ms".to_owned(), context.started_ms.to_string()],
        ["seconds".to_owned(), result.seconds.to_string()],
        ["outcome".to_owned(), result.outcome.word().to_owned()],
    ];
    rows.extend(result.figures.iter().map(|(name, value)| [name.word().to_owned(), number(*value)]));
    table(rows)
}

fn samples(result: &RunResult) -> String {
    let header = ["seconds"].into_iter().chain(RunResult::SERIES.map(Name::word)).map(str::to_owned);
    let rows = result.samples.iter().map(|sample| {
        let values = sample.values.iter().map(|value| value.map_or_else(String::new, |v| v.to_string()));
        [format!("{:.3}", sample.at)].into_iter().chain(values).collect()
    });
    table([header.collect::<Vec<_>>()].into_iter().chain(rows))
}

fn steps(result: &RunResult) -> String {
    let header = ["step", "began", "took", "verdict", "reason"].map(str::to_owned);
    let rows = result.steps.iter().map(|step| {
        let reason = step.verdict.reason().unwrap_or_default();
        let (began, took) = (format!("{:.3}", step.began), format!("{:.3}", step.took));
        [step.title.clone(), began, took, step.verdict.word().to_owned(), reason.to_owned()]
    });
    table([header].into_iter().chain(rows))
}

fn expectations(result: &RunResult) -> String {
    let header = ["expectation", "measured", "verdict", "reason"].map(str::to_owned);
    let rows = result.expectations.iter().map(|one| {
        let reason = one.verdict.reason().unwrap_or_default().to_owned();
        [one.condition.to_string(), number(one.measured), one.verdict.word().to_owned(), reason]
    });
    table([header].into_iter().chain(rows))
}

fn bursts(result: &RunResult) -> String {
    let names: Vec<Name> = Name::of(Scope::Burst).collect();
    let header = ["burst"].into_iter().chain(names.iter().map(|name| name.word())).map(str::to_owned);
    let rows = result.bursts.iter().map(|burst| {
        let value = |name: &Name| {
            let found = burst.values.iter().find(|(known, _)| known == name);
            found.map_or_else(String::new, |(_, value)| number(*value))
        };
        [burst.number.to_string()].into_iter().chain(names.iter().map(value)).collect()
    });
    table([header.collect::<Vec<_>>()].into_iter().chain(rows))
}

fn rescales(result: &RunResult) -> String {
    let header = ["seconds", "from", "to"].map(str::to_owned);
    let rows = result.rescales.iter();
    let rows = rows.map(|one| [format!("{:.3}", one.at), one.from.to_string(), one.to.to_string()]);
    table([header].into_iter().chain(rows))
}

fn number(value: Known) -> String {
    value.number().map_or_else(String::new, |number| number.to_string())
}

fn table<R: IntoIterator<Item = String>>(rows: impl IntoIterator<Item = R>) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row.into_iter().map(|cell| quoted(&cell)).collect();
        text += &cells.join(",");
        text += "\r\n";
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
