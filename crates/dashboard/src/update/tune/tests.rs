//! Whole dialogues with the tune dialog: keys and answers in, requests and texts out.

use serde_json::json;

use super::*;
use crate::edits::{Difference, Edit};
use crate::message::Event;
use crate::reported::{Applied, Refusal};
use crate::update::tests::Talk;
use observed::Hpa;

fn spec(max: i32) -> hpa::Spec {
    let mut spec: hpa::Spec = serde_json::from_value(json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": max,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
    }))
    .unwrap();
    hpa::defaults::default_spec(&mut spec);
    spec
}

pub(in crate::update) fn hpa(max: i32) -> Event {
    Event::Hpa(Some(Box::new(Hpa {
        name: "worker-scaler".to_owned(),
        min: 1,
        max,
        scaled_object: None,
        metric: None,
        spec: Some(Box::new(spec(max))),
        scale_target: ("Deployment".to_owned(), "worker".to_owned()),
        current_replicas: 1,
        desired_replicas: 1,
        reading_milli: None,
        last_scale: None,
        conditions: Vec::new(),
        targets_column: String::new(),
        current: Vec::new(),
    })))
}

fn talk() -> Talk {
    let mut talk = Talk::ready(false);
    talk.send(hpa(10));
    talk
}

fn difference() -> Difference {
    let (before, after) = (Some("10".to_owned()), Some("8".to_owned()));
    Difference { path: "spec.maxReplicas".to_owned(), before, after }
}

fn applied() -> Applied {
    let (forward, back) = (json!({"maxReplicas": 8}), json!({"maxReplicas": 10}));
    Applied { differences: vec![difference()], forward, back }
}

/// The requests about the HPA among the effects, in short.
fn requests(effects: &[Effect]) -> Vec<String> {
    let short = |effect: &Effect| match effect {
        Effect::Tune(TuneRequest::Rights) => Some("rights".to_owned()),
        Effect::Tune(TuneRequest::Try(change)) => Some(format!("try {:?}", change.edits)),
        Effect::Tune(TuneRequest::Apply(change)) => Some(format!("apply {:?}", change.edits)),
        Effect::Tune(TuneRequest::Undo { back, .. }) => Some(format!("undo {back}")),
        _ => None,
    };
    effects.iter().filter_map(short).collect()
}

/// The step of the dialog, in short.
fn step(talk: &Talk) -> String {
    match &talk.model.ui.mode {
        Mode::Dialog(open) => match &**open {
            other @ (Dialog::Shadow(_) | Dialog::Drills(_) | Dialog::Places(_) | Dialog::Mark(_)) => {
                panic!("another dialog: {other:?}")
            }
            Dialog::Tune(dialog) => match &dialog.step {
                TuneStep::Editing(wrong) if wrong.is_empty() => "editing".to_owned(),
                TuneStep::Editing(wrong) => format!("editing: {}", wrong.join("; ")),
                TuneStep::Trying(_) => "trying".to_owned(),
                TuneStep::Review(_, differences, answer) if *answer == YesNo::Yes => {
                    format!("review, yes: {}", differences.len())
                }
                TuneStep::Review(_, differences, _) => {
                    format!("review: {}", differences.iter().map(in_words).collect::<Vec<_>>().join("; "))
                }
                TuneStep::Applying(_) => "applying".to_owned(),
            },
        },
        Mode::Normal => "closed".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn keys_lead_through_the_form() {
    for (keys, asks, expected) in [
        ("t", vec!["rights"], "editing"),
        ("t⎋", vec!["rights"], "closed"),
        ("t↵", vec!["rights"], "editing: nothing is changed"),
        // An edit clears the errors; another field does not.
        ("t↵↓", vec!["rights"], "editing: nothing is changed"),
        ("t↵↓↓↓⌫", vec!["rights"], "editing"),
        ("t↵→", vec!["rights"], "editing"),
        // Letters and digits are text, and the burst key does not fire.
        ("t↓↓↓⌫⌫8 q", vec!["rights"], "editing"),
        ("t↓↓↓⌦8↵", vec!["rights", "try [Max(8)]"], "trying"),
        ("t↓↓↓⌦8↵⎋", vec!["rights", "try [Max(8)]"], "editing"),
        ("t↑↑↑↑↑⌦8↵", vec!["rights", "try [Max(8)]"], "trying"),
        (
            "t↓↓↓⌦0↵",
            vec!["rights"],
            "editing: spec.maxReplicas: Invalid value: 0: must be greater than 0; \
             spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ),
        ("t→↵", vec!["rights", "try [Target { metric: 0, kind: Value, quantity: \"20\" }]"], "trying"),
    ] {
        let mut talk = talk();
        let effects = talk.keys(keys);
        assert_eq!(requests(&effects), asks, "{keys}");
        assert_eq!(step(&talk), expected, "{keys}");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Fire { .. } | Effect::Quit)), "{keys}");
    }
}

#[test]
fn nothing_changes_before_a_yes_to_the_dry_run() {
    let mut talk = talk();
    talk.keys("t↓↓↓⌦8↵");
    let answer = TuneEvent::Tried { number: 1, result: Ok(vec![difference()]) };
    talk.send(Event::Tune(answer));
    assert_eq!(step(&talk), "review: spec.maxReplicas: 10 → 8");
    // An accidental enter changes nothing: the answer that is chosen at first is no.
    assert_eq!(requests(&talk.keys("↵")), [""; 0]);
    assert_eq!(step(&talk), "editing");
    talk.keys("↵");
    // An answer to an earlier request is ignored.
    talk.send(Event::Tune(TuneEvent::Tried { number: 1, result: Ok(vec![difference()]) }));
    assert_eq!(step(&talk), "trying");
    talk.send(Event::Tune(TuneEvent::Tried { number: 2, result: Ok(vec![difference()]) }));
    assert_eq!(requests(&talk.keys("→←→")), [""; 0]);
    assert_eq!(step(&talk), "review, yes: 1");
    assert_eq!(requests(&talk.keys("↵")), ["apply [Max(8)]"]);
    assert_eq!(step(&talk), "applying");
    talk.send(Event::Tune(TuneEvent::Applied { number: 3, result: Ok(applied()) }));
    assert_eq!(step(&talk), "closed");
    assert_eq!(talk.events(), ["tuned: spec.maxReplicas: 10 → 8; u undoes it"]);

    // An undo shows its differences and asks for a yes as well.
    for keys in ["u", "n", "u⎋", "u↵", "u→←↵"] {
        assert_eq!(requests(&talk.keys(keys)), [""; 0], "{keys}");
    }
    talk.keys("u");
    let Mode::Confirm(Confirm::Undo(undo), YesNo::No) = &talk.model.ui.mode else { panic!("a question") };
    let shown: Vec<String> = undo.differences.iter().map(in_words).collect();
    assert_eq!(shown, ["spec.maxReplicas: 8 → 10"]);
    assert_eq!(requests(&talk.keys("→↵")), ["undo {\"maxReplicas\":10}"]);
    talk.send(Event::Tune(TuneEvent::Undone { number: 4, result: Ok(vec![]) }));
    assert_eq!(requests(&talk.keys("u")), [""; 0], "there is nothing more to take back");
    assert_eq!(talk.events().last().unwrap(), "no undo: no change was made from here");
}

#[test]
fn a_conflict_keeps_the_typed_text() {
    let mut talk = talk();
    talk.keys("t↓↓⌦2↵");
    let now = Box::new(spec(5));
    let refusal = Refusal::Conflict { theirs: vec![difference()], now };
    talk.send(Event::Tune(TuneEvent::Tried { number: 1, result: Err(refusal) }));
    assert!(step(&talk).contains("another client changed the HPA"), "{}", step(&talk));
    // The next try is for the current specification.
    let effects = talk.keys("↵");
    let Some(Effect::Tune(TuneRequest::Try(change))) =
        effects.iter().find(|effect| matches!(effect, Effect::Tune(_)))
    else {
        panic!("{effects:?}")
    };
    assert_eq!((change.edits.as_slice(), change.seen.max_replicas), (&[Edit::Min(2)][..], 5));
}

#[test]
fn without_permission_it_asks_nothing() {
    let mut talk = talk();
    talk.keys("t");
    talk.send(Event::Tune(TuneEvent::Rights(Err("switched off by --read-only".to_owned()))));
    assert_eq!(requests(&talk.keys("↓↓↓⌦8↵")), [""; 0]);
    assert_eq!(step(&talk), "editing: switched off by --read-only");
}

#[test]
fn a_refused_change_is_logged_after_closing_too() {
    let mut talk = talk();
    talk.keys("t↓↓↓⌦8↵");
    talk.send(Event::Tune(TuneEvent::Tried { number: 1, result: Ok(vec![difference()]) }));
    talk.keys("y⎋");
    let refusal = Refusal::Failed("no answer within 10 s".to_owned());
    talk.send(Event::Tune(TuneEvent::Applied { number: 2, result: Err(refusal) }));
    assert_eq!(talk.events(), ["not tuned: no answer within 10 s"]);
}

#[test]
fn a_change_by_any_client_is_marked_once() {
    let mut talk = talk();
    let marks = |talk: &Talk| {
        let all = talk.model.data.history.marks(At::default(), std::time::Duration::MAX);
        all.filter(|mark| mark.kind == MarkKind::Tuned).count()
    };
    assert_eq!(
        (marks(&talk), talk.model.data.tuning.current_settings()),
        (0, "20 per pod, 1..10".to_owned())
    );
    talk.send(hpa(8));
    talk.send(hpa(8));
    assert_eq!((marks(&talk), talk.model.data.tuning.current_settings()), (1, "20 per pod, 1..8".to_owned()));
    assert_eq!(talk.events(), ["HPA changed: now 20 per pod, 1..8"]);
}
