//! What a panel says when its source does not deliver: since when, and why.

use ratatui::text::Span;

use super::text::{coarse, fit, phrase, span};
use super::theme::Ink;
use crate::event::{Source, SourceState};
use crate::model::{Data, SourceStatus, Theme};

/// Why a source does not deliver, with how old its last word is: `12 s old: connection refused`.
pub(super) fn sentence(data: &Data, status: &SourceStatus) -> Option<String> {
    let cause = match &status.state {
        SourceState::Retrying { cause, .. } | SourceState::Unavailable(cause) => cause,
        SourceState::Connecting | SourceState::Live => return None,
    };
    Some(match status.last_heard {
        Some(heard) => format!("{} old: {cause}", coarse(data.now.since(heard))),
        None => cause.clone(),
    })
}

/// For the right end of a panel's title, in so many columns; `None` when the source is well.
pub(super) fn note(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let text = sentence(data, data.trouble(source)?)?;
    Some(vec![span(theme, Ink::Warning, format!("! {}", fit(&text, usize::from(width.saturating_sub(2)))))])
}

/// For the right end of a line that has no title: how old its source's last word is, and why if that is short.
pub(super) fn aside(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let status = data.trouble(source)?;
    let full = sentence(data, status)?;
    let old = match status.last_heard {
        Some(heard) => format!("{} old", coarse(data.now.since(heard))),
        None => "not read".to_owned(),
    };
    let words = phrase(&[full, old], usize::from(width.saturating_sub(3)));
    Some(vec![span(theme, Ink::Warning, format!(" ! {words}"))])
}

/// The room that a title of that length leaves for a note.
pub(super) fn room(width: u16, title: &str) -> u16 {
    // The title is one of our own words.
    width.saturating_sub(title.len() as u16 + 9)
}
