//! The screen Runs: the last bursts as a table, and the chosen one against another.
//!
//! ```text
//! ── Runs ────────── ▲ best ▼ worst of its size  ∩ overlaps ─
//!     #  at          jobs   broker  desired   ready  …  settings
//! ►   3 14:05:40∩      50  ▲200 ms    5.0 s  11.6 s     20 avg, 1–10
//! ◊   2 14:03:00      100   400 ms   10.0 s  13.1 s     20 avg, 1–10
//!
//! ── #3 against #2 ────────────  ── Steps of #3 ─────────────
//! in broker    200 ms 400 ms -200 ms   see `steps`
//!  …
//! ```

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, StatefulWidget, Table, TableState, Widget};

use super::chart::Chart;
use super::draw::{below, hidden_rows, line, panel, row, span, top};
use super::steps::{Details, Steps};
use super::stopwatch;
use super::strings::runs as text;
use super::theme::Ink;
use super::wrap::{fit, phrase};
use dashboard::bursts::burst::Burst;
use dashboard::bursts::runs::{Cell, Chosen, Extremes, Figure, Rank, cell, is_comparable};
use dashboard::bursts::stopwatch::Stage;
use dashboard::chart::viewport::Stretch;
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::{Access, ChartView};

/// Columns of the number and the time of day, and of each figure.
const HEAD: u16 = 15;
const FIGURE: u16 = 9;

/// Columns of the settings, and of the gap before them.
const SETTINGS: u16 = 26;
const SETTINGS_GAP: u16 = 2;

/// Columns of the comparison: the name of a figure, and three numbers.
const COMPARISON: [u16; 4] = [14, 9, 9, 9];

/// The least and the most rows of the chart.
const MIN_CHART: u16 = 10;
const MAX_CHART: u16 = 24;

/// The time before and after a run on its chart.
const AROUND: Duration = Duration::from_secs(5);

/// With fewer columns the steps are not shown next to the comparison.
const MIN_STEPS: u16 = 28;

/// The figures in the order in which a narrow table keeps them.
const ORDER: [usize; Figure::ALL.len()] = [0, 4, 5, 6, 7, 8, 13, 10, 11, 12, 9, 1, 2, 3];

/// The screen.
pub(super) struct Runs<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The chosen rows.
    pub(super) chosen: Chosen,
    /// The curves and characters of the chart.
    pub(super) lens: ChartView,
    /// The rights of the keys that drive the target.
    pub(super) access: Access,
    /// The colours.
    pub(super) theme: Theme,
}

fn is(burst: &Burst, chosen: Option<&Burst>) -> bool {
    chosen.is_some_and(|chosen| chosen.number == burst.number)
}

/// Draws the queue and the replicas during a run, from a little before it until a little after its last step.
pub(super) fn chart_of(
    burst: &Burst,
    data: &Data,
    lens: ChartView,
    theme: Theme,
    buffer: &mut Buffer,
    area: Rect,
) {
    let now = data.now;
    let over = Stage::ALL.into_iter().filter_map(|stage| burst.watch.at(stage)).max();
    let end = if burst.is_running() { now } else { over.map_or(now, |at| At(at.0 + AROUND)).min(now) };
    let from = At(burst.pressed.0.saturating_sub(AROUND));
    let seconds = end.since(from).as_secs().max(15);
    let stretch = Stretch { end, now: end, seconds, is_live: false, cursor: None };
    (&Chart { data, lens: ChartView { stretch, ..lens }, theme }).render(area, buffer);
}

impl Runs<'_> {
    fn cell(&self, burst: &Burst, figure: Figure) -> (Ink, String) {
        let cell = cell(self.data, burst, figure);
        let ink = match cell {
            Cell::Open => Ink::Pending,
            Cell::Is(_) | Cell::About(_) => Ink::Text,
            Cell::Never(_) | Cell::By(_) => Ink::Dim,
        };
        (ink, cell.words(figure.unit()))
    }

    /// The figures that have a column, in the order of the table.
    fn columns(width: u16) -> Vec<Figure> {
        let fit = usize::from(width.saturating_sub(HEAD) / FIGURE).min(ORDER.len());
        let mut shown: Vec<usize> = ORDER.iter().take(fit).copied().collect();
        shown.sort_unstable();
        shown.into_iter().map(|index| Figure::ALL[index]).collect()
    }

    /// A run as a row of the table.
    fn row(&self, burst: &Burst, columns: &[Figure], extremes: &Extremes) -> Row<'static> {
        let theme = self.theme;
        let (mark, ink) = match () {
            () if is(burst, self.chosen.burst(&self.data.bursts)) => ("►", Ink::Lit),
            () if is(burst, self.chosen.other(&self.data.bursts)) => ("◊", Ink::Key),
            () => (" ", Ink::Text),
        };
        let head = Line::from(vec![
            span(theme, ink, format!("{mark}{:>4} ", burst.number)),
            span(theme, Ink::Dim, self.data.day.time_of_day(burst.pressed)),
            span(theme, Ink::Dim, if stopwatch::overlap(burst).is_some() { "∩" } else { "" }),
        ]);
        let figures = columns.iter().map(|figure| {
            let (ink, text) = self.cell(burst, *figure);
            let (mark, ink) = match extremes.rank(self.data, burst, *figure) {
                Rank::Plain => ("", ink),
                Rank::Best => ("▲", Ink::Ready),
                Rank::Worst => ("▼", Ink::Text),
            };
            // The steps of the run have the reason in full.
            let room = usize::from(FIGURE) - 1 - mark.chars().count();
            let text = phrase(&[text.as_str(), text::NOT_SEEN], room);
            Line::from(span(theme, ink, format!("{mark}{text}"))).right_aligned()
        });
        let settings = burst.tuning().map_or_else(Line::default, |in_force| {
            let older = self.data.bursts.get(burst.number - 1).and_then(Burst::tuning);
            let is_new = older.is_some_and(|older| older != in_force);
            let (mark, ink) = if is_new { ("► ", Ink::Lit) } else { ("", Ink::Dim) };
            let text = format!("{mark}{}", in_force.words());
            Line::from(vec![Span::raw("  "), span(theme, ink, text)])
        });
        Row::new([head].into_iter().chain(figures).chain([settings]))
    }

    /// Draws the table, the newest run first. The chosen one is always visible.
    fn table(&self, buffer: &mut Buffer, area: Rect, columns: &[Figure]) {
        let theme = self.theme;
        let figures = columns.len() as u16 * FIGURE;
        let has_settings = area.width >= HEAD + figures + SETTINGS_GAP + SETTINGS;
        let title = |text: &'static str| Line::from(span(theme, Ink::Dim, text));
        let mut head = vec![title(text::NUMBER_AND_TIME)];
        head.extend(columns.iter().map(|figure| title(figure.titles().0).right_aligned()));
        head.push(Line::from(vec![Span::raw("  "), span(theme, Ink::Dim, text::SETTINGS)]));
        let extremes = Extremes::of(self.data);
        let runs: Vec<&Burst> = self.data.bursts.iter().rev().collect();
        let chosen = runs.iter().position(|burst| is(burst, self.chosen.burst(&self.data.bursts)));
        let rows = runs.iter().map(|burst| self.row(burst, columns, &extremes));
        let widths = [Constraint::Length(HEAD)]
            .into_iter()
            .chain(columns.iter().map(|_| Constraint::Length(FIGURE)))
            .chain([if has_settings { Constraint::Min(0) } else { Constraint::Length(0) }]);
        let table = Table::new(rows, widths).header(Row::new(head)).column_spacing(0);
        StatefulWidget::render(table, area, buffer, &mut TableState::default().with_selected(chosen));
    }

    /// The figures of two runs side by side, with the difference.
    fn comparison(&self, buffer: &mut Buffer, area: Rect, burst: &Burst, other: Option<&Burst>) {
        let theme = self.theme;
        let title = match other {
            Some(other) => text::against(burst.number, other.number),
            None => text::number(burst.number),
        };
        let inside = panel(buffer, area, theme, &title, Vec::new());
        let number_cell = |(ink, text): (Ink, String)| {
            let text = phrase(&[text.as_str(), text::NOT_SEEN], usize::from(COMPARISON[1]) - 1);
            Line::from(span(theme, ink, text)).right_aligned()
        };
        let rows = Figure::ALL.into_iter().map(|figure| {
            let (_, own) = self.cell(burst, figure);
            let mut cells =
                vec![Line::from(span(theme, Ink::Text, figure.titles().1)), number_cell((Ink::Value, own))];
            if let Some(other) = other {
                cells.push(number_cell(self.cell(other, figure)));
                cells.extend(self.difference(figure, burst, other).map(number_cell));
            }
            Row::new(cells)
        });
        let table = Table::new(rows, COMPARISON.map(Constraint::Length)).column_spacing(0);
        Widget::render(table, inside, buffer);
        let rest = below(inside, Figure::ALL.len() as u16);
        let runs = [Some(("►", burst)), other.map(|other| ("◊", other))].into_iter().flatten();
        let settings = runs.filter_map(|(mark, run)| Some(format!("{mark} {}", run.tuning()?.words())));
        let mut used = Figure::ALL.len() as u16;
        for (text, place) in settings.zip((0..).map(|index| row(rest, index))) {
            let text = fit(&text, place.width.into()).into_owned();
            line(buffer, place, vec![span(theme, Ink::Dim, text)]);
            used += 1;
        }
        hidden_rows(buffer, inside, theme, used);
    }

    fn difference(&self, figure: Figure, burst: &Burst, other: &Burst) -> Option<(Ink, String)> {
        // Figures of runs with other load are no comparison.
        if figure.is_ranked() && !(is_comparable(burst) && is_comparable(other)) {
            return None;
        }
        let own = cell(self.data, burst, figure).number()?;
        let others = cell(self.data, other, figure).number()?;
        let unit = figure.unit();
        let ink = match () {
            () if unit.number(own) == unit.number(others) || !figure.is_ranked() => Ink::Dim,
            () if own < others => Ink::Ready,
            () => Ink::Text,
        };
        Some((ink, unit.difference(own, others)))
    }

    /// The chosen run, step by step.
    fn steps(&self, buffer: &mut Buffer, area: Rect, burst: &Burst) {
        let (data, theme) = (self.data, self.theme);
        let note = stopwatch::overlap(burst).map(|text| span(theme, Ink::Text, text));
        let title = text::steps_of(burst.number);
        let inside = panel(buffer, area, theme, &title, note.into_iter().collect());
        let used = stopwatch::state(buffer, inside, burst, theme);
        let details = Details::Sources;
        (&Steps { data, burst, details, theme }).render(below(inside, used), buffer);
    }
}

impl Widget for &Runs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let columns = Runs::columns(area.width);
        let hidden = Figure::ALL.len() - columns.len();
        let mut note = vec![
            span(theme, Ink::Ready, text::BEST),
            span(theme, Ink::Text, text::WORST),
            span(theme, Ink::Dim, text::OF_ITS_SIZE),
        ];
        if hidden > 0 {
            note.push(span(theme, Ink::Dim, text::more_figures(hidden)));
        }
        let inside = panel(buffer, area, theme, text::TITLE, note);
        let Some(burst) = self.chosen.burst(&self.data.bursts) else {
            line(buffer, row(inside, 0), vec![span(theme, Ink::Dim, text::no_burst(self.access))]);
            return;
        };
        // The lower part: a title, a row a figure, and two rows of settings.
        let lower = 3 + Figure::ALL.len() as u16;
        let least = if area.height > lower + 6 { 4 } else { 3 };
        let runs = self.data.bursts.iter().count() as u16 + 1;
        let rows = runs.min(area.height.saturating_sub(lower + 1)).max(least);
        let [table, rest] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(inside);
        let spare = rest.height.saturating_sub(lower + 2);
        let rest = match spare {
            MIN_CHART.. => {
                let area = top(below(rest, lower + 1), spare.min(MAX_CHART));
                chart_of(burst, self.data, self.lens, theme, buffer, area);
                top(rest, lower)
            }
            _ => rest,
        };
        self.table(buffer, table, &columns);
        let widths = [Constraint::Length(COMPARISON.iter().sum()), Constraint::Min(0)];
        let [comparison, steps] = Layout::horizontal(widths).spacing(2).areas(rest);
        self.comparison(buffer, comparison, burst, self.chosen.other(&self.data.bursts));
        if steps.width >= MIN_STEPS {
            self.steps(buffer, steps, burst);
        }
    }
}
