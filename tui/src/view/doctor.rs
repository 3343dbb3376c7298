//! The screen Doctor: the report of a look along the metric chain, hop by hop, with the one fix first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{age, below, coarse, fit, put, put_wrapped, row, rule, span, wrap, wrap_spans};
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::drills::title;
use diagnosis::{Report, Verdict};

/// Columns of the name of a hop.
const HOP: usize = 21;
/// Columns of a verdict.
const WORD: usize = 9;
/// A fix may fill this many rows before the hops; the rest of it is told by the command.
const FIX_ROWS: usize = 12;

/// The screen.
pub(super) struct Doctor<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Rows that lie above the screen.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Doctor<'_> {
    /// How old the report is, and how much of it lies below.
    fn note(&self, below: usize) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut note = self.age();
        if below > 0 {
            note.insert(0, span(theme, Ink::Lit, format!("↓ {below} more lines   ")));
        }
        note
    }

    fn age(&self) -> Vec<Span<'static>> {
        let theme = self.theme;
        let now = self.data.now;
        if let Some(looking) = self.data.doctor.looking(now) {
            return vec![span(theme, Ink::Pending, format!("looking for {}", coarse(looking)))];
        }
        match self.data.doctor.found() {
            Some(found) => vec![
                span(theme, Ink::Dim, format!("looked {} ago, ", age(now.since(found.at)))),
                span(theme, Ink::Key, "r"),
                span(theme, Ink::Dim, " again"),
            ],
            None => vec![span(theme, Ink::Key, "r"), span(theme, Ink::Dim, " looks")],
        }
    }

    /// What this dashboard has stopped itself, whatever the report makes of it.
    fn drills(&self, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let told = self.data.drills.iter().flat_map(|(drill, open)| {
            let ago = age(self.data.now.since(open.since));
            let text = format!("{}: you stopped it with a drill {ago} ago; D puts it back", title(drill));
            wrap(&text, width)
        });
        told.map(|text| vec![span(theme, Ink::Lit, text)]).collect()
    }

    fn rows(&self, report: &Report, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let mut rows = Vec::new();
        let (_, ink) = mark(report.verdict());
        rows.extend(wrap_spans(&[span(theme, ink, report.summary())], width, 0));
        rows.extend(self.drills(width));
        if let Some((line, fix)) = report.fix() {
            rows.push(Vec::new());
            let (_, ink) = mark(line.verdict);
            rows.extend(wrap(&line.saw, width).into_iter().map(|text| vec![span(theme, ink, text)]));
            rows.extend(
                wrap(&format!("The fix: {}", fix.what), width)
                    .into_iter()
                    .map(|text| vec![span(theme, Ink::Text, text)]),
            );
            let lines: Vec<&str> = fix.text.lines().collect();
            let commands: Vec<String> = match fix.form {
                diagnosis::Form::Command => wrap(&fix.text, width.saturating_sub(2)),
                diagnosis::Form::Yaml => lines.iter().map(|line| fit(line, width - 2).into_owned()).collect(),
            };
            let more = commands.len().saturating_sub(FIX_ROWS);
            for text in commands.into_iter().take(FIX_ROWS) {
                rows.push(vec![span(theme, Ink::Key, format!("  {text}"))]);
            }
            if more > 0 {
                rows.push(vec![span(theme, Ink::Dim, format!("  … {more} more lines: surge doctor"))]);
            }
        }
        rows.push(Vec::new());
        let mut hop = None;
        for line in &report.lines {
            let title = if hop == Some(line.hop) { "" } else { line.hop.title() };
            hop = Some(line.hop);
            let (word, ink) = mark(line.verdict);
            let text = if line.verdict == Verdict::Ok || line.verdict == Verdict::NotApplicable {
                Ink::Dim
            } else {
                Ink::Text
            };
            let room = width.saturating_sub(HOP + WORD).max(2);
            for (index, part) in wrap(&line.saw, room).into_iter().enumerate() {
                let (title, word) = if index == 0 { (title, word) } else { ("", "") };
                rows.push(vec![
                    span(theme, Ink::Title, format!("{title:<HOP$}")),
                    span(theme, ink, format!("{word:<WORD$}")),
                    span(theme, text, part),
                ]);
            }
        }
        rows
    }
}

impl Doctor<'_> {
    /// How many rows can lie above the screen.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let rows = |report| self.rows(report, area.width.into()).len();
        let all = self.data.doctor.found().map_or(0, |found| rows(&found.report));
        all.saturating_sub(below(area, 1).height.into())
    }
}

/// How a verdict is written here, and its ink.
fn mark(verdict: Verdict) -> (&'static str, Ink) {
    match verdict {
        Verdict::Ok => ("ok", Ink::Ready),
        Verdict::Warning => ("warning", Ink::Warning),
        Verdict::Failure => ("FAILURE", Ink::Error),
        Verdict::NotApplicable => ("n/a", Ink::Dim),
        Verdict::NotPermitted => ("no right", Ink::Pending),
    }
}

impl Widget for &Doctor<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let head = row(area, 0);
        let area = below(area, 1);
        let Some(found) = self.data.doctor.found() else {
            rule(buffer, head, self.theme, "Doctor", self.note(0));
            let text =
                "walks the chain from the broker to the autoscaler, says what is wrong, and the one fix";
            put_wrapped(buffer, area, &[span(self.theme, Ink::Dim, text)], 0);
            return;
        };
        let rows = self.rows(&found.report, usize::from(area.width));
        let hidden = rows.len().saturating_sub(usize::from(area.height));
        let top = self.scroll.min(hidden);
        rule(buffer, head, self.theme, "Doctor", self.note(hidden - top));
        for (index, spans) in (0..area.height).zip(rows.into_iter().skip(top)) {
            put(buffer, row(area, index), spans);
        }
    }
}
