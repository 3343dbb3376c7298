//! Reads the text format in which a target tells its metrics (version 0.0.4).
//!
//! The format is Prometheus' "Exposition formats"; a body with one line that does not parse is refused whole, because half
//! a scrape reads as series that ended. Two liberties: an exemplar after the value (`# {…}`) and `# EOF`, both
//! of OpenMetrics, are passed over.

use crate::labels::{Labels, NAME, is_label_name};
use crate::sample::{Millis, parse_number};

/// Most labels of one series. A line is bounded by the body's limit, so this only keeps nonsense cheap.
const LABELS: usize = 128;

/// One line of a body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line<'a> {
    /// Metric name and labels as the target wrote them: the same series is the same text from scrape to scrape.
    pub(crate) series: &'a str,
    pub(crate) value: f64,
    /// The target's own time, in the rare case that it gives one.
    pub(crate) time: Option<Millis>,
}

/// Why a body was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the answer is not Prometheus' text format: {problem} in {text:?}")]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) problem: &'static str,
    pub(crate) text: String,
}

/// The samples of `body`, in order. Stops after the first line that does not parse.
pub(crate) fn lines(body: &str) -> impl Iterator<Item = Result<Line<'_>, Malformed>> {
    body.split('\n').enumerate().filter_map(|(at, raw)| {
        let text = raw.trim_matches([' ', '\t', '\r']);
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        Some(line(text).map_err(|problem| Malformed {
            line: at + 1,
            problem,
            text: text.chars().take(80).collect(),
        }))
    })
}

/// The labels of a series' text, with its name as `__name__`.
///
/// # Errors
/// What is wrong with the text, in a few words.
pub(crate) fn labels(series: &str) -> Result<Labels, &'static str> {
    let mut pairs = Vec::new();
    let (name, mut rest) = metric_name(series)?;
    pairs.push((NAME.to_owned(), name.to_owned()));
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, value, after) = pair(rest)?;
            if label == NAME || pairs.iter().any(|(known, _)| known == label) {
                return Err("a label twice");
            }
            if pairs.len() > LABELS {
                return Err("more than 128 labels");
            }
            pairs.push((label.to_owned(), value));
            rest = after.trim_start_matches([' ', '\t']);
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
            } else if !rest.starts_with('}') {
                return Err("neither a comma nor a brace after a label");
            }
        }
    }
    if rest.trim_matches([' ', '\t']).is_empty() {
        Ok(Labels::new(pairs))
    } else {
        Err("text after the labels")
    }
}

fn line(text: &str) -> Result<Line<'_>, &'static str> {
    let end = series_end(text)?;
    let (series, rest) = text.split_at(end);
    let rest = rest.split_once(" # {").map_or(rest, |(before, _exemplar)| before);
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = words.next().ok_or("no value")?;
    let value = parse_number(value).ok_or("a value that is no number")?;
    let time = match words.next() {
        None => None,
        Some(word) => Some(word.parse().map_err(|_| "a timestamp that is no integer")?),
    };
    if words.next().is_some() {
        return Err("text after the timestamp");
    }
    Ok(Line { series: series.trim_end_matches([' ', '\t']), value, time })
}

/// Where the series' text ends: past the closing brace, or past the name. A brace inside quotes does not count.
fn series_end(text: &str) -> Result<usize, &'static str> {
    let (_, rest) = metric_name(text)?;
    let start = text.len() - rest.len();
    if !rest.starts_with('{') {
        return Ok(start);
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Ok(start + at + 1),
            _ => {}
        }
    }
    Err("no closing brace")
}

/// Splits off `[a-zA-Z_:][a-zA-Z0-9_:]*` and the blanks behind it.
fn metric_name(text: &str) -> Result<(&str, &str), &'static str> {
    let end = text
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || b == b'_' || b == b':'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        return Err("no metric name");
    }
    Ok((name, rest.trim_start_matches([' ', '\t'])))
}

fn pair(text: &str) -> Result<(&str, String, &str), &'static str> {
    let (name, rest) = text.split_once('=').ok_or("a label without a value")?;
    let name = name.trim_matches([' ', '\t']);
    if !is_label_name(name) {
        return Err("a label name that is none");
    }
    let rest =
        rest.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or("a label value without quotes")?;
    let mut value = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((name, value, &rest[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('\\' | '"'))) => value.push(c),
                // Prometheus keeps an escape that it does not know as it stands.
                Some((_, c)) => value.extend(['\\', c]),
                None => break,
            },
            c => value.push(c),
        }
    }
    Err("a label value without an end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_format_allows() {
        type Case = (&'static str, &'static str, f64, Option<Millis>);
        let cases: &[Case] = &[
            ("a 1", "a", 1.0, None),
            ("  a\t 2  \r", "a", 2.0, None),
            ("a:b_c9 1e3 1700000000000", "a:b_c9", 1000.0, Some(1_700_000_000_000)),
            ("a{} 1 -5", "a", 1.0, Some(-5)),
            (r#"a{b="c"}1"#, r#"a{b="c"}"#, 1.0, None),
            (r#"a { b = "c" , d="e", } 1"#, r#"a{b="c", d="e"}"#, 1.0, None),
            (r#"a{b="}\"{ #,="} 1"#, r#"a{b="}\"{ #,="}"#, 1.0, None),
            (r#"a{b="1\\2\n3\q"} 1"#, r#"a{b="1\\2\n3\\q"}"#, 1.0, None),
            (r#"a{b=""} 1"#, "a", 1.0, None),
            (r#"a{b="ö \ x"} 1"#, r#"a{b="ö \\ x"}"#, 1.0, None),
            ("a +Inf", "a", f64::INFINITY, None),
            ("a -Inf", "a", f64::NEG_INFINITY, None),
            (r#"a_bucket{le="1"} 3 # {trace_id="x"} 0.5 1700000000.1"#, r#"a_bucket{le="1"}"#, 3.0, None),
        ];
        for (text, series, value, time) in cases {
            let line = lines(text).next().expect(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(labels(line.series).expect(text).to_string(), *series, "{text}");
            assert_eq!((line.value, line.time), (*value, *time), "{text}");
        }
        let nan = lines("a NaN").next().expect("one line").expect("a value");
        assert!(nan.value.is_nan());
    }

    #[test]
    fn passes_over_comments_and_blank_lines() {
        let body = "# HELP a Text { \" }\n# TYPE a gauge\n\na 1\n#\n   \nb 2\n# EOF\n";
        let seen: Vec<_> = lines(body).map(|line| line.expect("fine").series.to_owned()).collect();
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn refuses_what_is_not_the_format() {
        for (text, problem) in [
            ("9a 1", "no metric name"),
            ("{a=\"b\"} 1", "no metric name"),
            ("a", "no value"),
            ("a one", "a value that is no number"),
            ("a 1 2.5", "a timestamp that is no integer"),
            ("a 1 2 3", "text after the timestamp"),
            ("a{b=\"c\" 1", "no closing brace"),
            ("a{b=\"c} 1", "no closing brace"),
        ] {
            let error = lines(text).next().expect(text).expect_err(text);
            assert_eq!((error.line, error.problem), (1, problem), "{text}");
        }
        for (series, problem) in [
            ("a{b}", "a label without a value"),
            ("a{b=c}", "a label value without quotes"),
            ("a{b=\"c\"d=\"e\"}", "neither a comma nor a brace after a label"),
            ("a{9=\"c\"}", "a label name that is none"),
            ("a{b=\"c\",b=\"d\"}", "a label twice"),
            ("a{__name__=\"c\"}", "a label twice"),
        ] {
            assert_eq!(labels(series), Err(problem), "{series}");
        }
    }

    #[test]
    fn names_the_line_that_is_wrong() {
        let error = lines("a 1\nb\n").find_map(Result::err).expect("the second line");
        assert_eq!(
            error.to_string(),
            r#"line 2 of the answer is not Prometheus' text format: no value in "b""#
        );
    }
}
