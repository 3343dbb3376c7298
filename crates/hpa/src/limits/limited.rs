//! The result of the limits.

use crate::trace::Constraint;

/// A size after the limits, with the reason of the condition `ScalingLimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// The size.
    pub replicas: i32,
    /// `DesiredWithinRange`, `TooManyReplicas`, `TooFewReplicas`, `ScaleUpLimit` or `ScaleDownLimit`.
    pub reason: &'static str,
}

impl Limited {
    pub(crate) const fn new(replicas: i32, reason: &'static str) -> Self {
        Self { replicas, reason }
    }

    /// The limit that changed the size, if one did.
    pub(crate) fn constraint(self, wanted: i32) -> Option<Constraint> {
        if self.replicas == wanted {
            return None;
        }
        match self.reason {
            "TooManyReplicas" => Some(Constraint::MaxReplicas),
            "TooFewReplicas" => Some(Constraint::MinReplicas),
            "ScaleUpLimit" | "ScaleDownLimit" => Some(Constraint::ScalingPolicy),
            _ => None,
        }
    }
}
