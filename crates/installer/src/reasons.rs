//! The reasons for waiting of one step, without repetition: a reason once, and of a similar one only what changed.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use text::clean;

/// A reason above this length, in characters, is cut to what changed.
const LONG: usize = 100;

/// Unchanged words around a change.
const CONTEXT: usize = 2;

/// The patterns of identifiers, ports and times, which differ between two reports of one cause. Group 1 stays.
static VARYING: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r#"(?i)((?:request|trace|correlation|activity|span)[ _-]?id\b["']?\s*[:=]?\s*["']?)[\w.+/=-]+"#,
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?",
        // A digest, in group 1, is no identifier of a request.
        r"\b(sha256:[0-9a-f]+)|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b[0-9a-fA-F]{16,}\b",
        r"([\w\].-]:)\d{4,5}\b",
        r"(?i)\b(port )\d+",
    ];
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// The reasons that were shown.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    shown: Vec<Reason>,
}

#[derive(Debug)]
struct Reason {
    text: String,
    /// The text without varying parts.
    cause: String,
}

impl Reasons {
    /// Records a reason. Returns the text to show; `None` if the same cause was shown before.
    pub(crate) fn record(&mut self, reason: &str) -> Option<String> {
        let text = clean::text(reason);
        let cause = cause(&text);
        if self.shown.iter().any(|shown| shown.cause == cause) {
            return None;
        }
        let changes = self.shown.iter().filter_map(|shown| change(&shown.text, &text));
        let to_show = changes.min_by_key(String::len).unwrap_or_else(|| text.clone());
        self.shown.push(Reason { text, cause });
        Some(to_show)
    }

    /// Forgets all reasons, for the next step.
    pub(crate) fn clear(&mut self) {
        self.shown.clear();
    }
}

fn cause(text: &str) -> String {
    VARYING.iter().fold(text.to_owned(), |text, pattern| {
        let kept = |found: &Captures<'_>| found.get(1).map_or("", |group| group.as_str()).to_owned();
        pattern.replace_all(&text, kept).into_owned()
    })
}

/// The words of `new` that differ from those of `old`, with some context; `None` if that is not much shorter than `new`.
fn change(old: &str, new: &str) -> Option<String> {
    let (old, words): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), new.split(' ').collect());
    let before = old.iter().zip(&words).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(words.len()) - before;
    let after = old.iter().rev().zip(words.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (from, to) = (before.saturating_sub(CONTEXT), (words.len() - after + CONTEXT).min(words.len()));
    let start = if from > 0 { "… " } else { "" };
    let end = if to < words.len() { " …" } else { "" };
    let short = format!("{start}{}{end}", words[from..to].join(" "));
    (new.chars().count() > LONG && short.chars().count() * 2 < new.chars().count()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: &str = "Deployment worker in namespace demo: pod worker-1: container worker keeps crashing (2 restarts, exit \
                         code 1); its last lines: connecting | refused | giving up";

    #[test]
    fn identifiers_ports_and_times_are_no_change() {
        for (first, second) in [
            ("no answer (request ID: 8f7c)", "no answer (request ID: 91ab)"),
            ("403, RequestId=\"AB/12=\", x", "403, RequestId=\"ZZ/98=\", x"),
            (
                "dial tcp 10.0.0.1:41234->10.0.0.2:443: refused",
                "dial tcp 10.0.0.1:50001->10.0.0.2:443: refused",
            ),
            ("listen on [::1]:40000 failed", "listen on [::1]:40001 failed"),
            ("lost connection to port 40000", "lost connection to port 41000"),
            ("at 2026-01-01T10:00:00Z: no", "at 2026-01-01T10:00:07.5Z: no"),
            ("trace 0af7651916cd43dd8448eb211c80319c: no", "trace 1bf7651916cd43dd8448eb211c80319d: no"),
            (
                "call 3f2504e0-4f89-11d3-9a0c-0305e82c3301: no",
                "call 4f2504e0-4f89-11d3-9a0c-0305e82c3302: no",
            ),
        ] {
            let mut reasons = Reasons::default();
            assert_eq!(reasons.record(first).as_deref(), Some(first));
            assert_eq!(reasons.record(second), None, "{second}");
        }
    }

    #[test]
    fn counts_names_and_digests_are_changes() {
        for (first, second) in [
            ("1 of 3 pods ready", "2 of 3 pods ready"),
            ("pod worker-1 is starting", "pod worker-2 is starting"),
            (
                "pulling h/w@sha256:0af7651916cd43dd8448 fails",
                "pulling h/w@sha256:1bf7651916cd43dd8448 fails",
            ),
            ("exit code 1", "exit code 137"),
            ("image rabbitmq:4.3", "image rabbitmq:3.13"),
        ] {
            let mut reasons = Reasons::default();
            assert_eq!(reasons.record(first).as_deref(), Some(first));
            assert_eq!(reasons.record(second).as_deref(), Some(second));
            assert_eq!(reasons.record(first), None, "shown before");
        }
    }

    #[test]
    fn a_long_reason_is_cut_to_its_change() {
        let mut reasons = Reasons::default();
        assert_eq!(reasons.record(CRASH).as_deref(), Some(CRASH));
        let third = CRASH.replace("2 restarts", "3 restarts");
        assert_eq!(reasons.record(&third).as_deref(), Some("… keeps crashing (3 restarts, exit …"));
        let other = CRASH.replace("giving up", "out of memory");
        assert_eq!(reasons.record(&other).as_deref(), Some("… refused | out of memory"));
        reasons.clear();
        assert_eq!(reasons.record(&third).as_deref(), Some(third.as_str()));
    }
}
