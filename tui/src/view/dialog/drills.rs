//! The dialog of the drills: the parts of the chain that can be stopped, and the effect of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::frame::{BORDER, answers, frame_rows, keys, sentences};
use crate::view::draw::span;
use crate::view::fmt::coarse;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::{fit, wrap};
use dashboard::data::Data;
use dashboard::reported::{Drill, ScaledWorkload};
use dashboard::ui::appearance::Theme;
use dashboard::ui::drills::{DrillDialog, DrillStep, consequence, title};

/// Columns of the dialog.
const WIDTH: u16 = 68;

/// Columns of the mark and the name of a part.
const NAME: usize = 14;

/// The most rows of a part's state.
const MAX_STATE: usize = 6;

/// The dialog.
pub(in crate::view) struct Drills<'a> {
    /// Its state.
    pub(in crate::view) dialog: &'a DrillDialog,
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Drills<'_> {
    /// The state of a part.
    fn state(&self, drill: Drill, found: &Result<ScaledWorkload, String>) -> (Ink, String) {
        if let Some(open) = self.data.drills.get(drill) {
            let time = coarse(self.data.now.since(open.since));
            return (Ink::Warning, text::stopped_for(&time, open.scaled.kind.word(), &open.scaled.name));
        }
        match found {
            Ok(scaled) if scaled.replicas == 0 => {
                (Ink::Warning, text::without_replicas(scaled.kind.word(), &scaled.name))
            }
            Ok(ScaledWorkload { kind, namespace, name, replicas }) => {
                (Ink::Text, text::running(kind.word(), name, *replicas, namespace))
            }
            Err(why) => (Ink::Dim, why.clone()),
        }
    }

    /// The parts, and the effect of stopping the chosen one.
    fn parts(&self, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let Some(seen) = &self.dialog.seen else {
            return vec![vec![span(theme, Ink::Pending, text::LOADING_DRILLS)]];
        };
        let mut rows = Vec::new();
        for (index, (drill, found)) in seen.iter().enumerate() {
            let is_chosen = index == self.dialog.chosen;
            let (mark, ink) = if is_chosen { ("► ", Ink::Lit) } else { ("  ", Ink::Text) };
            let (state_ink, state) = self.state(*drill, found);
            let mut name = format!("{mark}{:<12}", title(*drill));
            // The reason why a part cannot be stopped needs several rows.
            for text in wrap(&state, usize::from(width).saturating_sub(NAME)).into_iter().take(MAX_STATE) {
                rows.push(vec![span(theme, ink, name), span(theme, state_ink, text)]);
                name = " ".repeat(NAME);
            }
        }
        if let Some((drill, Ok(_))) = seen.get(self.dialog.chosen) {
            rows.push(Vec::new());
            rows.extend(sentences(theme, Ink::Dim, &[consequence(*drill).to_owned()], width, 2));
        }
        rows
    }

    /// The question whether to stop a part.
    fn question(&self, drill: Drill, scaled: &ScaledWorkload, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let target = self.data.watched.target.as_ref().map_or("", |target| target.title.as_str());
        let change =
            text::scales_to_zero(scaled.kind.word(), &scaled.name, &scaled.namespace, scaled.replicas);
        let mut rows = vec![vec![
            span(theme, Ink::Text, text::stops(title(drill))),
            span(theme, Ink::Value, fit(target, 40).into_owned()),
        ]];
        for (ink, text) in [
            (Ink::Value, change),
            (Ink::Text, consequence(drill).to_owned()),
            (Ink::Dim, text::DRILL_NOTE.to_owned()),
        ] {
            rows.extend(sentences(theme, ink, &[text], width, 2));
        }
        rows
    }
}

impl Widget for &Drills<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let (name, mut rows, last) = match &self.dialog.step {
            DrillStep::Choosing => (text::DRILLS, self.parts(width), keys(theme, text::DRILL_KEYS)),
            DrillStep::Asking(drill, scaled, answer) => {
                let answers = answers(theme, text::STOP.1, *answer, text::ANSWER_KEYS);
                (text::STOP.0, self.question(*drill, scaled, width), answers)
            }
        };
        rows.extend([Vec::new(), last]);
        frame_rows(buffer, area, theme, name, width, rows);
    }
}
