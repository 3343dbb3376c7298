//! How long every step of a burst took, and what each of them waited for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, count, measured, put, put_right, row, rule, set, span};
use super::theme::{Ink, style};
use crate::event::{At, Source};
use crate::model::bursts::Burst;
use crate::model::stopwatch::{Reading, Stage};
use crate::model::{Data, Theme};

/// Columns for the name and the time of a step; bars stand in what is left.
const TEXT: u16 = 34;

/// The panel.
pub(super) struct Stopwatch<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// The step that a step waits for: a bar shows the time from there.
fn cause(stage: Stage) -> Stage {
    match stage {
        Stage::KeyPress | Stage::Sent => Stage::KeyPress,
        Stage::Accepted | Stage::InBroker => Stage::Sent,
        Stage::Scraped | Stage::FirstAck => Stage::InBroker,
        Stage::ExternalApi => Stage::Scraped,
        Stage::Desired => Stage::ExternalApi,
        Stage::Deployment => Stage::Desired,
        Stage::Scheduled => Stage::Deployment,
        Stage::PodReady => Stage::Scheduled,
        Stage::Drained => Stage::FirstAck,
        Stage::BackAtMin => Stage::Drained,
    }
}

impl Stopwatch<'_> {
    fn state(&self, burst: &Burst) -> Vec<Span<'static>> {
        let theme = self.theme;
        let accepted = format!("{}/{} accepted", count(burst.accepted.into()), count(burst.size.into()));
        let mut spans = vec![span(theme, Ink::Text, accepted)];
        let failures = burst.failures();
        if failures > 0 {
            spans.push(span(theme, Ink::Error, format!(", {} failed", count(failures.into()))));
        }
        if burst.acked > 0 {
            spans.push(span(theme, Ink::Text, format!(", {} done", count(burst.acked.into()))));
        }
        if burst.redelivered > 0 {
            spans.push(span(theme, Ink::Warning, format!(", ↻ {}", burst.redelivered)));
        }
        if burst.dead > 0 {
            spans.push(span(theme, Ink::Warning, format!(", {} dead", burst.dead)));
        }
        if let Some(waiting) = &burst.waiting {
            spans.push(span(theme, Ink::Pending, format!(", waiting: {waiting}")));
        }
        spans
    }

    /// One line about the newest burst.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let mut spans = vec![span(theme, Ink::Dim, "stopwatch ")];
        match self.data.bursts.newest() {
            None => spans.push(span(theme, Ink::Dim, "no burst yet: press space")),
            Some(burst) => {
                spans.push(span(theme, Ink::Value, format!("#{} ", burst.number)));
                spans.extend(self.state(burst));
                let seen = |stage: Stage| Some((stage, burst.watch.get(stage).at()?));
                if let Some((stage, at)) = Stage::ALL.into_iter().filter_map(seen).max_by_key(|(_, at)| *at) {
                    spans.push(span(theme, Ink::Dim, format!("   {} ", stage.title())));
                    spans.push(span(theme, Ink::Value, measured(at.since(burst.pressed))));
                }
            }
        }
        put(buffer, area, spans);
    }

    fn bar(&self, buffer: &mut Buffer, line: Rect, burst: &Burst, stage: Stage, end: At) {
        let area = Rect { x: line.x + TEXT + 2, width: line.width.saturating_sub(TEXT + 2), ..line };
        if area.width < 8 || line.is_empty() {
            return;
        }
        let (until, ink) = match burst.watch.get(stage) {
            Reading::Observed(at) | Reading::Estimated(at) => (at, Ink::Queue),
            Reading::NotYet if Self::is_running(burst, stage) => (end, Ink::Pending),
            Reading::NotYet | Reading::Never(_) => return,
        };
        let Some(from) = burst.watch.get(cause(stage)).at() else { return };
        let whole = end.since(burst.pressed).as_secs_f64().max(0.001);
        // In half cells; below twice the width.
        let halves =
            |at: At| (at.since(burst.pressed).as_secs_f64() / whole * f64::from(area.width) * 2.0) as u16;
        let (from, until) = (halves(from.min(until)), halves(until));
        for cell in 0..area.width {
            let (left, right) =
                (2 * cell >= from && 2 * cell < until, 2 * cell + 1 >= from && 2 * cell + 1 < until);
            let symbol = match (left, right) {
                (true, true) => '━',
                (true, false) => '╸',
                (false, true) => '╺',
                // What took next to no time still happened somewhere.
                (false, false) if from == until && cell == (from / 2).min(area.width - 1) => '╸',
                (false, false) => continue,
            };
            set(buffer, area.x + cell, area.y, symbol, style(self.theme, ink));
        }
    }

    /// Whether a step is being waited for: what it waits on has happened.
    fn is_running(burst: &Burst, stage: Stage) -> bool {
        let goes_on = burst.is_in_flight() || (burst.accepted > 0 && !burst.watch.is_over());
        goes_on && burst.watch.get(stage) == Reading::NotYet && burst.watch.has(cause(stage))
    }
}

impl Widget for &Stopwatch<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let Some(burst) = self.data.bursts.newest() else {
            rule(buffer, row(area, 0), theme, "Stopwatch", Vec::new());
            put(buffer, row(area, 1), vec![span(theme, Ink::Dim, "  no burst yet: press space")]);
            return;
        };
        let room = stale::room(area.width, "Stopwatch");
        let note = stale::note(self.data, theme, Source::Producer, room)
            .unwrap_or_else(|| vec![span(theme, Ink::Dim, format!("burst #{}", burst.number))]);
        rule(buffer, row(area, 0), theme, "Stopwatch", note);
        let mut state = vec![Span::raw("  ")];
        state.extend(self.state(burst));
        put(buffer, row(area, 1), state);
        let now = self.data.now;
        let last = Stage::ALL.into_iter().filter_map(|stage| burst.watch.get(stage).at()).max();
        let runs = Stage::ALL.into_iter().any(|stage| Stopwatch::is_running(burst, stage));
        let end = if runs { now } else { last.unwrap_or(now) };
        for (index, stage) in (0..).zip(Stage::ALL) {
            let line = row(below(area, 2), index);
            let (ink, text) = match burst.watch.get(stage) {
                Reading::Observed(at) => (Ink::Value, measured(at.since(burst.pressed))),
                Reading::Estimated(at) => (Ink::Value, format!("≈ {}", measured(at.since(burst.pressed)))),
                Reading::Never(why) => (Ink::Dim, why.to_owned()),
                Reading::NotYet if Stopwatch::is_running(burst, stage) => {
                    (Ink::Pending, format!("… {}", measured(now.since(burst.pressed))))
                }
                Reading::NotYet => (Ink::Dim, "·".to_owned()),
            };
            put(buffer, line, vec![span(theme, Ink::Text, format!("  {}", stage.title()))]);
            let value = Rect { width: line.width.min(TEXT), ..line };
            put_right(buffer, value, vec![span(theme, ink, text)]);
            self.bar(buffer, line, burst, stage, end);
        }
    }
}
