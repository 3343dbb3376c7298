//! The dialog of the scenarios: the library, the progress of the one that runs, or its result.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::frame::{BORDER, answers, frame_rows, keys, sentences};
use crate::view::draw::span;
use crate::view::strings::dialogs::ANSWER_KEYS;
use crate::view::strings::scenarios as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit;
use ::text::duration;
use dashboard::data::Data;
use dashboard::scenario_run::ScenarioRun;
use dashboard::ui::appearance::Theme;
use dashboard::ui::scenarios::{ScenarioDialog, ScenarioStep};
use scenario::file::Scenario;
use scenario::outcome::{Outcome, RunResult, Verdict};

/// Columns of the dialog.
const WIDTH: u16 = 72;

/// Columns of the mark and the name of a scenario.
const NAME: usize = 22;

/// Rows of the chosen scenario's description.
const ABOUT_ROWS: usize = 2;

/// The most rows of sentences.
const MAX_ROWS: usize = 8;

type Row = Vec<Span<'static>>;

/// The dialog.
pub(in crate::view) struct Scenarios<'a> {
    /// Its state.
    pub(in crate::view) dialog: &'a ScenarioDialog,
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Scenarios<'_> {
    fn row(&self, ink: Ink, text: impl Into<String>) -> Row {
        let text: String = text.into();
        vec![span(self.theme, ink, text)]
    }

    /// The library, and the row for a path.
    fn list(&self, width: u16) -> Vec<Row> {
        let theme = self.theme;
        let room = usize::from(width).saturating_sub(NAME);
        let path = if self.dialog.path.is_empty() && !self.dialog.is_on_path() {
            (Ink::Dim, text::PATH_HINT.to_owned())
        } else {
            (Ink::Value, format!("{}▏", self.dialog.path))
        };
        let library = ScenarioDialog::library().into_iter();
        let all = library.map(|(name, about)| (name, (Ink::Dim, about))).chain([(text::PATH, path)]);
        let rows = all.enumerate().map(|(index, (name, (about_ink, about)))| {
            let (mark, ink) =
                if index == self.dialog.chosen { ("► ", Ink::Lit) } else { ("  ", Ink::Text) };
            let name = format!("{mark}{name:<width$}", width = NAME - 2);
            vec![span(theme, ink, name), span(theme, about_ink, fit(&about, room).into_owned())]
        });
        let mut rows: Vec<Row> = rows.collect();
        // The chosen one in full: most descriptions are longer than their row.
        if let Some((_, about)) = ScenarioDialog::library().into_iter().nth(self.dialog.chosen) {
            let height = rows.len() + 1 + ABOUT_ROWS;
            rows.push(Vec::new());
            rows.extend(sentences(theme, Ink::Text, &[about], width, ABOUT_ROWS));
            rows.resize(height, Vec::new());
        }
        rows
    }

    fn question(&self, scenario: &Scenario, width: u16) -> Vec<Row> {
        let target = self.data.watched.target.as_ref().map_or("", |target| target.title.as_str());
        let mut rows = vec![vec![
            span(self.theme, Ink::Value, fit(&scenario.name, 30).into_owned()),
            span(self.theme, Ink::Dim, "  ".to_owned() + text::ON),
            span(self.theme, Ink::Value, fit(target, 34).into_owned()),
        ]];
        rows.extend(sentences(self.theme, Ink::Text, std::slice::from_ref(&scenario.description), width, 3));
        let steps: Vec<String> = scenario.steps.iter().map(scenario::file::Step::title).collect();
        rows.push(Vec::new());
        rows.extend(sentences(self.theme, Ink::Dim, &steps, width, MAX_ROWS));
        rows.push(Vec::new());
        rows.push(self.row(Ink::Dim, text::counts(scenario.steps.len(), scenario.expect.len())));
        rows.push(self.row(Ink::Dim, text::START_NOTE));
        rows
    }

    /// The progress: the last finished steps, and the present one.
    fn progress(&self, run: &ScenarioRun, width: u16) -> Vec<Row> {
        let Some(progress) = run.engine.progress(self.data.now.0) else { return Vec::new() };
        let mut rows = Vec::new();
        let finished = run.engine.finished();
        for step in finished.iter().skip(finished.len().saturating_sub(MAX_ROWS)) {
            rows.push(self.judged(&step.verdict, &step.title, &duration::seconds(step.took), width));
        }
        let limit = progress.limit.map(duration::span);
        rows.push(vec![
            span(self.theme, Ink::Lit, "► "),
            span(self.theme, Ink::Value, fit(&progress.title, usize::from(width) - 2).into_owned()),
        ]);
        let time = text::time(&duration::span(progress.since), limit.as_deref());
        let place = text::step(progress.step, progress.steps);
        rows.push(self.row(Ink::Dim, format!("  {place}, {time}")));
        if !progress.caption.is_empty() {
            rows.extend(sentences(self.theme, Ink::Text, &[progress.caption], width, 2));
        }
        rows
    }

    fn result(&self, result: &RunResult, width: u16) -> Vec<Row> {
        let ink = if result.outcome == Outcome::Passed { Ink::Ready } else { Ink::Warning };
        let mut rows = vec![
            self.row(ink, format!("{} after {}", result.outcome.word(), duration::seconds(result.seconds))),
        ];
        if let Outcome::Stopped(reason) = &result.outcome {
            rows.extend(sentences(self.theme, Ink::Text, std::slice::from_ref(reason), width, 2));
        }
        rows.push(Vec::new());
        for step in result.steps.iter().filter(|step| !step.verdict.is_held()).take(MAX_ROWS) {
            let reason = step.verdict.reason().unwrap_or_default();
            rows.push(self.judged(&step.verdict, &format!("{}: {reason}", step.title), "", width));
        }
        for one in result.expectations.iter().take(MAX_ROWS) {
            rows.push(self.judged(&one.verdict, &one.condition.to_string(), &one.measured_text(), width));
        }
        rows.extend(sentences(self.theme, Ink::Warning, &result.left, width, 3));
        rows
    }

    /// A step or an expectation with its verdict.
    fn judged(&self, verdict: &Verdict, title: &str, detail: &str, width: u16) -> Row {
        let (mark, ink) = match verdict {
            Verdict::Held => ("✓ ", Ink::Ready),
            Verdict::Failed(_) => ("✗ ", Ink::Error),
            Verdict::Unknown(_) => ("? ", Ink::Warning),
        };
        let room = usize::from(width).saturating_sub(detail.chars().count() + 4);
        vec![
            span(self.theme, ink, mark),
            span(self.theme, Ink::Text, fit(title, room).into_owned()),
            span(self.theme, Ink::Dim, format!("  {detail}")),
        ]
    }
}

impl Widget for &Scenarios<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let (title, mut rows, last) = match (&self.data.scenario, &self.dialog.step) {
            (Some(run), _) => {
                let name = run.engine.scenario().name.clone();
                match run.engine.result() {
                    Some(result) => (name, self.result(result, width), keys(theme, text::OVER_KEYS)),
                    None => (name, self.progress(run, width), keys(theme, text::RUNNING_KEYS)),
                }
            }
            (None, ScenarioStep::Choosing) => {
                (text::TITLE.to_owned(), self.list(width), keys(theme, text::LIST_KEYS))
            }
            (None, ScenarioStep::Reading) => {
                let rows = vec![self.row(Ink::Pending, text::READING)];
                (text::TITLE.to_owned(), rows, keys(theme, text::WRONG_KEYS))
            }
            (None, ScenarioStep::Wrong(mistakes)) => {
                let rows = sentences(theme, Ink::Warning, mistakes, width, 2 * MAX_ROWS);
                (text::TITLE.to_owned(), rows, keys(theme, text::WRONG_KEYS))
            }
            (None, ScenarioStep::Asking(scenario, chosen)) => {
                let rows = self.question(scenario, width);
                (text::TITLE.to_owned(), rows, answers(theme, text::START, *chosen, ANSWER_KEYS))
            }
        };
        rows.extend([Vec::new(), last]);
        frame_rows(buffer, area, theme, &title, width, rows);
    }
}
