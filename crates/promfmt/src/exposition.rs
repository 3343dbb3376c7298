//! Parser of the text format in which a target exposes its metrics (version 0.0.4).
//!
//! Prometheus refuses a body with one malformed line as a whole, because half a scrape looks like series that
//! ended; [`samples`] reports each line, so that the caller can do the same. The parser skips two parts of
//! OpenMetrics: an exemplar after the value (`# {…}`) and `# EOF`.
//!
//! Source: Prometheus' documentation, "Exposition formats"; `model/textparse/promparse.go`.

use std::borrow::Cow;

use crate::number;

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// Most labels of one series. The body's limit bounds a line already; this limit keeps duplicate checks cheap.
const MAX_LABELS: usize = 128;

/// Characters of a malformed line that an error quotes.
const MAX_QUOTED: usize = 80;

/// The value of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a> {
    /// Metric name and labels, as the target wrote them. [`labels`] parses them.
    pub series: &'a str,
    /// The value.
    pub value: f64,
    /// The target's own time in milliseconds since 1970, if it gives one.
    pub timestamp: Option<i64>,
}

/// A line that is not in the text format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not in Prometheus' text format: {problem} in {text:?}")]
pub struct ParseError {
    /// Number of the line; the first line is 1.
    pub line: usize,
    /// The violated rule.
    pub problem: &'static str,
    /// The start of the line.
    pub text: String,
}

/// Parses the samples of `body`, in order. Comments and blank lines are skipped.
pub fn samples(body: &str) -> impl Iterator<Item = Result<Sample<'_>, ParseError>> {
    body.split('\n').enumerate().filter_map(|(at, raw)| {
        let text = raw.trim_matches([' ', '\t', '\r']);
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        Some(sample(text).map_err(|problem| ParseError {
            line: at + 1,
            problem,
            text: text.chars().take(MAX_QUOTED).collect(),
        }))
    })
}

impl<'a> Sample<'a> {
    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        metric_name(self.series).map_or("", |(name, _)| name)
    }
}

/// A comment about a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About<'a> {
    /// `# HELP`: its description, as written.
    Help(&'a str),
    /// `# TYPE`: such as `counter`.
    Type(&'a str),
}

/// The comments `# HELP` and `# TYPE`, each with the name of its metric.
pub fn comments(body: &str) -> impl Iterator<Item = (&str, About<'_>)> {
    body.lines().filter_map(|line| {
        let comment = line.trim_start().strip_prefix('#')?.trim_start();
        let (keyword, rest) = comment.split_once([' ', '\t'])?;
        let rest = rest.trim();
        let (name, text) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        match keyword {
            "HELP" => Some((name, About::Help(text.trim_start()))),
            "TYPE" => Some((name, About::Type(text.trim()))),
            _ => None,
        }
    })
}

/// Parses the text of a series into its labels, with the metric's name as `__name__` first.
///
/// # Errors
/// The violated rule, in a few words.
pub fn labels(series: &str) -> Result<Vec<(&str, Cow<'_, str>)>, &'static str> {
    let (name, mut rest) = metric_name(series)?;
    let mut labels: Vec<(&str, Cow<'_, str>)> = vec![(NAME, Cow::Borrowed(name))];
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, value, after) = pair(rest)?;
            if labels.iter().any(|(known, _)| *known == label) {
                return Err("a repeated label");
            }
            if labels.len() > MAX_LABELS {
                return Err("more than 128 labels");
            }
            labels.push((label, value));
            rest = after.trim_start_matches([' ', '\t']);
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
            } else if !rest.starts_with('}') {
                return Err("no comma or brace after a label");
            }
        }
    }
    if rest.trim_matches([' ', '\t']).is_empty() { Ok(labels) } else { Err("text after the labels") }
}

/// Returns `true` for a label name of the text format: `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn sample(text: &str) -> Result<Sample<'_>, &'static str> {
    let end = series_end(text)?;
    let (series, rest) = text.split_at(end);
    let rest = rest.split_once(" # {").map_or(rest, |(before, _exemplar)| before);
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = words.next().ok_or("no value")?;
    let value = number::parse(value).ok_or("a value that is not a number")?;
    let timestamp = match words.next() {
        None => None,
        Some(word) => Some(word.parse().map_err(|_| "a timestamp that is not an integer")?),
    };
    if words.next().is_some() {
        return Err("text after the timestamp");
    }
    Ok(Sample { series: series.trim_end_matches([' ', '\t']), value, timestamp })
}

/// The end of the series' text: after the closing brace, or after the name. Braces inside quotes do not count.
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

/// Splits off `[a-zA-Z_:][a-zA-Z0-9_:]*` and the blanks after it.
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

/// Splits off `name="value"`.
fn pair(text: &str) -> Result<(&str, Cow<'_, str>, &str), &'static str> {
    let (name, rest) = text.split_once('=').ok_or("a label without a value")?;
    let name = name.trim_matches([' ', '\t']);
    if !is_label_name(name) {
        return Err("an invalid label name");
    }
    let rest =
        rest.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or("a label value without quotes")?;
    let mut escaped = false;
    let end = rest.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    });
    let end = end.ok_or("a label value without an end")?;
    Ok((name, unescaped(&rest[..end]), &rest[end + 1..]))
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => value.push('\n'),
            ('\\', Some(c @ ('\\' | '"'))) => value.push(c),
            // Prometheus keeps an unknown escape as it is.
            ('\\', Some(c)) => value.extend(['\\', c]),
            (c, _) => value.push(c),
        }
    }
    Cow::Owned(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(series: &str) -> String {
        let labels = labels(series).expect(series);
        let pairs: Vec<String> =
            labels[1..].iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}{{{}}}", labels[0].1, pairs.join(", "))
    }

    #[test]
    fn parses_every_form_of_the_format() {
        type Case = (&'static str, &'static str, f64, Option<i64>);
        let cases: &[Case] = &[
            ("a 1", "a{}", 1.0, None),
            ("  a\t 2  \r", "a{}", 2.0, None),
            ("a:b_c9 1e3 1700000000000", "a:b_c9{}", 1000.0, Some(1_700_000_000_000)),
            ("a{} 1 -5", "a{}", 1.0, Some(-5)),
            (r#"a{b="c"}1"#, r#"a{b="c"}"#, 1.0, None),
            (r#"a { b = "c" , d="e", } 1"#, r#"a{b="c", d="e"}"#, 1.0, None),
            (r#"a{b="}\"{ #,="} 1"#, r#"a{b="}\"{ #,="}"#, 1.0, None),
            (r#"a{b="1\\2\n3\q"} 1"#, r#"a{b="1\\2\n3\\q"}"#, 1.0, None),
            (r#"a{b=""} 1"#, r#"a{b=""}"#, 1.0, None),
            (r#"a{b="ö \ x"} 1"#, r#"a{b="ö \\ x"}"#, 1.0, None),
            (r#"a{b="x,y",c="z"} 1"#, r#"a{b="x,y", c="z"}"#, 1.0, None),
            (r#"a{b="x\\",c="z"} 1"#, r#"a{b="x\\", c="z"}"#, 1.0, None),
            ("a +Inf", "a{}", f64::INFINITY, None),
            ("a -Inf", "a{}", f64::NEG_INFINITY, None),
            (r#"a_bucket{le="+Inf"} 3"#, r#"a_bucket{le="+Inf"}"#, 3.0, None),
            (r#"a_bucket{le="1"} 3 # {trace_id="x"} 0.5 1700000000.1"#, r#"a_bucket{le="1"}"#, 3.0, None),
        ];
        for (text, series, value, timestamp) in cases {
            let sample = samples(text).next().expect(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(shown(sample.series), *series, "{text}");
            assert!(series.starts_with(sample.name()) && !sample.name().is_empty(), "{text}");
            assert_eq!((sample.value, sample.timestamp), (*value, *timestamp), "{text}");
        }
        let nan = samples("a NaN").next().expect("one line").expect("a value");
        assert!(nan.value.is_nan());
    }

    #[test]
    fn skips_comments_and_blank_lines() {
        let body = "# HELP a Text { \" }\n# TYPE a gauge\n\na 1\n#\n   \nb 2\n# EOF\n";
        let names: Vec<_> = samples(body).map(|sample| sample.expect("well formed").name()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn reports_the_violated_rule() {
        for (text, problem) in [
            ("9a 1", "no metric name"),
            ("{a=\"b\"} 1", "no metric name"),
            ("a", "no value"),
            ("a one", "a value that is not a number"),
            ("a 1 2.5", "a timestamp that is not an integer"),
            ("a 1 2 3", "text after the timestamp"),
            ("a{b=\"c\" 1", "no closing brace"),
            ("a{b=\"c} 1", "no closing brace"),
        ] {
            let error = samples(text).next().expect(text).expect_err(text);
            assert_eq!((error.line, error.problem), (1, problem), "{text}");
        }
        for (series, problem) in [
            ("a{b}", "a label without a value"),
            ("a{b=c}", "a label value without quotes"),
            ("a{b=\"c}", "a label value without an end"),
            ("a{b=\"c\"d=\"e\"}", "no comma or brace after a label"),
            ("a{9=\"c\"}", "an invalid label name"),
            ("a{b=\"c\",b=\"d\"}", "a repeated label"),
            ("a{__name__=\"c\"}", "a repeated label"),
        ] {
            assert_eq!(labels(series), Err(problem), "{series}");
        }
    }

    #[test]
    fn names_the_malformed_line() {
        let error = samples("a 1\nb\n").find_map(Result::err).expect("the second line");
        assert_eq!(error.to_string(), r#"line 2 is not in Prometheus' text format: no value in "b""#);
    }

    #[test]
    fn knows_label_names() {
        for (name, valid) in
            [("a", true), ("_a9", true), ("9a", false), ("", false), ("a-b", false), ("ä", false)]
        {
            assert_eq!(is_label_name(name), valid, "{name}");
        }
    }

    #[test]
    fn comments_name_their_metric() {
        let body = "# HELP a A text.\n# TYPE a  gauge\na 1\n# HELP b\n# EOF\n#TYPE c counter\n# a note\n";
        let found: Vec<_> = comments(body).collect();
        assert_eq!(
            found,
            [
                ("a", About::Help("A text.")),
                ("a", About::Type("gauge")),
                ("b", About::Help("")),
                ("c", About::Type("counter")),
            ]
        );
    }
}
