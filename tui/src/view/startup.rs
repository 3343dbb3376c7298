//! The screen before there is data: what is being started or looked for, and what is wrong.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::text::{coarse, fit, put, row, span, wrap};
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::reported::{Problem, StepState};
use dashboard::target::TargetState;
use dashboard::ui::appearance::Theme;

/// The screen.
pub(super) struct Startup<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// A turning wheel: something is under way.
fn wheel(data: &Data) -> char {
    const FRAMES: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];
    FRAMES[(data.now.0.as_millis() / 120) as usize % FRAMES.len()]
}

impl Widget for &Startup<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let watched = &self.data.watched;
        let width = area.width.saturating_sub(8).min(76);
        let height = (watched.steps.len() as u16 + 8).min(area.height);
        let mut line = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 3,
            width,
            height: area.height - (area.height - height) / 3,
        };
        let mut next = |buffer: &mut Buffer, spans| {
            put(buffer, row(line, 0), spans);
            line = super::text::below(line, 1);
        };
        match &watched.target {
            Some(target) => {
                next(buffer, vec![span(theme, Ink::Title, target.title.clone())]);
                if !target.reason.is_empty() {
                    for text in wrap(&target.reason, width.into()).into_iter().take(3) {
                        next(buffer, vec![span(theme, Ink::Dim, text)]);
                    }
                }
                next(buffer, Vec::new());
            }
            None => {
                if let TargetState::Looking(place) = &watched.state {
                    next(
                        buffer,
                        vec![
                            span(theme, Ink::Pending, format!("{} ", wheel(self.data))),
                            span(theme, Ink::Text, fit(place, usize::from(width) - 2).into_owned()),
                        ],
                    );
                    next(buffer, Vec::new());
                }
            }
        }
        for step in &watched.steps {
            let (symbol, ink, state) = match &step.state {
                StepState::Waiting(reason) if reason.is_empty() => ('·', Ink::Dim, "waiting".to_owned()),
                StepState::Waiting(reason) => (wheel(self.data), Ink::Pending, format!("waiting: {reason}")),
                StepState::Starting => (wheel(self.data), Ink::Pending, "starting".to_owned()),
                StepState::Ready => ('✓', Ink::Ready, "ready".to_owned()),
                StepState::Failed(reason) => ('✗', Ink::Error, reason.clone()),
            };
            let room = usize::from(width).saturating_sub(26);
            for (index, text) in wrap(&state, room).into_iter().take(3).enumerate() {
                let head = match index {
                    0 => format!("{symbol} {:<22}  ", fit(&step.name, 22)),
                    _ => " ".repeat(26),
                };
                next(buffer, vec![span(theme, ink, head), span(theme, ink, text)]);
            }
        }
        if let Some(problem) = watched.problem() {
            if !watched.steps.is_empty() {
                next(buffer, Vec::new());
            }
            for (ink, text) in sentences(problem, self.data, width.into()) {
                next(buffer, vec![span(theme, ink, text)]);
            }
        }
    }
}

/// A problem as lines: what, what to do, when it is tried again.
pub(super) fn sentences(problem: &Problem, data: &Data, width: usize) -> Vec<(Ink, String)> {
    let mut lines: Vec<(Ink, String)> =
        wrap(&problem.what, width).into_iter().take(6).map(|text| (Ink::Error, text)).collect();
    lines.extend(wrap(&problem.advice, width).into_iter().take(6).map(|text| (Ink::Text, text)));
    if let Some(retry) = problem.retry {
        let left = retry.since(data.now);
        let text = if left.is_zero() {
            "trying again".to_owned()
        } else {
            format!("trying again in {}", coarse(left))
        };
        lines.push((Ink::Dim, text));
    }
    lines
}
