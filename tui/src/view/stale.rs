//! Notes about a source that does not deliver: what it waits for, or how old its last value is and why.

use ratatui::text::Span;

use super::draw::span;
use super::fmt::coarse;
use super::strings::general as text;
use super::theme::Ink;
use super::wrap::{fit, phrase};
use dashboard::chain::sources::SourceHealth;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;

/// With fewer columns a note does not say what it waits for.
const MIN_SENTENCE: usize = 16;

/// The reason why a source does not deliver, and the age of its last value: `12 s old: connection refused`. `None` while it delivers or
/// is starting.
pub(super) fn sentence(data: &Data, source: Source) -> Option<String> {
    match data.health(source) {
        SourceHealth::Starting(_) | SourceHealth::Live => None,
        SourceHealth::Stale { last_delivery, cause } => {
            Some(text::stale(&coarse(data.now.since(last_delivery)), cause))
        }
        SourceHealth::Failed(cause) => Some(cause.to_owned()),
    }
}

/// The wait of a source that has not delivered yet. What it lacks meanwhile is no error: a starting chain is empty.
pub(super) fn waiting(data: &Data, source: Source) -> Option<String> {
    if !data.health(source).is_starting() {
        return None;
    }
    text::waiting_for(source)
}

/// The note for the right end of a panel's title, in at most `width` columns. `None` while the source delivers.
pub(super) fn note(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let room = usize::from(width.saturating_sub(2));
    let (ink, mark, text) = match (sentence(data, source), waiting(data, source)) {
        (Some(text), _) => (Ink::Warning, '!', fit(&text, room).into_owned()),
        (None, Some(text)) if room >= MIN_SENTENCE => (Ink::Pending, '○', fit(&text, room).into_owned()),
        (None, Some(_)) => (Ink::Pending, '○', text::LOADING.to_owned()),
        (None, None) => return None,
    };
    Some(vec![span(theme, ink, format!("{mark} {text}"))])
}

/// The note for the right end of a line without a title: the age of the last value, and the cause if it fits.
pub(super) fn line_note(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let full = sentence(data, source)?;
    let short = match data.health(source) {
        SourceHealth::Stale { last_delivery, .. } => text::old(&coarse(data.now.since(last_delivery))),
        SourceHealth::Failed(_) | SourceHealth::Starting(_) | SourceHealth::Live => text::NOT_READ.to_owned(),
    };
    let words = phrase(&[full, short], usize::from(width.saturating_sub(3)));
    Some(vec![span(theme, Ink::Warning, format!(" ! {words}"))])
}
