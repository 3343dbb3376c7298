use super::*;
use crate::message::Event;
use crate::reported::{ScaledKind, ScaledWorkload, ScenarioEvent};
use crate::update::tests::Talk;
use scenario::file::parse;
use scenario::outcome::Outcome;

fn begin(talk: &mut Talk, text: &str) -> Vec<Effect> {
    let found = parse("test", text, &|_| Err("no files".to_owned())).unwrap();
    talk.send(Event::Scenario(ScenarioEvent::Start(Arc::new(found))))
}

fn outcome(talk: &Talk) -> Option<Outcome> {
    talk.model.data.scenario.as_ref()?.engine.result().map(|result| result.outcome.clone())
}

fn loads(effects: &[Effect]) -> Vec<f64> {
    effects.iter().filter_map(|e| if let Effect::Load { rate } = e { Some(*rate) } else { None }).collect()
}

#[test]
fn a_burst_and_a_load_become_effects() {
    let mut talk = Talk::ready(false);
    let effects = begin(
        &mut talk,
        "settle = '1ms'\n[[steps]]\nburst = 7\n[[steps]]\nrate = 3\n[[steps]]\npause = '1h'",
    );
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Fire { size: 7, .. })), "{effects:?}");
    assert_eq!(loads(&effects), [3.0]);
    let effects = talk.send(Event::Scenario(ScenarioEvent::Stop("Ctrl-C".to_owned())));
    assert_eq!(loads(&effects), [0.0]);
    assert_eq!(outcome(&talk), Some(Outcome::Stopped("Ctrl-C".to_owned())));
    assert_eq!(talk.model.data.load.rate, 5.0, "the user's own rate");
}

#[test]
fn a_drill_is_put_back_when_the_user_quits() {
    let mut talk = Talk::ready(false);
    let effects = begin(&mut talk, "[[steps]]\nstop = 'broker'\n[[steps]]\npause = '1h'");
    assert!(effects.contains(&Effect::Drill(DrillRequest::Find)), "{effects:?}");
    let (namespace, name) = ("demo".to_owned(), "rabbitmq".to_owned());
    let scaled = ScaledWorkload { kind: ScaledKind::StatefulSet, namespace, name, replicas: 1 };
    let effects = talk.send(Event::Drill(DrillEvent::Found(vec![(Drill::Broker, Ok(scaled.clone()))])));
    assert!(
        effects.contains(&Effect::Drill(DrillRequest::Stop(Drill::Broker, scaled.clone()))),
        "{effects:?}"
    );
    talk.send(Event::Drill(DrillEvent::Stopped(Drill::Broker, scaled.clone())));
    let effects = talk.keys("q");
    assert!(
        effects.contains(&Effect::Drill(DrillRequest::PutBack(Drill::Broker, scaled.clone()))),
        "{effects:?}"
    );
    assert!(!effects.contains(&Effect::Quit));
    let effects = talk.send(Event::Drill(DrillEvent::PutBack(Drill::Broker, scaled)));
    assert!(effects.contains(&Effect::Quit), "{effects:?}");
}

#[test]
fn the_second_quit_does_not_wait() {
    let mut talk = Talk::ready(false);
    begin(&mut talk, "[[steps]]\nstop = 'broker'");
    assert!(!talk.keys("q").contains(&Effect::Quit));
    assert!(talk.keys("q").contains(&Effect::Quit));
}

#[test]
fn a_refusal_fails_the_step() {
    let mut talk = Talk::ready(false);
    begin(&mut talk, "settle = '1ms'\n[[steps]]\nstop = 'exporter'");
    talk.send(Event::Drill(DrillEvent::Found(vec![(Drill::Exporter, Err("there is none".to_owned()))])));
    talk.at(1_000).send(Event::Tick);
    assert_eq!(outcome(&talk), Some(Outcome::Failed));
    let run = talk.model.data.scenario.as_ref().unwrap();
    assert_eq!(run.engine.result().unwrap().steps[0].verdict.reason(), Some("there is none"));
}

#[test]
fn the_key_starts_a_scenario_of_the_library_after_a_yes() {
    let mut talk = Talk::ready(false);
    talk.keys("s↵n");
    assert!(talk.model.data.scenario.is_none());
    talk.keys("↵y");
    let name = talk.model.data.scenario.as_ref().unwrap().engine.scenario().name.clone();
    assert_eq!(name, scenario::library::names()[0]);
    // The same key shows the progress, and x stops it.
    talk.keys("sx");
    talk.at(1_000).send(Event::Tick);
    assert!(matches!(outcome(&talk), Some(Outcome::Stopped(_))), "{:?}", outcome(&talk));
}

#[test]
fn a_file_with_mistakes_shows_them() {
    let mut talk = Talk::ready(false);
    talk.keys("s");
    for _ in scenario::library::names() {
        talk.keys("↓");
    }
    let effects = talk.keys("a.toml↵");
    assert!(effects.contains(&Effect::ReadScenario("a.toml".to_owned())), "{effects:?}");
    talk.send(Event::Scenario(ScenarioEvent::Read(Err(vec!["line 1: no".to_owned()]))));
    let mode = format!("{:?}", talk.model.ui.mode);
    assert!(mode.contains("Wrong([\"line 1: no\"])"), "{mode}");
}
