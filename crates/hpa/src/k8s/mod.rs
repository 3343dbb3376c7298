//! Conversions from and to k8s-openapi's types (feature `k8s`).
//!
//! From the API's types a conversion can fail, because quantities are texts there; the error says which field it was.

mod spec;
mod status;
mod workload;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::jiff::Timestamp;

use crate::number::Time;
use crate::quantity::{Quantity, QuantityError};

/// A field that cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {source}")]
pub struct ConvertError {
    /// Path of the field, such as `spec.metrics[0].external.target.averageValue`.
    pub field: String,
    /// What is wrong with it.
    pub source: QuantityError,
}

/// A part of a path, so that paths are written out only for an error.
#[derive(Clone, Copy)]
enum At<'a> {
    Root(&'static str),
    Field(&'a At<'a>, &'static str),
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Key(parent, key) => write!(f, "{parent}[{key}]"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl At<'_> {
    fn quantity(&self, quantity: &ApiQuantity) -> Result<Quantity, ConvertError> {
        quantity.0.parse().map_err(|source| ConvertError { field: self.to_string(), source })
    }

    fn optional(&self, quantity: Option<&ApiQuantity>) -> Result<Option<Quantity>, ConvertError> {
        quantity.map(|q| self.quantity(q)).transpose()
    }
}

fn to_api_quantity(quantity: Quantity) -> ApiQuantity {
    ApiQuantity(quantity.to_string())
}

impl From<&meta::Time> for Time {
    /// Milliseconds since 1970.
    fn from(time: &meta::Time) -> Self {
        Self(time.0.as_millisecond())
    }
}

impl From<Time> for meta::Time {
    /// Times outside the years that a timestamp can hold become its ends.
    fn from(time: Time) -> Self {
        let end = if time.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_millisecond(time.0).unwrap_or(end))
    }
}
