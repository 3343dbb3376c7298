//! Navigation of the user: nothing here changes the cluster or the observed data.

use crossterm::event::{MouseButton, MouseEventKind};

use super::feedback::{refuse, say};
use super::lists::{choose, is_list, lines, page_top};
use crate::chart::curves::Curve;
use crate::clock::At;
use crate::keys::Action;
use crate::message::HitTarget;
use crate::model::Model;
use crate::strings::sentences;
use crate::ui::filter::Filter;
use crate::ui::screen::{Focus, Panel, Screen};
use crate::ui::state::{Greeting, Mode};

/// Lines per step of the wheel.
const WHEEL: usize = 3;

/// The time that the screen shows as now: a paused view is still.
fn now(model: &Model) -> At {
    model.shown().now
}

/// Returns true if the screen has a time axis, and says so if it has none.
fn has_axis(model: &mut Model) -> bool {
    let has_axis = model.ui.screen.has_axis();
    if !has_axis {
        refuse(model, sentences::NO_TIME_AXIS);
    }
    has_axis
}

pub(super) fn zoom(model: &mut Model, closer: bool) {
    if !has_axis(model) {
        return;
    }
    let now = now(model);
    let before = model.ui.viewport.stretch(now).seconds;
    model.ui.viewport.zoom(now, closer, None);
    let seconds = model.ui.viewport.stretch(now).seconds;
    match seconds == before {
        true => refuse(model, sentences::zoom_end(closer, seconds)),
        false => say(model, sentences::zoomed(seconds)),
    }
}

/// Returns to the automatic width of the chart.
pub(super) fn fit(model: &mut Model) {
    if has_axis(model) {
        let now = now(model);
        model.ui.viewport.fit(now);
        say(model, sentences::FITTED);
    }
}

pub(super) fn pan(model: &mut Model, earlier: bool) {
    if !has_axis(model) {
        return;
    }
    let now = now(model);
    let before = model.ui.viewport.stretch(now).end;
    model.ui.viewport.pan(now, earlier);
    if model.ui.viewport.stretch(now).end == before {
        refuse(model, if earlier { sentences::NOTHING_EARLIER } else { sentences::NOTHING_LATER });
    }
}

/// Returns to the present.
pub(super) fn live(model: &mut Model) {
    if has_axis(model) {
        model.ui.viewport.live();
        say(model, sentences::AT_PRESENT);
    }
}

/// Sets the cursor to the newest visible instant, or removes it.
pub(super) fn inspect(model: &mut Model) {
    let now = now(model);
    if !model.ui.screen.has_axis() && !model.ui.viewport.is_inspecting() {
        return refuse(model, sentences::NO_TIME_AXIS);
    }
    if model.ui.viewport.is_inspecting() {
        model.ui.viewport.leave();
    } else {
        let end = model.ui.viewport.stretch(now).end;
        model.ui.viewport.inspect(now, end);
    }
}

/// Shows the chosen panel alone; the chart if none is chosen, and on the screen Decision its history.
pub(super) fn expand(model: &mut Model) {
    if !matches!(model.ui.screen, Screen::Overview | Screen::Decision) {
        return refuse(model, sentences::NOTHING_TO_EXPAND);
    }
    model.ui.scroll = 0;
    // On the screen Decision, the history.
    let first = if model.ui.screen == Screen::Decision { Panel::Decision } else { Panel::Chart };
    model.ui.focus = match model.ui.focus {
        Focus::Expanded(_) if model.ui.screen == Screen::Decision => Focus::Nowhere,
        Focus::Expanded(panel) => Focus::On(panel),
        Focus::On(panel) => Focus::Expanded(panel),
        Focus::Nowhere => Focus::Expanded(first),
    };
}

/// Leaves the innermost state.
pub(super) fn back(model: &mut Model) {
    let ui = &mut model.ui;
    let filter = ui.filters.on_mut(ui.screen).filter(|filter| !filter.is_empty());
    if ui.viewport.is_inspecting() {
        ui.viewport.leave();
    } else if ui.scroll > 0 {
        ui.scroll = 0;
    } else if let Focus::Expanded(panel) = ui.focus {
        ui.focus = if ui.screen == Screen::Overview { Focus::On(panel) } else { Focus::Nowhere };
    } else if let Some(filter) = filter {
        filter.clear();
    } else if ui.focus != Focus::Nowhere {
        ui.focus = Focus::Nowhere;
    } else if ui.screen == Screen::Fleet {
        // Back to the open HPA.
        if !model.fleet.is_alone {
            ui.show(Screen::default());
        }
    } else if model.fleet.is_listed {
        // The user came from there.
        ui.show(Screen::Fleet);
    }
}

/// Closes a dialog; clears a filter.
pub(super) fn close(model: &mut Model) {
    if std::mem::take(&mut model.ui.mode) == Mode::Filter {
        if let Some(filter) = model.ui.filters.on_mut(model.ui.screen) {
            filter.clear();
        }
        model.ui.scroll = 0;
    }
}

/// Begins to edit the filter of the screen's list.
pub(super) fn filter(model: &mut Model) {
    if model.ui.filters.on(model.ui.screen).is_none() {
        return refuse(model, sentences::NO_LIST);
    }
    model.ui.mode = Mode::Filter;
}

pub(super) fn type_filter(model: &mut Model, text: &str) {
    if let Some(filter) = model.ui.filters.on_mut(model.ui.screen) {
        filter.add(text);
    }
    model.ui.scroll = 0;
}

/// Deletes a character; leaves an empty filter.
pub(super) fn take_back(model: &mut Model) {
    if !model.ui.filters.on_mut(model.ui.screen).is_some_and(Filter::take_back) {
        close(model);
    }
}

/// Shows or hides the curve chosen in the legend.
pub(super) fn toggle(model: &mut Model) {
    if let Mode::Legend(chosen) = model.ui.mode
        && let Some(curve) = Curve::ALL.get(chosen)
    {
        model.ui.curves.toggle(*curve);
    }
}

/// Handles a drawn frame, whose list scrolls up to `max_scroll`. Keys may have scrolled further, because only the layout knows
/// the end; the next step back starts at the end.
pub(super) fn drawn(model: &mut Model, max_scroll: usize) {
    model.ui.changed = false;
    match &mut model.ui.mode {
        Mode::Help(top) => *top = (*top).min(max_scroll),
        _ => model.ui.scroll = model.ui.scroll.min(max_scroll),
    }
}

/// Handles an arrow or page key: the choice of a dialog, the cursor, a list, or the panels.
pub(super) fn go(model: &mut Model, action: Action) {
    let is_up = matches!(action, Action::Up | Action::Left | Action::PageUp | Action::First);
    match &mut model.ui.mode {
        Mode::Confirm(_, answer) if matches!(action, Action::Left | Action::Right) => {
            return *answer = answer.other();
        }
        Mode::Confirm(confirm, _) => return choose(confirm, action),
        Mode::Legend(chosen) => return *chosen = stepped(*chosen, is_up, Curve::ALL.len() - 1),
        Mode::Help(top) => return *top = page_top(*top, action, usize::from(model.ui.size.1)),
        Mode::Filter | Mode::Dialog(_) => return,
        Mode::Normal => {}
    }
    if super::fleet::is_shown(model) {
        super::fleet::go(model, action);
    } else if model.ui.viewport.is_inspecting() {
        cursor(model, action, is_up);
    } else if is_list(model) {
        scroll(model, action);
    } else if model.ui.screen == Screen::Runs {
        runs(model, action);
    } else if is_page(model) {
        model.ui.scroll = page_top(model.ui.scroll, action, model.ui.size.1.into());
    } else if model.ui.screen == Screen::Overview {
        model.ui.focus = match model.ui.focus {
            Focus::Nowhere => Focus::On(Panel::Chart),
            Focus::On(panel) => Focus::On(panel.neighbour(!is_up)),
            Focus::Expanded(panel) => Focus::Expanded(panel.neighbour(!is_up)),
        };
    }
}

/// Returns true if arrows and wheel scroll a text from its top.
fn is_page(model: &Model) -> bool {
    let is_history = model.ui.screen == Screen::Decision && model.ui.focus != Focus::Nowhere;
    model.ui.mode == Mode::Normal && (model.ui.screen == Screen::Doctor || is_history)
}

fn stepped(chosen: usize, is_up: bool, last: usize) -> usize {
    if is_up { chosen.saturating_sub(1) } else { (chosen + 1).min(last) }
}

fn cursor(model: &mut Model, action: Action, earlier: bool) {
    let data = model.shown();
    let now = data.now;
    let Some(cursor) = model.ui.viewport.stretch(now).cursor else { return };
    let to = match action {
        Action::Left | Action::Right => return model.ui.viewport.step(now, earlier),
        Action::Up => data.history.mark_before(cursor).map(|mark| mark.at),
        Action::Down => data.history.mark_after(cursor).map(|mark| mark.at),
        Action::First => Some(At::default()),
        Action::Last => Some(now),
        _ => return model.ui.viewport.pan(now, earlier),
    };
    if let Some(to) = to {
        model.ui.viewport.look_at(now, to);
    }
}

/// On the screen Runs: moves the cursor.
fn runs(model: &mut Model, action: Action) {
    let mut chosen = model.ui.runs;
    let bursts = &model.shown().bursts;
    let (steps, up) = match action {
        Action::Up => (1, true),
        Action::Down => (1, false),
        Action::PageUp => (10, true),
        Action::PageDown => (10, false),
        Action::First | Action::Last => (crate::bursts::recent::MAX_BURSTS, action == Action::Last),
        _ => return,
    };
    (0..steps).for_each(|_| chosen.step(bursts, up));
    model.ui.runs = chosen;
}

/// On the screen Runs: marks the run under the cursor for the comparison, or unmarks it.
pub(super) fn compare(model: &mut Model) {
    if model.ui.screen != Screen::Runs {
        return refuse(model, sentences::ONLY_ON_RUNS);
    }
    if model.shown().bursts.newest().is_some() {
        let mut chosen = model.ui.runs;
        chosen.mark(&model.shown().bursts);
        model.ui.runs = chosen;
    }
}

fn scroll(model: &mut Model, action: Action) {
    let page = usize::from(model.ui.size.1.saturating_sub(4)).max(1);
    let most = lines(model).saturating_sub(1);
    let scroll = model.ui.scroll;
    model.ui.scroll = match action {
        Action::Up => scroll + 1,
        Action::Down => scroll.saturating_sub(1),
        Action::PageUp => scroll + page,
        Action::PageDown => scroll.saturating_sub(page),
        Action::First => most,
        Action::Last => 0,
        _ => scroll,
    }
    .min(most);
}

/// Handles the wheel, and the left button pressed or held.
pub(super) fn mouse(model: &mut Model, kind: MouseEventKind, spot: HitTarget) -> bool {
    let is_up = match kind {
        MouseEventKind::ScrollUp => true,
        MouseEventKind::ScrollDown => false,
        MouseEventKind::Down(MouseButton::Left) => return click(model, spot),
        MouseEventKind::Drag(MouseButton::Left) => return drag(model, spot),
        _ => return false,
    };
    match &mut model.ui.mode {
        Mode::Normal | Mode::Filter => {}
        Mode::Dialog(_) => return false,
        Mode::Help(_) | Mode::Legend(_) | Mode::Confirm(..) => {
            go(model, if is_up { Action::Up } else { Action::Down });
            return true;
        }
    }
    let step = if is_up { Action::Up } else { Action::Down };
    if super::fleet::is_shown(model) {
        (0..WHEEL).for_each(|_| super::fleet::go(model, step));
    } else if is_list(model) {
        (0..WHEEL).for_each(|_| scroll(model, step));
    } else if is_page(model) {
        let rows = model.ui.size.1.into();
        (0..WHEEL).for_each(|_| model.ui.scroll = page_top(model.ui.scroll, step, rows));
    } else {
        let now = now(model);
        let around = if let HitTarget::Axis(at) = spot { Some(at) } else { None };
        model.ui.viewport.zoom(now, is_up, around);
    }
    true
}

/// Moves the cursor with the mouse, once a click has set it.
fn drag(model: &mut Model, spot: HitTarget) -> bool {
    match spot {
        HitTarget::Axis(at) if model.ui.mode == Mode::Normal && model.ui.viewport.is_inspecting() => {
            let now = now(model);
            model.ui.viewport.inspect(now, at);
            true
        }
        _ => false,
    }
}

/// Handles a click: a screen's tab, the cursor on an axis, or a panel; a click on the chosen panel expands
/// it.
fn click(model: &mut Model, spot: HitTarget) -> bool {
    if model.ui.mode != Mode::Normal {
        return false;
    }
    model.ui.greeting = Greeting::Over;
    match spot {
        HitTarget::Nothing | HitTarget::List => return false,
        HitTarget::Tab(screen) => model.ui.show(screen),
        HitTarget::Axis(at) => {
            let now = now(model);
            model.ui.viewport.inspect(now, at);
        }
        HitTarget::Panel(panel) => {
            model.ui.focus = match model.ui.focus {
                Focus::On(chosen) if chosen == panel => Focus::Expanded(panel),
                Focus::Expanded(_) => return false,
                _ => Focus::On(panel),
            };
        }
    }
    true
}
