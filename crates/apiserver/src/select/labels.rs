//! Label selectors: the text form of query parameters and the object form of specs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Status;
use crate::names::{LABEL_KEY, LABEL_VALUE, SUBDOMAIN, is_dns_subdomain, is_label_key, is_label_value};

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// The label exists with one of these values.
    In(String, Vec<String>),
    /// The label is absent or has another value.
    NotIn(String, Vec<String>),
    /// The label exists.
    Exists(String),
    /// The label does not exist.
    Absent(String),
    /// The label is a number greater than this one.
    Greater(String, i64),
    /// The label is a number less than this one.
    Less(String, i64),
}

/// A conjunction of conditions on labels. The empty selector matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Returns the conditions. An object matches when all of them hold.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.0
    }

    /// Parses a selector such as `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// 400 with the unexpected and the expected token.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        parser
            .selector()
            .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))
            .map(Self)
    }

    /// Reads the object form (`matchLabels` and `matchExpressions`), or a plain map of labels.
    pub(crate) fn from_object(selector: &Value) -> Self {
        let texts = |map: &Map<String, Value>| {
            map.iter()
                .filter_map(|(key, value)| {
                    Some(Requirement::In(key.clone(), vec![value.as_str()?.to_owned()]))
                })
                .collect::<Vec<_>>()
        };
        let Some(object) = selector.as_object() else { return Self::default() };
        let labels = object.get("matchLabels").and_then(Value::as_object);
        let expressions = object.get("matchExpressions").and_then(Value::as_array);
        if labels.is_none() && expressions.is_none() {
            return Self(texts(object));
        }
        let mut all = labels.map(texts).unwrap_or_default();
        for expression in expressions.into_iter().flatten() {
            let Some(key) = expression["key"].as_str().map(str::to_owned) else { continue };
            let values = expression["values"].as_array().into_iter().flatten();
            let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
            all.push(match expression["operator"].as_str() {
                Some("NotIn") => Requirement::NotIn(key, values),
                Some("Exists") => Requirement::Exists(key),
                Some("DoesNotExist") => Requirement::Absent(key),
                _ => Requirement::In(key, values),
            });
        }
        Self(all)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, labels: &[(String, String)]) -> bool {
        self.holds(|key| labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()))
    }

    /// Returns true when it selects an object with these labels.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.holds(|key| labels.get(key).map(String::as_str))
    }

    fn holds<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => get(key).is_some_and(|v| values.iter().any(|x| x == v)),
            Requirement::NotIn(key, values) => get(key).is_none_or(|v| values.iter().all(|x| x != v)),
            Requirement::Exists(key) => get(key).is_some(),
            Requirement::Absent(key) => get(key).is_none(),
            Requirement::Greater(key, bound) => number(get(key)).is_some_and(|v| v > *bound),
            Requirement::Less(key, bound) => number(get(key)).is_some_and(|v| v < *bound),
        })
    }
}

fn number(text: Option<&str>) -> Option<i64> {
    text?.parse().ok()
}

/// The text form, sorted by key, as in `kubectl get -o wide` and the scale subresource.
impl std::fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut all: Vec<&Requirement> = self.0.iter().collect();
        all.sort_by_key(|requirement| match requirement {
            Requirement::In(key, _) | Requirement::NotIn(key, _) => key,
            Requirement::Exists(key) | Requirement::Absent(key) => key,
            Requirement::Greater(key, _) | Requirement::Less(key, _) => key,
        });
        for (place, requirement) in all.into_iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            let list = |values: &[String]| {
                let mut values = values.to_vec();
                values.sort();
                values.join(",")
            };
            match requirement {
                Requirement::In(key, values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Requirement::In(key, values) => write!(f, "{key} in ({})", list(values))?,
                Requirement::NotIn(key, values) => write!(f, "{key} notin ({})", list(values))?,
                Requirement::Exists(key) => f.write_str(key)?,
                Requirement::Absent(key) => write!(f, "!{key}")?,
                Requirement::Greater(key, bound) => write!(f, "{key}>{bound}")?,
                Requirement::Less(key, bound) => write!(f, "{key}<{bound}")?,
            }
        }
        Ok(())
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut token = String::from(c);
        if is_special(c) {
            // `==` and `!=` are the only operators of two characters.
            if matches!(c, '=' | '!') && chars.peek() == Some(&'=') {
                token.push('=');
                chars.next();
            }
        } else {
            while let Some(&next) = chars.peek() {
                if is_special(next) || next.is_whitespace() {
                    break;
                }
                token.push(next);
                chars.next();
            }
        }
        tokens.push(token);
    }
    tokens
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '<' | '>')
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        if self.tokens.is_empty() {
            return Ok(all);
        }
        loop {
            all.push(self.requirement()?);
            match self.next().as_deref() {
                None => return Ok(all),
                Some(",") if self.peek().is_some() => {}
                Some(",") => return Err("found '', expected: identifier after ','".into()),
                Some(other) => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let first = self.next().unwrap_or_default();
        if first == "!" {
            return Ok(Requirement::Absent(self.key()?));
        }
        let key = checked_key(first)?;
        match self.peek() {
            None | Some(",") => return Ok(Requirement::Exists(key)),
            _ => {}
        }
        let operator = self.next().unwrap_or_default();
        match operator.as_str() {
            "=" | "==" => self.value(&key).map(|value| Requirement::In(key, vec![value])),
            "!=" => self.value(&key).map(|value| Requirement::NotIn(key, vec![value])),
            "in" => self.values(&key).map(|values| Requirement::In(key, values)),
            "notin" => self.values(&key).map(|values| Requirement::NotIn(key, values)),
            ">" => self.bound(&key).map(|bound| Requirement::Greater(key, bound)),
            "<" => self.bound(&key).map(|bound| Requirement::Less(key, bound)),
            other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn key(&mut self) -> Result<String, String> {
        checked_key(self.next().unwrap_or_default())
    }

    /// Reads one value; an absent one is the empty value, as in `a=`.
    fn value(&mut self, key: &str) -> Result<String, String> {
        match self.peek() {
            None | Some(",") => Ok(String::new()),
            Some(token) if token.chars().next().is_some_and(is_special) => {
                Err(format!("found '{token}', expected: identifier"))
            }
            Some(_) => checked_value(key, 0, self.next().unwrap_or_default()),
        }
    }

    fn bound(&mut self, key: &str) -> Result<i64, String> {
        let text = self.value(key)?;
        text.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: \"{text}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    fn values(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.next() {
            Some(open) if open == "(" => {}
            other => return Err(format!("found '{}' expected: '('", other.unwrap_or_default())),
        }
        let mut values = Vec::new();
        loop {
            match self.next().as_deref() {
                Some(")") => {
                    if values.is_empty() {
                        values.push(String::new());
                    }
                    return Ok(values);
                }
                Some(",") => {}
                Some(value) => values.push(checked_value(key, values.len(), value.to_owned())?),
                None => return Err("found '', expected: ',' or ')'".into()),
            }
        }
    }
}

fn checked_key(key: String) -> Result<String, String> {
    if is_label_key(&key) {
        Ok(key)
    } else if key.is_empty() || key.chars().next().is_some_and(is_special) {
        Err(format!("found '{key}', expected: !, identifier, or 'end of string'"))
    } else {
        let prefix = key.split_once('/').map(|(prefix, _)| prefix);
        let why = match prefix.filter(|prefix| !is_dns_subdomain(prefix)) {
            Some(_) => format!("prefix part {SUBDOMAIN}"),
            None => LABEL_KEY.to_owned(),
        };
        // The parser has no field name; Go formats that as `<nil>`.
        Err(format!("<nil>: Invalid value: \"{key}\": {why}"))
    }
}

fn checked_value(key: &str, place: usize, value: String) -> Result<String, String> {
    if is_label_value(&value) {
        Ok(value)
    } else {
        Err(format!("values[{place}][{key}]: Invalid value: \"{value}\": {LABEL_VALUE}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn label_selectors_match_and_reject() {
        let app = labels(&[("app", "worker"), ("tier", "2"), ("empty", "")]);
        for (selector, picks) in [
            ("", true),
            ("app=worker", true),
            ("app==worker,tier=2", true),
            ("app = worker , tier", true),
            ("app!=worker", false),
            ("app!=producer", true),
            ("absent!=x", true),
            ("app in (producer, worker)", true),
            ("app in (producer)", false),
            ("app notin (producer)", true),
            ("absent notin (a,b)", true),
            ("app", true),
            ("!app", false),
            ("!absent", true),
            ("empty=", true),
            ("app=", false),
            ("tier>1", true),
            ("tier<2", false),
            ("app>1", false),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap().matches(&app), picks, "{selector}");
        }
        for bad in ["=x", "a=b,", "a in b", "a in (b", "a=b c", "-a=b", "a=b*", "a>b", "a b", ",", "a=!"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn object_form_and_text_form_agree() {
        let object = json!({"matchLabels": {"b": "1", "a": "2"}, "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["y", "x"]}, {"key": "d", "operator": "DoesNotExist"}]});
        let selector = LabelSelector::from_object(&object);
        assert_eq!(selector.to_string(), "a=2,b=1,c in (x,y),!d");
        assert!(selector.matches(&labels(&[("a", "2"), ("b", "1"), ("c", "x")])));
        assert_eq!(LabelSelector::from_object(&json!({"app": "x"})).to_string(), "app=x");
        assert!(LabelSelector::from_object(&json!({})).is_empty());
    }
}
