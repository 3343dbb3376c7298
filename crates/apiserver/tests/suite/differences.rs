//! The differences from a real Kubernetes: found by comparison, and listed with their reasons in `README.md`. The two must
//! agree.

use std::collections::BTreeSet;

use serde_json::Value;

use super::step::{Answer, Step};

const README: &str = include_str!("../../README.md");
const BEGIN: &str = "<!-- differences -->";
const END: &str = "<!-- /differences -->";

/// The place of a difference: the request as `file/step`, and a JSON pointer into the response.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DifferencePlace {
    pub(crate) request: String,
    pub(crate) pointer: String,
}

/// A difference with both values, shortened.
pub(crate) struct Difference {
    pub(crate) place: DifferencePlace,
    pub(crate) ours: String,
    pub(crate) real: String,
}

/// Returns all differences of a file's responses.
pub(crate) fn find(file: &str, steps: &[Step], ours: &[Answer], real: &[Answer]) -> Vec<Difference> {
    let mut found = Vec::new();
    for ((step, ours), real) in steps.iter().zip(ours).zip(real) {
        let (ours, real) = (serde_json::to_value(ours).unwrap(), serde_json::to_value(real).unwrap());
        let mut pointers = Vec::new();
        compare(&ours, &real, String::new(), &mut pointers);
        for pointer in pointers {
            let short = |value: &Value| {
                let text = value.pointer(&pointer).map_or("absent".to_owned(), Value::to_string);
                text.chars().take(600).collect()
            };
            let (ours, real) = (short(&ours), short(&real));
            let place = DifferencePlace { request: format!("{file}/{}", step.name), pointer };
            found.push(Difference { place, ours, real });
        }
    }
    found
}

/// Collects the pointers at which two values differ, as deep as both have the same structure.
fn compare(ours: &Value, real: &Value, at: String, out: &mut Vec<String>) {
    match (ours, real) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let deeper = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(left, right, deeper, out),
                    _ => out.push(deeper),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                compare(left, right, format!("{at}/{index}"), out);
            }
        }
        _ if ours == real => {}
        _ => out.push(at),
    }
}

/// Returns the list in README.md. A row has requests, pointers into their responses, and the reason.
pub(crate) fn listed() -> BTreeSet<DifferencePlace> {
    let (_, rest) = README.split_once(BEGIN).expect("README.md lists the differences");
    let (table, _) = rest.split_once(END).expect("the list in README.md has an end");
    let mut places = BTreeSet::new();
    for row in table.lines().map(str::trim).filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [requests, pointers, reason] = cells.as_slice() else { panic!("expected three cells: {row}") };
        assert!(!reason.is_empty(), "no reason: {row}");
        for request in code(requests) {
            places.extend(
                code(pointers).map(|pointer| DifferencePlace {
                    request: request.to_owned(),
                    pointer: pointer.to_owned(),
                }),
            );
        }
    }
    places
}

/// Returns the texts between back-ticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Compares the list with the differences, and returns the faults as text. A listed pointer covers everything below it; `/`
/// covers the whole response.
pub(crate) fn check(found: &[Difference], listed: &BTreeSet<DifferencePlace>) -> String {
    let covers = |row: &DifferencePlace, place: &DifferencePlace| {
        let below = place.pointer.strip_prefix(&row.pointer);
        let whole = row.pointer == "/";
        row.request == place.request
            && (whole || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let mut out = String::new();
    for one in found.iter().filter(|one| !listed.iter().any(|row| covers(row, &one.place))) {
        let Difference { place, ours, real } = one;
        out += &format!("not listed: {} {}\n  ours {ours}\n  real {real}\n", place.request, place.pointer);
    }
    for row in listed.iter().filter(|row| !found.iter().any(|one| covers(row, &one.place))) {
        out += &format!("listed, but equal: {} {}\n", row.request, row.pointer);
    }
    out
}
