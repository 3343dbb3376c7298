//! The labels that identify a series: names and values, sorted, without empty values.

use std::fmt;
use std::sync::Arc;

use promfmt::exposition::NAME;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A sorted set of labels. Clones share the text, so the labels of a series exist once however often they are
/// answered.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// No labels, as the result of `sum(x)` has.
    pub(crate) fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Sorts the pairs. An empty value is the same as no label; the last of a repeated name wins.
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

    /// The value of `name`; empty if there is no such label.
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

    /// The labels whose name passes `keep`.
    pub(crate) fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.0.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// The labels without the metric's name, for a result that is no longer that metric.
    pub(crate) fn unnamed(&self) -> Self {
        self.filter(|name| name != NAME)
    }

    /// The labels with `name` set to `value`; an empty value removes it.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let kept = self.0.iter().filter(|(known, _)| known.as_ref() != name).cloned();
        Self::new(kept.chain([(Arc::from(name), Arc::from(value))]))
    }

    pub(crate) fn to_map(&self) -> promfmt::api::Labels {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// The notation of Prometheus: `name{label="value", …}`.
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

/// Replaces the characters that a label name cannot have by `_`, as service discovery does with Kubernetes' label
/// keys.
pub(crate) fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_drops_empty_values_and_keeps_the_last() {
        let labels = Labels::new([("b", "2"), ("a", "1"), ("c", ""), ("b", "3"), (NAME, "m")]);
        assert_eq!(labels.to_string(), r#"m{a="1", b="3"}"#);
        assert_eq!(labels.get("c"), "");
        assert_eq!(labels.unnamed().with("a", "").to_string(), r#"{b="3"}"#);
        assert_eq!(Labels::new([(NAME, "m")]).to_string(), "m");
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn sanitizes_label_keys() {
        assert_eq!(sanitized("app.kubernetes.io/name"), "app_kubernetes_io_name");
    }
}
