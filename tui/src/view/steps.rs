//! The steps of a burst as a table: how long each took, since the press and since the step before, and how exactly that is
//! known.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, coarse, fit, measured, phrase, put, put_right, row, set, span, wrap};
use super::theme::{Ink, style};
use dashboard::bursts::burst::Burst;
use dashboard::bursts::stopwatch::{Elapsed, Observation, Stage, StageTime, Stopwatch as Watch};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// From this width on the steps have their long names, and bars or explanations stand behind the times.
pub(super) const WIDE: u16 = 56;

/// Columns from which on it is said in full how a time was come by.
const FULL: u16 = 40;

/// Stands before a time that counts from an earlier row than the one above.
const EARLIER: &str = "↥";

/// What the signs before the times since the step before mean, in an order in which the end may be left out.
const SIGNS: &str = "step: + since the row above · ↥ since an earlier one · ≤ at most, as the two ± overlap · ≈0 told in the \
                     other order";

/// The steps of one burst, a row each.
pub(super) struct Steps<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The burst.
    pub(super) burst: &'a Burst,
    /// What stands behind the times where there is room.
    pub(super) behind: Behind,
    /// The colours.
    pub(super) theme: Theme,
}

/// What stands behind the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// A bar from the step before.
    Bars,
    /// How the time was come by, in words.
    Words,
}

/// Columns of the name, the time since the press, since the step before, and the margin.
struct Columns {
    name: u16,
    press: u16,
    delta: u16,
    margin: u16,
}

impl Columns {
    fn of(room: u16) -> Self {
        match room {
            WIDE.. => Self { name: 21, press: 9, delta: 9, margin: 8 },
            35.. => Self { name: 12, press: 8, delta: 8, margin: 7 },
            28.. => Self { name: 12, press: 8, delta: 8, margin: 0 },
            _ => Self { name: 12, press: 8, delta: 0, margin: 0 },
        }
    }

    fn end(&self) -> u16 {
        self.name + self.press + self.delta + self.margin
    }
}

/// How far off a time may be: `±0.2 s`, or `told` for what came in as it happened.
fn margin(seen: &Observation) -> String {
    if seen.uncertainty.is_zero() { "told".to_owned() } else { format!("±{}", tenths(seen.uncertainty)) }
}

/// The time since the step before: `+1.2 s`, or `↥1.2 s` where that is not the row above; `≤0.4 s` where the margins of the
/// two overlap, and `≈0` where word of this one came in first.
fn since_before(watch: &Watch, stage: Stage, seen: &Observation) -> Option<String> {
    let (_, before) = watch.before(stage)?;
    let is_above = watch.follows_the_row_above(stage);
    let earlier = if is_above { "" } else { EARLIER };
    Some(match seen.after(before) {
        Elapsed::After(time) => format!("{}{}", if is_above { "+" } else { EARLIER }, measured(time)),
        Elapsed::Within(most) => format!("{earlier}≤{}", tenths(most)),
        Elapsed::Together => format!("{earlier}≈0"),
    })
}

/// A duration in tenths of seconds, upwards: a bound must not look smaller than it is.
fn tenths(duration: Duration) -> String {
    match duration.as_millis() {
        0..10_000 => format!("{:.1} s", (duration.as_secs_f64() * 10.0).ceil() / 10.0),
        _ => coarse(duration + Duration::from_millis(999)),
    }
}

impl Steps<'_> {
    /// Rows that all steps take.
    pub(super) const ROWS: u16 = Stage::ALL.len() as u16;

    /// Where the axis of the bars ends.
    fn end(&self) -> At {
        let last = Stage::ALL.into_iter().filter_map(|stage| self.burst.watch.at(stage)).max();
        let runs = Stage::ALL.into_iter().any(|stage| self.burst.awaits(stage));
        if runs { self.data.now } else { last.unwrap_or(self.data.now) }
    }

    fn bar(&self, buffer: &mut Buffer, area: Rect, stage: Stage, end: At) {
        if area.width < 6 || area.is_empty() {
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

    /// How a step's time was come by, or why it has none, in words.
    fn words(&self, stage: Stage) -> String {
        match self.burst.watch.get(stage) {
            StageTime::Seen(seen) => {
                let mut words = String::new();
                if let Some((before, _)) = self.burst.watch.before(stage)
                    && !self.burst.watch.follows_the_row_above(stage)
                {
                    words.push_str(&format!("since {}; ", before.title()));
                }
                words.push_str(seen.provenance.words());
                if let Some((own, margin)) = seen.object_time {
                    let time = self.data.day.time_of_day(own);
                    words.push_str(&format!("; its own time {time} ±{}", measured(margin)));
                }
                if let Some(doubt) = seen.caveat {
                    words.push_str(&format!("; ≈ {}", doubt.words()));
                }
                words
            }
            StageTime::Never(why) => why.sentence(),
            StageTime::NotYet => self.trouble(stage).unwrap_or_default(),
        }
    }

    /// The same in a word or two.
    fn short(&self, stage: Stage) -> String {
        match self.burst.watch.get(stage) {
            StageTime::Seen(seen) => match seen.caveat {
                Some(doubt) => format!("{} ≈ {}", seen.provenance.short(), doubt.short()),
                None => seen.provenance.short().to_owned(),
            },
            StageTime::Never(_) => String::new(),
            StageTime::NotYet => self.trouble(stage).unwrap_or_default(),
        }
    }

    /// Why a step could not be seen if it happened now.
    fn trouble(&self, stage: Stage) -> Option<String> {
        if !self.burst.awaits(stage) {
            return None;
        }
        if stage == Stage::FirstAck && self.burst.unsampled > 0 {
            return Some(format!("{} workers are not sampled", self.burst.unsampled));
        }
        stale::sentence(self.data, stage.source()?)
    }

    fn step(&self, buffer: &mut Buffer, line: Rect, stage: Stage, end: At) {
        let (burst, theme) = (self.burst, self.theme);
        let columns = Columns::of(line.width);
        let is_wide = line.width >= WIDE;
        let name = if is_wide { format!("  {}", stage.title()) } else { stage.short().to_owned() };
        put(buffer, Rect { width: columns.name.min(line.width), ..line }, vec![span(theme, Ink::Text, name)]);
        let place = |from: u16, width: u16| Rect {
            x: line.x + from.min(line.width),
            width: width.min(line.width.saturating_sub(from)),
            ..line
        };
        let press = place(columns.name, columns.press);
        let rest = place(columns.name, columns.press + columns.delta + columns.margin);
        match burst.watch.get(stage) {
            StageTime::Seen(seen) => {
                let about = if seen.caveat.is_some() { "≈" } else { "" };
                let time = format!("{about}{}", measured(seen.at.since(burst.pressed)));
                put_right(buffer, press, vec![span(theme, Ink::Value, time)]);
                if let Some(text) = since_before(&burst.watch, stage, seen) {
                    put_right(
                        buffer,
                        place(columns.name + columns.press, columns.delta),
                        vec![span(theme, Ink::Text, text)],
                    );
                }
                if columns.margin > 0 {
                    let from = columns.name + columns.press + columns.delta;
                    put_right(buffer, place(from, columns.margin), vec![span(theme, Ink::Dim, margin(seen))]);
                }
            }
            StageTime::Never(why) => {
                let room = usize::from(rest.width.saturating_sub(1));
                put_right(buffer, rest, vec![span(theme, Ink::Dim, fit(why.short(), room))]);
            }
            StageTime::NotYet if burst.awaits(stage) => {
                let time = format!("… {}", measured(self.data.now.since(burst.pressed)));
                put_right(buffer, press, vec![span(theme, Ink::Pending, time)]);
                let place = place(columns.name + columns.press, columns.delta + columns.margin);
                if self.trouble(stage).is_some() {
                    put_right(buffer, place, vec![span(theme, Ink::Warning, "not read now")]);
                } else if let Some((_, before)) = burst.watch.before(stage) {
                    let delta = Rect { width: columns.delta.min(place.width), ..place };
                    let sign = if burst.watch.follows_the_row_above(stage) { "+" } else { EARLIER };
                    let text = format!("{sign}{}", measured(self.data.now.since(before.at)));
                    put_right(buffer, delta, vec![span(theme, Ink::Pending, text)]);
                }
            }
            StageTime::NotYet => put_right(buffer, press, vec![span(theme, Ink::Dim, "·")]),
        }
        let from = columns.end() + 2;
        let behind =
            Rect { x: line.x + from.min(line.width), width: line.width.saturating_sub(from), ..line };
        match self.behind {
            Behind::Bars if is_wide => self.bar(buffer, behind, stage, end),
            Behind::Words if is_wide => {
                let short = self.short(stage);
                let full = if behind.width < FULL { short.clone() } else { self.words(stage) };
                put(buffer, behind, vec![span(theme, Ink::Dim, phrase(&[full, short], behind.width.into()))]);
            }
            Behind::Bars | Behind::Words => {}
        }
    }

    /// The cluster's clock beside ours.
    fn clock(&self) -> String {
        match self.data.offset.ahead(&self.data.day, self.data.now) {
            Some((ahead, uncertain)) => {
                // Rounded first, and never a negative nothing.
                let ahead = (ahead * 100.0).round() / 100.0 + 0.0;
                format!(
                    "cluster's clock {ahead:+.2} s ±{:.2} s, by the API server's Date",
                    uncertain.as_secs_f64()
                )
            }
            None => "cluster's clock not compared yet".to_owned(),
        }
    }
}

impl Steps<'_> {
    /// What stands in which column, where there is a row for it.
    fn head(&self, buffer: &mut Buffer, line: Rect) {
        let columns = Columns::of(line.width);
        let mut from = columns.name;
        for (title, width) in [("press", columns.press), ("step", columns.delta), ("±", columns.margin)] {
            let place = Rect {
                x: line.x + from.min(line.width),
                width: width.min(line.width.saturating_sub(from)),
                ..line
            };
            put_right(buffer, place, vec![span(self.theme, Ink::Dim, title)]);
            from += width;
        }
    }
}

impl Widget for &Steps<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let end = self.end();
        // The head and the lines below are the first to go.
        let is_roomy = area.width >= WIDE && area.height >= Steps::ROWS + 4;
        if is_roomy {
            self.head(buffer, row(area, 0));
        }
        let area = below(area, is_roomy.into());
        // The press itself is the next: its time is nought, and the title says when it was.
        let hidden = Steps::ROWS.saturating_sub(area.height);
        for (index, stage) in (0..).zip(Stage::ALL.into_iter().skip(hidden.into())) {
            let line = row(area, index);
            if index == 0 && hidden > 1 {
                let text = format!("⋮ {hidden} earlier steps");
                put(buffer, line, vec![span(self.theme, Ink::Dim, text)]);
            } else if !line.is_empty() {
                self.step(buffer, line, stage, end);
            }
        }
        let indent = if area.width >= WIDE { 2 } else { 0 };
        let rest = below(area, Steps::ROWS + 1);
        let rest = Rect { x: rest.x + indent, width: rest.width.saturating_sub(indent), ..rest };
        let clock = self.clock();
        let figures = clock.split(',').next().unwrap_or_default();
        put(
            buffer,
            row(rest, 0),
            vec![span(self.theme, Ink::Dim, phrase(&[clock.as_str(), figures], rest.width.into()))],
        );
        if is_roomy {
            for (index, text) in (1..).zip(wrap(SIGNS, rest.width.into())) {
                put(buffer, row(rest, index), vec![span(self.theme, Ink::Dim, text)]);
            }
        }
    }
}
