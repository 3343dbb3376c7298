//! The HorizontalPodAutoscaler: what it asks for, what it says of itself, who else has a hand on the replicas.

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::facts::{Answer, Facts};
use super::metric::{self, Metric, Target};
use super::report::{Fix, Pen};
use super::{select, words};

/// A new HPA is looked at within a sync; after this long somebody should have.
const FIRST_SYNC_SECONDS: u64 = 60;

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let place = &facts.place;
    let fact = &facts.autoscaler;
    let hpa = match pen.seen("hpa", fact) {
        Ok(Some(hpa)) => hpa,
        Ok(None) => {
            let others: Vec<&str> =
                facts.autoscalers.all().iter().filter_map(|hpa| hpa.metadata.name.as_deref()).collect();
            let saw = format!("namespace {} has no HPA {}", place.namespace, place.hpa);
            let (saw, fix) = match others.first() {
                Some(other) => (
                    format!("{saw}; it has {}", words::list(others.iter().copied())),
                    Fix::command(
                        "look at that one",
                        format!("surge doctor --namespace {} --hpa {other}", place.namespace),
                    ),
                ),
                None => (
                    saw,
                    Fix::command(
                        "install the demo's, with the rest of it",
                        format!("surge up --namespace {} --skip-stack", place.namespace),
                    ),
                ),
            };
            pen.fail("hpa", saw, &fact.how, fix);
            return;
        }
        Err(()) => return,
    };
    let spec = hpa.spec.clone().unwrap_or_default();
    let Some(metric) = metric::external(hpa) else {
        pen.not_applicable(
            "hpa",
            format!("HPA {} reads no External metric, so there is no chain to walk", place.hpa),
        );
        return;
    };
    let min = spec.min_replicas.unwrap_or(1);
    let target = &spec.scale_target_ref;
    pen.ok(
        "hpa",
        format!(
            "HPA {} scales {} {} from {min} to {}",
            place.hpa, target.kind, target.name, spec.max_replicas
        ),
        &fact.how,
    );
    scale_target(facts, pen, hpa);
    asked(facts, pen, &metric);
    behavior(facts, pen, hpa, min);
    rivals(facts, pen, hpa);
    replicas_owner(facts, pen, hpa);
    let explained = conditions(facts, pen, hpa);
    if !explained {
        freshness(facts, pen, hpa, &metric);
    }
}

fn scale_target(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler) {
    let Some(target) = hpa.spec.as_ref().map(|spec| &spec.scale_target_ref) else { return };
    let exists = match target.kind.as_str() {
        "Deployment" => facts
            .deployments
            .get()
            .map(|all| all.iter().any(|d| d.metadata.name.as_deref() == Some(&target.name))),
        "StatefulSet" => facts
            .stateful_sets
            .get()
            .map(|all| all.iter().any(|s| s.metadata.name.as_deref() == Some(&target.name))),
        _ => None,
    };
    if exists == Some(false) {
        let saw = format!(
            "the HPA scales {} {}, and there is none in namespace {}",
            target.kind, target.name, facts.place.namespace
        );
        let names = facts.deployments.all().iter().filter_map(|d| d.metadata.name.as_deref());
        let fix = match words::nearest(&target.name, names) {
            Some(meant) => Fix::command(
                "name the one that is there",
                format!(
                    "kubectl patch hpa {} -n {} --type merge -p '{{\"spec\":{{\"scaleTargetRef\":{{\"name\":\"{meant}\"}}}}}}'",
                    facts.place.hpa, facts.place.namespace
                ),
            ),
            None => Fix::command(
                "install it, with the rest of the demo",
                format!("surge up --namespace {} --skip-stack", facts.place.namespace),
            ),
        };
        pen.fail("scale-target", saw, &facts.deployments.how, fix);
    }
}

/// What the HPA asks for.
fn asked(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric) {
    let how = &facts.autoscaler.how;
    let place = &facts.place;
    let path = format!("/spec/metrics/{}/external", metric.index);
    if let Some((label, value)) = select::invalid_value(&metric.selector) {
        let saw = format!(
            "the selector asks for {label}={value:?}, which no label can be: the controller refuses it"
        );
        let fix = Fix::command(
            "leave it out here, and pin it in the adapter's rule",
            format!(
                "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"remove\",\"path\":\"{path}/metric/selector/matchLabels/{}\"}}]'",
                place.hpa,
                place.namespace,
                label.replace('~', "~0").replace('/', "~1")
            ),
        );
        pen.fail("selector", saw, how, fix);
    } else if metric.query.is_empty() {
        let saw =
            format!("the HPA asks for {} without a selector: all of its series are added up", metric.name);
        let fix = Fix::command(
            "name the queue",
            format!(
                "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"add\",\"path\":\"{path}/metric/selector\",\"value\":{{\"matchLabels\":{{\"queue\":\"{}\"}}}}}}]'",
                place.hpa,
                place.namespace,
                contract::queue::ORDERS
            ),
        );
        pen.warn("selector", saw, how, fix);
    } else {
        pen.ok("selector", format!("it asks for {} with {}", metric.name, metric.query), how);
    }
    match metric.target {
        Target::Average(milli) => {
            pen.ok(
                "target-type",
                format!("AverageValue {}: replicas = queue / {}", words::milli(milli), words::milli(milli)),
                how,
            );
        }
        Target::Value(milli) => {
            let target = words::milli(milli);
            let saw = format!(
                "type Value {target} compares the whole queue with {target} and multiplies by the replicas at each sync: it runs to the maximum while the queue is longer"
            );
            let fix = Fix::command(
                "divide the queue by the replicas instead",
                format!(
                    "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"replace\",\"path\":\"{path}/target\",\"value\":{{\"type\":\"AverageValue\",\"averageValue\":\"{target}\"}}}}]'",
                    place.hpa, place.namespace
                ),
            );
            pen.warn("target-type", saw, how, fix);
        }
    }
}

fn behavior(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler, min: i32) {
    let how = &facts.autoscaler.how;
    let Some(spec) = &hpa.spec else { return };
    let place = &facts.place;
    if min == spec.max_replicas {
        let saw = format!("minReplicas and maxReplicas are both {min}: there is nothing to scale");
        let fix = Fix::command(
            "leave room above",
            format!(
                "kubectl patch hpa {} -n {} --type merge -p '{{\"spec\":{{\"maxReplicas\":{}}}}}'",
                place.hpa,
                place.namespace,
                min + 9
            ),
        );
        pen.warn("bounds", saw, how, fix);
    }
    let behavior = spec.behavior.clone().unwrap_or_default();
    let disabled = |rules: &Option<k8s_openapi::api::autoscaling::v2::HPAScalingRules>| {
        rules.as_ref().and_then(|rules| rules.select_policy.as_deref()) == Some("Disabled")
    };
    for (direction, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if disabled(rules) {
            let saw = format!("behavior.{direction}.selectPolicy is Disabled");
            let fix = Fix::command(
                "allow it again",
                format!(
                    "kubectl patch hpa {} -n {} --type merge -p '{{\"spec\":{{\"behavior\":{{\"{direction}\":{{\"selectPolicy\":\"Max\"}}}}}}}}'",
                    place.hpa, place.namespace
                ),
            );
            pen.warn("behavior", saw, how, fix);
        }
    }
    let window = behavior.scale_down.as_ref().and_then(|rules| rules.stabilization_window_seconds);
    let window = window.map_or_else(|| "300 s, the default".to_owned(), |seconds| format!("{seconds} s"));
    let up = match behavior
        .scale_up
        .as_ref()
        .and_then(|rules| rules.policies.as_deref())
        .filter(|policies| !policies.is_empty())
    {
        None => "4 pods or 100 % each 15 s, the default".to_owned(),
        Some(policies) => policies
            .iter()
            .map(|p| format!("{} {} each {} s", p.value, p.type_.to_lowercase(), p.period_seconds))
            .collect::<Vec<_>>()
            .join(" or "),
    };
    pen.ok("behavior", format!("scale up by {up}; scale down after a window of {window}"), how);
}

/// Two autoscalers on one target overrule each other, or the controller refuses both.
fn rivals(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler) {
    let target = |hpa: &HorizontalPodAutoscaler| {
        hpa.spec.as_ref().map(|spec| (spec.scale_target_ref.kind.clone(), spec.scale_target_ref.name.clone()))
    };
    let name = |hpa: &HorizontalPodAutoscaler| hpa.metadata.name.clone().unwrap_or_default();
    let others: Vec<&HorizontalPodAutoscaler> = facts
        .autoscalers
        .all()
        .iter()
        .filter(|other| name(other) != name(hpa) && target(other) == target(hpa))
        .collect();
    let Some(other) = others.first() else { return };
    let is_kedas = |hpa: &HorizontalPodAutoscaler| {
        hpa.metadata.owner_references.iter().flatten().any(|owner| owner.kind == "ScaledObject")
    };
    let (kind, of) = target(hpa).unwrap_or_default();
    let saw = format!(
        "{} {of} has two autoscalers, {} and {}: the controller refuses both (AmbiguousSelector)",
        kind,
        name(hpa),
        name(other)
    );
    // KEDA would make its own anew.
    let gone = if is_kedas(other) && !is_kedas(hpa) { hpa } else { other };
    let fix = Fix::command(
        "delete one of them",
        format!("kubectl delete hpa {} -n {}", name(gone), facts.place.namespace),
    );
    pen.fail("two-autoscalers", saw, &facts.autoscalers.how, fix);
}

/// Somebody who sets `spec.replicas` in a manifest undoes the autoscaler at each apply.
fn replicas_owner(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler) {
    let Some(target) = hpa.spec.as_ref().map(|spec| &spec.scale_target_ref) else { return };
    let metadata: Option<&ObjectMeta> = match target.kind.as_str() {
        "Deployment" => facts
            .deployments
            .all()
            .iter()
            .map(|d| &d.metadata)
            .find(|m| m.name.as_deref() == Some(&target.name)),
        "StatefulSet" => facts
            .stateful_sets
            .all()
            .iter()
            .map(|s| &s.metadata)
            .find(|m| m.name.as_deref() == Some(&target.name)),
        _ => None,
    };
    let Some(metadata) = metadata else { return };
    let applier = metadata.managed_fields.iter().flatten().find(|entry| {
        let owns =
            entry.fields_v1.as_ref().and_then(|fields| fields.0.pointer("/f:spec/f:replicas")).is_some();
        owns && entry.operation.as_deref() == Some("Apply") && entry.subresource.as_deref() != Some("scale")
    });
    let last = metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get("kubectl.kubernetes.io/last-applied-configuration"));
    let last = last.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let last = last.as_ref().and_then(|object| object.pointer("/spec/replicas"));
    let who = match (applier, last) {
        (Some(entry), _) => entry.manager.clone().unwrap_or_default(),
        (None, Some(_)) => "kubectl apply".to_owned(),
        (None, None) => {
            pen.ok(
                "replicas",
                format!("nobody but the autoscaler sets the replicas of {}", target.name),
                &facts.deployments.how,
            );
            return;
        }
    };
    let kind = target.kind.to_lowercase();
    let saw = format!(
        "{who} applies {kind} {} with spec.replicas: the next apply undoes the autoscaler",
        target.name
    );
    let fix = Fix::yaml(
        "take `replicas` out of the manifest, and apply it again",
        format!(
            "kind: {}\nmetadata:\n  name: {}\nspec:\n  # replicas: left out, they are the autoscaler's",
            target.kind, target.name
        ),
    );
    pen.warn(
        "replicas",
        saw,
        &format!(
            "kubectl get {kind} {} -n {} -o yaml --show-managed-fields",
            target.name, facts.place.namespace
        ),
        fix,
    );
}

/// What the HPA says of itself. Returns whether a failure was told.
fn conditions(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler) -> bool {
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
        let rival = rival_in(text, &place.namespace, &place.hpa);
        let fix = match rival {
            Some(rival) => Fix::command(
                "delete one of the autoscalers",
                format!("kubectl delete hpa {rival} -n {}", place.namespace),
            ),
            None => Fix::command(
                "see which autoscalers there are",
                format!("kubectl get hpa -n {}", place.namespace),
            ),
        };
        pen.fail("scaling-active", saw("Two autoscalers have the same pods"), how, fix);
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
pub(crate) fn read_total(hpa: &HorizontalPodAutoscaler, metric: &Metric) -> Option<(f64, f64)> {
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
fn freshness(facts: &Facts, pen: &mut Pen<'_>, hpa: &HorizontalPodAutoscaler, metric: &Metric) {
    let how = &facts.autoscaler.how;
    let total = |answer: &super::facts::Fact<Answer>| match answer.get() {
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
