//! Metric names in a PromQL expression.

use std::collections::BTreeSet;

/// Keywords of PromQL.
const KEYWORDS: [&str; 12] = [
    "by",
    "on",
    "without",
    "and",
    "or",
    "unless",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "inf",
];

/// Returns the metrics that the expression selects, without labels, strings, durations and functions.
pub(crate) fn of(expression: &str) -> BTreeSet<String> {
    let characters: Vec<char> = without_labels(expression).chars().collect();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut names = BTreeSet::new();
    let mut labels_follow = false;
    let mut at = 0;
    while at < characters.len() {
        if !legal(characters[at]) {
            if characters[at] == '(' && labels_follow {
                at += characters[at..].iter().position(|c| *c == ')').unwrap_or(0);
            }
            labels_follow &= characters[at].is_whitespace();
            at += 1;
            continue;
        }
        let end = at + characters[at..].iter().position(|c| !legal(*c)).unwrap_or(characters.len() - at);
        let word: String = characters[at..end].iter().collect();
        let next = characters[end..].iter().find(|c| !c.is_whitespace());
        labels_follow =
            ["by", "on", "without", "ignoring", "group_left", "group_right"].contains(&word.as_str());
        let is_function = next == Some(&'(');
        // `sum by (…) (…)` is a function too.
        let rest: String = characters[end..].iter().collect();
        let is_aggregation = ["by", "without"].iter().any(|word| rest.trim_start().starts_with(word));
        let starts_like_a_name = !word.starts_with(|c: char| c.is_ascii_digit());
        if starts_like_a_name && !is_function && !is_aggregation && !KEYWORDS.contains(&word.as_str()) {
            names.insert(word);
        }
        at = end;
    }
    names
}

/// The expression without `{…}`, `[…]` and strings.
fn without_labels(expression: &str) -> String {
    let mut kept = String::new();
    let (mut depth, mut quoted) = (0, false);
    for c in expression.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ if depth > 0 => {}
            _ => kept.push(c),
        }
    }
    kept
}

#[test]
fn only_metrics_are_names() {
    for (expression, expected) in [
        ("up", vec!["up"]),
        (r#"sum by (le, job) (rate(a_bucket{x="b{"}[5m]))"#, vec!["a_bucket"]),
        (
            r#"deriv(ns:a:max{q="b"}[3m]) > 0 and on (namespace) max by (x) (c) >= on (y) max(d)"#,
            vec!["c", "d", "ns:a:max"],
        ),
        ("time() - max(timestamp(a{b=\"c\"})) > 60", vec!["a"]),
        ("0 * max(a == 1) or b", vec!["a", "b"]),
        ("histogram_quantile(0.5, a)", vec!["a"]),
    ] {
        assert_eq!(of(expression).into_iter().collect::<Vec<_>>(), expected, "{expression}");
    }
}
