//! The screen before there is data: the steps of the start, or what is wrong.
//!
//! ```text
//!            sandbox
//!            no kubeconfig was found at …
//!
//!            ● API server              ready
//!            ⣾ broker                  waiting: the pod is not ready
//!
//!            a problem, what to do about it, the next retry
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{lines, span};
use super::fmt::coarse;
use super::strings::general as text;
use super::theme::Ink;
use super::wrap::{fit, wrap};
use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::reported::{Problem, StepState};
use dashboard::target::TargetState;
use dashboard::ui::appearance::Theme;

/// The most columns of the text.
const MAX_WIDTH: u16 = 76;

/// Columns of a step's symbol and name.
const STEP_NAME: usize = 26;

/// The most rows of one sentence.
const MAX_ROWS: usize = 6;

/// The screen.
pub(super) struct Startup<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// The frame of a spinner that is shown now.
fn spinner(data: &Data) -> char {
    const FRAMES: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];
    FRAMES[(data.now.0.as_millis() / 120) as usize % FRAMES.len()]
}

impl Startup<'_> {
    fn head(&self, width: usize) -> Vec<Vec<Span<'static>>> {
        let (theme, watched) = (self.theme, &self.data.watched);
        let mut rows = Vec::new();
        match (&watched.target, &watched.state) {
            (Some(target), _) => {
                rows.push(vec![span(theme, Ink::Title, target.title.clone())]);
                let reason = wrap(&target.reason, width).into_iter().take(3);
                rows.extend(reason.map(|text| vec![span(theme, Ink::Dim, text)]));
                rows.push(Vec::new());
            }
            (None, TargetState::Looking(place)) => {
                let place = fit(place, width.saturating_sub(2)).into_owned();
                let mark = format!("{} ", spinner(self.data));
                rows.push(vec![span(theme, Ink::Pending, mark), span(theme, Ink::Text, place)]);
                rows.push(Vec::new());
            }
            (None, _) => {}
        }
        rows
    }

    fn step(&self, name: &str, state: &StepState, width: usize) -> Vec<Vec<Span<'static>>> {
        let (symbol, ink, state) = match state {
            StepState::Waiting(cause) if cause.is_empty() => ('·', Ink::Dim, text::STEP_WAITING.to_owned()),
            StepState::Waiting(cause) => (spinner(self.data), Ink::Pending, text::step_waiting(cause)),
            StepState::Starting => (spinner(self.data), Ink::Pending, text::STEP_STARTING.to_owned()),
            StepState::Ready => ('●', Ink::Ready, text::STEP_READY.to_owned()),
            StepState::Failed(reason) => ('×', Ink::Error, reason.clone()),
        };
        let mut head = format!("{symbol} {:<22}  ", fit(name, 22));
        let mut rows = Vec::new();
        for text in wrap(&state, width.saturating_sub(STEP_NAME)).into_iter().take(3) {
            rows.push(vec![span(self.theme, ink, head), span(self.theme, ink, text)]);
            head = " ".repeat(STEP_NAME);
        }
        rows
    }
}

impl Widget for &Startup<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let watched = &self.data.watched;
        let width = area.width.saturating_sub(8).min(MAX_WIDTH);
        let mut rows = self.head(width.into());
        for step in &watched.steps {
            rows.extend(self.step(&step.name, &step.state, width.into()));
        }
        if !watched.steps.is_empty() && watched.problem().is_none() {
            let ready = watched.steps.iter().filter(|step| step.state == StepState::Ready).count();
            let progress =
                text::steps_ready(ready, watched.steps.len(), &coarse(self.data.now.since(At::default())));
            rows.extend([Vec::new(), vec![span(self.theme, Ink::Dim, progress)]]);
        }
        if let Some(problem) = watched.problem() {
            if !watched.steps.is_empty() {
                rows.push(Vec::new());
            }
            let sentences = sentences(problem, self.data, width.into());
            rows.extend(sentences.into_iter().map(|(ink, text)| vec![span(self.theme, ink, text)]));
        }
        // A third of the free rows is above the text. It stays there while the text grows.
        let expected = (watched.steps.len() as u16 + 8).min(area.height);
        let above = (area.height - expected) / 3;
        let [area] = Layout::horizontal([Constraint::Length(width)]).flex(Flex::Center).areas(area);
        lines(buffer, super::draw::below(area, above), rows);
    }
}

/// A problem as lines: what is wrong, what to do about it, and the time of the next retry.
pub(super) fn sentences(problem: &Problem, data: &Data, width: usize) -> Vec<(Ink, String)> {
    let part =
        |ink: Ink, text: &str| wrap(text, width).into_iter().take(MAX_ROWS).map(move |text| (ink, text));
    let mut lines: Vec<(Ink, String)> = part(Ink::Error, &problem.what).collect();
    lines.extend(part(Ink::Text, &problem.advice));
    if let Some(retry) = problem.retry {
        let left = retry.since(data.now);
        let text = if left.is_zero() { text::RETRYING.to_owned() } else { text::retry_in(&coarse(left)) };
        lines.push((Ink::Dim, text));
    }
    lines
}
