//! The line of a container's log that says why it does not work.

use serde_json::Value;
use text::clean;
use text::mask::mask;

use crate::messages;

/// Characters of a line that a finding shows.
const MAX_CHARS: usize = 300;

/// Words in front of a line in which a level is looked for.
const LEVEL_WORDS: usize = 6;

/// Words that mark a line without a level as an error.
const ERROR_WORDS: [&str; 16] = [
    "error",
    "exception",
    "fatal",
    "panic",
    "caused by",
    "refused",
    "denied",
    "failed",
    "failure",
    "cannot",
    "could not",
    "unable to",
    "no such",
    "not found",
    "timed out",
    "killed",
];

/// The level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Lower,
    Warning,
}

/// The last line at level warning or above. Without levels: the last line that names an error, or else the last line. Secrets
/// in it are masked.
pub(crate) fn telling(log: &str) -> Option<String> {
    let lines: Vec<(Option<Level>, String)> = joined(log).iter().map(|line| parse(line)).collect();
    let last = |wanted: fn(&(Option<Level>, String)) -> bool| lines.iter().rev().find(|line| wanted(line));
    let found = last(|(level, _)| *level == Some(Level::Warning))
        .or_else(|| last(|(level, text)| level.is_none() && names_error(text)))
        .or_else(|| last(|(_, text)| !is_frame(text)))?;
    let text = clean::text(&mask(&found.1));
    let short: String = text.chars().take(MAX_CHARS).collect();
    Some(if short.len() < text.len() { format!("{short}…") } else { short })
}

/// The lines that are not empty. A line that ends in a colon and the next one belong together, as in a panic of Rust.
fn joined(log: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in log.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match lines.last_mut().filter(|last| last.ends_with(':') && names_error(last)) {
            Some(last) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines
}

fn names_error(text: &str) -> bool {
    let text = text.to_lowercase();
    !is_frame(&text) && ERROR_WORDS.iter().any(|word| text.contains(word))
}

/// Returns whether the line is a frame of a stack trace.
fn is_frame(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("at ")
        || text.starts_with("File \"")
        || text.starts_with("... ")
        || text.starts_with("goroutine ")
        || text.starts_with("note: run with `RUST_BACKTRACE")
}

fn parse(line: &str) -> (Option<Level>, String) {
    match serde_json::from_str::<Value>(line.trim()) {
        Ok(Value::Object(fields)) => (json_level(&fields), json_text(&fields, line)),
        _ => (text_level(line), line.trim().to_owned()),
    }
}

type Fields = serde_json::Map<String, Value>;

fn json_level(fields: &Fields) -> Option<Level> {
    let keys = ["level", "severity", "lvl", "levelname", "log.level", "@l", "levelname", "severityText"];
    let value = keys.iter().find_map(|key| fields.get(*key)).or_else(|| fields.get("log")?.get("level"))?;
    match value {
        // The scale of bunyan and pino: 40 is a warning.
        Value::Number(number) => Some(if number.as_f64()? >= 40.0 { Level::Warning } else { Level::Lower }),
        Value::String(text) => level(text),
        _ => None,
    }
}

fn json_text(fields: &Fields, line: &str) -> String {
    let field = |keys: &[&str]| {
        let value =
            keys.iter().find_map(|key| fields.get(*key).or_else(|| fields.get("fields")?.get(*key)))?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            // Some loggers write the error as an object.
            other => {
                other.get("message").and_then(Value::as_str).map(str::to_owned).or(Some(other.to_string()))
            }
        }
    };
    let message = field(&["message", "msg", "@message", "@m", "event", "textPayload"]);
    let error = field(&["error", "err", "exception", "cause", "reason"]);
    match (message, error) {
        (Some(message), Some(error)) if !message.contains(&error) => format!("{message}: {error}"),
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => line.trim().to_owned(),
    }
}

/// The level that a word names.
fn level(word: &str) -> Option<Level> {
    match word.to_ascii_lowercase().as_str() {
        "trace" | "debug" | "info" | "information" | "notice" | "dbg" | "inf" => Some(Level::Lower),
        "warn" | "warning" | "wrn" | "error" | "err" | "eror" | "fatal" | "critical" | "crit" | "panic"
        | "severe" | "alert" | "emergency" | "emerg" => Some(Level::Warning),
        _ => None,
    }
}

fn text_level(line: &str) -> Option<Level> {
    if let Some(level) = klog_level(line) {
        return Some(level);
    }
    line.split_whitespace().take(LEVEL_WORDS).find_map(|word| {
        let named = word.strip_prefix("level=").or_else(|| word.strip_prefix("lvl="));
        if let Some(named) = named {
            return level(named.trim_matches('"'));
        }
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        // A level is written in capitals, between brackets, or before a colon. Other words are prose.
        let is_marked = bare.len() < word.len() || bare.chars().all(|c| c.is_ascii_uppercase());
        level(bare).filter(|_| is_marked)
    })
}

/// The level of Kubernetes' own programs, such as `E0102 15:04:05.000000`.
fn klog_level(line: &str) -> Option<Level> {
    let (head, _) = line.split_at_checked(5)?;
    let (letter, digits) = head.split_at_checked(1)?;
    let is_klog = digits.bytes().all(|byte| byte.is_ascii_digit()) && line[5..].starts_with(' ');
    match letter {
        "I" if is_klog => Some(Level::Lower),
        "W" | "E" | "F" if is_klog => Some(Level::Warning),
        _ => None,
    }
}

/// Returns whether the broker refused the declaration or the use of a queue, which the hop of the broker explains.
pub(crate) fn blames_queue(line: &str) -> bool {
    ["PRECONDITION_FAILED", "NOT_FOUND - no queue", "RESOURCE_LOCKED"].iter().any(|text| line.contains(text))
}

/// The kind of fault that the line names, if it is a usual one.
pub(crate) fn fault(line: &str) -> Option<String> {
    let line = line.to_lowercase();
    let contains = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
    if contains(&[
        "access_refused",
        "access denied for user",
        "authentication failed",
        "authentication failure",
        "invalid credentials",
        "wrongpass",
        "noauth",
        "login was refused",
        "login refused",
        "bad username or password",
        "password authentication",
    ]) {
        return Some(messages::fault_login());
    }
    if contains(&[
        "failed to lookup address",
        "no such host",
        "name or service not known",
        "name resolution",
        "nodename nor servname",
        "getaddrinfo",
        "unknownhost",
        "nxdomain",
        "could not resolve host",
        "name does not resolve",
    ]) {
        return Some(messages::fault_host());
    }
    if contains(&["inequivalent arg"]) {
        return Some(messages::fault_arguments());
    }
    if contains(&["connection refused", "econnrefused"]) {
        return Some(messages::fault_refused());
    }
    if contains(&["certificate", "x509", "tls handshake"]) {
        return Some(messages::fault_certificate());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_found() {
        for (log, expected) in [
            ("INFO a\nWARN b\nINFO c", "WARN b"),
            (
                "2026-01-01T00:00:00Z  WARN worker: 403 ACCESS_REFUSED attempt=3\n2026-01-01T00:00:01Z  INFO x: ready",
                "2026-01-01T00:00:00Z  WARN worker: 403 ACCESS_REFUSED attempt=3",
            ),
            (
                r#"{"level":"INFO","message":"a"}
                {"timestamp":"t","level":"WARN","message":"no such host","broker":"amqp://x"}
                {"level":"INFO","message":"b"}"#,
                "no such host",
            ),
            (
                r#"{"level":50,"msg":"boom","err":{"message":"ECONNREFUSED","stack":"at x"}}"#,
                "boom: ECONNREFUSED",
            ),
            (r#"{"severity":"ERROR","message":"a: b","error":"b"}"#, "a: b"),
            (r#"{"level":"warning","fields":{"message":"inner"}}"#, "inner"),
            ("level=info msg=a\nlevel=error msg=\"b c\"", "level=error msg=\"b c\""),
            (
                "E0102 15:04:05.000000       1 main.go:1] broken\nI0102 15:04:06.000000 1 x] fine",
                "E0102 15:04:05.000000       1 main.go:1] broken",
            ),
            (
                "2026-01-01 00:00:00.1 [error] <0.1.0> refused\n2026-01-01 00:00:00.2 [info] <0.1.0> x",
                "2026-01-01 00:00:00.1 [error] <0.1.0> refused",
            ),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError: no queue\n",
                "ValueError: no queue",
            ),
            (
                "Exception in thread main\nCaused by: java.net.UnknownHostException: rabbit\n\tat a.b.C\n\t... 12 more",
                "Caused by: java.net.UnknownHostException: rabbit",
            ),
            (
                "thread 'main' panicked at src/main.rs:3:5:\nno settings\nnote: run with `RUST_BACKTRACE=1`",
                "thread 'main' panicked at src/main.rs:3:5: no settings",
            ),
            (
                "error: unexpected argument '--x' found\n\nUsage: worker [OPTIONS]",
                "error: unexpected argument '--x' found",
            ),
            ("waiting for the database", "waiting for the database"),
            ("INFO starting\nInformation is no level here: error 3", "Information is no level here: error 3"),
            (
                "WARN login with password=hunter2 at amqp://a:b@c",
                "WARN login with password=(hidden) at amqp://(hidden)@c",
            ),
        ] {
            assert_eq!(telling(log).as_deref(), Some(expected), "{log}");
        }
        assert_eq!(telling("\n \n"), None);
    }

    #[test]
    fn long_lines_are_cut() {
        let line = telling(&format!("ERROR {}\u{1b}[31m", "x".repeat(1_000))).unwrap();
        assert_eq!(line.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn usual_faults_are_named() {
        for (line, expected) in [
            (
                "403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN",
                messages::fault_login(),
            ),
            ("FATAL: password authentication failed for user \"x\"", messages::fault_login()),
            ("failed to lookup address information: Name or service not known", messages::fault_host()),
            ("dial tcp: lookup db on 10.96.0.10:53: no such host", messages::fault_host()),
            ("406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type'", messages::fault_arguments()),
            ("connect ECONNREFUSED 10.0.0.1:5672", messages::fault_refused()),
            ("x509: certificate signed by unknown authority", messages::fault_certificate()),
        ] {
            assert_eq!(fault(line).as_deref(), Some(expected.as_str()), "{line}");
        }
        assert_eq!(fault("index out of range"), None);
    }
}
