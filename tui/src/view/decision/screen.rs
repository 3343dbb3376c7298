//! The screen Decision: the whole arithmetic of the last and of the next sync, side by side where there is room, and
//! what the controller itself says.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::super::axis::{GUTTER, TimeAxis, labels};
use super::super::chart::cursor;
use super::super::forecast::{self, Forecast};
use super::super::marks::Marks;
use super::super::overview::halves;
use super::super::replicas::Replicas;
use super::super::shadow::Shadow;
use super::super::stale;
use super::super::text::{below, fit, more_rows, phrase, put, row, rule, span, wrap};
use super::super::theme::Ink;
use super::columns::Column;
use super::gates::{Gate, Known, reason};
use super::{said, silence};
use dashboard::autoscaler::estimate::{Agreement, PeriodBasis};
use dashboard::data::{Data, Presence};
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::ChartView;
use observed::Hpa;

/// The names of the lines, in their order.
const LINES: [&str; 10] =
    ["reading", "replicas", "metric", "ratio", "tolerance", "raw", "stabilised", "rate", "min, max", "final"];

/// From this width on forecast and shadow stand side by side at the bottom.
const WIDE: u16 = 150;

/// Columns of the names, with the marks before them.
const NAMES: u16 = 16;

/// The screen.
pub(in crate::view) struct Screen<'a> {
    /// What is shown.
    pub(in crate::view) data: &'a Data,
    /// Which stretch of time, and how.
    pub(in crate::view) lens: ChartView,
    /// Which drain time the forecast is asked for.
    pub(in crate::view) asked: usize,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let hpa = match &self.data.hpa {
            Presence::Here(hpa) => hpa,
            Presence::Missing => return self.nothing(area, buffer, Ink::Warning, "there is no HPA"),
            Presence::Unknown => return self.nothing(area, buffer, Ink::Dim, "waiting for the HPA"),
        };
        let room = stale::room(area.width, "Decision");
        let note = stale::note(self.data, theme, Source::Hpa, room)
            .or_else(|| silence(self.data, theme, room))
            .unwrap_or_else(|| vec![span(theme, Ink::Dim, fit(&self.schedule(), room.into()).into_owned())]);
        rule(buffer, row(area, 0), theme, "Decision", note);
        let rest = below(area, 1);
        let missing = self.missing(rest, buffer);
        let rest = below(rest, missing);
        let (last, next) = (self.last(hpa), self.next());
        let used = if area.width >= 110 {
            self.side_by_side(rest, buffer, &last, &next)
        } else {
            self.stacked(rest, buffer, &last, &next)
        };
        let rest = below(rest, used);
        let said = self.verdict(rest, buffer, hpa);
        self.below(below(rest, said), buffer);
        let forecast = if area.width < WIDE { forecast::ROWS } else { 0 };
        more_rows(buffer, area, theme, 1 + missing + used + said + forecast);
    }
}

impl Screen<'_> {
    fn nothing(&self, area: Rect, buffer: &mut Buffer, ink: Ink, text: &str) {
        rule(buffer, row(area, 0), self.theme, "Decision", Vec::new());
        put(buffer, row(area, 1), vec![span(self.theme, ink, format!("    {text}"))]);
    }

    /// How often the controller looks, and how that is known.
    fn schedule(&self) -> String {
        let (period, basis) = self.data.estimate.schedule().period();
        let seconds = period.as_secs_f64();
        let basis = match basis {
            PeriodBasis::Assumed => "assumed",
            PeriodBasis::Seen => "as seen",
        };
        format!("a sync each {seconds} s, {basis}")
    }

    fn line(&self, gate: Option<&Gate>, width: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let Some(gate) = gate else { return vec![span(theme, Ink::Dim, "    -")] };
        let mark = if gate.known == Known::Doubtful { Ink::Warning } else { Ink::Dim };
        vec![
            span(theme, Ink::Lit, if gate.binds { "▸ " } else { "  " }),
            span(theme, mark, gate.known.mark()),
            span(theme, gate.ink(), gate.fitting(usize::from(width.saturating_sub(5)))),
        ]
    }

    /// That there is nothing to calculate with, before all else, and why. Returns the rows that it took.
    fn missing(&self, area: Rect, buffer: &mut Buffer) -> u16 {
        let Some(gone) = said::missing(self.data) else { return 0 };
        let (theme, room) = (self.theme, usize::from(area.width.saturating_sub(6)));
        let mut used = 0;
        for text in wrap(&said::nothing_to_calculate(self.data, gone), room) {
            let mark = if used == 0 { "  ▸ " } else { "    " };
            put(buffer, row(area, used), vec![span(theme, Ink::Lit, format!("{mark}{text}"))]);
            used += 1;
        }
        for text in said::lines(&gone.why, room, 2) {
            put(buffer, row(area, used), vec![span(theme, Ink::Warning, format!("    {text}"))]);
            used += 1;
        }
        used
    }

    /// Returns the rows that it took.
    fn side_by_side(&self, area: Rect, buffer: &mut Buffer, last: &Column, next: &Column) -> u16 {
        let theme = self.theme;
        let width = (area.width - NAMES) / 2;
        let part = |index: u16, side: u16| {
            let line = row(area, index);
            Rect { x: line.x + NAMES + side * width, width, ..line }
        };
        for (side, column) in [(0, last), (1, next)] {
            put(buffer, part(0, side), vec![span(theme, Ink::Title, format!("    {}", column.head))]);
        }
        let mut index = 1;
        for name in LINES {
            let (a, b) = (last.get(name), next.get(name));
            if a.is_none() && b.is_none() {
                continue;
            }
            put(buffer, row(area, index), vec![span(theme, Ink::Dim, format!("    {name}"))]);
            put(buffer, part(index, 0), self.line(a, width));
            put(buffer, part(index, 1), self.line(b, width));
            index += 1;
        }
        index
    }

    /// Returns the rows that it took.
    fn stacked(&self, area: Rect, buffer: &mut Buffer, last: &Column, next: &Column) -> u16 {
        let theme = self.theme;
        let mut index = 0;
        // The small window shows of the past only what decided it.
        let is_short = area.height < 26;
        let has_shadow = self.data.shadow.running().is_some();
        for (column, is_past) in [(next, false), (last, true)] {
            put(buffer, row(area, index), vec![span(theme, Ink::Title, format!("  {}", column.head))]);
            index += 1;
            for gate in &column.lines {
                let essential = match gate.name {
                    "final" | "metric" => true,
                    // The shadow's line needs its room.
                    "reading" => !has_shadow || gate.binds,
                    _ => gate.binds,
                };
                if is_past && is_short && !essential {
                    continue;
                }
                let line = row(area, index);
                put(buffer, line, vec![span(theme, Ink::Dim, format!("  {}", gate.name))]);
                let cell =
                    Rect { x: line.x + 12.min(line.width), width: line.width.saturating_sub(12), ..line };
                put(buffer, cell, self.line(Some(gate), cell.width));
                index += 1;
            }
        }
        index
    }

    /// What the controller says, and whether that is what was calculated. Returns the rows that it took.
    fn verdict(&self, area: Rect, buffer: &mut Buffer, hpa: &Hpa) -> u16 {
        let theme = self.theme;
        let mut said = vec![span(theme, Ink::Dim, "    controller  "), span(theme, Ink::Dim, "    ")];
        said.push(match hpa.wanted() {
            Some(wanted) => span(theme, Ink::Value, wanted.to_string()),
            None if hpa.has_synced() => span(theme, Ink::Dim, "wants no size yet"),
            None => span(theme, Ink::Pending, "has not synced yet"),
        });
        let room = usize::from(area.width.saturating_sub(24));
        let Some(last) = &self.data.estimate.last else {
            put(buffer, row(area, 0), said);
            return self.complaint(below(area, 1), buffer, hpa) + 1;
        };
        let mut words = vec![format!("  {}", last.reported.reason)];
        if let Some(time) = last.reported.last_scale {
            let rescaled = format!("{}, last rescale {} ±1 s", words[0], self.data.day.of(time));
            words.splice(0..0, [format!("{rescaled} by its clock"), rescaled]);
        }
        said.push(span(theme, Ink::Text, phrase(&words, room)));
        put(buffer, row(area, 0), said);
        let (ink, text) = match last.agreement() {
            Agreement::Same => (Ink::Dim, "= as calculated".to_owned()),
            Agreement::OtherGate => {
                let ours = reason(&last.trace);
                let text =
                    format!("≠ same size, another reason: calculated {ours}, said {}", last.reported.reason);
                (Ink::Warning, text)
            }
            Agreement::OtherSize(cause) => {
                let (ours, theirs) = (last.trace.desired, last.reported.desired);
                (Ink::Lit, format!("≠ calculated {ours}, the controller says {theirs}: {cause}"))
            }
        };
        let mut used = 1;
        for text in wrap(&text, room) {
            let spans = vec![span(theme, Ink::Dim, " ".repeat(20)), span(theme, ink, text)];
            put(buffer, row(area, used), spans);
            used += 1;
        }
        used + self.complaint(below(area, used), buffer, hpa)
    }

    /// The condition that is wrong, in the controller's own words. Returns the rows that it took.
    fn complaint(&self, area: Rect, buffer: &mut Buffer, hpa: &Hpa) -> u16 {
        let Some(complaint) = said::complaint(hpa) else { return 0 };
        // The small window has other things to show too.
        let most = if area.height < 12 { 2 } else { 4 };
        let mut used = 0;
        for line in said::lines(&complaint, usize::from(area.width.saturating_sub(24)), most) {
            let mark = if used == 0 { "                  ! " } else { "                    " };
            put(buffer, row(area, used), vec![span(self.theme, Ink::Warning, format!("{mark}{line}"))]);
            used += 1;
        }
        used
    }

    /// The replicas over time, forecast and shadow, as far as there is room.
    fn below(&self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let (forecast, shadow) = (Forecast { data, asked: self.asked, theme }, Shadow { data, theme });
        let (ahead, beside) = (forecast::ROWS, shadow.rows());
        if area.width >= WIDE {
            // Chart above, forecast and shadow side by side at the bottom.
            let strip = ahead.max(beside).min(area.height);
            let chart = Rect { height: area.height - strip, ..area };
            self.chart(below(Rect { height: chart.height.saturating_sub(1), ..chart }, 1), buffer);
            let strip = below(area, chart.height);
            let (left, right) = halves(strip, strip.width / 2 - 1);
            (&forecast).render(left, buffer);
            (&shadow).render(right, buffer);
            return;
        }
        let area = match data.shadow.running() {
            Some(running) if area.height < ahead + beside => {
                shadow.brief(running, row(area, 0), buffer);
                below(area, 1)
            }
            _ => area,
        };
        (&forecast).render(Rect { height: ahead.min(area.height), ..area }, buffer);
        let mut rest = below(area, ahead + 1);
        // Without a shadow the chart is worth more than the word that there is none.
        if data.shadow.running().is_some() {
            (&shadow).render(Rect { height: beside.min(rest.height), ..rest }, buffer);
            rest = below(rest, beside);
        }
        self.chart(rest, buffer);
    }

    fn chart(&self, area: Rect, buffer: &mut Buffer) {
        if area.height < 6 {
            return;
        }
        let (data, theme) = (self.data, self.theme);
        let axis = TimeAxis::new(self.lens.stretch, area.width.saturating_sub(GUTTER));
        let rows = area.height.saturating_sub(2).min(24);
        (&Replicas { data, axis: &axis, lens: self.lens, theme })
            .render(Rect { height: rows, ..area }, buffer);
        (&Marks { data, axis: &axis, theme }).render(row(area, rows), buffer);
        labels(buffer, below(area, rows + 1), theme, &axis, data);
        if let Some(cell) = self.lens.stretch.cursor.and_then(|at| axis.cell(at)) {
            cursor(buffer, Rect { height: rows, ..below(area, 1) }, area.x + GUTTER + cell, theme);
        }
    }
}
