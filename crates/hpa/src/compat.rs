//! Differences between releases of Kubernetes, as switches.
//!
//! A caller names a release with [`Compat::release`] and overrides a single switch if a cluster is known to differ. Apart
//! from these switches, decisions have been the same since 1.21.

use serde::{Deserialize, Serialize};

/// A minor release of Kubernetes 1, such as 34 for 1.34. A development version counts as its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(pub u16);

impl Release {
    /// Kubernetes 1.34.
    pub const V1_34: Self = Self(34);
    /// The newest release that this crate knows: the development version of 1.38.
    pub const LATEST: Self = Self(38);
}

/// The error for a text that names no release of Kubernetes 1.
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

/// The comparison of a ratio with the tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ToleranceCheck {
    /// `|1 - ratio| <= tolerance`, up to 1.32: a ratio of exactly 1.1 with a tolerance of 0.1 scales, due to rounding.
    Distance,
    /// `1 - down <= ratio <= 1 + up`, from 1.33.
    Interval,
}

/// The rule for a workload with 0 replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZeroRule {
    /// Up to 1.35: the HPA pauses if `minReplicas` is above 0.
    ByMinReplicas,
    /// From 1.36: the HPA pauses unless the condition `ScaledToZero` shows that it set the size itself.
    ByCondition,
}

/// The switches of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compat {
    /// The tolerance check.
    pub tolerance_check: ToleranceCheck,
    /// The rule for a size of 0.
    pub zero_rule: ZeroRule,
    /// Ignore pods in phase `Succeeded` (1.38). Before, they counted as pods without a sample.
    pub ignore_succeeded_pods: bool,
    /// Report an average over no pods as 0 (1.38). Before, the status had the smallest 64-bit number, which `kubectl`
    /// shows as `-9223372036854775808m`.
    pub zero_average_without_pods: bool,
    /// Support tolerances in `behavior` (1.33), if the feature gate is on.
    pub behavior_tolerance: bool,
    /// Validate the `apiVersion` of the target and of described objects (about 1.34).
    pub validate_api_version: bool,
    /// Say "more than one HPA" in the message of `AmbiguousSelector` (from 1.36) instead of "multiple HPAs".
    pub ambiguous_says_more_than_one: bool,
}

impl Compat {
    /// The switches of a release.
    #[must_use]
    pub const fn release(release: Release) -> Self {
        let minor = release.0;
        Self {
            tolerance_check: if minor <= 32 { ToleranceCheck::Distance } else { ToleranceCheck::Interval },
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
    /// `PodLevelResources`: pod-level requests win over those of the containers.
    pub pod_level_resources: bool,
    /// `HPAGeneration`: the status has `observedGeneration`.
    pub generation: bool,
}

impl Gates {
    /// The default gates of a release.
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
    /// The default gates of [`Release::LATEST`].
    fn default() -> Self {
        Self::release(Release::LATEST)
    }
}

/// The controller's settings (flags of kube-controller-manager), release and gates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Seconds between two syncs of one HPA. Only simulations and forecasts use it.
    pub sync_period_seconds: i64,
    /// Scale-down stabilisation window in seconds, unless `behavior` sets one.
    pub downscale_stabilization_seconds: i64,
    /// Allowed distance of a ratio from 1, unless `behavior` sets one.
    pub tolerance: f64,
    /// Seconds after a pod's start during which its CPU sample counts only if the pod was ready for the whole window.
    pub cpu_initialization_period_seconds: i64,
    /// Seconds after a pod's start within which a transition to unready means that the pod has never been ready.
    pub initial_readiness_delay_seconds: i64,
    /// Without `behavior`, one sync multiplies the size at most by this factor...
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
    fn releases_parse_in_the_usual_spellings() {
        for (text, minor) in [("1.34", 34), ("v1.34.2", 34), ("1.38-dev", 38), ("1.33+k3s1", 33)] {
            assert_eq!(text.parse(), Ok(Release(minor)), "{text}");
        }
        for text in ["", "34", "2.1", "1.", "1.x", "1.99999999"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
