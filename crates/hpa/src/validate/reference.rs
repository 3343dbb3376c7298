//! References to objects.

use super::field_error::Errors;
use super::names;
use crate::field_path::FieldPath;
use crate::spec::TargetRef;

/// The rule for an `apiVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiVersion {
    /// Any text.
    Any,
    /// At most one slash.
    Readable,
    /// A group and a version.
    WithGroup,
}

impl ApiVersion {
    /// The error text for a version that breaks the rule.
    pub(super) fn error(self, version: &str) -> Option<String> {
        let slashes = version.matches('/').count();
        match self {
            Self::Any => None,
            _ if slashes > 1 => Some(format!("unexpected GroupVersion string: {version}")),
            Self::WithGroup if slashes == 0 || version.starts_with('/') => {
                Some("apiVersion must specify API group".to_owned())
            }
            Self::Readable | Self::WithGroup => None,
        }
    }
}

/// Checks a reference to an object.
pub(super) fn check(errors: &mut Errors, reference: &TargetRef, at: FieldPath<'_>, api_version: ApiVersion) {
    for (name, value) in [("kind", &reference.kind), ("name", &reference.name)] {
        if value.is_empty() {
            errors.required(at.field(name), "");
        } else {
            path_segment(errors, value, at.field(name));
        }
    }
    let version = reference.api_version.as_deref().unwrap_or_default();
    if let Some(detail) = api_version.error(version) {
        errors.invalid_text(at.field("apiVersion"), version, detail);
    }
}

/// Checks a text that becomes one segment of a URL path.
pub(super) fn path_segment(errors: &mut Errors, value: &str, at: FieldPath<'_>) {
    for detail in names::path_segment(value) {
        errors.invalid_text(at, value, detail);
    }
}
