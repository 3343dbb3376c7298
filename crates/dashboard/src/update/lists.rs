//! Lists on the screen: navigation, position, and adding to the list of events.

use crate::clock::At;
use crate::keys::Action;
use crate::model::Model;
use crate::ui::events::Severity;
use crate::ui::screen::{Focus, Panel, Screen};
use crate::ui::state::Confirm;

/// Moves the choice in a question.
pub(super) fn choose(confirm: &mut Confirm, action: Action) {
    const PAGE: usize = 10;
    if let Confirm::Kill { workers, chosen } = confirm {
        let last = workers.len().saturating_sub(1);
        *chosen = match action {
            Action::Up => chosen.saturating_sub(1),
            Action::Down => (*chosen + 1).min(last),
            Action::PageUp => chosen.saturating_sub(PAGE),
            Action::PageDown => (*chosen + PAGE).min(last),
            Action::First => 0,
            Action::Last => last,
            _ => *chosen,
        };
    }
}

/// The first row of a text after a key, in a window of `rows`. Only the drawing knows the last row.
pub(super) fn page_top(top: usize, action: Action, rows: usize) -> usize {
    const MOST: usize = u16::MAX as usize;
    let page = rows.saturating_sub(7).max(1);
    match action {
        Action::Up => top.saturating_sub(1),
        Action::Down => (top + 1).min(MOST),
        Action::PageUp => top.saturating_sub(page),
        Action::PageDown => (top + page).min(MOST),
        Action::First => 0,
        _ => MOST,
    }
}

/// Adds a line to the list of events.
pub(super) fn log_event(model: &mut Model, at: At, severity: Severity, (reason, message): (&str, String)) {
    let data = &mut model.data;
    data.events.push_local(at, &data.day, severity, reason, message);
    keep_position(model, false);
}

/// Keeps the visible lines in place when a line is added to a list, unless the newest line is visible.
pub(super) fn keep_position(model: &mut Model, is_log: bool) {
    let shows_it =
        is_list(model) && model.ui.screen != Screen::Pods && (model.ui.screen == Screen::Logs) == is_log;
    if model.ui.scroll == 0 || !shows_it || model.paused_for().is_some() {
        return;
    }
    let (data, filters) = (&model.data, &model.ui.filters);
    let is_taken = if is_log {
        data.logs
            .iter()
            .next_back()
            .is_some_and(|line| filters.logs.takes(&[&line.pod, &line.text, line.about.level()]))
    } else {
        data.events.filtered(&filters.events).next_back() == data.events.iter().next_back()
    };
    model.ui.scroll += usize::from(is_taken);
}

/// Number of lines in the visible list that match its filter.
pub(super) fn lines(model: &Model) -> usize {
    let (data, filters) = (model.shown(), &model.ui.filters);
    match model.ui.screen {
        Screen::Logs => data.logs.filtered(&filters.logs).count(),
        Screen::Pods => data.lanes.iter().filter(|lane| filters.pods.takes(&[&lane.name])).count(),
        _ => data.events.filtered(&filters.events).count(),
    }
}

/// Returns true if the screen shows a list that scrolls.
pub(super) fn is_list(model: &Model) -> bool {
    matches!(model.ui.screen, Screen::Logs | Screen::Pods) || model.ui.focus == Focus::Expanded(Panel::Events)
}
