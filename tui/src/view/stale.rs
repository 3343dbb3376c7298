//! What a panel says when its source does not deliver: what it waits for, or since when it is lost, and why.

use ratatui::text::Span;

use super::text::{coarse, fit, phrase, span};
use super::theme::Ink;
use dashboard::chain::sources::SourceHealth;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;

/// Fewer columns than that do not say what is waited for.
const BEGINNING: usize = 16;

/// Why a source does not deliver, with how old its last word is: `12 s old: connection refused`. `None` when it delivers, or
/// need not have yet.
pub(super) fn sentence(data: &Data, source: Source) -> Option<String> {
    match data.health(source) {
        SourceHealth::Starting(_) | SourceHealth::Live => None,
        SourceHealth::Stale { last_delivery, cause } => {
            Some(format!("{} old: {cause}", coarse(data.now.since(last_delivery))))
        }
        SourceHealth::Failed(cause) => Some(cause.to_owned()),
    }
}

/// What a source that has not delivered yet is waited for, and what it has met so far.
pub(super) fn waiting(data: &Data, source: Source) -> Option<String> {
    let SourceHealth::Starting(met) = data.health(source) else { return None };
    let first = match source {
        Source::Hpa => "the HPA",
        Source::Workload => "the Deployment",
        Source::Pods => "the list of pods",
        Source::Broker => "the broker's first answer",
        Source::Prometheus => "Prometheus' first answer",
        Source::ExternalMetric => "the first value",
        // These have a word only when there is something to tell.
        Source::Events | Source::Producer | Source::Logs => return None,
    };
    Some(match met {
        Some(met) => format!("waiting for {first}; so far: {met}"),
        None => format!("waiting for {first}"),
    })
}

/// For the right end of a panel's title, in so many columns; `None` when the source is well.
pub(super) fn note(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let room = usize::from(width.saturating_sub(2));
    let (ink, mark, text) = match (sentence(data, source), waiting(data, source)) {
        (Some(text), _) => (Ink::Warning, '!', fit(&text, room).into_owned()),
        (None, Some(text)) if room >= BEGINNING => (Ink::Pending, '◔', fit(&text, room).into_owned()),
        (None, Some(_)) => (Ink::Pending, '◔', "being read".to_owned()),
        (None, None) => return None,
    };
    Some(vec![span(theme, ink, format!("{mark} {text}"))])
}

/// For the right end of a line that has no title: how old its source's last word is, and why if that is short.
pub(super) fn aside(data: &Data, theme: Theme, source: Source, width: u16) -> Option<Vec<Span<'static>>> {
    let full = sentence(data, source)?;
    let old = match data.health(source) {
        SourceHealth::Stale { last_delivery, .. } => format!("{} old", coarse(data.now.since(last_delivery))),
        SourceHealth::Failed(_) | SourceHealth::Starting(_) | SourceHealth::Live => "not read".to_owned(),
    };
    let words = phrase(&[full, old], usize::from(width.saturating_sub(3)));
    Some(vec![span(theme, Ink::Warning, format!(" ! {words}"))])
}

/// The room that a title of that length leaves for a note.
pub(super) fn room(width: u16, title: &str) -> u16 {
    // The title is one of our own words.
    width.saturating_sub(title.len() as u16 + 9)
}
