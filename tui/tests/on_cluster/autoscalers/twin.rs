//! The behaviour of the autoscalers of two clusters with the same burst.

use std::collections::BTreeSet;

use hpa::recorded::{RecordedHpa, Recording};

/// The part that is the same whatever happens between two syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// All of it.
    Same,
    /// All but the sizes on the way down, which follow the readings of each side.
    DownAsRead,
}

/// The differences, a line each.
pub(crate) fn compare(real: &RecordedHpa, ours: &RecordedHpa, way: Way) -> Vec<String> {
    let mut differences = Vec::new();
    let mut same = |what: &str, of: &dyn Fn(&RecordedHpa) -> Vec<String>| {
        let (real, ours) = (of(real), of(ours));
        if real != ours {
            differences.push(format!(
                "{what}:\n  cluster {}\n  sandbox {}",
                real.join(" | "),
                ours.join(" | ")
            ));
        }
    };
    same("sizes", &|one| numbers(&way_of(&sizes(one), way)));
    same("events", &|one| events(one, way));
    same("states", &|one| states(one, way));
    differences
}

/// The sizes in one line, for the test's log.
pub(crate) fn reported(autoscaler: &RecordedHpa) -> String {
    numbers(&sizes(autoscaler)).join(" → ")
}

fn numbers(sizes: &[i32]) -> Vec<String> {
    sizes.iter().map(ToString::to_string).collect()
}

/// The target's sizes in order.
fn sizes(autoscaler: &RecordedHpa) -> Vec<i32> {
    let mut sizes: Vec<i32> = autoscaler.syncs.first().map(|sync| sync.spec_replicas).into_iter().collect();
    sizes.extend(autoscaler.syncs.iter().map(|sync| sync.size));
    sizes.dedup();
    sizes
}

/// The sizes that must be equal: the way up, and the end.
fn way_of(sizes: &[i32], way: Way) -> Vec<i32> {
    if way == Way::Same {
        return sizes.to_vec();
    }
    let up = 1 + sizes.windows(2).take_while(|pair| pair[0] < pair[1]).count();
    let rises_again = sizes[up.min(sizes.len())..].windows(2).any(|pair| pair[0] < pair[1]);
    // If there is no way down, all sizes are compared.
    if rises_again { sizes.to_vec() } else { [&sizes[..up], &sizes[sizes.len() - 1..]].concat() }
}

/// The events in order; without the sizes on the way down, each kind of event once.
fn events(autoscaler: &RecordedHpa, way: Way) -> Vec<String> {
    let all = autoscaler.syncs.iter().flat_map(|sync| sync.events.iter().map(|event| masked(event, way)));
    let mut all: Vec<String> = all.collect();
    if way == Way::DownAsRead {
        all.dedup();
    }
    all
}

/// Every state of a condition that was written, once.
fn states(autoscaler: &RecordedHpa, way: Way) -> Vec<String> {
    let conditions =
        autoscaler.syncs.iter().filter_map(|sync| sync.status["conditions"].as_array()).flatten();
    let words = conditions.map(|condition| {
        let word = |field: &str| condition[field].as_str().unwrap_or_default();
        masked(&["type", "status", "reason", "message"].map(word).join(" "), way)
    });
    words.collect::<BTreeSet<String>>().into_iter().collect()
}

/// The message with `N` for each size, where sizes are left out.
fn masked(words: &str, way: Way) -> String {
    if way == Way::Same {
        return words.to_owned();
    }
    let mut masked = words.to_owned();
    for before in ["New size: ", "update the target scale to "] {
        if let Some((begin, rest)) = words.split_once(before) {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            masked = format!("{begin}{before}N{rest}");
        }
    }
    masked
}

/// A comparison must be able to fail.
#[test]
fn differences_are_reported() {
    let recording: Recording =
        serde_json::from_str(include_str!("../../../../crates/hpa/tests/data/recorded-1.34.json")).unwrap();
    let real = recording.autoscalers.into_iter().find(|one| one.name == "windows").unwrap();
    for way in [Way::Same, Way::DownAsRead] {
        assert_eq!(compare(&real, &real, way), Vec::<String>::new());
        let mut ours = real.clone();
        let last = ours.syncs.last_mut().unwrap();
        last.size += 1;
        last.events.push("Warning Other something else".to_owned());
        last.status["conditions"][0]["reason"] = "Other".into();
        assert_eq!(compare(&real, &ours, way).len(), 3, "{way:?}");
    }
}

#[test]
fn sizes_on_the_way_down_can_be_left_out() {
    for (sizes, expected) in [
        (vec![1, 5, 10, 7, 4, 1], vec![1, 5, 10, 1]),
        (vec![1, 5, 10, 9, 2, 1], vec![1, 5, 10, 1]),
        (vec![1, 5, 1], vec![1, 5, 1]),
        (vec![1, 5, 3, 4, 1], vec![1, 5, 3, 4, 1]),
    ] {
        assert_eq!(way_of(&sizes, Way::DownAsRead), expected);
        assert_eq!(way_of(&sizes, Way::Same), sizes);
    }
    assert_eq!(
        masked("Normal SuccessfulRescale New size: 10; reason: x", Way::DownAsRead),
        "Normal SuccessfulRescale New size: N; reason: x"
    );
}
