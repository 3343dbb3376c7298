//! The dialog that chooses the settings of the shadow HPA.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::form::{WIDTH, fields};
use super::frame::{BORDER, frame_rows, keys, sentences};
use crate::view::draw::span;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::phrase;
use dashboard::autoscaler::shadow::ShadowDialog;
use dashboard::ui::appearance::Theme;

/// The most rows of errors.
const MAX_ERRORS: usize = 6;

/// The dialog.
pub(in crate::view) struct ShadowForm<'a> {
    /// Its state.
    pub(in crate::view) dialog: &'a ShadowDialog,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &ShadowForm<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let mut rows = fields(&self.dialog.form, theme, width, true);
        rows.push(Vec::new());
        if self.dialog.wrong.is_empty() {
            rows.push(vec![span(theme, Ink::Dim, phrase(&text::SHADOW_NOTE, width.into()))]);
        } else {
            let max_rows = usize::from(area.height)
                .saturating_sub(self.dialog.form.fields().count() + 8)
                .clamp(1, MAX_ERRORS);
            rows.extend(sentences(theme, Ink::Warning, &self.dialog.wrong, width, max_rows));
        }
        rows.extend([Vec::new(), keys(theme, text::SHADOW_KEYS)]);
        frame_rows(buffer, area, theme, text::SHADOW, width, rows);
    }
}
