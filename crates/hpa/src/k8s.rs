//! Conversions from and to k8s-openapi's types (feature `k8s`).
//!
//! A conversion from the API's types can fail, because they keep quantities as text. The error names the field.

mod quantity;
mod spec;
mod status;
mod workload;

pub use quantity::ConvertError;
pub use spec::{externals, first_external};
pub use status::readable_metrics;

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::jiff::Timestamp;

use crate::time::Time;

impl From<&meta::Time> for Time {
    /// Converts to milliseconds since 1970.
    fn from(time: &meta::Time) -> Self {
        Self(time.0.as_millisecond())
    }
}

impl From<Time> for meta::Time {
    /// Converts to a timestamp. Times outside its range become the nearest end.
    fn from(time: Time) -> Self {
        let end = if time.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_millisecond(time.0).unwrap_or(end))
    }
}
