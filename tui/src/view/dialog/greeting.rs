//! The three keys for a new user, over the first screen until the first key.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::frame::frame_rows;
use crate::view::draw::span;
use crate::view::fmt::count;
use crate::view::strings::dialogs as text;
use crate::view::theme::Ink;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Columns of the box.
const WIDTH: u16 = 52;

/// The box.
pub(in crate::view) struct Greeting<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Widget for &Greeting<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let size = count(self.data.load.size.into());
        let keys = [
            ("space", text::greet_burst(&size)),
            ("tab", text::GREET_SCREENS.to_owned()),
            ("?", text::GREET_HELP.to_owned()),
        ];
        let mut rows: Vec<_> = keys
            .into_iter()
            .map(|(key, meaning)| {
                vec![span(theme, Ink::Key, format!("{key:<8}")), span(theme, Ink::Text, meaning)]
            })
            .collect();
        rows.extend([Vec::new(), vec![span(theme, Ink::Dim, text::GREET_CLOSE)]]);
        frame_rows(buffer, area, theme, text::GREET, WIDTH, rows);
    }
}
