//! Content negotiation: the representation of a response.

use http::{HeaderMap, header};

use crate::Status;

/// The representation of objects in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Representation {
    /// Complete objects.
    Objects,
    /// Table rows.
    Table,
    /// Metadata only.
    Metadata,
}

/// Returns the first supported representation in the `Accept` header.
pub(crate) fn representation(headers: &HeaderMap) -> Result<Representation, Status> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Representation::Objects);
    };
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "*/*" | "application/*" | "") {
            continue;
        }
        let (mut wanted, mut group, mut version) = (None, "", "");
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => wanted = Some(value),
                Some(("g", value)) => group = value,
                Some(("v", value)) => version = value,
                _ => {}
            }
        }
        match (wanted, group, version) {
            (None, _, _) => return Ok(Representation::Objects),
            (Some("Table"), "meta.k8s.io", "v1") => return Ok(Representation::Table),
            (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), "meta.k8s.io", "v1") => {
                return Ok(Representation::Metadata);
            }
            _ => {}
        }
    }
    let mut status = Status::new(
        406,
        "NotAcceptable",
        "406: Not Acceptable\n\nAvailable representations: application/json",
    );
    status.details = Some(Box::default());
    Err(status)
}

/// Returns true when the client prefers a table, as `kubectl get` does.
#[must_use]
pub fn wants_table(headers: &HeaderMap) -> bool {
    matches!(representation(headers), Ok(Representation::Table))
}

/// Rejects a request for a text whose `Accept` header lists only other representations.
pub(crate) fn check_accepts_text(headers: &HeaderMap) -> Result<(), Status> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_another_form = |range: &str| range.split(';').skip(1).any(|part| part.trim().starts_with("as="));
    if accept.is_empty() || !accept.split(',').all(is_another_form) {
        return Ok(());
    }
    Err(Status::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_supported_representation_counts() {
        for (accept, wanted) in [
            ("application/json", Some(Representation::Objects)),
            ("*/*", Some(Representation::Objects)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Representation::Table),
            ),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Representation::Objects),
            ),
            ("application/vnd.kubernetes.protobuf, application/json", Some(Representation::Objects)),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Representation::Metadata),
            ),
            ("application/vnd.kubernetes.protobuf", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(representation(&headers).ok(), wanted, "{accept}");
        }
        assert_eq!(representation(&HeaderMap::new()).ok(), Some(Representation::Objects));
    }

    #[test]
    fn a_text_is_rejected_when_only_tables_are_accepted() {
        for (accept, given) in [
            ("application/json;as=Table;v=v1;g=meta.k8s.io", false),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true),
            ("text/plain", true),
            ("", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(check_accepts_text(&headers).is_ok(), given, "{accept}");
        }
    }
}
