//! Stabilisation and limits of an HPA without `behavior`.
//!
//! Source: `stabilizeRecommendation` and `convertDesiredReplicasWithRules` in
//! `pkg/controller/podautoscaler/horizontal.go`.

use super::limited::Limited;
use crate::compat::Config;
use crate::memory::{Recommendation, record};
use crate::spec::Direction;
use crate::time::Time;
use crate::trace::{RecommendationHold, Stabilisation};

/// Returns the highest recommendation in the window and records `desired` itself, before stabilisation and limits.
///
/// The window includes its edge. The current size does not matter, so a past peak that a limit had cut still raises the
/// size after the metric has fallen.
pub fn stabilise(
    recommendations: &mut Vec<Recommendation>,
    desired: i32,
    window_seconds: i64,
    now: Time,
) -> Stabilisation {
    let cutoff = now.minus_secs(window_seconds);
    let (mut best, mut old, mut holder) = (desired, None, None::<Recommendation>);
    for (i, recommendation) in recommendations.iter().enumerate() {
        if recommendation.at < cutoff {
            old = Some(i);
            continue;
        }
        let later = holder.is_some_and(|h| h.replicas == recommendation.replicas && h.at < recommendation.at);
        if recommendation.replicas > best || later {
            best = recommendation.replicas;
            holder = Some(*recommendation);
        }
    }
    let held_by = holder.map(|holder| {
        let rest = recommendations.iter().filter(|r| r.at > holder.at).map(|r| r.replicas).max();
        RecommendationHold {
            direction: Direction::Down,
            replicas: holder.replicas,
            at: holder.at,
            age_ms: now.millis_since(holder.at),
            window_seconds,
            expires: Time(holder.at.plus_secs(window_seconds).0.saturating_add(1)),
            next_replicas: desired.max(rest.unwrap_or(desired)),
        }
    });
    record(recommendations, old, Recommendation { replicas: desired, at: now });
    Stabilisation { replicas: best, held_by }
}

/// The largest size that one sync may set.
#[must_use]
pub fn up_limit(current: i32, config: &Config) -> i32 {
    (config.scale_up_limit_factor * f64::from(current)).max(config.scale_up_limit_minimum) as i32
}

/// Limits the size to minimum, maximum and [`up_limit`].
#[must_use]
pub fn clamp(current: i32, desired: i32, min: i32, max: i32, config: &Config) -> Limited {
    let up = up_limit(current, config);
    let (cap, reason) = if max > up { (up, "ScaleUpLimit") } else { (max, "TooManyReplicas") };
    if desired < min {
        Limited::new(min, "TooFewReplicas")
    } else if desired > cap {
        Limited::new(cap, reason)
    } else {
        Limited::new(desired, "DesiredWithinRange")
    }
}
