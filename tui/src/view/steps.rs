//! The steps of a burst as a table: the time since the press, since the step before, its uncertainty, and a bar or the
//! source of the time.
//!
//! ```text
//!                      press     step       ±
//!   key press           0 ms            exact  ╸
//!   in the broker     200 ms  ↑≤0.2 s  ±0.2 s  ╸
//!   scraped sample     5.0 s   +4.8 s  ±1.0 s  ━━
//!   drained         … 45.0 s  +39.8 s             ━━━━━━
//!
//!   cluster's clock +0.25 s ±0.09 s, by the API server's Date header
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{below, line, line_right, lines, right_of, row, set, span};
use super::fmt::{measured, upper_bound};
use super::stale;
use super::strings::stopwatch as text;
use super::theme::{Ink, style};
use super::wrap::{fit, phrase, wrap};
use dashboard::bursts::burst::Burst;
use dashboard::bursts::stopwatch::{Elapsed, Observation, Stage, StageTime, Stopwatch as Watch};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// From this width on the steps have their long names, and bars or sources behind the times.
pub(super) const WIDE: u16 = 56;

/// Columns from which on the source of a time is described in full.
const FULL_SOURCE: u16 = 40;

/// The least columns of a bar.
const MIN_BAR: u16 = 6;

/// The sign of a time since an earlier step than the one above.
const EARLIER: &str = "↑";

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

/// The uncertainty of a time: `±0.2 s`, or `exact` for a report that came as it happened.
fn margin(seen: &Observation) -> String {
    if seen.uncertainty.is_zero() {
        text::EXACT.to_owned()
    } else {
        text::margin(&upper_bound(seen.uncertainty))
    }
}

/// The sign before the time since the step before.
fn sign(watch: &Watch, stage: Stage) -> &'static str {
    if watch.follows_the_row_above(stage) { "+" } else { EARLIER }
}

/// The time since the step before: `+1.2 s`, or `↑1.2 s` where that is not the row above; `≤0.4 s` where the uncertainties of
/// the two overlap, and `≈0` where this one was received first.
fn since_before(watch: &Watch, stage: Stage, seen: &Observation) -> Option<String> {
    let (_, before) = watch.before(stage)?;
    let earlier = if watch.follows_the_row_above(stage) { "" } else { EARLIER };
    Some(match seen.after(before) {
        Elapsed::After(time) => format!("{}{}", sign(watch, stage), measured(time)),
        Elapsed::Within(most) => format!("{earlier}≤{}", upper_bound(most)),
        Elapsed::Together => format!("{earlier}≈0"),
    })
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

    fn bar(&self, buffer: &mut Buffer, area: Rect, stage: Stage, end: At) {
        if area.width < MIN_BAR || area.is_empty() {
            return;
        }
        let burst = self.burst;
        let (until, ink) = match burst.watch.get(stage) {
            StageTime::Seen(seen) => (seen.at, Ink::Queue),
            StageTime::NotYet if burst.awaits(stage) => (end, Ink::Pending),
            StageTime::NotYet | StageTime::Never(_) => return,
        };
        let from = burst.watch.before(stage).map_or(burst.pressed, |(_, before)| before.at);
        let whole = end.since(burst.pressed).as_secs_f64().max(0.001);
        // In half cells; below twice the width.
        let halves =
            |at: At| (at.since(burst.pressed).as_secs_f64() / whole * f64::from(area.width) * 2.0) as u16;
        let (from, until) = (halves(from.min(until)), halves(until));
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
        let watch = &self.burst.watch;
        match watch.get(stage) {
            StageTime::Seen(seen) => {
                let mut full = String::new();
                if let Some((before, _)) = watch.before(stage)
                    && !watch.follows_the_row_above(stage)
                {
                    full.push_str(&text::since(before.title()));
                }
                full.push_str(seen.provenance.words());
                if let Some((own, margin)) = seen.object_time {
                    full.push_str(&text::own_time(&self.data.day.time_of_day(own), &measured(margin)));
                }
                let Some(doubt) = seen.caveat else { return [full, seen.provenance.short().to_owned()] };
                full.push_str(&text::caveat(doubt.words()));
                [full, format!("{} ≈ {}", seen.provenance.short(), doubt.short())]
            }
            // The times' columns have the short phrasing.
            StageTime::Never(why) => [why.sentence(), String::new()],
            StageTime::NotYet => {
                let trouble = self.trouble(stage).unwrap_or_default();
                [trouble.clone(), trouble]
            }
        }
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

    fn step(&self, buffer: &mut Buffer, columns: &Columns, y: u16, stage: Stage, end: At) {
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
                let about = if seen.caveat.is_some() { "≈" } else { "" };
                let time = format!("{about}{}", measured(seen.at.since(burst.pressed)));
                put(buffer, columns.press, Ink::Value, time);
                let since = since_before(&burst.watch, stage, seen).unwrap_or_default();
                put(buffer, columns.step, Ink::Text, since);
                put(buffer, columns.margin, Ink::Dim, margin(seen));
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
                } else if let Some((_, before)) = burst.watch.before(stage) {
                    let time = measured(self.data.now.since(before.at));
                    put(buffer, columns.step, Ink::Pending, format!("{}{time}", sign(&burst.watch, stage)));
                }
            }
            StageTime::NotYet => put(buffer, columns.press, Ink::Dim, "·".to_owned()),
        }
        let details = at(columns.details);
        match self.details {
            Details::Bars => self.bar(buffer, details, stage, end),
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
        let is_roomy = is_wide && area.height >= rows + 4;
        if is_roomy {
            self.head(buffer, &columns);
        }
        let area = below(area, is_roomy.into());
        // Then the first steps. The press itself needs no row: its time is 0, and the title has its clock time.
        let hidden = rows.saturating_sub(area.height);
        let end = self.end();
        for ((index, line_area), stage) in
            area.rows().enumerate().zip(self.burst.watch.stages().skip(hidden.into()))
        {
            if index == 0 && hidden > 1 {
                line(buffer, line_area, vec![span(theme, Ink::Dim, text::earlier_steps(hidden))]);
            } else {
                self.step(buffer, &columns, line_area.y, stage, end);
            }
        }
        let notes = right_of(below(area, rows + 1), if is_wide { 2 } else { 0 });
        let mut texts = vec![phrase(&self.cluster_clock(), notes.width.into())];
        if is_roomy {
            texts.extend(wrap(text::SIGNS, notes.width.into()));
        }
        let notes_text = texts.into_iter().map(|text| -> Vec<Span<'_>> { vec![span(theme, Ink::Dim, text)] });
        lines(buffer, notes, notes_text);
    }
}
