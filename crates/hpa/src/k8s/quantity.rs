//! Conversion of quantities, with the field in the error.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::field_path::FieldPath;
use crate::quantity::{Quantity, QuantityError};

/// The error of a field that has no conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {source}")]
pub struct ConvertError {
    /// Path of the field, such as `spec.metrics[0].external.target.averageValue`.
    pub field: String,
    /// The error of its quantity.
    pub source: QuantityError,
}

impl FieldPath<'_> {
    pub(super) fn quantity(&self, quantity: &ApiQuantity) -> Result<Quantity, ConvertError> {
        quantity.0.parse().map_err(|source| ConvertError { field: self.to_string(), source })
    }

    pub(super) fn optional(&self, quantity: Option<&ApiQuantity>) -> Result<Option<Quantity>, ConvertError> {
        quantity.map(|q| self.quantity(q)).transpose()
    }
}

pub(super) fn to_api_quantity(quantity: Quantity) -> ApiQuantity {
    ApiQuantity(quantity.to_string())
}
