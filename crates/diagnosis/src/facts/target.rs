//! The workload that the HPA scales, as the API server knows it.

use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::Fact;

/// A kind of the API server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kind {
    /// Group and version, such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Such as `deployments`.
    pub plural: String,
    /// It has the subresource `scale`.
    pub has_scale: bool,
}

impl Kind {
    /// Its API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }
}

/// The group of an `apiVersion`; empty for the core group.
#[must_use]
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// An object, with only the fields that the doctor reads.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct TargetObject {
    /// Metadata.
    pub metadata: ObjectMeta,
}

/// A kind with the name of the target's kind, apart from case, in any group.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The kind.
    pub kind: Kind,
    /// Its object with the target's name.
    pub object: Fact<TargetObject>,
}

/// The workload that the HPA scales.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleTarget {
    /// The kind that `scaleTargetRef` names, or else the kinds that differ from it in group or case.
    pub candidates: Fact<Vec<Candidate>>,
    /// Names of the kind's objects, if none has the target's name.
    pub names: Fact<Vec<String>>,
    /// Its subresource `scale`, which the controller reads and writes.
    pub scale: Fact<Scale>,
    /// Names of the pods that the scale's selector picks, by the API server.
    pub selected: Fact<Vec<String>>,
}

impl ScaleTarget {
    /// Facts of which none was requested.
    #[must_use]
    pub fn not_asked(reason: &str) -> Self {
        Self {
            candidates: Fact::not_asked(reason),
            names: Fact::not_asked(reason),
            scale: Fact::not_asked(reason),
            selected: Fact::not_asked(reason),
        }
    }
}
