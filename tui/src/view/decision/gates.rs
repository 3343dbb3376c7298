//! The arithmetic of a decision as lines, one a gate, in the order in which it is done.

use std::time::Duration;

use hpa::Trace;
use hpa::spec::Direction;
use hpa::trace::{
    Constraint, Measured, MetricReason, Path, PolicyKind, Rate, RateRule, Reason, RecommendationHold,
    TargetType,
};

use super::super::text::{coarse, milli, phrase};
use super::super::theme::Ink;
use dashboard::autoscaler::estimate;
use dashboard::clock::At;

/// How a line is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Read from the cluster, or computed from nothing else.
    Seen,
    /// Depends on what the controller remembers, which nobody outside can read.
    Estimated,
    /// Too old to go by, or gone.
    Doubtful,
}

impl Known {
    /// The sign before the line, in two columns.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Seen => "  ",
            Self::Estimated => "≈ ",
            Self::Doubtful => "? ",
        }
    }
}

/// One line of the arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    /// Which gate; the same word in every column.
    pub(super) name: &'static str,
    /// What it did.
    pub(super) text: String,
    /// The same in fewer words, where there are fewer.
    pub(super) short: Option<String>,
    /// How that is known.
    pub(super) known: Known,
    /// Decides the outcome.
    pub(super) binds: bool,
}

impl Gate {
    pub(super) fn new(name: &'static str, text: String) -> Self {
        Self { name, text, short: None, known: Known::Seen, binds: false }
    }

    /// As [`Self::new`], known in that way.
    pub(super) fn by(known: Known, name: &'static str, text: String) -> Self {
        Self { known, ..Self::new(name, text) }
    }

    /// What it did, in so many columns.
    pub(super) fn fitting(&self, width: usize) -> String {
        let phrasings: Vec<&str> =
            [Some(self.text.as_str()), self.short.as_deref()].into_iter().flatten().collect();
        phrase(&phrasings, width)
    }

    /// The colour of its text.
    pub(super) fn ink(&self) -> Ink {
        match (self.binds, self.known, self.name) {
            (true, ..) => Ink::Lit,
            (false, Known::Doubtful, _) => Ink::Warning,
            (false, _, "final") => Ink::Value,
            (false, ..) => Ink::Text,
        }
    }
}

/// What the lines are written with.
pub(super) struct Told<'a> {
    /// The decision.
    pub(super) trace: &'a Trace,
    /// Countdowns end here.
    pub(super) now: At,
    /// What holds the size at this moment, where that is known better than by the trace.
    pub(super) held: Option<RecommendationHold>,
    /// What was recommended before is not known.
    pub(super) knows_since: At,
    /// A moment as a time of day, for lines that have the room.
    pub(super) clock: Option<&'a dyn Fn(At) -> String>,
}

/// A ratio with as many digits as tell it from the edges of the band.
pub(super) fn ratio(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// What decided, in words.
pub(super) fn reason(trace: &Trace) -> &'static str {
    match trace.reason {
        Reason::MetricRecommendation => "as the metric asks",
        Reason::WithinTolerance => "within tolerance",
        Reason::Stabilized => "stabilised",
        Reason::PolicyLimited => "limited by rate",
        Reason::ReplicaLimit => match (trace.path, trace.limited.and_then(|limited| limited.constraint)) {
            (Path::AboveMax, _) | (_, Some(Constraint::MaxReplicas)) => "cut to max",
            (Path::BelowMin, _) | (_, Some(Constraint::MinReplicas)) => "raised to min",
            _ => "limited by min or max",
        },
        Reason::InvalidMetrics if trace.path == Path::Failed => "it holds: no reading",
        Reason::InvalidMetrics => "a metric is missing",
        Reason::RecommendationFailed => "no decision",
        Reason::ScalingDisabled => "off: no replicas",
    }
}

impl Told<'_> {
    /// The lines, without the outcome.
    pub(super) fn gates(&self) -> Vec<Gate> {
        let trace = self.trace;
        let mut gates = Vec::new();
        for metric in &trace.metrics {
            match (&metric.measured, &metric.error) {
                (Some(found), _) => measured(found, &mut gates, metric.proposal),
                (None, Some(error)) => {
                    let text = match metric.reason {
                        // The reason word that the condition ScalingActive then has; its message stands apart.
                        MetricReason::FetchFailed => format!("none: FailedGet{}Metric", metric.type_),
                        _ => error.clone(),
                    };
                    let binds = trace.reason == Reason::InvalidMetrics;
                    gates.push(Gate { binds, ..Gate::by(Known::Doubtful, "metric", text) });
                }
                (None, None) => {}
            }
        }
        if let Some(gate) = self.stabilised() {
            gates.push(gate);
        }
        if let Some(limited) = trace.limited {
            if let Some(found) = &limited.rate {
                let binds = limited.constraint == Some(Constraint::ScalingPolicy);
                let [text, short] = self.rate(found, binds);
                let gate = Gate { short: Some(short), ..Gate::by(Known::Estimated, "rate", text) };
                gates.push(Gate { binds, ..gate });
            }
            let (text, binds) = match limited.constraint {
                Some(Constraint::MinReplicas) => (format!("raised to min {}", trace.min), true),
                Some(Constraint::MaxReplicas) => (format!("cut to max {}", trace.max), true),
                _ => (format!("{} ≤ {} ≤ {}", trace.min, limited.replicas, trace.max), false),
            };
            gates.push(Gate { binds, ..Gate::new("min, max", text) });
        }
        match trace.path {
            Path::AboveMax => gates.push(forced(format!("{} is above max {}", trace.current, trace.max))),
            Path::BelowMin => gates.push(forced(format!("{} is below min {}", trace.current, trace.min))),
            Path::Paused => gates.push(forced("size 0, and not by the HPA: it waits".to_owned())),
            Path::NoScale | Path::Failed | Path::Computed => {}
        }
        gates
    }

    fn stabilised(&self) -> Option<Gate> {
        let stabilised = self.trace.stabilised?;
        let gate = |text: String, binds: bool| Gate {
            known: Known::Estimated,
            binds,
            ..Gate::new("stabilised", text)
        };
        let text = match (stabilised.held_by, self.held) {
            (Some(held), _) => {
                let size = stabilised.replicas;
                let by = if held.replicas == size { String::new() } else { format!(" by {}", held.replicas) };
                let [text, short] = self.until(&held).map(|until| format!("held at {size}{by} {until}"));
                let binds = self.trace.reason == Reason::Stabilized;
                return Some(Gate { short: Some(short), ..gate(text, binds) });
            }
            // It holds now and will have let go by then.
            (None, Some(held)) => {
                let left = self.left(estimate::at(held.expires));
                format!("{}; the {} holds {left} more", stabilised.replicas, held.replicas)
            }
            (None, None) => format!("{}, nothing held", stabilised.replicas),
        };
        Some(gate(text, self.trace.reason == Reason::Stabilized))
    }

    /// How long a recommendation holds: `for 43 s more`, and with room from when and until when; and in fewer words.
    fn until(&self, held: &RecommendationHold) -> [String; 2] {
        let (since, expires) = (estimate::at(held.at), estimate::at(held.expires));
        // What was there before this run may have been recommended earlier than it was first seen.
        let at_most = if since <= self.knows_since { "at most " } else { "" };
        let left = self.left(expires);
        let short = format!("for {at_most}{left} more");
        match self.clock {
            Some(clock) if expires > self.now => {
                [format!("from {} to {}, {at_most}{left}", clock(since), clock(expires)), short]
            }
            Some(clock) => {
                [format!("from {} to {}", clock(since), clock(expires)), format!("to {}", clock(expires))]
            }
            None => [short.clone(), short],
        }
    }

    fn left(&self, until: At) -> String {
        coarse(until.since(self.now) + Duration::from_millis(999))
    }

    /// How far the size may change, and in fewer words.
    fn rate(&self, rate: &Rate, binds: bool) -> [String; 2] {
        let allowed = rate.allowed;
        let text = match rate.rule {
            RateRule::Legacy if binds => {
                format!("at most {allowed}: twice the size, or 4; more a sync later")
            }
            RateRule::Legacy => format!("at most {allowed}: twice the size, or 4"),
            RateRule::Disabled => "this direction is switched off".to_owned(),
            RateRule::NoPolicy => format!("{allowed}, no policy"),
            RateRule::Policy(policy) => {
                let unit = match policy.kind {
                    PolicyKind::Pods if policy.value == 1 => "pod",
                    PolicyKind::Pods => "pods",
                    PolicyKind::Percent => "%",
                };
                let bound = match rate.direction {
                    Direction::Up => "at most",
                    Direction::Down => "at least",
                };
                let rule =
                    format!("{bound} {allowed}: {} {unit} in {} s", policy.value, policy.period_seconds);
                let Some(next) = policy.next.filter(|_| binds).map(estimate::at) else {
                    return [rule.clone(), rule];
                };
                let left = self.left(next);
                return match self.clock {
                    Some(clock) => [
                        format!("{rule}; next in {left} ({})", clock(next)),
                        format!("{rule}; next in {left}"),
                    ],
                    None => [format!("{rule}; next in {left}"), format!("{bound} {allowed}; next in {left}")],
                };
            }
        };
        [text.clone(), text]
    }
}

fn forced(text: String) -> Gate {
    Gate { binds: true, ..Gate::new("min, max", text) }
}

fn measured(measured: &Measured, gates: &mut Vec<Gate>, proposal: Option<i32>) {
    let target = milli(measured.target);
    let total = measured.total_milli.map_or_else(|| milli(measured.usage), milli);
    let pods = measured.replicas;
    let (compared, raw) = match measured.target_type {
        TargetType::AverageValue => {
            (format!("{total} ÷ ({target} × {pods})"), format!("⌈{total} ÷ {target}⌉"))
        }
        TargetType::Value | TargetType::Utilization => {
            (format!("{total} ÷ {target}"), format!("⌈ratio × {pods} ready⌉"))
        }
    };
    let value = measured.assumed_ratio.or(measured.ratio);
    gates.push(Gate::new(
        "ratio",
        match value {
            Some(value) => format!("{compared} = {}", ratio(value)),
            None => format!("{compared}: no pod to divide by"),
        },
    ));
    let (low, high) = measured.band;
    let side = if measured.within { "within" } else { "outside" };
    gates.push(Gate {
        binds: measured.within,
        ..Gate::new("tolerance", format!("{side} {} … {}", ratio(low), ratio(high)))
    });
    if let Some(proposal) = proposal {
        let text =
            if measured.within { format!("{proposal} (as it is)") } else { format!("{proposal} = {raw}") };
        gates.push(Gate::new("raw", text));
    }
}
