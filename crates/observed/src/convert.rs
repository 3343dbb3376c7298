//! Conversions from Kubernetes' types. They clean all text.

pub mod event;
pub mod hpa;
pub mod pod;
pub mod workload;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The timestamp of an API field.
#[must_use]
pub fn timestamp(time: Option<&Time>) -> Option<jiff::Timestamp> {
    time.map(|time| time.0)
}
