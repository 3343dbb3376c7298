//! A series' identity: label names and values, sorted, without empty values.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The label that carries a metric's name.
pub(crate) const NAME: &str = "__name__";

/// A sorted set of labels. Clones share the text, so a series' labels exist once however often they are answered.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// No labels at all: what `sum(x)` bears.
    pub(crate) fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Sorts the pairs; an empty value is the same as no label, and of a repeated name the last wins.
    pub(crate) fn new<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let mut sorted: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            match sorted.binary_search_by(|(known, _)| known.as_ref().cmp(&name)) {
                Ok(at) => sorted[at].1 = value,
                Err(at) => sorted.insert(at, (name, value)),
            }
        }
        sorted.retain(|(_, value)| !value.is_empty());
        Self(sorted.into())
    }

    /// The value of `name`, empty where it is absent.
    pub(crate) fn get(&self, name: &str) -> &str {
        match self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)) {
            Ok(at) => &self.0[at].1,
            Err(_) => "",
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The labels for which `keep` says so.
    pub(crate) fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.0.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// Without the metric's name, as a result that is no longer that metric.
    pub(crate) fn unnamed(&self) -> Self {
        self.filter(|name| name != NAME)
    }

    /// With `name` set to `value`; an empty value removes it.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let kept = self.0.iter().filter(|(known, _)| known.as_ref() != name).cloned();
        Self::new(kept.chain([(Arc::from(name), Arc::from(value))]))
    }
}

/// As Prometheus writes a series: `name{label="value", …}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get(NAME))?;
        let mut rest = self.iter().filter(|(name, _)| *name != NAME).peekable();
        if rest.peek().is_none() && !self.get(NAME).is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (at, (name, value)) in rest.enumerate() {
            write!(f, "{}{name}={value:?}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Whether `name` is a label name in the text format: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub(crate) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Replaces what a label name may not hold by `_`, as service discovery does with Kubernetes' label keys.
pub(crate) fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_drops_empty_values_and_keeps_the_last_of_a_name() {
        let labels = Labels::new([("b", "2"), ("a", "1"), ("c", ""), ("b", "3"), (NAME, "m")]);
        assert_eq!(labels.to_string(), r#"m{a="1", b="3"}"#);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels.unnamed().with("a", "").to_string(), r#"{b="3"}"#);
        assert_eq!(Labels::new([(NAME, "m")]).to_string(), "m");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn knows_label_names() {
        for (name, fine) in
            [("a", true), ("_a9", true), ("9a", false), ("", false), ("a-b", false), ("ä", false)]
        {
            assert_eq!(is_label_name(name), fine, "{name}");
        }
        assert_eq!(sanitized("app.kubernetes.io/name"), "app_kubernetes_io_name");
    }
}
