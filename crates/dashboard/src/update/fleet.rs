//! The screen Fleet: takes the watch's reports, moves the choice, and opens an HPA.

use jiff::Timestamp;

use super::{act, places, scenario};
use crate::clock::At;
use crate::data::Data;
use crate::keys::Action;
use crate::message::Effect;
use crate::model::Model;
use crate::reported::{FleetEvent, SourceState};
use crate::strings::{entries, sentences};
use crate::ui::screen::{Focus, Screen};
use crate::ui::state::View;

/// Handles a report. Returns true if the frame could differ now.
pub(super) fn take(model: &mut Model, at: At, event: FleetEvent) -> bool {
    let fleet = &mut model.fleet;
    match event {
        FleetEvent::Began { namespace, note } => fleet.begin(namespace, note),
        FleetEvent::Listed(rows) => fleet.list(rows),
        FleetEvent::Paused(rows) => fleet.pause(rows),
        FleetEvent::Applied(row) => fleet.apply(at, *row),
        FleetEvent::Deleted { namespace, name } => fleet.remove(&(namespace, name)),
        FleetEvent::Alone => {
            fleet.is_alone = true;
            forget_target(model);
            model.ui.show(Screen::Fleet);
            return true;
        }
        FleetEvent::Opened => {
            fleet.is_alone = false;
            forget_target(model);
            model.ui.show(Screen::Overview);
            return true;
        }
        FleetEvent::Places(kind, found) => {
            places::found(model, kind, found);
            return true;
        }
        FleetEvent::NotSwitched(sentence) => {
            super::feedback::refuse(model, sentence);
            return true;
        }
    }
    model.ui.screen == Screen::Fleet
}

/// Handles the state of the watch.
pub(super) fn state_changed(model: &mut Model, state: SourceState) -> bool {
    model.fleet.state = Some(state);
    model.ui.screen == Screen::Fleet
}

/// Drops everything that was observed about the old target. The settings of the user stay.
fn forget_target(model: &mut Model) {
    let Data { now, day, load, .. } = &model.data;
    let mut data = Data { now: *now, ..Data::new(day.clone()) };
    (data.load.size, data.load.rate, data.load.to) = (load.size, load.rate, load.to.clone());
    model.data = data;
    let ui = &mut model.ui;
    ui.view = View::Live;
    ui.viewport = Default::default();
    ui.focus = Focus::Nowhere;
    ui.scroll = 0;
    ui.runs = Default::default();
    // The new sources begin with their own defaults.
    ui.followed.clear();
    ui.poll_rate = crate::reported::PollRate::Idle;
}

/// Requests the watch when the screen is first shown.
pub(super) fn first(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.ui.screen == Screen::Fleet && model.fleet.state.is_none() {
        model.fleet.state = Some(SourceState::Connecting);
        effects.push(Effect::WatchFleet);
    }
}

/// Returns true if the arrow keys move the choice.
pub(super) fn is_shown(model: &Model) -> bool {
    model.ui.screen == Screen::Fleet
}

/// The current time, for words about ages.
fn now(model: &Model) -> Timestamp {
    model.data.day.timestamp(model.data.now)
}

/// Moves the choice, or changes the order.
pub(super) fn go(model: &mut Model, action: Action) {
    let page = usize::from(model.ui.size.1.saturating_sub(6)).max(1);
    let visible = model.fleet.visible(&model.ui.filters.fleet, now(model));
    let (place, last) = (model.fleet.position(&visible), visible.len().saturating_sub(1));
    let to = match action {
        Action::Left | Action::Right => {
            model.fleet.order = model.fleet.order.neighbour(action == Action::Right);
            return;
        }
        Action::Up => place.saturating_sub(1),
        Action::Down => (place + 1).min(last),
        Action::PageUp => place.saturating_sub(page),
        Action::PageDown => (place + page).min(last),
        Action::First => 0,
        _ => last,
    };
    model.fleet.chosen = visible.get(to).map(|entry| (entry.row.namespace.clone(), entry.row.name.clone()));
}

/// Opens the chosen HPA. The load stops first.
pub(super) fn open(model: &mut Model, at: At, effects: &mut Vec<Effect>) {
    let visible = model.fleet.visible(&model.ui.filters.fleet, now(model));
    let Some(entry) = visible.get(model.fleet.position(&visible)) else { return };
    let (namespace, hpa) = (entry.row.namespace.clone(), entry.row.name.clone());
    model.fleet.chosen = Some((namespace.clone(), hpa.clone()));
    let opened = model.data.watched.target.as_ref().zip(model.data.hpa.get());
    if opened.is_some_and(|(target, known)| target.namespace == namespace && known.name == hpa) {
        return model.ui.show(Screen::default());
    }
    if scenario::is_running(model) {
        super::feedback::refuse(model, sentences::SCENARIO_RUNS);
        return;
    }
    act::ask_to_stop_load(model, at, entries::ANOTHER_TARGET, effects);
    effects.push(Effect::Open { namespace, hpa });
}

/// Returns true if the key acts on an open HPA, which the screen does not show.
pub(super) fn needs_an_open_hpa(model: &Model, action: Action) -> bool {
    let is_for_hpa = match action {
        Action::NextScreen | Action::PreviousScreen | Action::Logs | Action::Doctor => {
            return model.fleet.is_alone;
        }
        // A running load can always be stopped.
        Action::Load => !model.data.load.is_on(),
        Action::Fire
        | Action::Kill
        | Action::Tune
        | Action::Undo
        | Action::Shadow
        | Action::Drill
        | Action::Scenarios => true,
        _ => false,
    };
    is_for_hpa && (model.fleet.is_alone || model.ui.screen == Screen::Fleet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Event;
    use crate::reported::{Place, PlaceKind, Source, Target, TargetEvent};
    use crate::ui::state::Mode;
    use crate::update::tests::Talk;
    use explain::fleet::{Row, Verdict};

    fn row(name: &str) -> Row {
        Row {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            target: ("Deployment".to_owned(), name.to_owned()),
            metrics: Vec::new(),
            winner: None,
            current: Some(1),
            desired: Some(1),
            wants: None,
            min: 1,
            max: 5,
            last_scale: None,
            created: None,
            scaled_object: None,
            verdict: Verdict::Steady,
        }
    }

    /// A dialogue that shows two HPAs, while the demo's HPA is open.
    fn listed() -> Talk {
        let mut talk = Talk::ready(false);
        talk.keys("H");
        talk.send(Event::Fleet(FleetEvent::Began { namespace: None, note: String::new() }));
        talk.send(Event::Fleet(FleetEvent::Listed(vec![row("api"), row("web")])));
        talk.send(Event::Source(Source::Fleet, SourceState::Live));
        talk
    }

    #[test]
    fn the_watch_is_requested_once() {
        let mut talk = Talk::ready(false);
        let asked = |effects: Vec<Effect>| effects.iter().filter(|e| **e == Effect::WatchFleet).count();
        assert_eq!(asked(talk.keys("H")), 1);
        assert_eq!(asked(talk.keys("⎋HH")), 0);
    }

    #[test]
    fn another_hpa_opens_after_the_load_stopped() {
        let mut talk = listed();
        talk.keys("⎋c");
        assert!(talk.model.data.load.is_on());
        let effects = talk.keys("H↓↵");
        let place = |wanted: &Effect| effects.iter().position(|effect| effect == wanted);
        let open = Effect::Open { namespace: "shop".to_owned(), hpa: "web".to_owned() };
        let (stopped, opened) = (place(&Effect::Load { rate: 0.0 }), place(&open));
        assert!(stopped.is_some() && stopped < opened, "{effects:?}");
    }

    #[test]
    fn the_old_target_is_forgotten_and_the_fleet_stays() {
        let mut talk = listed();
        talk.keys("⎋3 ");
        assert_eq!(talk.model.data.bursts.fired(), 1);
        talk.send(Event::Fleet(FleetEvent::Opened));
        let Talk { model, .. } = &talk;
        assert_eq!((model.data.bursts.fired(), model.data.load.size, model.fleet.len()), (0, 50, 2));
        assert!(model.data.watched.target.is_none());
        assert_eq!(model.ui.screen, Screen::Overview);
    }

    #[test]
    fn escape_goes_to_the_fleet_and_back() {
        let mut talk = listed();
        assert_eq!(talk.model.ui.screen, Screen::Fleet);
        for screen in [Screen::Overview, Screen::Fleet] {
            talk.keys("⎋");
            assert_eq!(talk.model.ui.screen, screen);
        }
        // A filter goes first.
        talk.keys("/web↵⎋");
        assert!(talk.model.ui.filters.fleet.is_empty());
        assert_eq!(talk.model.ui.screen, Screen::Fleet);
        // Nothing is open: there is no other screen to go to.
        talk.send(Event::Fleet(FleetEvent::Alone));
        for keys in ["⎋", "⇥", "L", "r"] {
            talk.keys(keys);
            assert_eq!(talk.model.ui.screen, Screen::Fleet, "{keys}");
        }
    }

    #[test]
    fn keys_for_one_hpa_are_refused_on_the_fleet() {
        let mut talk = listed();
        for keys in [" ", "c", "K", "t", "u", "w", "D"] {
            let effects = talk.keys(keys);
            assert!(!effects.iter().any(|e| !matches!(e, Effect::TickIn(_))), "{keys}: {effects:?}");
            assert_eq!(talk.notice(), Some("open an HPA first: enter"), "{keys}");
        }
        assert_eq!(talk.model.data.bursts.fired(), 0);
    }

    #[test]
    fn a_context_is_chosen_from_a_list() {
        let mut talk = listed();
        let place = |name: &str, is_current| Place {
            name: Some(name.to_owned()),
            server: "https://far".to_owned(),
            is_current,
        };
        assert!(talk.keys("C").contains(&Effect::FindPlaces(PlaceKind::Context)));
        let places = Ok(vec![place("one", true), place("two", false)]);
        talk.send(Event::Fleet(FleetEvent::Places(PlaceKind::Context, places.clone())));
        // The current one is no change.
        assert!(!talk.keys("↵").iter().any(|effect| matches!(effect, Effect::Switch(..))));
        talk.keys("C");
        talk.send(Event::Fleet(FleetEvent::Places(PlaceKind::Context, places)));
        let effects = talk.keys("↓↵");
        assert!(effects.contains(&Effect::Switch(PlaceKind::Context, place("two", false))), "{effects:?}");
        assert_eq!(talk.model.ui.mode, Mode::Normal);
        talk.send(Event::Fleet(FleetEvent::NotSwitched("context two is not reachable".to_owned())));
        assert_eq!(talk.notice(), Some("context two is not reachable"));
        assert_eq!(talk.model.fleet.len(), 2, "the old place stays");
    }

    #[test]
    fn a_change_of_the_target_keeps_a_later_title() {
        let mut talk = listed();
        talk.send(Event::Fleet(FleetEvent::Opened));
        talk.send(Event::Target(TargetEvent::Chosen(Target {
            title: "kind-demo / shop / web".to_owned(),
            reason: String::new(),
            namespace: "shop".to_owned(),
            version: None,
            confirm_first_burst: true,
            sync_period: None,
            first_burst: None,
        })));
        talk.send(Event::Target(TargetEvent::Ready));
        assert!(talk.model.data.watched.is_ready());
    }
}
