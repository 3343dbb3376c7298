//! The error of a field, and the list of errors.

use serde::{Deserialize, Serialize};

use crate::field_path::FieldPath;

/// A validation error of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {}", self.body())]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// Path of the field, such as `spec.metrics[0].external.target.value`.
    pub field: String,
    /// The kind of error.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// The found value as the error text shows it, if it shows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The rule that the value breaks.
    pub detail: String,
}

/// The kinds of validation errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// A required field is missing.
    Required,
    /// The value is invalid.
    Invalid,
    /// The field must not be set.
    Forbidden,
    /// The value is not in the list of supported values.
    NotSupported,
}

impl ErrorKind {
    /// The reason of a cause in a `Status`.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Forbidden => "Forbidden",
            Self::NotSupported => "Unsupported value",
        }
    }
}

impl FieldError {
    /// The text without the field: the message of a cause in a `Status`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut text = self.kind.label().to_owned();
        for part in self.value.as_deref().into_iter().chain(Some(self.detail.as_str())) {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(part);
            }
        }
        text
    }
}

/// The collected errors.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) list: Vec<FieldError>,
}

impl Errors {
    fn push(
        &mut self,
        field: FieldPath<'_>,
        kind: ErrorKind,
        value: Option<String>,
        detail: impl Into<String>,
    ) {
        self.list.push(FieldError { field: field.to_string(), kind, value, detail: detail.into() });
    }

    pub(super) fn required(&mut self, field: FieldPath<'_>, detail: &str) {
        self.push(field, ErrorKind::Required, None, detail);
    }

    pub(super) fn forbidden(&mut self, field: FieldPath<'_>, detail: &str) {
        self.push(field, ErrorKind::Forbidden, None, detail);
    }

    /// Adds an error about a number, quantity or resource name, which the text shows unquoted.
    pub(super) fn invalid(
        &mut self,
        field: FieldPath<'_>,
        value: impl std::fmt::Display,
        detail: impl Into<String>,
    ) {
        self.push(field, ErrorKind::Invalid, Some(value.to_string()), detail);
    }

    /// Adds an error about any other text, which the error text shows in quotes.
    pub(super) fn invalid_text(&mut self, field: FieldPath<'_>, value: &str, detail: impl Into<String>) {
        self.push(field, ErrorKind::Invalid, Some(format!("{value:?}")), detail);
    }

    pub(super) fn not_supported(&mut self, field: FieldPath<'_>, value: &str, supported: &[&str]) {
        let detail = format!("supported values: \"{}\"", supported.join("\", \""));
        self.push(field, ErrorKind::NotSupported, Some(format!("{value:?}")), detail);
    }
}
