//! Field selectors, such as `metadata.name=x,status.phase!=Running`.

use crate::{Kind, Status};

/// A conjunction of `label=value` and `label!=value` over the selectable fields of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Parses a selector such as `metadata.name=x,status.phase!=Running`.
    pub(crate) fn parse(text: &str, kind: &Kind) -> Result<Self, Status> {
        Self::parse_fields(text, kind.fields)
    }

    /// Parses a selector over `metadata.name` and `metadata.namespace`, the fields of every kind.
    ///
    /// # Errors
    /// 400 for an invalid selector or another field.
    pub fn parse_metadata(text: &str) -> Result<Self, Status> {
        Self::parse_fields(text, &[])
    }

    fn parse_fields(text: &str, fields: &[(&str, &str)]) -> Result<Self, Status> {
        let mut all = Vec::new();
        for term in split_terms(text) {
            let Some((label, equal, value)) = split_term(&term) else {
                return Err(Status::bad_request(format!(
                    "invalid selector: '{text}'; can't understand '{term}'"
                )));
            };
            let known = matches!(label.as_str(), "metadata.name" | "metadata.namespace")
                || fields.iter().any(|(name, _)| *name == label);
            if !known {
                return Err(Status::bad_request(unknown_field(fields, &label)));
            }
            all.push((label, equal, value));
        }
        Ok(Self(all))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true for an object with this namespace, this name and these fields.
    #[must_use]
    pub fn matches(&self, namespace: &str, name: &str, fields: &[(&'static str, String)]) -> bool {
        self.0.iter().all(|(label, equal, wanted)| {
            let is = match label.as_str() {
                "metadata.name" => name,
                "metadata.namespace" => namespace,
                other => fields.iter().find(|(l, _)| *l == other).map_or("", |(_, v)| v.as_str()),
            };
            (is == wanted) == *equal
        })
    }
}

/// The error text depends on whether the kind has fields of its own.
fn unknown_field(fields: &[(&str, &str)], label: &str) -> String {
    if fields.is_empty() {
        return format!(
            "\"{label}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
    }
    format!("field label not supported: {label}")
}

/// Splits at commas without a preceding backslash.
fn split_terms(text: &str) -> Vec<String> {
    let (mut terms, mut term, mut escaped) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            ',' if !escaped => terms.push(std::mem::take(&mut term)),
            _ => term.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

fn split_term(term: &str) -> Option<(String, bool, String)> {
    let at = term.find(['=', '!'])?;
    let (label, rest) = term.split_at(at);
    let (equal, value) = if let Some(value) = rest.strip_prefix("!=") {
        (false, value)
    } else if let Some(value) = rest.strip_prefix("==") {
        (true, value)
    } else {
        (true, rest.strip_prefix('=')?)
    };
    let value = value.replace("\\,", ",").replace("\\=", "=").replace("\\\\", "\\");
    Some((label.to_owned(), equal, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_selectors_compare_and_reject_unknown_fields() {
        let kind = crate::kinds::builtin().into_iter().find(|k| k.kind == "Pod").unwrap();
        let fields = [("status.phase", "Running".to_owned()), ("spec.nodeName", String::new())];
        for (selector, picks) in [
            ("metadata.name=p", true),
            ("metadata.name!=p", false),
            ("metadata.namespace==ns,status.phase=Running", true),
            ("status.phase!=Running", false),
            ("spec.nodeName=", true),
        ] {
            let parsed = FieldSelector::parse(selector, &kind).unwrap();
            assert_eq!(parsed.matches("ns", "p", &fields), picks, "{selector}");
        }
        let refused = FieldSelector::parse("spec.foo=1", &kind).unwrap_err();
        assert!(refused.message.ends_with("field label not supported: spec.foo"), "{refused}");
        assert!(FieldSelector::parse("nonsense", &kind).is_err());
        assert_eq!(split_term(r"a=b\,c").unwrap().2, "b,c");
    }
}
