//! The screen Runs: the last bursts as a table, the best and the worst marked, and one of them against another.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::steps::{Behind, Steps};
use super::stopwatch::{fate, overlap};
use super::text::{below, count, fit, measured, milli, more_rows, phrase, put, put_right, row, rule, span};
use super::theme::Ink;
use dashboard::autoscaler::hpa_settings::HpaSettings;
use dashboard::bursts::burst::Burst;
use dashboard::bursts::runs::{Cell, Chosen, Extremes, Figure, Rank, Unit, cell};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use observed::ExternalTarget;

/// Columns of the number and the time of day, and of each figure.
const HEAD: u16 = 15;
const EACH: u16 = 9;

/// Columns of the settings, where there is room for them.
const TUNING: u16 = 26;

/// Columns of the comparison.
const VERSUS: u16 = 41;

/// Of these, the name of the figure and each of three numbers.
const NAME: u16 = 14;
const NUMBER: u16 = 9;

/// The figures in the order in which a narrow table keeps them.
const ORDER: [usize; Figure::ALL.len()] = [0, 4, 5, 6, 7, 8, 13, 10, 11, 12, 9, 1, 2, 3];

/// For a reason that a column has no room for: the steps of the run have it in full.
const UNSEEN: &str = "not seen";

/// The screen.
pub(super) struct Runs<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which rows are chosen.
    pub(super) chosen: Chosen,
    /// The colours.
    pub(super) theme: Theme,
}

/// The autoscaler's settings in few words: `20 avg, 1–10, ↓60 s`.
fn tuning(current_settings: &HpaSettings) -> String {
    let target = match current_settings.target {
        Some(ExternalTarget::AverageValue(per_pod)) => format!("{} avg", milli(per_pod)),
        Some(ExternalTarget::Value(all)) => format!("{} in all", milli(all)),
        None => "no target".to_owned(),
    };
    let mut text = format!("{target}, {}–{}", current_settings.min, current_settings.max);
    if let (Some(up @ 1..), _) = current_settings.windows {
        text.push_str(&format!(", ↑{up} s"));
    }
    if let (_, Some(down)) = current_settings.windows {
        text.push_str(&format!(", ↓{down} s"));
    }
    text
}

/// A number in its unit.
fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => measured(std::time::Duration::try_from_secs_f64(value.max(0.0)).unwrap_or_default()),
        Unit::Count => count(value),
        Unit::Percent => format!("{value:.0} %"),
    }
}

/// A difference in its unit, with its sign.
fn difference(value: f64, unit: Unit) -> String {
    let sign = if value < 0.0 { "-" } else { "+" };
    match (unit, value == 0.0) {
        (_, true) => "same".to_owned(),
        (unit, false) => format!("{sign}{}", number(value.abs(), unit)),
    }
}

impl Runs<'_> {
    fn cell(&self, burst: &Burst, figure: Figure) -> (Ink, String) {
        match cell(self.data, burst, figure) {
            Cell::Open => (Ink::Pending, "…".to_owned()),
            Cell::Is(value) => (Ink::Text, number(value, figure.unit())),
            Cell::About(value) => (Ink::Text, format!("≈{}", number(value, figure.unit()))),
            Cell::Never(why) => (Ink::Dim, why.to_owned()),
        }
    }

    /// The figures that have a column, in the order of the table.
    fn columns(width: u16) -> Vec<Figure> {
        let fit = usize::from(width.saturating_sub(HEAD) / EACH).min(ORDER.len());
        let mut shown: Vec<usize> = ORDER.iter().take(fit).copied().collect();
        shown.sort_unstable();
        shown.into_iter().map(|index| Figure::ALL[index]).collect()
    }

    fn table(&self, buffer: &mut Buffer, area: Rect, columns: &[Figure]) {
        let theme = self.theme;
        let place = |line: Rect, index: u16| Rect {
            x: line.x + HEAD + index * EACH,
            width: EACH.min(line.width.saturating_sub(HEAD + index * EACH)),
            ..line
        };
        let line = row(area, 0);
        put(buffer, line, vec![span(theme, Ink::Dim, "    #  at")]);
        for (index, figure) in (0..).zip(columns) {
            put_right(buffer, place(line, index), vec![span(theme, Ink::Dim, figure.titles().0)]);
        }
        let after = HEAD + columns.len() as u16 * EACH + 2;
        let has_tuning = area.width >= after + TUNING;
        if has_tuning {
            let rest = Rect { x: line.x + after, width: line.width - after, ..line };
            put(buffer, rest, vec![span(theme, Ink::Dim, "settings")]);
        }
        let extremes = Extremes::of(self.data);
        let rows = area.height.saturating_sub(1);
        let (cursor, other) = (self.chosen.burst(&self.data.bursts), self.chosen.other(&self.data.bursts));
        // The newest stands at the top; the one that is chosen is always in view.
        let all: Vec<&Burst> = self.data.bursts.iter().rev().collect();
        let chosen =
            all.iter().position(|burst| cursor.is_some_and(|c| c.number == burst.number)).unwrap_or(0);
        let skipped = (chosen + 1).saturating_sub(rows.into());
        for (index, burst) in (1..=rows).zip(all.iter().skip(skipped)) {
            let line = row(area, index);
            let is = |chosen: Option<&Burst>| chosen.is_some_and(|chosen| chosen.number == burst.number);
            let (marker, ink) = match () {
                () if is(cursor) => ("▸", Ink::Lit),
                () if is(other) => ("◆", Ink::Key),
                () => (" ", Ink::Text),
            };
            let at = self.data.day.time_of_day(burst.pressed);
            put(
                buffer,
                line,
                vec![
                    span(theme, ink, format!("{marker}{:>4} ", burst.number)),
                    span(theme, Ink::Dim, at),
                    span(theme, Ink::Warning, if overlap(burst).is_some() { "∥" } else { "" }),
                ],
            );
            for (index, figure) in (0..).zip(columns) {
                let (ink, text) = self.cell(burst, *figure);
                let (mark, ink) = match extremes.rank(self.data, burst, *figure) {
                    Rank::Plain => ("", ink),
                    Rank::Best => ("▴", Ink::Ready),
                    Rank::Worst => ("▾", Ink::Warning),
                };
                let text = phrase(&[text.as_str(), UNSEEN], usize::from(EACH) - 1 - mark.chars().count());
                put_right(buffer, place(line, index), vec![span(theme, ink, format!("{mark}{text}"))]);
            }
            if let Some(current_settings) = burst.tuning().filter(|_| has_tuning) {
                let older = self.data.bursts.get(burst.number - 1).and_then(Burst::tuning);
                let is_new = older.is_some_and(|older| older != current_settings);
                let ink = if is_new { Ink::Lit } else { Ink::Dim };
                let rest = Rect { x: line.x + after, width: line.width - after, ..line };
                let mark = if is_new { "▸ " } else { "" };
                let text = format!("{mark}{}", tuning(current_settings));
                put(buffer, rest, vec![span(theme, ink, fit(&text, rest.width.into()).into_owned())]);
            }
        }
    }

    /// The figures of two runs side by side, with the difference.
    fn versus(&self, buffer: &mut Buffer, area: Rect, burst: &Burst, other: Option<&Burst>) {
        let theme = self.theme;
        let title = match other {
            Some(other) => format!("#{} against #{}", burst.number, other.number),
            None => format!("#{}", burst.number),
        };
        rule(buffer, row(area, 0), theme, &title, Vec::new());
        let column = |line: Rect, index: u16| Rect {
            x: line.x + (NAME + index * NUMBER).min(line.width),
            width: NUMBER.min(line.width.saturating_sub(NAME + index * NUMBER)),
            ..line
        };
        let area = below(area, 1);
        let mut line = 0;
        for figure in Figure::ALL {
            let place = row(area, line);
            line += 1;
            put(buffer, place, vec![span(theme, Ink::Text, figure.titles().1)]);
            let mut write = |index, (ink, text): (Ink, String)| {
                let text = phrase(&[text.as_str(), UNSEEN], usize::from(NUMBER) - 1);
                put_right(buffer, column(place, index), vec![span(theme, ink, text)]);
            };
            let (_, own) = self.cell(burst, figure);
            write(0, (Ink::Value, own));
            let Some(other) = other else { continue };
            write(1, self.cell(other, figure));
            let numbers = (cell(self.data, burst, figure).number(), cell(self.data, other, figure).number());
            if let (Some(own), Some(others)) = numbers {
                let unit = figure.unit();
                // What reads the same is the same.
                let change = if number(own, unit) == number(others, unit) { 0.0 } else { own - others };
                let ink = match () {
                    () if change == 0.0 || !figure.is_ranked() => Ink::Dim,
                    () if change < 0.0 => Ink::Ready,
                    () => Ink::Warning,
                };
                write(2, (ink, difference(change, unit)));
            }
        }
        for (mark, burst) in [Some(("▸", burst)), other.map(|other| ("◆", other))].into_iter().flatten() {
            let Some(current_settings) = burst.tuning() else { continue };
            let text = format!("{mark} {}", tuning(current_settings));
            let place = row(area, line);
            put(buffer, place, vec![span(theme, Ink::Dim, fit(&text, place.width.into()).into_owned())]);
            line += 1;
        }
        more_rows(buffer, area, theme, line);
    }

    /// What became of the chosen run, step by step.
    fn steps(&self, buffer: &mut Buffer, area: Rect, burst: &Burst) {
        let theme = self.theme;
        let note = overlap(burst).map(|text| vec![span(theme, Ink::Warning, text)]).unwrap_or_default();
        rule(buffer, row(area, 0), theme, &format!("Steps of #{}", burst.number), note);
        let rest = below(area, 1);
        let used = fate(buffer, rest, burst, theme);
        let (data, behind) = (self.data, Behind::Words);
        (&Steps { data, burst, behind, theme }).render(below(rest, used), buffer);
    }
}

impl Widget for &Runs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let columns = Runs::columns(area.width);
        let hidden = Figure::ALL.len() - columns.len();
        let mut note: Vec<Span<'static>> = vec![
            span(theme, Ink::Ready, "▴ best "),
            span(theme, Ink::Warning, "▾ worst "),
            span(theme, Ink::Dim, "of its size  ∥ overlaps"),
        ];
        if hidden > 0 {
            note.push(span(theme, Ink::Dim, format!("  {hidden} figures more below")));
        }
        rule(buffer, row(area, 0), theme, "Runs", note);
        let Some(burst) = self.chosen.burst(&self.data.bursts) else {
            put(buffer, row(area, 1), vec![span(theme, Ink::Dim, "  no burst yet: press space")]);
            return;
        };
        // The lower part takes a row a figure, its title and two rows of settings.
        let lower = 3 + Figure::ALL.len() as u16;
        let least = if area.height > lower + 6 { 4 } else { 3 };
        let rows = (self.data.bursts.iter().count() as u16 + 1)
            .min(area.height.saturating_sub(lower + 1))
            .max(least);
        self.table(buffer, Rect { height: rows.min(area.height), ..below(area, 1) }, &columns);
        let rest = below(area, rows + 1);
        let other = self.chosen.other(&self.data.bursts);
        let versus = Rect { width: VERSUS.min(rest.width), ..rest };
        self.versus(buffer, versus, burst, other);
        let from = VERSUS + 2;
        if rest.width >= from + 28 {
            let steps = Rect { x: rest.x + from, width: rest.width - from, ..rest };
            self.steps(buffer, steps, burst);
        }
    }
}
