//! What a path below `/api/v1` or `/apis/GROUP/VERSION` means.

/// A collection, an object or a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// What follows the subresource; proxies pass it on.
    pub(crate) rest: Vec<String>,
}

impl Target {
    /// Reads the segments after the version.
    pub(crate) fn parse(segments: &[String]) -> Option<Self> {
        let mut target = Self::default();
        let mut segments = segments;
        // `namespaces/NS/status` is a part of the namespace, `namespaces/NS/pods` a collection in it.
        if let [first, namespace, third, ..] = segments
            && first == "namespaces"
            && !matches!(third.as_str(), "status" | "finalize")
        {
            target.namespace = Some(namespace.clone());
            segments = &segments[2..];
        }
        target.plural = segments.first()?.clone();
        target.name = segments.get(1).cloned();
        target.subresource = segments.get(2).cloned();
        target.rest = segments.get(3..).unwrap_or_default().to_vec();
        let deep = matches!(target.subresource.as_deref(), Some("proxy"));
        (deep || target.rest.is_empty()).then_some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        for (path, shown) in [
            ("pods", "- pods - - "),
            ("namespaces", "- namespaces - - "),
            ("namespaces/a", "- namespaces a - "),
            ("namespaces/a/status", "- namespaces a status "),
            ("namespaces/a/pods", "a pods - - "),
            ("namespaces/a/pods/b", "a pods b - "),
            ("namespaces/a/pods/b/log", "a pods b log "),
            ("namespaces/a/pods/b/proxy/c/d", "a pods b proxy c/d"),
            ("nodes/n/proxy", "- nodes n proxy "),
        ] {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            let t = Target::parse(&segments).unwrap();
            let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            assert_eq!(
                format!(
                    "{} {} {} {} {}",
                    or(&t.namespace),
                    t.plural,
                    or(&t.name),
                    or(&t.subresource),
                    t.rest.join("/")
                ),
                shown
            );
        }
        assert_eq!(Target::parse(&[]), None);
        let deep: Vec<String> = "namespaces/a/pods/b/log/c".split('/').map(str::to_owned).collect();
        assert_eq!(Target::parse(&deep), None);
    }
}
