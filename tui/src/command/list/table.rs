//! The list as a table, in kubectl's form.

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr as _;

use dashboard::strings::fleet as words;
use explain::fleet::Row;
use text::duration::age;

/// Columns between two cells, as in kubectl.
const GAP: usize = 3;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Namespace,
    Name,
    Reference,
    Metric,
    Metrics,
    Replicas,
    Bounds,
    LastScale,
    Age,
    Verdict,
    Message,
}

/// The columns of a list.
pub(super) fn columns(all_namespaces: bool, wide: bool) -> Vec<Column> {
    use Column::{
        Age, Bounds, LastScale, Message, Metric, Metrics, Name, Namespace, Reference, Replicas, Verdict,
    };
    let chosen: &[Column] = match wide {
        false => &[Name, Reference, Metric, Replicas, Bounds, LastScale, Verdict],
        true => &[Name, Reference, Metrics, Replicas, Bounds, LastScale, Age, Verdict, Message],
    };
    all_namespaces.then_some(Namespace).into_iter().chain(chosen.iter().copied()).collect()
}

impl Column {
    fn header(self) -> &'static str {
        match self {
            Self::Namespace => "NAMESPACE",
            Self::Name => "NAME",
            Self::Reference => "REFERENCE",
            Self::Metric => "METRIC",
            Self::Metrics => "METRICS",
            Self::Replicas => "REPLICAS",
            Self::Bounds => "MIN-MAX",
            Self::LastScale => "LAST-SCALE",
            Self::Age => "AGE",
            Self::Verdict => "VERDICT",
            Self::Message => "MESSAGE",
        }
    }

    fn cell(self, row: &Row, now: Timestamp) -> String {
        let ago = |time: Option<Timestamp>| {
            time.map_or_else(|| words::NO_VALUE.to_owned(), |time| age(words::elapsed(time, now)))
        };
        match self {
            Self::Namespace => row.namespace.clone(),
            Self::Name => row.name.clone(),
            Self::Reference => words::reference(row),
            Self::Metric => words::winner(row),
            Self::Metrics => match row.metrics.as_slice() {
                [] => words::NO_VALUE.to_owned(),
                metrics => metrics.iter().map(words::metric).collect::<Vec<_>>().join(", "),
            },
            Self::Replicas => words::sizes(row),
            Self::Bounds => words::bounds(row),
            Self::LastScale => ago(row.last_scale),
            Self::Age => ago(row.created),
            Self::Verdict => words::verdict(row, now),
            Self::Message => row.verdict.message().unwrap_or_default().to_owned(),
        }
    }
}

/// The rows as lines.
pub(super) fn text(rows: &[Row], columns: &[Column], has_header: bool, now: Timestamp) -> String {
    let header = has_header.then(|| columns.iter().map(|column| column.header().to_owned()).collect());
    let rows = rows.iter().map(|row| columns.iter().map(|column| column.cell(row, now)).collect());
    let lines: Vec<Vec<String>> = header.into_iter().chain(rows).collect();
    let width = |index: usize| lines.iter().map(|cells| cells[index].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for cells in &lines {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.width() + GAP));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
