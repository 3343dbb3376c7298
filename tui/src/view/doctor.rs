//! The screen Doctor: the findings along the metric chain, hop by hop, with the fix first.

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
/// Rows of a fix at most. `surge doctor` prints the rest.
const FIX_ROWS: usize = 12;

/// The screen.
pub(super) struct Doctor<'a> {
    /// The data of the screen.
    pub(super) data: &'a Data,
    /// Rows above the screen.
    pub(super) scroll: usize,
    /// The colours.
    pub(super) theme: Theme,
}

impl Doctor<'_> {
    /// The age of the report, and the number of rows below.
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
            return vec![span(theme, Ink::Pending, format!("examining for {}", coarse(looking)))];
        }
        match self.data.doctor.found() {
            Some(found) => vec![
                span(theme, Ink::Dim, format!("{} old, ", age(now.since(found.at)))),
                span(theme, Ink::Key, "r"),
                span(theme, Ink::Dim, " repeats"),
            ],
            None => vec![span(theme, Ink::Key, "r"), span(theme, Ink::Dim, " examines")],
        }
    }

    /// The drills of this dashboard, which the report may not show.
    fn drills(&self, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let drills = self.data.drills.iter().flat_map(|(drill, open)| {
            let ago = age(self.data.now.since(open.since));
            let text = format!("{}: your drill stopped it {ago} ago; D starts it", title(drill));
            wrap(&text, width)
        });
        drills.map(|text| vec![span(theme, Ink::Lit, text)]).collect()
    }

    fn rows(&self, report: &Report, width: usize) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let mut rows = Vec::new();
        let (_, ink) = mark(report.verdict());
        rows.extend(wrap_spans(&[span(theme, ink, report.summary())], width, 0));
        rows.extend(self.drills(width));
        if let Some((finding, fix)) = report.fix() {
            rows.push(Vec::new());
            let (_, ink) = mark(finding.verdict);
            rows.extend(wrap(&finding.detail, width).into_iter().map(|text| vec![span(theme, ink, text)]));
            rows.extend(
                wrap(&format!("Fix: {}", fix.what), width)
                    .into_iter()
                    .map(|text| vec![span(theme, Ink::Text, text)]),
            );
            let room = width.saturating_sub(2);
            let command = fix.command.as_ref().map(ToString::to_string).unwrap_or_default();
            let command = command.lines().flat_map(|line| wrap(line, room));
            let yaml = fix.yaml.iter().flat_map(|yaml| yaml.lines());
            let all: Vec<String> = command.chain(yaml.map(|line| fit(line, room).into_owned())).collect();
            let more = all.len().saturating_sub(FIX_ROWS);
            for text in all.into_iter().take(FIX_ROWS) {
                rows.push(vec![span(theme, Ink::Key, format!("  {text}"))]);
            }
            if more > 0 {
                rows.push(vec![span(theme, Ink::Dim, format!("  … {more} more lines: surge doctor"))]);
            }
        }
        rows.push(Vec::new());
        let mut hop = None;
        for finding in &report.findings {
            let title = if hop == Some(finding.hop) { "" } else { finding.hop.title() };
            hop = Some(finding.hop);
            let (word, ink) = mark(finding.verdict);
            let text = if matches!(finding.verdict, Verdict::Ok | Verdict::NotApplicable) {
                Ink::Dim
            } else {
                Ink::Text
            };
            let room = width.saturating_sub(HOP + WORD).max(2);
            for (index, part) in wrap(&finding.detail, room).into_iter().enumerate() {
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
    /// The number of rows that can be above the screen.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        let rows = |report| self.rows(report, area.width.into()).len();
        let all = self.data.doctor.found().map_or(0, |found| rows(&found.report));
        all.saturating_sub(below(area, 1).height.into())
    }
}

/// The word and the ink of a verdict.
fn mark(verdict: Verdict) -> (&'static str, Ink) {
    match verdict {
        Verdict::Ok => ("ok", Ink::Ready),
        Verdict::Warning => ("warning", Ink::Warning),
        Verdict::Failure => ("FAILURE", Ink::Error),
        Verdict::NotApplicable => ("n/a", Ink::Dim),
        Verdict::NotPermitted => ("no access", Ink::Pending),
    }
}

impl Widget for &Doctor<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let head = row(area, 0);
        let area = below(area, 1);
        let Some(found) = self.data.doctor.found() else {
            rule(buffer, head, self.theme, "Doctor", self.note(0));
            let text = "examines the chain from the broker to the HPA, and shows the findings and the fix";
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
