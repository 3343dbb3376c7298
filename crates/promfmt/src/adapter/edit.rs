//! Changes to the text of a rule that keep the rest of it: the matchers of a query, and one field of the file.

use std::ops::Range;

use serde_json::Value;

/// Words of PromQL that no series has as its name.
const KEYWORDS: [&str; 24] = [
    "and",
    "avg",
    "bool",
    "bottomk",
    "by",
    "count",
    "count_values",
    "end",
    "group",
    "group_left",
    "group_right",
    "ignoring",
    "inf",
    "max",
    "min",
    "nan",
    "offset",
    "on",
    "or",
    "quantile",
    "start",
    "stddev",
    "stdvar",
    "sum",
];

/// Words in front of a list of labels.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// A selector in the text of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TextSelector {
    start: usize,
    /// End of its name; the start of its braces if it has no name.
    name_end: usize,
    /// The text between its braces, if it has braces.
    braces: Option<Range<usize>>,
}

/// The number of selectors in the text of a query with the adapter's `<<…>>`.
#[must_use]
pub fn count_selectors(query: &str) -> usize {
    selectors(query).len()
}

/// Changes the matchers of the selectors in the text of a query. `change` gets the number of a selector, in the order of
/// the text, and its matchers as they are written, `<<.LabelMatchers>>` among them.
#[must_use]
pub fn change_matchers(query: &str, change: impl Fn(usize, Vec<String>) -> Vec<String>) -> String {
    let mut text = String::with_capacity(query.len());
    let mut done = 0;
    for (index, selector) in selectors(query).into_iter().enumerate() {
        let before = selector.braces.as_ref().map_or_else(Vec::new, |at| parts(&query[at.clone()]));
        let after = change(index, before.clone());
        if after == before {
            continue;
        }
        let (start, end) = match &selector.braces {
            Some(at) => (at.start, at.end),
            None => (selector.name_end, selector.name_end),
        };
        text.push_str(&query[done..start]);
        match (&selector.braces, after.is_empty()) {
            (None, true) => {}
            (None, false) => text.push_str(&format!("{{{}}}", after.join(","))),
            (Some(_), _) => text.push_str(&after.join(",")),
        }
        done = end;
    }
    text.push_str(&query[done..]);
    text
}

/// Puts texts around the selectors of a query. `around` gets the number of a selector, in the order of the text.
#[must_use]
pub fn wrap_selectors(query: &str, around: impl Fn(usize) -> Option<(String, String)>) -> String {
    let mut text = String::with_capacity(query.len());
    let mut done = 0;
    for (index, selector) in selectors(query).into_iter().enumerate() {
        let Some((before, behind)) = around(index) else { continue };
        let end = selector.braces.map_or(selector.name_end, |braces| braces.end + 1);
        text.push_str(&query[done..selector.start]);
        text.push_str(&before);
        text.push_str(&query[selector.start..end]);
        text.push_str(&behind);
        done = end;
    }
    text.push_str(&query[done..]);
    text
}

/// The label of a matcher as it is written; `None` for an action of the adapter.
#[must_use]
pub fn label_of(matcher: &str) -> Option<&str> {
    let mut matcher = matcher.trim_start();
    while let Some((_, behind)) = matcher.strip_prefix("<<").and_then(|action| action.split_once(">>")) {
        matcher = behind.trim_start();
    }
    let end = matcher.find(['=', '!'])?;
    let label = matcher[..end].trim();
    crate::exposition::is_label_name(label).then_some(label)
}

/// The comma-separated parts of the text between two braces. Commas in quotes and actions do not count.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let length = token(rest);
        let (part, behind) = rest.split_at(length);
        match part {
            "," => parts.push(String::new()),
            part => {
                if let Some(last) = parts.last_mut() {
                    last.push_str(part);
                }
            }
        }
        rest = behind;
    }
    let parts = parts.into_iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The length of the first token: an action, a quoted text, a word or one character.
fn token(text: &str) -> usize {
    if let Some(action) = text.strip_prefix("<<") {
        return action.find(">>").map_or(text.len(), |end| end + 4);
    }
    let first = text.chars().next().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    if matches!(first, '"' | '\'' | '`') {
        let mut escaped = false;
        for (at, c) in text.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if first != '`' => escaped = true,
                c if c == first => return at + c.len_utf8(),
                _ => {}
            }
        }
        return text.len();
    }
    if is_word(first) { text.find(|c| !is_word(c)).unwrap_or(text.len()) } else { first.len_utf8() }
}

/// The selectors of a query, in the order of its text.
fn selectors(query: &str) -> Vec<TextSelector> {
    let mut found: Vec<TextSelector> = Vec::new();
    let mut at = 0;
    while at < query.len() {
        let length = token(&query[at..]);
        let (word, start, end) = (&query[at..at + length], at, at + length);
        let next = query[end..].trim_start();
        let next_at = query.len() - next.len();
        let starts_name = word.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':'));
        at = end;
        if word == "{" {
            let close = closing(query, end, '}');
            found.push(TextSelector { start, name_end: end - 1, braces: Some(end..close) });
            at = close + 1;
        } else if word.starts_with("<<") || (starts_name && !is_keyword(word) && !next.starts_with('(')) {
            // An action that prints no name, such as the end of a block, has no selector.
            if word.starts_with("<<") && !matches!(word.trim_matches(['<', '>', ' ']), ".Series") {
                continue;
            }
            if next.starts_with('{') {
                let close = closing(query, next_at + 1, '}');
                found.push(TextSelector { start, name_end: end, braces: Some(next_at + 1..close) });
                at = close + 1;
            } else {
                found.push(TextSelector { start, name_end: end, braces: None });
            }
        } else if LISTS.contains(&word.to_ascii_lowercase().as_str()) && next.starts_with('(') {
            at = closing(query, next_at + 1, ')') + 1;
        }
    }
    found
}

fn is_keyword(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    KEYWORDS.contains(&word.as_str()) || matches!(word.as_str(), "topk" | "unless" | "without")
}

/// The index of the closing bracket from `start` on, or the end of the text.
fn closing(text: &str, start: usize, bracket: char) -> usize {
    let mut at = start;
    while at < text.len() {
        if text[at..].starts_with(bracket) {
            return at;
        }
        at += token(&text[at..]);
    }
    text.len()
}

/// The file with another text at the pointer, such as `/externalRules/0/metricsQuery`. The rest keeps its form if the old
/// text occurs once, and else its meaning.
#[must_use]
pub fn set_text(file: &str, pointer: &str, new: &str) -> Option<String> {
    let value: Value = serde_saphyr::from_str(file).ok()?;
    let old = value.pointer(pointer)?.as_str()?;
    let single = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let double = |text: &str| Value::from(text).to_string();
    let styles: [(String, String); 3] = [
        (single(old), single(new)),
        (double(old), double(new)),
        (format!(": {old}\n"), format!(": {}\n", single(new))),
    ];
    let in_place = styles.into_iter().find(|(old, _)| file.matches(old.as_str()).count() == 1);
    let changed = in_place.map(|(old, new)| file.replacen(&old, &new, 1));
    let is_right = |text: &String| {
        let parsed: Result<Value, _> = serde_saphyr::from_str(text);
        parsed.is_ok_and(|parsed| parsed.pointer(pointer).and_then(Value::as_str) == Some(new))
    };
    changed.filter(is_right).or_else(|| set(file, pointer, Value::from(new)))
}

/// The file with another value at the pointer, which is added if its parent exists.
#[must_use]
pub fn set(file: &str, pointer: &str, new: Value) -> Option<String> {
    let mut value: Value = serde_saphyr::from_str(file).ok()?;
    let (parent, key) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), new);
        }
        Value::Array(items) if key == "-" => items.push(new),
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = new,
        _ => return None,
    }
    serde_saphyr::to_string(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_change_and_the_rest_stays() {
        let add = |query: &str| {
            change_matchers(query, |_, mut parts| {
                parts.push("v=\"/\"".to_owned());
                parts
            })
        };
        for (query, expected) in [
            ("sum(<<.Series>>{<<.LabelMatchers>>})", r#"sum(<<.Series>>{<<.LabelMatchers>>,v="/"})"#),
            ("sum(<<.Series>>) by (<<.GroupBy>>)", r#"sum(<<.Series>>{v="/"}) by (<<.GroupBy>>)"#),
            ("sum by (vhost, queue) (a{q=~\".+,}\"})", r#"sum by (vhost, queue) (a{q=~".+,}",v="/"})"#),
            ("a or 0 * max(up{j=\"x\"} == 1)", r#"a{v="/"} or 0 * max(up{j="x",v="/"} == 1)"#),
            (
                "rate(a[5m]) + on (x) group_left (y) b",
                r#"rate(a{v="/"}[5m]) + on (x) group_left (y) b{v="/"}"#,
            ),
            (r#"{__name__="a"}"#, r#"{__name__="a",v="/"}"#),
            ("a{ }", r#"a{v="/"}"#),
            ("sum(a) or vector(0)", r#"sum(a{v="/"}) or vector(0)"#),
            (
                r#"s(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<$l>>=~"<<$v>>",<<end>>x="y"})"#,
                r#"s(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<$l>>=~"<<$v>>",<<end>>x="y",v="/"})"#,
            ),
            (
                r#"up{n="<<index .LabelValuesByName "namespace">>"}"#,
                r#"up{n="<<index .LabelValuesByName "namespace">>",v="/"}"#,
            ),
        ] {
            assert_eq!(add(query), expected, "{query}");
            assert_eq!(change_matchers(query, |_, parts| parts), query);
        }
    }

    #[test]
    fn selectors_are_wrapped() {
        let wrapped = wrap_selectors("sum(<<.Series>>{a=\"b\"}) or 0 * max(up == 1)", |index| {
            (index == 0).then(|| ("max by (q) (".to_owned(), ")".to_owned()))
        });
        assert_eq!(wrapped, "sum(max by (q) (<<.Series>>{a=\"b\"})) or 0 * max(up == 1)");
    }

    #[test]
    fn labels_of_matchers_are_read() {
        for (matcher, label) in [
            ("queue=\"a\"", Some("queue")),
            (" queue != \"a\"", Some("queue")),
            ("<<.LabelMatchers>>", None),
            ("<<end>>vhost=\"/\"", Some("vhost")),
            ("n=\"<<index .LabelValuesByName \"n\">>\"", Some("n")),
        ] {
            assert_eq!(label_of(matcher), label, "{matcher}");
        }
    }

    #[test]
    fn a_field_changes_in_its_own_form() {
        let file =
            "# a note\nexternalRules:\n- metricsQuery: 'it''s'\n  seriesQuery: a\n- metricsQuery: \"b\"\n";
        let set =
            |at: usize, new: &str| set_text(file, &format!("/externalRules/{at}/metricsQuery"), new).unwrap();
        assert_eq!(set(0, "x'y"), file.replace("it''s", "x''y"));
        assert_eq!(set(1, "x\"y"), file.replace("\"b\"", "\"x\\\"y\""));
        assert_eq!(
            set_text(file, "/externalRules/0/seriesQuery", "{b}").unwrap(),
            file.replace(" a\n-", " '{b}'\n-")
        );
        let twice = "externalRules: [{metricsQuery: 'a'}, {metricsQuery: 'a'}]";
        let changed: Value =
            serde_saphyr::from_str(&set_text(twice, "/externalRules/1/metricsQuery", "b").unwrap()).unwrap();
        assert_eq!(changed["externalRules"][0]["metricsQuery"], "a");
        assert_eq!(changed["externalRules"][1]["metricsQuery"], "b");
        assert_eq!(set_text(file, "/externalRules/7/metricsQuery", "b"), None);
    }
}
