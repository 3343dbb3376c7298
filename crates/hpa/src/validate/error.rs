//! One error of a field, and the list that they are collected in.

use serde::{Deserialize, Serialize};

/// Why a field is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {}", self.body())]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// Path of the field, such as `spec.metrics[0].external.target.value`.
    pub field: String,
    /// What kind of error it is.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// The value that was found, as it is written in the text, where the text has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// The kinds of errors that occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// A field is missing.
    Required,
    /// A value is not allowed.
    Invalid,
    /// A field must not be set here.
    Forbidden,
    /// A value is not one of a list.
    NotSupported,
}

impl ErrorKind {
    /// The cause that a `Status` gives to clients.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Forbidden => "Forbidden",
            Self::NotSupported => "Unsupported value",
        }
    }
}

impl FieldError {
    /// The text without the field, which is the message of a cause in a `Status`.
    #[must_use]
    pub fn body(&self) -> String {
        let mut text = self.kind.words().to_owned();
        for part in self.value.as_deref().into_iter().chain(Some(self.detail.as_str())) {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(part);
            }
        }
        text
    }
}

/// A path, written out only for an error.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root(&'static str),
    Field(&'a Path<'a>, &'static str),
    Index(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) const fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }

    pub(super) const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The errors so far.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) list: Vec<FieldError>,
}

impl Errors {
    fn push(&mut self, field: Path<'_>, kind: ErrorKind, value: Option<String>, detail: impl Into<String>) {
        self.list.push(FieldError { field: field.to_string(), kind, value, detail: detail.into() });
    }

    pub(super) fn required(&mut self, field: Path<'_>, detail: &str) {
        self.push(field, ErrorKind::Required, None, detail);
    }

    pub(super) fn forbidden(&mut self, field: Path<'_>, detail: &str) {
        self.push(field, ErrorKind::Forbidden, None, detail);
    }

    /// Numbers, quantities and resource names stand in the text as they are.
    pub(super) fn invalid(
        &mut self,
        field: Path<'_>,
        value: impl std::fmt::Display,
        detail: impl Into<String>,
    ) {
        self.push(field, ErrorKind::Invalid, Some(value.to_string()), detail);
    }

    /// Other texts stand in quotes.
    pub(super) fn invalid_text(&mut self, field: Path<'_>, value: &str, detail: impl Into<String>) {
        self.push(field, ErrorKind::Invalid, Some(format!("{value:?}")), detail);
    }

    pub(super) fn not_supported(&mut self, field: Path<'_>, value: &str, supported: &[&str]) {
        let detail = format!("supported values: \"{}\"", supported.join("\", \""));
        self.push(field, ErrorKind::NotSupported, Some(format!("{value:?}")), detail);
    }
}
