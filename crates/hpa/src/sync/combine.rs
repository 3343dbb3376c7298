//! The combination of several metrics: the largest proposal wins, and a failed metric blocks scale-down.
//!
//! Source: `computeReplicasForMetrics` in `pkg/controller/podautoscaler/horizontal.go`.

use super::decision::SyncError;
use crate::condition::{self, SCALING_ACTIVE};
use crate::event::Event;
use crate::input::Input;
use crate::metric::{self, Context, Failure, describe};
use crate::selector;
use crate::status::{Condition, ConditionStatus, MetricStatus};
use crate::trace::{ErrorClass, MetricReason, MetricState, MetricTrace};

/// The result of all metrics.
pub(super) struct Combined {
    /// The largest proposal and the name of its metric.
    pub(super) best: Option<(i32, String)>,
    /// The error: of the whole sync without `best`, else of the failed metrics.
    pub(super) error: Option<SyncError>,
    pub(super) statuses: Vec<MetricStatus>,
    pub(super) traces: Vec<MetricTrace>,
}

/// Checks the selector, computes every metric, and sets `ScalingActive`.
pub(super) fn combine(
    cx: &Context<'_>,
    conditions: &mut Vec<Condition>,
    events: &mut Vec<Event>,
) -> Combined {
    let input = cx.input;
    if let Err(error) = check_selector(cx, conditions, events) {
        return Combined { best: None, error: Some(error), statuses: Vec::new(), traces: Vec::new() };
    }
    let metrics = &input.spec.metrics;
    let mut statuses = Vec::with_capacity(metrics.len());
    let mut traces = Vec::with_capacity(metrics.len());
    // Upstream uses 0 for "no proposal yet": among equals the first wins, but a later metric replaces a best of 0.
    let mut best = 0;
    let mut winner = None;
    let mut first: Option<Failure> = None;
    let mut failed = 0usize;
    for (i, metric) in metrics.iter().enumerate() {
        let computed = metric::compute(cx, metric, input.readings.get(i));
        let mut trace = MetricTrace {
            type_: metric.type_.clone(),
            name: metric::short_name(metric).to_owned(),
            state: MetricState::Valid,
            reason: MetricReason::Computed,
            measured: None,
            proposal: None,
            error: None,
            error_class: None,
        };
        match computed {
            Ok((proposal, status)) => {
                trace.measured = Some(proposal.measured);
                trace.proposal = Some(proposal.replicas);
                statuses.push(status);
                if winner.is_none() || best == 0 || proposal.replicas > best {
                    best = proposal.replicas;
                    winner = Some(i);
                }
            }
            Err(failure) => {
                trace.state = MetricState::Invalid;
                trace.reason = failure.reason;
                trace.error = Some(failure.inner.clone());
                trace.error_class = Some(failure.class);
                statuses.push(MetricStatus::default());
                events.push(Event::warning(failure.condition, failure.inner.clone()));
                failed += 1;
                first.get_or_insert(failure);
            }
        }
        traces.push(trace);
    }

    let error = first.as_ref().map(|failure| SyncError {
        class: failure.class,
        message: format!(
            "invalid metrics ({failed} invalid out of {}), first error is: {}",
            metrics.len(),
            failure.outer
        ),
    });
    if metrics.is_empty() {
        // Defaulting adds a metric, so upstream never reaches this case.
        let message = "the specification has no metric".to_owned();
        set_inactive(conditions, "InvalidMetricSourceType", &message, input);
        events.push(Event::warning("InvalidMetricSourceType", message.clone()));
        let error = Some(SyncError { class: ErrorClass::Spec, message });
        return Combined { best: None, error, statuses, traces };
    }
    match (winner, first) {
        (None, Some(failure)) => {
            set_inactive(conditions, failure.condition, &failure.inner, input);
            Combined { best: None, error, statuses, traces }
        }
        (Some(_), Some(failure)) if best < cx.scale.spec_replicas => {
            set_inactive(conditions, failure.condition, &failure.inner, input);
            for trace in traces.iter_mut().filter(|t| t.state == MetricState::Valid) {
                trace.reason = MetricReason::SkippedScaleDown;
            }
            Combined { best: None, error, statuses, traces }
        }
        (winner, _) => {
            let name = winner.and_then(|i| metrics.get(i)).map(describe).unwrap_or_default();
            if let Some(trace) = winner.and_then(|i| traces.get_mut(i)) {
                trace.state = MetricState::Used;
            }
            condition::set(
                conditions,
                SCALING_ACTIVE,
                ConditionStatus::True,
                "ValidMetricFound",
                format!("the HPA was able to successfully calculate a replica count from {name}"),
                input.now,
            );
            Combined { best: Some((best, name)), error, statuses, traces }
        }
    }
}

fn set_inactive(conditions: &mut Vec<Condition>, reason: &'static str, error: &str, input: &Input<'_>) {
    let message = format!("the HPA was unable to compute the replica count: {error}");
    condition::set(conditions, SCALING_ACTIVE, ConditionStatus::False, reason, message, input.now);
}

fn check_selector(
    cx: &Context<'_>,
    conditions: &mut Vec<Condition>,
    events: &mut Vec<Event>,
) -> Result<(), SyncError> {
    let input = cx.input;
    let selector = cx.scale.selector.as_str();
    let mut fail = |condition: &'static str, event: &'static str, message: &str, error: String| {
        condition::set(
            conditions,
            SCALING_ACTIVE,
            ConditionStatus::False,
            condition,
            message.to_owned(),
            input.now,
        );
        events.push(Event::warning(event, error.clone()));
        Err(SyncError { class: ErrorClass::Internal, message: error })
    };
    if selector.is_empty() {
        let message = "the HPA target's scale is missing a selector";
        return fail("InvalidSelector", "SelectorRequired", message, "selector is required".to_owned());
    }
    if let Err(error) = selector::check(selector) {
        let message =
            format!("couldn't convert selector into a corresponding internal selector object: {error}");
        return fail("InvalidSelector", "InvalidSelector", &message, message.clone());
    }
    if input.selected_by.len() > 1 {
        let message = if input.config.compat.ambiguous_says_more_than_one {
            let two = input.selected_by[..2].join(" ");
            format!("pods by selector {selector} are controlled by more than one HPA (e.g. [{two}])")
        } else {
            let all = input.selected_by.join(" ");
            format!("pods by selector {selector} are controlled by multiple HPAs: [{all}]")
        };
        return fail("AmbiguousSelector", "AmbiguousSelector", &message, message.clone());
    }
    Ok(())
}
