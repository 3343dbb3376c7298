//! The steps of a burst as a table, in the order in which they happened: the time since the press, since the row above, its
//! uncertainty, and a bar or the source of the time.
//!
//! ```text
//!                      press     step       ±
//!   key press           0 ms            exact  ╸
//!   in the broker     200 ms  +200 ms  ±0.2 s  ╸
//!   scraped sample     5.0 s   +4.8 s  ±1.0 s  ━━
//!   drained         … 45.0 s  +40.0 s             ━━━━━━
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{below, line, line_right, lines, right_of, row, set, span};
use super::fmt::measured;
use super::stale;
use super::strings::stopwatch as text;
use super::theme::{Ink, style};
use super::wrap::{fit, phrase};
use dashboard::bursts::burst::Burst;
use dashboard::bursts::stopwatch::{Caveat, Stage, StageTime};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::strings::steps;
use dashboard::ui::appearance::Theme;

/// From this width on the steps have their long names, and bars or sources behind the times.
pub(super) const WIDE: u16 = 56;

/// Columns from which on the source of a time is described in full.
const FULL_SOURCE: u16 = 40;

/// Seconds between this machine's clock and the cluster's from which on the difference is always shown.
const CLOCK_DIFFERENCE: f64 = 1.0;

/// The least columns of a bar.
const MIN_BAR: u16 = 6;

/// The steps of one burst, a row each.
pub(super) struct Steps<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The burst.
    pub(super) burst: &'a Burst,
    /// The content of the last column.
    pub(super) details: Details,
    /// The colours.
    pub(super) theme: Theme,
}

/// The content of the last column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Details {
    /// A bar from the step before.
    Bars,
    /// The source of the time, in words.
    Sources,
}

/// The columns of the table.
struct Columns {
    name: Rect,
    press: Rect,
    step: Rect,
    margin: Rect,
    details: Rect,
}

impl Columns {
    fn of(area: Rect) -> Self {
        // With the gap before the details, which are only in a wide table.
        let widths = match area.width {
            WIDE.. => [21, 9, 9, 8, 2],
            35.. => [12, 8, 8, 7, 0],
            28.. => [12, 8, 8, 0, 0],
            _ => [12, 8, 0, 0, 0],
        };
        let widths = widths.map(Constraint::Length).into_iter();
        let columns = Layout::horizontal(widths.chain([Constraint::Min(0)]));
        let [name, press, step, margin, _, details] = columns.areas(area);
        Self { name, press, step, margin, details }
    }

    /// The columns from the press to the uncertainty.
    fn times(&self) -> Rect {
        Rect { width: self.margin.right() - self.press.x, ..self.press }
    }
}

impl Steps<'_> {
    /// Most rows of steps.
    pub(super) const ROWS: u16 = Stage::ALL.len() as u16;

    /// Rows of the steps that the burst's chain has.
    fn rows(&self) -> u16 {
        self.burst.watch.stages().count() as u16
    }

    /// The end of the axis of the bars.
    fn end(&self) -> At {
        let last = Stage::ALL.into_iter().filter_map(|stage| self.burst.watch.at(stage)).max();
        let is_running = Stage::ALL.into_iter().any(|stage| self.burst.awaits(stage));
        if is_running { self.data.now } else { last.unwrap_or(self.data.now) }
    }

    /// Draws the bar of a step, from the row above.
    fn bar(&self, buffer: &mut Buffer, area: Rect, stage: Stage, above: At, end: At) {
        if area.width < MIN_BAR || area.is_empty() {
            return;
        }
        let burst = self.burst;
        let (until, ink) = match burst.watch.get(stage) {
            StageTime::Seen(seen) => (seen.at, Ink::Queue),
            StageTime::NotYet if burst.awaits(stage) => (end, Ink::Pending),
            StageTime::NotYet | StageTime::Never(_) => return,
        };
        let whole = end.since(burst.pressed).as_secs_f64().max(0.001);
        // In half cells; below twice the width.
        let halves =
            |at: At| (at.since(burst.pressed).as_secs_f64() / whole * f64::from(area.width) * 2.0) as u16;
        let (from, until) = (halves(above.min(until)), halves(until));
        let is_in = |half: u16| half >= from && half < until;
        for cell in 0..area.width {
            let symbol = match (is_in(2 * cell), is_in(2 * cell + 1)) {
                (true, true) => '━',
                (true, false) => '╸',
                (false, true) => '╺',
                // A step that took almost no time is a dot.
                (false, false) if from == until && cell == (from / 2).min(area.width - 1) => '╸',
                (false, false) => continue,
            };
            set(buffer, area.x + cell, area.y, symbol, style(self.theme, ink));
        }
    }

    /// The source of a step's time, or why it has none; in two phrasings.
    fn source(&self, stage: Stage) -> [String; 2] {
        steps::source(&self.burst.watch, stage, &self.data.day).unwrap_or_else(|| {
            let trouble = self.trouble(stage).unwrap_or_default();
            [trouble.clone(), trouble]
        })
    }

    /// The reason why a step that is due could not be observed now.
    fn trouble(&self, stage: Stage) -> Option<String> {
        if !self.burst.awaits(stage) {
            return None;
        }
        if stage == Stage::FirstAck && self.burst.unsampled > 0 {
            return Some(text::not_sampled(self.burst.unsampled));
        }
        stale::sentence(self.data, stage.source()?)
    }

    /// Draws the row of a step; `above` is the time of the row above.
    fn step(&self, buffer: &mut Buffer, columns: &Columns, y: u16, stage: Stage, above: At, end: At) {
        let (burst, theme) = (self.burst, self.theme);
        let at = |column: Rect| Rect { y, height: 1, ..column };
        let put = |buffer: &mut Buffer, column, ink, text: String| {
            line_right(buffer, at(column), vec![span(theme, ink, text)]);
        };
        let is_wide = !columns.details.is_empty();
        let name = if is_wide { format!("  {}", stage.title()) } else { stage.short().to_owned() };
        line(buffer, at(columns.name), vec![span(theme, Ink::Text, name)]);
        match burst.watch.get(stage) {
            StageTime::Seen(seen) => {
                let other = seen.caveat.filter(|caveat| caveat.is_other_cause());
                let about = if seen.caveat.is_some() { "≈" } else { "" };
                let time = format!("{about}{}", measured(seen.at.since(burst.pressed)));
                // A time of something else is no figure of this burst.
                put(buffer, columns.press, if other.is_some() { Ink::Dim } else { Ink::Value }, time);
                if stage != Stage::KeyPress {
                    put(buffer, columns.step, Ink::Text, steps::since_above(seen, above));
                }
                let margin = other.map_or_else(|| steps::margin(seen), Caveat::short);
                put(buffer, columns.margin, Ink::Dim, margin);
            }
            StageTime::Never(why) => {
                let times = columns.times();
                let room = usize::from(times.width.saturating_sub(1));
                put(buffer, times, Ink::Dim, fit(why.short(), room).into_owned());
            }
            StageTime::NotYet if burst.awaits(stage) => {
                let time = format!("… {}", measured(self.data.now.since(burst.pressed)));
                put(buffer, columns.press, Ink::Pending, time);
                if self.trouble(stage).is_some() {
                    let rest = right_of(columns.times(), columns.press.width);
                    put(buffer, rest, Ink::Warning, text::NOT_READ_NOW.to_owned());
                } else {
                    let time = measured(self.data.now.since(above));
                    put(buffer, columns.step, Ink::Pending, format!("+{time}"));
                }
            }
            StageTime::NotYet => put(buffer, columns.press, Ink::Dim, "·".to_owned()),
        }
        let details = at(columns.details);
        match self.details {
            Details::Bars => self.bar(buffer, details, stage, above, end),
            Details::Sources => {
                let [full, short] = self.source(stage);
                let full = if details.width < FULL_SOURCE { short.clone() } else { full };
                let text = phrase(&[full, short], details.width.into());
                line(buffer, details, vec![span(theme, Ink::Dim, text)]);
            }
        }
    }

    fn head(&self, buffer: &mut Buffer, columns: &Columns) {
        let titles = text::COLUMNS.into_iter().zip([columns.press, columns.step, columns.margin]);
        for (title, column) in titles {
            line_right(buffer, row(column, 0), vec![span(self.theme, Ink::Dim, title)]);
        }
    }

    /// The offset of the cluster's clock, in two phrasings.
    fn cluster_clock(&self) -> Vec<String> {
        match self.data.offset.ahead(&self.data.day, self.data.now) {
            // Rounded first: never a negative zero.
            Some((ahead, uncertainty)) => {
                let ahead = (ahead * 100.0).round() / 100.0 + 0.0;
                text::cluster_clock(ahead, uncertainty.as_secs_f64()).into()
            }
            None => vec![text::CLOCK_UNKNOWN.to_owned()],
        }
    }
}

impl Widget for &Steps<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let mut columns = Columns::of(area);
        let is_wide = area.width >= WIDE;
        if !is_wide {
            columns.details.width = 0;
        }
        // The head and the notes at the end are left out first.
        let rows = self.rows();
        let others = if self.details == Details::Bars { 1 } else { 4 };
        let is_roomy = is_wide && area.height >= rows + others;
        if is_roomy {
            self.head(buffer, &columns);
        }
        let area = below(area, is_roomy.into());
        // Then the first steps. The press itself needs no row: its time is 0, and the title has its clock time.
        let hidden = rows.saturating_sub(area.height);
        let end = self.end();
        let order = self.burst.watch.in_order();
        let mut above = self.burst.pressed;
        for (index, stage) in order.into_iter().enumerate() {
            // At most fourteen.
            let place = index as u16;
            if let Some(line_area) = place.checked_sub(hidden).map(|place| row(area, place)) {
                if line_area.is_empty() {
                    break;
                }
                if place == hidden && hidden > 1 {
                    line(buffer, line_area, vec![span(theme, Ink::Dim, text::earlier_steps(hidden))]);
                } else {
                    self.step(buffer, &columns, line_area.y, stage, above, end);
                }
            }
            above = self.burst.watch.at(stage).unwrap_or(above);
        }
        // Next to the bars, the clocks are worth a row only where they differ.
        let ahead = self.data.offset.ahead(&self.data.day, self.data.now);
        let differs = ahead.is_some_and(|(ahead, _)| ahead.abs() >= CLOCK_DIFFERENCE);
        if self.details == Details::Bars && !differs {
            return;
        }
        let notes = right_of(below(area, rows + 1), if is_wide { 2 } else { 0 });
        let texts =
            [phrase(&self.cluster_clock(), notes.width.into())].into_iter().chain([steps::NOTE.to_owned()]);
        let notes_text = texts.map(|text| -> Vec<Span<'_>> { vec![span(theme, Ink::Dim, text)] });
        lines(buffer, notes, notes_text);
    }
}
