//! What differs between releases of Kubernetes, as switches.
//!
//! The numbers of a decision have been the same since 1.21 but for the four points below, so a caller names a release
//! with [`Compat::release`] and overrides a single switch where a cluster is known to differ.

use serde::{Deserialize, Serialize};

/// A minor release of Kubernetes 1, such as 34 for 1.34. A development version counts as the release it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(pub u16);

impl Release {
    /// 1.34, the release that the product's sandbox behaves as.
    pub const V1_34: Self = Self(34);
    /// The newest that this crate knows: the development version of 1.38.
    pub const LATEST: Self = Self(38);
}

/// A text that names no release of Kubernetes 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a release of Kubernetes: write it as 1.34, v1.34.2 or 1.38-dev")]
pub struct ReleaseError {
    text: String,
}

impl std::str::FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minor = text.trim().trim_start_matches('v').strip_prefix("1.");
        let digits = minor.map(|m| m.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
        digits
            .and_then(|d| d.parse().ok())
            .map(Self)
            .ok_or_else(|| ReleaseError { text: text.chars().take(64).collect() })
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// How a ratio is compared with the tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ToleranceForm {
    /// `|1 - ratio| <= tolerance`, to 1.32: a ratio of exactly 1.1 with a tolerance of 0.1 scales, by rounding.
    Distance,
    /// `1 - down <= ratio <= 1 + up`, from 1.33.
    Interval,
}

/// When a workload with no replicas is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZeroRule {
    /// To 1.35: whenever `minReplicas` is above 0, and never when it is 0.
    ByMinReplicas,
    /// From 1.36: unless the condition `ScaledToZero` says that the autoscaler itself put it there.
    ByCondition,
}

/// The switches of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compat {
    /// How tolerance is tested.
    pub tolerance_form: ToleranceForm,
    /// What a size of 0 means.
    pub zero_rule: ZeroRule,
    /// Whether pods in phase `Succeeded` are left out (1.38); before, they counted as pods with a missing reading.
    pub ignore_succeeded_pods: bool,
    /// Whether a per-pod average over no pods is reported as 0 (1.38); before, it was the smallest 64-bit number,
    /// which `kubectl` shows as `-9223372036854775808m`.
    pub zero_average_without_pods: bool,
    /// Whether `behavior` knows a tolerance (1.33); the feature gate must be on as well.
    pub behavior_tolerance: bool,
    /// Whether validation looks at the `apiVersion` of the target and of described objects (about 1.34).
    pub validate_api_version: bool,
    /// Whether the message of `AmbiguousSelector` calls the others "more than one HPA" (after about 1.35) or "multiple
    /// HPAs".
    pub ambiguous_says_more_than_one: bool,
}

impl Compat {
    /// The switches as that release has them.
    #[must_use]
    pub const fn release(release: Release) -> Self {
        let minor = release.0;
        Self {
            tolerance_form: if minor <= 32 { ToleranceForm::Distance } else { ToleranceForm::Interval },
            zero_rule: if minor <= 35 { ZeroRule::ByMinReplicas } else { ZeroRule::ByCondition },
            ignore_succeeded_pods: minor >= 38,
            zero_average_without_pods: minor >= 38,
            behavior_tolerance: minor >= 33,
            validate_api_version: minor >= 34,
            ambiguous_says_more_than_one: minor >= 36,
        }
    }
}

impl Default for Compat {
    /// [`Release::LATEST`].
    fn default() -> Self {
        Self::release(Release::LATEST)
    }
}

/// The feature gates that change a decision or a validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gates {
    /// `HPAScaleToZero`: `minReplicas` may be 0, and from 1.36 the condition `ScaledToZero` is kept.
    pub scale_to_zero: bool,
    /// `HPAConfigurableTolerance`: `behavior` may set a tolerance for each direction.
    pub configurable_tolerance: bool,
    /// `PodLevelResources`: requests of the pod as a whole win over those of its containers.
    pub pod_level_resources: bool,
    /// `HPAGeneration`: the status says which generation of the object it belongs to.
    pub generation: bool,
}

impl Gates {
    /// The gates as that release has them by default.
    #[must_use]
    pub const fn release(release: Release) -> Self {
        let minor = release.0;
        Self {
            scale_to_zero: minor >= 37,
            configurable_tolerance: minor >= 35,
            pod_level_resources: minor >= 34,
            generation: false,
        }
    }
}

impl Default for Gates {
    /// Those of [`Release::LATEST`].
    fn default() -> Self {
        Self::release(Release::LATEST)
    }
}

/// The controller's own settings (flags of kube-controller-manager) with its release and gates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Seconds between two syncs of one object. The decision does not use it; the simulation and forecasts do.
    pub sync_period_seconds: i64,
    /// Seconds for which an earlier, higher recommendation holds the size, where `behavior` does not say.
    pub downscale_stabilization_seconds: i64,
    /// How far a ratio may be from 1, where `behavior` does not say.
    pub tolerance: f64,
    /// Seconds after a pod's start in which its CPU reading is taken only if it was ready for all of it.
    pub cpu_initialization_period_seconds: i64,
    /// Seconds after a pod's start in which losing readiness means that it has never been ready.
    pub initial_readiness_delay_seconds: i64,
    /// Without `behavior`, one sync grows the size at most by this factor...
    pub scale_up_limit_factor: f64,
    /// ...or to this size, if that is more.
    pub scale_up_limit_minimum: f64,
    /// Switches of the release.
    pub compat: Compat,
    /// Feature gates.
    pub gates: Gates,
}

impl Config {
    /// The default flags and gates of a release.
    #[must_use]
    pub const fn release(release: Release) -> Self {
        Self {
            sync_period_seconds: 15,
            downscale_stabilization_seconds: 300,
            tolerance: 0.1,
            cpu_initialization_period_seconds: 300,
            initial_readiness_delay_seconds: 30,
            scale_up_limit_factor: 2.0,
            scale_up_limit_minimum: 4.0,
            compat: Compat::release(release),
            gates: Gates::release(release),
        }
    }
}

impl Default for Config {
    /// The default flags and gates of [`Release::LATEST`].
    fn default() -> Self {
        Self::release(Release::LATEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_in_the_usual_spellings() {
        for (text, minor) in [("1.34", 34), ("v1.34.2", 34), ("1.38-dev", 38), ("1.33+k3s1", 33)] {
            assert_eq!(text.parse(), Ok(Release(minor)), "{text}");
        }
        for text in ["", "34", "2.1", "1.", "1.x", "1.99999999"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
