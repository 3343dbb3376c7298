//! What the HPA says of itself, which hop its words blame, and whether it still follows what it reads.

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition};

use super::facts::{Answer, Fact, Facts};
use super::line::{Fix, Pen};
use super::metric::{self, Metric, Target};
use super::{autoscaler, words};

/// A new HPA is looked at within a sync; after this long somebody should have.
const FIRST_SYNC_SECONDS: u64 = 60;

/// What the HPA says of itself. Returns whether a failure was told.
pub(super) fn conditions(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler) -> bool {
    let how = format!("kubectl describe hpa {} -n {}", facts.place.hpa, facts.place.namespace);
    let hpa = facts.later.as_ref().and_then(|later| later.autoscaler.get()).unwrap_or(hpa);
    let all = hpa.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    if all.is_empty() {
        let old = words::age(&hpa.metadata, facts.now).map_or(0, |age| age.as_secs());
        if old > FIRST_SYNC_SECONDS {
            let saw = format!("the HPA is {old} s old and no controller has looked at it");
            let fix = Fix::command(
                "see whether the controller manager runs",
                "kubectl get pods -n kube-system -l component=kube-controller-manager",
            );
            pen.fail("conditions", saw, &how, fix);
            return true;
        }
        let saw = format!("the HPA is {old} s old; its first sync is still to come");
        pen.warn("conditions", saw, &how, Fix::command("wait for one sync, and look again", "surge doctor"));
        return true;
    }
    let find = |kind: &str| all.iter().find(|condition| condition.type_ == kind);
    if let Some(condition) = find("AbleToScale").filter(|c| c.status == "False") {
        let saw = format!("AbleToScale is False, {}: {}", reason(condition), message(condition));
        let fix = match reason(condition) {
            "FailedGetScale" => Fix::command(
                "see what it is to scale",
                format!(
                    "kubectl get hpa {} -n {} -o jsonpath={{.spec.scaleTargetRef}}",
                    facts.place.hpa, facts.place.namespace
                ),
            ),
            _ => Fix::command("read what the HPA's events say", how.clone()),
        };
        pen.fail("able-to-scale", saw, &how, fix);
        return true;
    }
    if let Some(condition) = find("ScalingActive") {
        if condition.status == "False" {
            inactive(facts, pen, hpa, condition, &how);
            return true;
        }
        pen.ok(
            "scaling-active",
            format!("ScalingActive is {}: {}", condition.status, message(condition)),
            &how,
        );
    }
    if let Some(condition) =
        find("ScalingLimited").filter(|c| c.status == "True" && reason(c) == "TooManyReplicas")
    {
        let max = hpa.spec.as_ref().map_or(0, |spec| spec.max_replicas);
        let saw = format!("it wants more than maxReplicas {max}: {}", message(condition));
        let fix = Fix::command(
            "allow more",
            format!(
                "kubectl patch hpa {} -n {} --type merge -p '{{\"spec\":{{\"maxReplicas\":{}}}}}'",
                facts.place.hpa,
                facts.place.namespace,
                max.saturating_mul(2)
            ),
        );
        pen.warn("scaling-limited", saw, &how, fix);
    }
    false
}

fn reason(condition: &HorizontalPodAutoscalerCondition) -> &str {
    condition.reason.as_deref().unwrap_or_default()
}

fn message(condition: &HorizontalPodAutoscalerCondition) -> &str {
    condition.message.as_deref().unwrap_or_default()
}

/// ScalingActive is False: the reason and the tail of the message say which hop is to blame.
fn inactive(
    facts: &Facts,
    pen: &mut Pen<'_>,
    hpa: &HorizontalPodAutoscaler,
    condition: &HorizontalPodAutoscalerCondition,
    how: &str,
) {
    let place = &facts.place;
    let (reason, text) = (reason(condition), message(condition));
    let target = hpa.spec.as_ref().map(|spec| spec.scale_target_ref.clone()).unwrap_or_default();
    let saw = |means: &str| format!("ScalingActive is False, {reason}: {text}. {means}");
    if reason == "AmbiguousSelector" {
        let (means, fix) = ambiguous(facts, hpa, text);
        pen.fail("scaling-active", saw(&means), how, fix);
        return;
    }
    if reason == "ScalingDisabled" {
        let fix = Fix::command(
            "give it a replica: at 0 an autoscaler with minReplicas above 0 stands still",
            format!(
                "kubectl scale {}/{} --replicas=1 -n {}",
                target.kind.to_lowercase(),
                target.name,
                place.namespace
            ),
        );
        pen.fail("scaling-active", saw("Somebody has scaled the target to 0"), how, fix);
        return;
    }
    // The status is as old as the last sync; what the API says now is newer.
    let now = facts.later.as_ref().map_or(&facts.api.answer, |later| &later.answer);
    if reason == "FailedGetExternalMetric"
        && matches!(now.get(), Some(Answer::Items(items)) if !items.is_empty())
    {
        let fix = Fix::command("wait for the next sync, and look again", "surge doctor");
        match &facts.later {
            Some(later) => {
                let saw = saw(&format!(
                    "The API has a value meanwhile, and {} later the status is still the same: nobody syncs the HPA",
                    words::span(later.after)
                ));
                pen.fail(
                    "scaling-active",
                    saw,
                    how,
                    Fix::command(
                        "see whether the controller manager runs",
                        "kubectl get pods -n kube-system -l component=kube-controller-manager",
                    ),
                );
            }
            None => pen.warn(
                "scaling-active",
                saw("The API has a value now: the status is from before"),
                how,
                fix,
            ),
        }
        return;
    }
    // The words before these are the same each time, and have "unable to fetch metrics" in them too.
    let means = [
        ("could not find the requested resource", "No APIService serves external metrics"),
        (
            "currently unable to handle the request",
            "The APIService is there, and its backend has no ready pod",
        ),
        ("could not find the metric", "The adapter has found no series to make the metric of"),
        (
            "Internal error occurred: unable to fetch metrics",
            "The adapter cannot reach Prometheus, or its query is an error",
        ),
        ("no metrics returned from external metrics API", "The query finds nothing"),
        ("scaledObject name is not specified", "KEDA owns the API, and a plain HPA asks it"),
    ];
    let means = means
        .iter()
        .find(|(tail, _)| text.contains(tail))
        .map_or("The replicas are held", |(_, means)| means);
    let fix = Fix::command(
        "ask for the metric as the controller does",
        if facts.api.answer.how.is_empty() {
            format!("kubectl describe hpa {} -n {}", place.hpa, place.namespace)
        } else {
            facts.api.answer.how.clone()
        },
    );
    pen.fail("scaling-active", saw(means), how, fix);
}

/// Whether the newest look at the HPA's status does not fit the newest answer of the metrics API, so that a sync must be
/// waited for: it failed for want of a value that is there now, or it has read another. Once the reading has moved, it is
/// known to follow.
#[must_use]
pub fn disagrees(facts: &Facts) -> bool {
    let Some(first) = facts.autoscaler.get() else { return false };
    let Some(metric) = metric::external(first) else { return false };
    let (newest, answer) = match &facts.later {
        Some(later) => (later.autoscaler.get().unwrap_or(first), &later.answer),
        None => (first, &facts.api.answer),
    };
    let Some(Answer::Items(items)) = answer.get() else { return false };
    if items.is_empty() {
        return false;
    }
    let conditions =
        newest.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let failed = conditions.iter().any(|condition| {
        condition.type_ == "ScalingActive"
            && condition.status == "False"
            && reason(condition) == "FailedGetExternalMetric"
    });
    if failed {
        return true;
    }
    let value = items.iter().sum::<i64>() as f64 / 1_000.0;
    let Some((read, off)) = read_total(newest, &metric) else { return false };
    let has_moved = facts.later.is_some() && read_total(first, &metric) != Some((read, off));
    !has_moved && (read - value).abs() > off
}

/// Two autoscalers have the same pods: they scale the same thing, or two things whose selectors pick the same pods.
fn ambiguous(facts: &Facts, hpa: &HorizontalPodAutoscaler, text: &str) -> (String, Fix) {
    let place = &facts.place;
    let Some(rival) = rival_in(text, &place.namespace, &place.hpa) else {
        let list = format!("kubectl get hpa -n {}", place.namespace);
        return (
            "Two autoscalers have the same pods".to_owned(),
            Fix::command("see which autoscalers there are", list),
        );
    };
    let all = facts.autoscalers.all();
    let Some(other) = all.iter().find(|other| other.metadata.name.as_ref() == Some(&rival)) else {
        let fix = Fix::command(
            "delete one of the autoscalers",
            format!("kubectl delete hpa {rival} -n {}", place.namespace),
        );
        return (format!("HPA {rival} has the same pods"), fix);
    };
    let target = |hpa: &HorizontalPodAutoscaler| {
        let target = hpa.spec.as_ref().map(|spec| spec.scale_target_ref.clone()).unwrap_or_default();
        (target.kind, target.name)
    };
    let ((kind, name), (other_kind, other_name)) = (target(hpa), target(other));
    if (&kind, &name) == (&other_kind, &other_name) {
        let means = format!("HPA {rival} scales {kind} {name} too");
        return (means, autoscaler::without_one(facts, hpa, other));
    }
    let means = format!(
        "HPA {rival} scales {other_kind} {other_name}, and that selects the same pods as {kind} {name}: their labels do not tell them apart"
    );
    let fix = Fix::yaml(
        format!(
            "give one of them labels of its own. A selector cannot be changed: `kubectl delete {} {other_name} -n {}`, then apply it anew with",
            other_kind.to_lowercase(),
            place.namespace
        ),
        format!(
            "spec:\n  selector:\n    matchLabels:\n      {label}: {other_name}\n  template:\n    metadata:\n      labels:\n        {label}: {other_name}",
            label = contract::names::LABEL_NAME
        ),
    );
    (means, fix)
}

/// The other of the autoscalers that the message names as `[NAMESPACE/A NAMESPACE/B]`.
fn rival_in(message: &str, namespace: &str, own: &str) -> Option<String> {
    let (_, inside) = message.rsplit_once('[')?;
    let inside = inside.split(']').next()?;
    let prefix = format!("{namespace}/");
    inside
        .split([' ', ','])
        .filter_map(|name| name.strip_prefix(&prefix))
        .find(|name| *name != own)
        .map(str::to_owned)
}

/// The total that the HPA went by, in messages: for AverageValue computed back from an average that was rounded up.
fn read_total(hpa: &HorizontalPodAutoscaler, metric: &Metric) -> Option<(f64, f64)> {
    let status = hpa.status.as_ref()?;
    let current = status
        .current_metrics
        .iter()
        .flatten()
        .filter_map(|m| m.external.as_ref())
        .find(|m| m.metric.name == metric.name)?;
    let milli = |text: &str| {
        text.parse::<hpa::quantity::Quantity>().ok()?.milli().ok().filter(|milli| *milli != i64::MIN)
    };
    match metric.target {
        Target::Average(_) => {
            let average = milli(&current.current.average_value.as_ref()?.0)? as f64 / 1_000.0;
            let pods = f64::from(status.current_replicas.unwrap_or(0).max(1));
            Some((average * pods, pods / 1_000.0 + 1e-9))
        }
        Target::Value(_) => Some((milli(&current.current.value.as_ref()?.0)? as f64 / 1_000.0, 1e-9)),
    }
}

/// Whether the HPA's reading follows the metrics API: told only when a second look was taken and the value stood still.
pub(super) fn freshness(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler, metric: &Metric) {
    let how = &facts.autoscaler.how;
    let total = |answer: &Fact<Answer>| match answer.get() {
        Some(Answer::Items(items)) if !items.is_empty() => Some(items.iter().sum::<i64>() as f64 / 1_000.0),
        _ => None,
    };
    let Some(reading) = read_total(hpa, metric) else { return };
    let Some(now) = total(&facts.api.answer) else { return };
    let close = |(read, off): (f64, f64), value: f64| (read - value).abs() <= off;
    if close(reading, now) {
        pen.ok("status", format!("its last reading, {:.0}, is what the API says", reading.0), how);
        return;
    }
    let Some(later) = &facts.later else {
        pen.ok(
            "status",
            format!("its last reading, {:.0}, is of an earlier sync; the API says {now:.0}", reading.0),
            how,
        );
        return;
    };
    let after = words::span(later.after);
    let (second, value) =
        (later.autoscaler.get().and_then(|hpa| read_total(hpa, metric)), total(&later.answer));
    match (second, value) {
        (Some(second), Some(value)) if close(second, value) || second != reading => {
            pen.ok("status", format!("its reading followed the API within {after}"), how);
        }
        (Some(second), Some(value)) if (value - now).abs() < 1e-6 => {
            let saw = format!(
                "its reading is {:.0} and stays so, though the API has said {value:.0} for {after}: the status is stale, nobody syncs it",
                second.0
            );
            let fix = Fix::command(
                "see whether the controller manager runs",
                "kubectl get pods -n kube-system -l component=kube-controller-manager",
            );
            pen.fail("status", saw, how, fix);
        }
        _ => pen.ok("status", format!("the queue moves; the HPA's reading was {:.0}", reading.0), how),
    }
}
