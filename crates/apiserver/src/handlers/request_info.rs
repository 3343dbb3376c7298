//! Paths below `/api/v1` and `/apis/GROUP/VERSION`.

/// The collection, object or subresource of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestInfo {
    pub(crate) namespace: Option<String>,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// The path after the subresource, for proxies.
    pub(crate) rest: Vec<String>,
}

impl RequestInfo {
    /// Parses the path segments after the version.
    pub(crate) fn parse(segments: &[String]) -> Option<Self> {
        let mut info = Self::default();
        let mut segments = segments;
        // `namespaces/NS/status` is a subresource, `namespaces/NS/pods` a collection in the namespace.
        if let [first, namespace, third, ..] = segments
            && first == "namespaces"
            && !matches!(third.as_str(), "status" | "finalize")
        {
            info.namespace = Some(namespace.clone());
            segments = &segments[2..];
        }
        info.plural = segments.first()?.clone();
        info.name = segments.get(1).cloned();
        info.subresource = segments.get(2).cloned();
        info.rest = segments.get(3..).unwrap_or_default().to_vec();
        let deep = matches!(info.subresource.as_deref(), Some("proxy"));
        (deep || info.rest.is_empty()).then_some(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_parsed() {
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
            let t = RequestInfo::parse(&segments).unwrap();
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
        assert_eq!(RequestInfo::parse(&[]), None);
        let deep: Vec<String> = "namespaces/a/pods/b/log/c".split('/').map(str::to_owned).collect();
        assert_eq!(RequestInfo::parse(&deep), None);
    }
}
