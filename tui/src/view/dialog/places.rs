//! The dialog with contexts or namespaces.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::frame::{BORDER, frame_rows, keys, sentences};
use crate::view::draw::span;
use crate::view::strings::fleet as text;
use crate::view::theme::Ink;
use crate::view::wrap::fit;
use dashboard::reported::{Place, PlaceKind};
use dashboard::ui::appearance::Theme;
use dashboard::ui::places::PlacesDialog;

/// Columns of the dialog.
const WIDTH: u16 = 72;

/// Columns of a place's name.
const NAME: usize = 28;

/// Rows of the dialog without the list.
const OTHER_ROWS: u16 = 6;

/// The most rows of the reason why the list cannot be read.
const MAX_REASON: usize = 4;

/// The dialog.
pub(in crate::view) struct Places<'a> {
    /// Its state.
    pub(in crate::view) dialog: &'a PlacesDialog,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

impl Places<'_> {
    fn place(&self, place: &Place, is_chosen: bool, width: usize) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (mark, ink) = if is_chosen { ("► ", Ink::Lit) } else { ("  ", Ink::Text) };
        let name = place.name.as_deref().unwrap_or(text::ALL_NAMESPACES);
        let current = if place.is_current { text::CURRENT } else { "" };
        let room = width.saturating_sub(NAME + 2 + current.len() + 2);
        vec![
            span(theme, ink, format!("{mark}{:<NAME$}", fit(name, NAME - 1))),
            span(theme, Ink::Dim, format!("{:<room$}", fit(&place.server, room))),
            span(theme, Ink::Ready, format!("  {current}")),
        ]
    }
}

impl Widget for &Places<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (theme, dialog) = (self.theme, self.dialog);
        let width = WIDTH.min(area.width.saturating_sub(BORDER.0));
        let height = usize::from(area.height.saturating_sub(OTHER_ROWS + BORDER.1)).max(1);
        let first = (dialog.chosen + 1).saturating_sub(height);
        let mut rows = match &dialog.seen {
            None => vec![vec![span(theme, Ink::Pending, text::LOADING_PLACES)]],
            Some(Err(why)) => sentences(theme, Ink::Warning, std::slice::from_ref(why), width, MAX_REASON),
            Some(Ok(places)) => {
                let shown = places.iter().enumerate().skip(first).take(height);
                shown.map(|(index, place)| self.place(place, index == dialog.chosen, width.into())).collect()
            }
        };
        rows.extend([Vec::new(), keys(theme, text::PLACE_KEYS)]);
        let title = match dialog.kind {
            PlaceKind::Context => text::CONTEXTS,
            PlaceKind::Namespace => text::NAMESPACES,
        };
        frame_rows(buffer, area, theme, title, width, rows);
    }
}
