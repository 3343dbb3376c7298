//! The steps of a decision's arithmetic as lines, in the order in which the controller takes them.

use explain::metric::{MetricReport, reports};
use hpa::spec::Direction;
use hpa::trace::{
    Constraint, Measured, MetricReason, Path, PolicyKind, Rate, RateRule, Reason, RecommendationHold,
    TargetType,
};
use hpa::{Spec, Trace};

use crate::view::fmt::{coarse_up, milli, ratio};
use crate::view::strings::decision as text;
use crate::view::strings::decision::gate;
use crate::view::theme::Ink;
use crate::view::wrap::phrase;
use dashboard::autoscaler::estimate::{self, Agreement, LastSync};
use dashboard::clock::At;

/// The source of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// Read from the cluster, or computed from nothing else.
    Read,
    /// Depends on the memory of the controller, which cannot be read.
    Estimated,
    /// Too old to rely on, or missing.
    Doubtful,
}

impl Certainty {
    /// The sign before the line, in two columns.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Read => "  ",
            Self::Estimated => "≈ ",
            Self::Doubtful => "? ",
        }
    }

    /// The colour of the sign.
    pub(super) fn ink(self) -> Ink {
        if self == Self::Doubtful { Ink::Warning } else { Ink::Dim }
    }
}

/// A step of the arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    /// The name, the same in every column.
    pub(super) name: &'static str,
    /// The index among the steps of that name: each of several metrics has one.
    pub(super) nth: usize,
    /// The result.
    pub(super) text: String,
    /// A shorter phrasing, if there is one.
    pub(super) short: Option<String>,
    /// The source of the result.
    pub(super) certainty: Certainty,
    /// True if the step decides the outcome.
    pub(super) binds: bool,
}

impl Gate {
    /// A step whose result was read.
    pub(super) fn new(name: &'static str, text: String) -> Self {
        Self { name, nth: 0, text, short: None, certainty: Certainty::Read, binds: false }
    }

    /// A step whose result is known in that way.
    pub(super) fn with(certainty: Certainty, name: &'static str, text: String) -> Self {
        Self { certainty, ..Self::new(name, text) }
    }

    /// The result, in the phrasing that fits into `width` columns.
    pub(super) fn fitting(&self, width: usize) -> String {
        let phrasings: Vec<&str> =
            [Some(self.text.as_str()), self.short.as_deref()].into_iter().flatten().collect();
        phrase(&phrasings, width)
    }

    /// The colour of the result.
    pub(super) fn ink(&self) -> Ink {
        match (self.binds, self.certainty, self.name) {
            (true, ..) => Ink::Lit,
            (false, Certainty::Doubtful, _) => Ink::Warning,
            (false, _, gate::FINAL) => Ink::Value,
            (false, ..) => Ink::Text,
        }
    }
}

/// Formats the steps of a decision.
pub(super) struct GateFormatter<'a> {
    /// The decision.
    pub(super) trace: &'a Trace,
    /// The specification, for the names of its metrics.
    pub(super) spec: Option<&'a Spec>,
    /// The time at which countdowns end.
    pub(super) now: At,
    /// The recommendation that holds the size now, where it is known better than by the trace.
    pub(super) held: Option<RecommendationHold>,
    /// The time from which recommendations are known.
    pub(super) knows_since: At,
    /// Formats a time of day.
    pub(super) clock: &'a dyn Fn(At) -> String,
}

/// The size that the metric of a sync wanted, and what limited it: by our arithmetic where the controller agrees, else by its
/// conditions. The sign for a difference is for another size alone: the same size with another reason needs no attention.
pub(super) fn wanted_and_limit(sync: &LastSync, clock: &dyn Fn(At) -> String) -> (Option<i32>, String) {
    let raw = sync.trace.raw;
    match (sync.agreement(), sync.reported.bound) {
        (Agreement::Same, _) => (raw, limit(&sync.trace, clock)),
        (Agreement::OtherSize(_), _) => (None, text::as_reported(&sync.reported.reason)),
        (Agreement::OtherGate, Some(Constraint::MinReplicas)) => (raw, text::min(sync.trace.min)),
        (Agreement::OtherGate, Some(Constraint::MaxReplicas)) => (raw, text::max(sync.trace.max)),
        (Agreement::OtherGate, Some(Constraint::ScalingPolicy)) => (raw, text::RATE_LIMITED.to_owned()),
        (Agreement::OtherGate, Some(Constraint::Stabilization)) => (raw, text::STABILISED.to_owned()),
        (Agreement::OtherGate, _) => (raw, sync.reported.reason.clone()),
    }
}

/// The limit that decided the size of a sync, with its figures: `policy: 4 pods in 15 s`, `kept until 14:01:45`.
fn limit(trace: &Trace, clock: &dyn Fn(At) -> String) -> String {
    let rate = trace.limited.and_then(|limited| limited.rate);
    match (trace.reason, trace.stabilised.and_then(|stabilised| stabilised.held_by), rate) {
        (Reason::Stabilized, Some(held), _) => text::kept_until(&clock(estimate::at(held.expires))),
        (Reason::PolicyLimited, _, Some(Rate { rule: RateRule::Policy(policy), .. })) => {
            let unit = text::policy_unit(policy.kind == PolicyKind::Percent, policy.value);
            text::by_policy(policy.value, unit, policy.period_seconds)
        }
        (Reason::PolicyLimited, _, Some(Rate { rule: RateRule::Legacy, .. })) => {
            text::BY_DEFAULT_POLICY.to_owned()
        }
        (Reason::ReplicaLimit, ..) if trace.desired == trace.max => text::max(trace.max),
        (Reason::ReplicaLimit, ..) if trace.desired == trace.min => text::min(trace.min),
        _ => reason(trace).to_owned(),
    }
}

/// Returns true if the size is and stays at the minimum: an idle workload, where no step needs attention.
pub(super) fn rests(trace: &Trace) -> bool {
    trace.path == Path::Computed && trace.desired == trace.current && trace.current == trace.min
}

/// The reason for the outcome, in words.
pub(super) fn reason(trace: &Trace) -> &'static str {
    match trace.reason {
        Reason::MetricRecommendation => text::AS_METRIC,
        Reason::WithinTolerance => text::WITHIN_TOLERANCE,
        Reason::Stabilized => text::STABILISED,
        Reason::PolicyLimited => text::RATE_LIMITED,
        Reason::ReplicaLimit => match (trace.path, trace.limited.and_then(|limited| limited.constraint)) {
            (Path::AboveMax, _) | (_, Some(Constraint::MaxReplicas)) => text::CUT_TO_MAX,
            (Path::BelowMin, _) | (_, Some(Constraint::MinReplicas)) => text::RAISED_TO_MIN,
            _ => text::LIMITED,
        },
        Reason::InvalidMetrics if trace.path == Path::Failed => text::HELD_WITHOUT_READING,
        Reason::InvalidMetrics => text::METRIC_MISSING,
        Reason::RecommendationFailed => text::NO_DECISION,
        Reason::ScalingDisabled => text::DISABLED,
    }
}

impl GateFormatter<'_> {
    /// The steps, without the outcome.
    pub(super) fn gates(&self) -> Vec<Gate> {
        let trace = self.trace;
        let mut gates = Vec::new();
        self.metrics(&mut gates);
        gates.extend(self.stabilised());
        if let Some(limited) = trace.limited {
            if let Some(found) = &limited.rate {
                let binds = limited.constraint == Some(Constraint::ScalingPolicy);
                let [text, short] = self.rate(found, binds);
                let rate = Gate::with(Certainty::Estimated, gate::RATE, text);
                gates.push(Gate { binds, short: Some(short), ..rate });
            }
            let (text, binds) = match limited.constraint {
                Some(Constraint::MinReplicas) => (text::raised_to_min(trace.min), !rests(trace)),
                Some(Constraint::MaxReplicas) => (text::cut_to_max(trace.max), true),
                _ => (text::within_limits(trace.min, limited.replicas, trace.max), false),
            };
            gates.push(Gate { binds, ..Gate::new(gate::MIN_MAX, text) });
        }
        let forced = match trace.path {
            Path::AboveMax => text::above_max(trace.current, trace.max),
            Path::BelowMin => text::below_min(trace.current, trace.min),
            Path::Paused => text::SCALED_TO_ZERO.to_owned(),
            Path::NoScale | Path::Failed | Path::Computed => return gates,
        };
        gates.push(Gate { binds: true, ..Gate::new(gate::MIN_MAX, forced) });
        gates
    }

    /// Adds the steps of the metrics: all of a single one; of several a line each, and the tolerance of the winner.
    fn metrics(&self, gates: &mut Vec<Gate>) {
        let trace = self.trace;
        let reports = self.spec.map(|spec| reports(spec, Some(trace))).unwrap_or_default();
        let is_single = trace.metrics.len() == 1;
        for (index, metric) in trace.metrics.iter().enumerate() {
            let report = reports.get(index);
            match (&metric.measured, &metric.error) {
                (Some(found), _) if is_single => measured(found, report, gates, metric.proposal),
                (Some(_), _) => gates.extend(report.map(|report| one_of_several(index, report))),
                (None, Some(error)) => {
                    let why = match metric.reason {
                        MetricReason::FetchFailed => text::fetch_failed(&metric.type_.to_string()),
                        _ => error.clone(),
                    };
                    let text = match report.filter(|_| !is_single) {
                        Some(report) => text::named(&report.name, &why),
                        None => why,
                    };
                    let binds = trace.reason == Reason::InvalidMetrics;
                    let gate = Gate::with(Certainty::Doubtful, gate::METRIC, text);
                    gates.push(Gate { binds, nth: index, ..gate });
                }
                (None, None) => {}
            }
        }
        if let Some(found) = trace.winner().and_then(|metric| metric.measured).filter(|_| !is_single) {
            gates.push(tolerance(&found));
            gates.extend(second_pass(&found));
        }
    }

    fn stabilised(&self) -> Option<Gate> {
        let stabilised = self.trace.stabilised?;
        let size = stabilised.replicas;
        let (text, short) = match (stabilised.held_by, self.held) {
            (Some(held), _) => {
                let [text, short] = self.kept(size, &held);
                (text, Some(short))
            }
            // The recommendation holds the size now, and will have expired by then.
            (None, Some(held)) => {
                let until = (self.clock)(estimate::at(held.expires));
                (text::kept_until_then(size, held.replicas, &until), None)
            }
            (None, None) => (text::nothing_held(size), None),
        };
        let binds = self.trace.reason == Reason::Stabilized && !rests(self.trace);
        Some(Gate { binds, short, ..Gate::with(Certainty::Estimated, gate::STABILISED, text) })
    }

    /// The size that a recommendation keeps, until when, and why; in two phrasings.
    fn kept(&self, size: i32, held: &RecommendationHold) -> [String; 2] {
        let since = estimate::at(held.at);
        // A recommendation from before this run may be older than its first observation.
        let is_bound = since <= self.knows_since;
        let kept = text::kept(size, &(self.clock)(estimate::at(held.expires)), is_bound);
        [text::kept_because(&kept, &(self.clock)(since), held.replicas), kept]
    }

    fn left(&self, until: At) -> String {
        coarse_up(until.since(self.now))
    }

    /// The allowed change of the size, in two phrasings.
    fn rate(&self, rate: &Rate, binds: bool) -> [String; 2] {
        let allowed = rate.allowed;
        let text = match rate.rule {
            RateRule::Legacy => text::default_rate(allowed, binds),
            RateRule::Disabled => text::DIRECTION_DISABLED.to_owned(),
            RateRule::NoPolicy => text::no_policy(allowed),
            RateRule::Policy(policy) => {
                let unit = text::policy_unit(policy.kind == PolicyKind::Percent, policy.value);
                let is_up = rate.direction == Direction::Up;
                let [rule, bound] = text::policy(is_up, allowed, (policy.value, unit, policy.period_seconds));
                let Some(next) = policy.next.filter(|_| binds).map(estimate::at) else {
                    return [rule.clone(), rule];
                };
                let left = self.left(next);
                let clock = (self.clock)(next);
                return [text::next_allowed_at(&rule, &left, &clock), text::next_allowed(&bound, &left)];
            }
        };
        [text.clone(), text]
    }
}

/// One of several metrics in a line: its arithmetic and its proposal.
fn one_of_several(index: usize, report: &MetricReport) -> Gate {
    let share = report.deciding().map_or_else(|| text::NO_RATIO.to_owned(), ratio);
    let proposal = report.proposal.unwrap_or_default();
    let arithmetic = report.arithmetic.as_deref().unwrap_or_default();
    let text = text::metric_line(&report.name, arithmetic, &share, proposal);
    let short = Some(text::metric_line_short(&report.name, &share, proposal));
    Gate { nth: index, short, binds: report.wins, ..Gate::new(gate::METRIC, text) }
}

fn tolerance(measured: &Measured) -> Gate {
    let (low, high) = measured.band;
    let text = text::tolerance(measured.within, &ratio(low), &ratio(high));
    Gate { binds: measured.within, ..Gate::new(gate::TOLERANCE, text) }
}

/// The conservative second pass of a metric over pods, if there was one.
fn second_pass(measured: &Measured) -> Option<Gate> {
    let text = explain::pods::second_pass(measured)?;
    Some(Gate::new(gate::SECOND_PASS, text))
}

/// Adds the steps from the metric's value to the raw size.
fn measured(
    measured: &Measured,
    report: Option<&MetricReport>,
    gates: &mut Vec<Gate>,
    proposal: Option<i32>,
) {
    let target = milli(measured.target);
    let total = measured.total_milli.map_or_else(|| milli(measured.usage), milli);
    let pods = measured.replicas;
    let [compared, raw] = match (measured.target_type, measured.total_milli) {
        (TargetType::AverageValue, Some(_)) => text::average_ratio(&total, &target, pods),
        (TargetType::Value, _) => text::value_ratio(&total, &target, pods),
        (TargetType::AverageValue | TargetType::Utilization, _) => {
            let compared = report.and_then(|report| report.arithmetic.clone()).unwrap_or_default();
            [compared, text::ratio_of_pods(pods)]
        }
    };
    let text = match measured.ratio {
        Some(value) => text::equals(&compared, &ratio(value)),
        None => text::no_pod(&compared),
    };
    gates.push(Gate::new(gate::RATIO, text));
    gates.extend(second_pass(measured));
    gates.push(tolerance(measured));
    if let Some(proposal) = proposal {
        let text = match measured.within {
            true => text::unchanged(proposal),
            false => text::equals(&proposal.to_string(), &raw),
        };
        gates.push(Gate::new(gate::RAW, text));
    }
}
