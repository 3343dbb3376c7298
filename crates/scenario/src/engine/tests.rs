use std::collections::BTreeMap;

use super::*;
use crate::figure::Known;
use crate::file::parse;
use crate::names::Name;

/// A world whose numbers a test sets.
#[derive(Default)]
struct Set {
    values: BTreeMap<Name, f64>,
    bursts: Vec<(Name, u32, Known)>,
    newest: u32,
    stopped: Vec<Part>,
    is_catching_up: bool,
}

impl Set {
    fn set(&mut self, name: Name, number: f64) {
        self.values.insert(name, number);
    }
}

impl World for Set {
    fn value(&self, name: Name) -> Known {
        self.values.get(&name).copied().into()
    }

    fn newest_burst(&self) -> u32 {
        self.newest
    }

    fn bursts(&self, name: Name, after: u32) -> Vec<(u32, Known)> {
        let found = self.bursts.iter().filter(|(known, number, _)| *known == name && *number > after);
        found.map(|(_, number, value)| (*number, *value)).collect()
    }

    fn is_catching_up(&self) -> bool {
        self.is_catching_up
    }

    fn is_stopped(&self, part: Part) -> bool {
        self.stopped.contains(&part)
    }
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn engine(text: &str, world: &Set) -> Engine {
    let scenario = parse("test", text, &|_| Err("no files".to_owned())).unwrap();
    Engine::start(Arc::new(scenario), s(100), world)
}

fn passed(engine: &Engine) -> &RunResult {
    let result = engine.result().expect("the run is over");
    assert_eq!(result.outcome, Outcome::Passed, "{:?}", result.first_failure());
    result
}

#[test]
fn steps_follow_each_other() {
    let mut world = Set::default();
    let mut engine = engine(
        "expect = ['peak_size == 4', 'accepted == 7']\n[[steps]]\nburst = 50\n[[steps]]\nmark = 'x'\n\
         [[steps]]\nwait = 'ready >= 4 within 30s'\n[[steps]]\npause = '5s'\n[[steps]]\nrate = 3\n\
         [[steps]]\nhold = { rate = 9, for = '2m' }",
        &world,
    );
    world.set(Name::Size, 1.0);
    world.set(Name::Accepted, 7.0);
    assert_eq!(engine.poll(s(100), &world), [Action::Fire(50)]);
    assert_eq!(engine.poll(s(100), &world), [Action::Mark("x".to_owned())]);
    assert_eq!(engine.poll(s(110), &world), []);
    let progress = engine.progress(s(110)).unwrap();
    assert_eq!((progress.step, progress.since, progress.limit), (3, s(10), Some(s(30))));
    world.set(Name::Ready, 4.0);
    world.set(Name::Size, 4.0);
    // The numbers are from before the burst.
    world.is_catching_up = true;
    assert_eq!(engine.poll(s(115), &world), []);
    assert_eq!(engine.progress(s(115)).unwrap().step, 3);
    world.is_catching_up = false;
    assert_eq!(engine.poll(s(120), &world), []);
    assert_eq!(engine.poll(s(125), &world), [Action::Load(3.0), Action::Load(9.0)]);
    // A load is set again before it stops by itself.
    assert_eq!(engine.poll(s(184), &world), []);
    assert_eq!(engine.poll(s(185), &world), [Action::Load(9.0)]);
    assert_eq!(engine.poll(s(245), &world), [Action::Load(0.0)]);
    let result = passed(&engine);
    assert_eq!(result.seconds, 145.0);
    assert_eq!(result.rescales, [crate::outcome::Rescale { at: 15.0, from: 1, to: 4 }]);
    assert_eq!(result.marks, [(0.0, "x".to_owned())]);
}

#[test]
fn a_load_of_nothing_waits_for_its_end() {
    let world = Set::default();
    let mut engine = engine("[[steps]]\nstairs = { rates = [0, 4, 0], each = '10s' }", &world);
    for (second, expected) in [
        (100, vec![]),
        (105, vec![]),
        (110, vec![Action::Load(4.0)]),
        (120, vec![Action::Load(0.0)]),
        (125, vec![]),
        (130, vec![]),
    ] {
        assert_eq!(engine.poll(s(second), &world), expected, "{second}");
        assert!(engine.next_due().is_none_or(|due| due > s(second)), "{second}: {:?}", engine.next_due());
    }
    passed(&engine);
}

#[test]
fn a_missed_deadline_skips_the_other_steps() {
    let mut world = Set::default();
    world.set(Name::Ready, 2.0);
    let text = "[[steps]]\nrate = 5\n[[steps]]\nwait = 'ready >= 4 within 30s'\n[[steps]]\nburst = 1";
    let mut engine = engine(text, &world);
    assert_eq!(engine.poll(s(100), &world), [Action::Load(5.0)]);
    assert_eq!(engine.poll(s(130), &world), [Action::Load(0.0)]);
    let result = engine.result().unwrap();
    assert_eq!(result.outcome, Outcome::Failed);
    let verdicts: Vec<_> = result.steps.iter().map(|step| step.verdict.reason()).collect();
    assert_eq!(verdicts, [None, Some("ready is 2 after 30 s"), Some("an earlier step failed")]);
}

#[test]
fn changes_are_put_back_in_any_case() {
    let text = "[[steps]]\ntune = { maxReplicas = 3 }\n[[steps]]\nstop = 'broker'\n[[steps]]\npause = '10s'";
    for is_stopped_by_user in [false, true] {
        let world = Set::default();
        let mut engine = engine(text, &world);
        assert!(matches!(engine.poll(s(100), &world)[..], [Action::Tune(_)]));
        engine.answer(s(101), Ok(()));
        assert_eq!(engine.poll(s(101), &world), [Action::Stop(Part::Broker)]);
        engine.answer(s(102), Ok(()));
        assert_eq!(engine.poll(s(102), &world), []);
        let end = if is_stopped_by_user { s(103) } else { s(112) };
        if is_stopped_by_user {
            engine.stop(end, "Ctrl-C".to_owned());
        }
        assert_eq!(engine.poll(end, &world), [Action::Undo, Action::Start(Part::Broker)]);
        engine.answer(end, Ok(()));
        assert_eq!((engine.poll(end, &world), engine.result()), (Vec::new(), None));
        engine.answer(end, Err("no (403)".to_owned()));
        engine.poll(end, &world);
        let result = engine.result().unwrap();
        assert_eq!(result.left, ["no (403)"]);
        let expected =
            if is_stopped_by_user { Outcome::Stopped("Ctrl-C".to_owned()) } else { Outcome::Passed };
        assert_eq!(result.outcome, expected);
    }
}

#[test]
fn an_action_without_an_answer_fails() {
    let world = Set::default();
    for (refusal, expected) in [(Some("no (403)"), "no (403)"), (None, "no answer in time")] {
        let mut engine = engine("[[steps]]\nkill = 'worker'", &world);
        assert_eq!(engine.poll(s(100), &world), [Action::Kill]);
        if let Some(refusal) = refusal {
            engine.answer(s(101), Err(refusal.to_owned()));
        }
        engine.poll(s(130), &world);
        assert_eq!(engine.result().unwrap().steps[0].verdict.reason(), Some(expected));
    }
}

#[test]
fn the_timeout_ends_the_run() {
    let world = Set::default();
    let mut engine = engine("timeout = '20s'\n[[steps]]\nrate = 5\n[[steps]]\npause = '1h'", &world);
    engine.poll(s(100), &world);
    assert!(engine.next_due().unwrap() <= s(120));
    assert_eq!(engine.poll(s(120), &world), [Action::Load(0.0)]);
    let result = engine.result().unwrap();
    assert_eq!(result.steps[1].verdict.reason(), Some("the timeout of the run is over, 20 s"));
}

#[test]
fn flaps_are_scale_ups_after_a_scale_down() {
    for (sizes, rescales, flaps) in [
        (&[1, 4, 1][..], 2.0, 0.0),
        (&[1, 4, 2, 3], 3.0, 1.0),
        (&[3, 1, 2, 3, 1, 4], 5.0, 2.0),
        (&[2, 2, 2], 0.0, 0.0),
    ] {
        let mut world = Set::default();
        let mut engine = engine("[[steps]]\npause = '50s'", &world);
        for (at, size) in (100..).zip(sizes) {
            world.set(Name::Size, f64::from(*size));
            engine.poll(s(at), &world);
        }
        engine.poll(s(150), &world);
        let result = passed(&engine);
        let figure = |name| result.figures.iter().find(|(known, _)| *known == name).unwrap().1;
        let expected = (Known::Is(rescales), Known::Is(flaps));
        assert_eq!((figure(Name::Rescales), figure(Name::Flaps)), expected, "{sizes:?}");
    }
}

#[test]
fn expectations_wait_for_open_numbers() {
    let mut world = Set { newest: 3, ..Set::default() };
    let text = "settle = '30s'\nexpect = ['drained p50 < 10s', 'overshoot <= 2', 'lost == 0']\n\
                [[steps]]\nburst = 1";
    let mut engine = engine(text, &world);
    // An earlier burst does not count.
    world.bursts = vec![(Name::Drained, 3, Known::Is(99.0)), (Name::Drained, 4, Known::Open)];
    world.bursts.push((Name::Overshoot, 4, Known::About(1.0)));
    world.set(Name::Lost, 0.0);
    engine.poll(s(100), &world);
    engine.poll(s(110), &world);
    assert!(engine.result().is_none());
    world.bursts[1].2 = Known::Is(8.0);
    engine.poll(s(111), &world);
    let result = passed(&engine);
    let measured: Vec<_> = result.expectations.iter().map(|one| one.measured).collect();
    assert_eq!(measured, [Known::Is(8.0), Known::About(1.0), Known::Is(0.0)]);
    assert_eq!(result.bursts[0].number, 1);
}

#[test]
fn an_unknown_number_does_not_hold() {
    let mut world = Set::default();
    let text =
        "settle = '5s'\nexpect = ['drained < 10s', 'lost == 0', 'overshoot <= 2']\n[[steps]]\nburst = 1";
    let mut engine = engine(text, &world);
    world.bursts = vec![(Name::Drained, 1, Known::Open), (Name::Overshoot, 1, Known::Never("no target"))];
    for second in [100, 100, 105] {
        engine.poll(s(second), &world);
    }
    let result = engine.result().unwrap();
    assert_eq!(result.outcome, Outcome::Failed);
    let reasons: Vec<_> = result.expectations.iter().map(|one| one.verdict.reason().unwrap()).collect();
    let not_over = "the run ended before the number was known";
    assert_eq!(reasons, [not_over, not_over, "no target"]);
}

#[test]
fn samples_stay_bounded() {
    let mut world = Set::default();
    world.set(Name::Depth, 1.0);
    let mut engine = engine("timeout = '100h'\n[[steps]]\npause = '24h'", &world);
    for second in 0..=86_400 {
        engine.poll(s(100 + second), &world);
    }
    let result = passed(&engine);
    assert!((3_000..7_200).contains(&result.samples.len()), "{}", result.samples.len());
    assert!(result.samples.windows(2).all(|pair| pair[0].at < pair[1].at));
}
