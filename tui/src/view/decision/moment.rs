//! The sync in force at an instant, as a few lines: its sizes, and every step of its arithmetic.

use ratatui::text::Span;

use super::columns::syncs_around;
use super::gates::wanted_and_limit;
use crate::view::draw::span;
use crate::view::strings::decision as text;
use crate::view::theme::Ink;
use dashboard::autoscaler::estimate::LastSync;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Columns of the mark, the sign and the name of a step.
const NAME: usize = 16;

/// The sync in force at an instant, in rows of that width; the head, and a row for each step. Empty without an observed sync.
pub(in crate::view) fn sync_at(data: &Data, at: At, theme: Theme, width: usize) -> Vec<Vec<Span<'static>>> {
    if data.estimate.past.in_force(at).is_none() {
        return Vec::new();
    }
    let [sync, _] = syncs_around(data, at);
    let head = vec![span(theme, Ink::Title, format!(" {}", sync.head))];
    let steps = sync.lines.iter().map(|gate| {
        vec![
            span(theme, Ink::Lit, if gate.binds { "► " } else { "  " }),
            span(theme, gate.certainty.ink(), gate.certainty.mark()),
            span(theme, Ink::Text, format!("{:<12}", gate.name)),
            span(theme, gate.ink(), gate.fitting(width.saturating_sub(NAME))),
        ]
    });
    [head].into_iter().chain(steps).collect()
}

/// The same in one line, ` sync 14:00:30  1 → 5, wanted 10, policy: 4 pods in 15 s`; `None` without an observed sync.
pub(in crate::view) fn sync_in_short(data: &Data, at: At, theme: Theme) -> Option<Vec<Span<'static>>> {
    let sync = data.estimate.past.in_force(at)?;
    let mut spans = vec![span(theme, Ink::Dim, text::sync_short(&data.day.time_of_day(sync.at)))];
    spans.extend(sizes(data, sync, theme));
    Some(spans)
}

/// The sizes of a sync, the size that its metric wanted, and what limited it.
pub(super) fn sizes(data: &Data, sync: &LastSync, theme: Theme) -> Vec<Span<'static>> {
    let (from, to) = sync.reported.sizes();
    let size = if from == to { to.to_string() } else { text::sizes(from, to) };
    let mut spans = vec![span(theme, Ink::Value, size)];
    let (wanted, limit) = wanted_and_limit(sync, &|at| data.day.time_of_day(at));
    spans.extend(wanted.map(|wanted| span(theme, Ink::Text, text::wanted(wanted))));
    spans.push(span(theme, Ink::Text, format!(", {limit}")));
    spans
}
