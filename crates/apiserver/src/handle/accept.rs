//! In which form a client wants its answer.

use http::{HeaderMap, header};

use crate::Status;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Objects as they are.
    Objects,
    /// Rows of a table.
    Table,
    /// Only the metadata.
    Metadata,
}

/// The first form of the `Accept` header that is offered.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Status> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return Ok(Form::Objects);
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
            (None, _, _) => return Ok(Form::Objects),
            (Some("Table"), "meta.k8s.io", "v1") => return Ok(Form::Table),
            (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), "meta.k8s.io", "v1") => {
                return Ok(Form::Metadata);
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

/// A text has no other form: refuses a client that accepts nothing but another form of objects.
pub(crate) fn plain(headers: &HeaderMap) -> Result<(), Status> {
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
    fn the_first_offered_form_counts() {
        for (accept, wanted) in [
            ("application/json", Some(Form::Objects)),
            ("*/*", Some(Form::Objects)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Form::Table),
            ),
            ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Some(Form::Objects)),
            ("application/vnd.kubernetes.protobuf, application/json", Some(Form::Objects)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Metadata)),
            ("application/vnd.kubernetes.protobuf", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(form(&headers).ok(), wanted, "{accept}");
        }
        assert_eq!(form(&HeaderMap::new()).ok(), Some(Form::Objects));
    }

    #[test]
    fn a_text_is_refused_to_whom_wants_a_table_alone() {
        for (accept, given) in [
            ("application/json;as=Table;v=v1;g=meta.k8s.io", false),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true),
            ("text/plain", true),
            ("", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(plain(&headers).is_ok(), given, "{accept}");
        }
    }
}
