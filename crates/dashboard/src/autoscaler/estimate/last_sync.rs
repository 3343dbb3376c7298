//! The last sync: what the controller was seen to do, beside what we make of the inputs as they were then.

use hpa::Trace;
use hpa::trace::{Constraint, Path};
use jiff::Timestamp;

use super::inputs::Total;
use crate::clock::At;
use observed::Hpa;

/// A sync that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct LastSync {
    /// When its word was received.
    pub at: At,
    /// What the controller wrote.
    pub said: ReportedStatus,
    /// Our arithmetic over the inputs as they were.
    pub trace: Trace,
    /// The total that it went by.
    pub total: Total,
    /// Whether the number of existing replicas was seen, or is assumed.
    pub existed_seen: bool,
    /// Since when we know what the controller recommends: what it recommended before is unknown here.
    pub knows_since: At,
}

/// What the controller wrote into the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedStatus {
    /// The size that it found.
    pub current: i32,
    /// The size that it wants.
    pub desired: i32,
    /// What bound, by its conditions.
    pub bound: Option<Constraint>,
    /// The reason word of that condition, or the one that says that nothing bound.
    pub reason: String,
    /// When it last rescaled, in whole seconds of the cluster's clock.
    pub last_scale: Option<Timestamp>,
}

/// Whether the controller did what we make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// The same size, and the same gate or none that can be compared.
    Same,
    /// The same size, but its conditions name another gate.
    OtherGate,
    /// Another size, and what may be the cause.
    OtherSize(&'static str),
}

impl ReportedStatus {
    /// What the status says.
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

impl LastSync {
    /// Whether the controller did what we make of it.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        if self.trace.desired != self.said.desired {
            return Agreement::OtherSize(self.cause());
        }
        // Where a size was written the condition of stabilisation is overwritten, and tolerance has none.
        let ours = self.trace.hold().and_then(|hold| hold.constraint());
        let comparable = |gate: &Option<Constraint>| {
            gate.is_some_and(|gate| {
                matches!(gate, Constraint::MinReplicas | Constraint::MaxReplicas | Constraint::ScalingPolicy)
            })
        };
        if (comparable(&ours) || comparable(&self.said.bound)) && ours != self.said.bound {
            Agreement::OtherGate
        } else {
            Agreement::Same
        }
    }

    /// Why our arithmetic may have come out differently.
    fn cause(&self) -> &'static str {
        let window = self.trace.stabilised.and_then(|s| s.held_by).map_or(300, |held| held.window_seconds);
        let known = self.at.since(self.knows_since).as_secs();
        match () {
            () if self.trace.path == Path::Failed || self.total == Total::None => {
                "there was no reading to calculate with"
            }
            () if self.trace.limited.is_some_and(|l| l.constraint == Some(Constraint::ScalingPolicy)) => {
                "it counts other changes for its policies than were seen here"
            }
            () if known < u64::try_from(window).unwrap_or(u64::MAX) => {
                "it remembers recommendations from before this run"
            }
            () if !self.existed_seen => "the replicas that existed then were not seen",
            () if matches!(self.total, Total::Back(_)) => "the total is computed back and may be off",
            () => "its memory or its inputs are not what was seen here",
        }
    }
}
