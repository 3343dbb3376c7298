//! How long every step of a burst took.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{count, measured, put, put_right, row, rule, span};
use super::theme::Ink;
use crate::model::bursts::Burst;
use crate::model::stopwatch::{Reading, Stage};
use crate::model::{Data, Theme};

/// The panel.
pub(super) struct Stopwatch<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Stopwatch<'_> {
    fn state(&self, burst: &Burst) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut spans = vec![span(
            theme,
            Ink::Text,
            format!("{} of {} accepted", count(burst.accepted.into()), count(burst.size.into())),
        )];
        let failures = burst.failures();
        if failures > 0 {
            spans.push(span(theme, Ink::Error, format!(", {} failed", count(failures.into()))));
        }
        if burst.acked > 0 {
            spans.push(span(theme, Ink::Text, format!(", {} done", count(burst.acked.into()))));
        }
        if burst.redelivered > 0 {
            spans.push(span(theme, Ink::Warning, format!(", {} redelivered", burst.redelivered)));
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
                let last = Stage::ALL.into_iter().rev().find_map(|s| Some((s, burst.watch.get(s).at()?)));
                if let Some((stage, at)) = last {
                    spans.push(span(theme, Ink::Dim, format!(", {} after ", stage.title())));
                    spans.push(span(theme, Ink::Text, measured(at.since(burst.pressed))));
                }
            }
        }
        put(buffer, area, spans);
    }
}

impl Widget for &Stopwatch<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let Some(burst) = self.data.bursts.newest() else {
            rule(buffer, row(area, 0), theme, "Stopwatch", Vec::new());
            put(buffer, row(area, 1), vec![span(theme, Ink::Dim, "no burst yet: press space")]);
            return;
        };
        let note =
            vec![span(theme, Ink::Dim, format!("burst #{} of {}", burst.number, count(burst.size.into())))];
        rule(buffer, row(area, 0), theme, "Stopwatch", note);
        put(buffer, row(area, 1), self.state(burst));
        let now = self.data.now;
        let next = Stage::ALL.into_iter().find(|stage| burst.watch.get(*stage) == Reading::NotYet);
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            // Thirteen stages.
            let line = row(area, index as u16 + 2);
            let (ink, text) = match burst.watch.get(stage) {
                Reading::Observed(at) => (Ink::Value, measured(at.since(burst.pressed))),
                Reading::Estimated(at) => (Ink::Value, format!("≈ {}", measured(at.since(burst.pressed)))),
                Reading::Never(why) => (Ink::Dim, why.to_owned()),
                Reading::NotYet if next == Some(stage) => {
                    (Ink::Pending, format!("{} …", measured(now.since(burst.pressed))))
                }
                Reading::NotYet => (Ink::Dim, "·".to_owned()),
            };
            put(buffer, line, vec![span(theme, Ink::Text, format!("  {}", stage.title()))]);
            let value = Rect { width: line.width.min(34), ..line };
            put_right(buffer, value, vec![span(theme, ink, text)]);
        }
    }
}
