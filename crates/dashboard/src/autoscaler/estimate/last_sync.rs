//! An observed sync: the controller's status next to our arithmetic over the same inputs, and the settings of that sync.

use std::sync::Arc;

use hpa::trace::{Constraint, Path};
use hpa::{Spec, Trace};
use jiff::Timestamp;

use super::inputs::{Basis, Total};
use crate::clock::At;
use crate::strings::sentences;
use observed::Hpa;

/// An observed sync.
#[derive(Debug, Clone, PartialEq)]
pub struct LastSync {
    /// The time at which its status update arrived.
    pub at: At,
    /// The status that the controller wrote.
    pub reported: ReportedStatus,
    /// Our arithmetic over the inputs of that time.
    pub trace: Trace,
    /// The total of the followed External metric that it used.
    pub total: Total,
    /// The origin of all its readings.
    pub basis: Basis,
    /// True if the number of existing replicas was observed, false if it is assumed.
    pub existed_seen: bool,
    /// The time since which the controller's recommendations are known.
    pub knows_since: At,
    /// The specification at that sync. Later changes of the settings do not change it.
    pub spec: Arc<Spec>,
    /// The column TARGETS of `kubectl get hpa` after that sync.
    pub targets_column: String,
}

/// The part of the HPA's status that a sync writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedStatus {
    /// The size that it found.
    pub current: i32,
    /// The size that it wants.
    pub desired: i32,
    /// The gate that limited the size, by its conditions.
    pub bound: Option<Constraint>,
    /// The reason of that condition, or of the one that says that nothing limited the size.
    pub reason: String,
    /// The last rescale, in whole seconds of the cluster's clock.
    pub last_scale: Option<Timestamp>,
}

/// The result of the comparison of the controller's status with our arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// The same size, and the same gate or none to compare.
    Same,
    /// The same size, but its conditions name another gate.
    OtherGate,
    /// Another size, with the probable cause.
    OtherSize(&'static str),
}

impl ReportedStatus {
    /// Reads the status of an HPA.
    #[must_use]
    pub fn of(hpa: &Hpa) -> Self {
        let condition = |kind: &str| hpa.conditions.iter().find(|condition| condition.kind == kind);
        let active = condition("ScalingActive").filter(|c| c.status == "False");
        let limited = condition("ScalingLimited").filter(|c| c.status == "True");
        let able = condition("AbleToScale");
        let gate = |reason: &str| match reason {
            "TooManyReplicas" => Some(Constraint::MaxReplicas),
            "TooFewReplicas" => Some(Constraint::MinReplicas),
            "ScaleUpLimit" | "ScaleDownLimit" => Some(Constraint::ScalingPolicy),
            "ScaleDownStabilized" | "ScaleUpStabilized" => Some(Constraint::Stabilization),
            _ => None,
        };
        let (bound, reason) = match (active, limited, able) {
            (Some(active), ..) => (Some(Constraint::InvalidMetricGuard), active.reason.clone()),
            (None, Some(limited), _) => (gate(&limited.reason), limited.reason.clone()),
            (None, None, Some(able)) => (gate(&able.reason), able.reason.clone()),
            (None, None, None) => (None, String::new()),
        };
        Self {
            current: hpa.current_replicas,
            desired: hpa.desired_replicas,
            bound,
            reason,
            last_scale: hpa.last_scale,
        }
    }
}

impl ReportedStatus {
    /// The size that the sync found, and the one that it left. A sync that fails leaves the size; its status then has the size
    /// of an earlier decision, or 0 before the first one.
    #[must_use]
    pub fn sizes(&self) -> (i32, i32) {
        let fails = self.bound == Some(Constraint::InvalidMetricGuard);
        (self.current, if fails { self.current } else { self.desired })
    }

    /// Returns true if our arithmetic gives the size and the gate of the status.
    #[must_use]
    pub fn agrees_with(&self, trace: &Trace) -> bool {
        trace.desired == self.desired && self.has_gate_of(trace)
    }

    /// Returns true if the gate is the same, or one of the two cannot be compared.
    fn has_gate_of(&self, trace: &Trace) -> bool {
        // When the size changes, the controller overwrites the stabilisation condition; tolerance has none.
        let ours = trace.hold().and_then(|hold| hold.constraint());
        let comparable = |gate: &Option<Constraint>| {
            gate.is_some_and(|gate| {
                matches!(gate, Constraint::MinReplicas | Constraint::MaxReplicas | Constraint::ScalingPolicy)
            })
        };
        ours == self.bound || !comparable(&ours) && !comparable(&self.bound)
    }
}

impl LastSync {
    /// Compares the controller's status with our arithmetic.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        if self.trace.desired != self.reported.desired {
            Agreement::OtherSize(self.cause())
        } else if self.reported.has_gate_of(&self.trace) {
            Agreement::Same
        } else {
            Agreement::OtherGate
        }
    }

    /// The probable cause of a different result.
    fn cause(&self) -> &'static str {
        let window = self.trace.stabilised.and_then(|s| s.held_by).map_or(300, |held| held.window_seconds);
        let known = self.at.since(self.knows_since).as_secs();
        match () {
            () if self.trace.path == Path::Failed || self.basis == Basis::None => {
                sentences::CALCULATED_WITHOUT_READING
            }
            () if self.trace.limited.is_some_and(|l| l.constraint == Some(Constraint::ScalingPolicy)) => {
                sentences::OTHER_SCALE_EVENTS
            }
            () if known < u64::try_from(window).unwrap_or(u64::MAX) => sentences::OLDER_RECOMMENDATIONS,
            () if !self.existed_seen => sentences::REPLICAS_UNOBSERVED,
            () if self.basis == Basis::Back => sentences::TOTAL_COMPUTED_BACK,
            () => sentences::OTHER_INPUTS,
        }
    }
}
