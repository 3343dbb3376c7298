//! The dialog with the note of a mark.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::frame::{BORDER, frame_rows, keys};
use crate::view::draw::span;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit_end;
use dashboard::ui::appearance::Theme;

/// Columns of the dialog.
const WIDTH: u16 = 64;

/// The dialog.
pub(in crate::view) struct Mark<'a> {
    /// The note so far.
    pub(in crate::view) note: &'a str,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &Mark<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let note = fit_end(self.note, usize::from(width).saturating_sub(1));
        let rows = vec![
            vec![span(self.theme, Ink::Lit, format!("{note}▌"))],
            Vec::new(),
            keys(self.theme, text::MARK_KEYS),
        ];
        frame_rows(buffer, area, self.theme, text::MARK, width, rows);
    }
}
