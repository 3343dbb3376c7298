//! The HorizontalPodAutoscaler: what it asks for, and who else has a hand on the replicas.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use observed::keda::made_from;

use super::facts::Facts;
use super::line::{Fix, Pen};
use super::metric::{self, Metric, Target};
use super::{select, status, words};

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
    let explained = status::conditions(facts, pen, hpa);
    if !explained {
        status::freshness(facts, pen, hpa, &metric);
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

/// A selector that the metrics API refuses, and the controller with it: told before what the API makes of it.
pub(super) fn refused_selector(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric) {
    let Some((label, value)) = select::invalid_value(&metric.selector) else { return };
    let place = &facts.place;
    let saw = format!(
        "the selector asks for {label}={value:?}, which no label can be: the metrics API and the controller refuse it"
    );
    let fix = Fix::command(
        "leave it out here, and pin it in the adapter's rule",
        format!(
            "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"remove\",\"path\":\"/spec/metrics/{}/external/metric/selector/matchLabels/{}\"}}]'",
            place.hpa,
            place.namespace,
            metric.index,
            label.replace('~', "~0").replace('/', "~1")
        ),
    );
    pen.fail("selector", saw, &facts.autoscaler.how, fix);
}

/// What the HPA asks for.
fn asked(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric) {
    let how = &facts.autoscaler.how;
    let place = &facts.place;
    let path = format!("/spec/metrics/{}/external", metric.index);
    if metric.query.is_empty() {
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
    } else if select::invalid_value(&metric.selector).is_none() {
        // One that the API refuses is told where the API is asked.
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
    let others: Vec<&HorizontalPodAutoscaler> = facts
        .autoscalers
        .all()
        .iter()
        .filter(|other| name(other) != name(hpa) && target(other) == target(hpa))
        .collect();
    let Some(other) = others.first() else { return };
    let (kind, of) = target(hpa).unwrap_or_default();
    let saw = format!(
        "{} {of} has two autoscalers, {} and {}: the controller refuses both (AmbiguousSelector)",
        kind,
        name(hpa),
        name(other)
    );
    pen.fail("two-autoscalers", saw, &facts.autoscalers.how, without_one(facts, hpa, other));
}

fn name(hpa: &HorizontalPodAutoscaler) -> &str {
    hpa.metadata.name.as_deref().unwrap_or_default()
}

/// Deletes one of two autoscalers: of KEDA's and another, the other, since KEDA would make its own anew; of two of KEDA's,
/// the ScaledObject that the other is made from.
pub(super) fn without_one(
    facts: &Facts,
    hpa: &HorizontalPodAutoscaler,
    other: &HorizontalPodAutoscaler,
) -> Fix {
    let namespace = &facts.place.namespace;
    match (made_from(&hpa.metadata), made_from(&other.metadata)) {
        (Some(_), Some(from)) => Fix::command(
            "delete one of the ScaledObjects that they are made from",
            format!("kubectl delete scaledobject {from} -n {namespace}"),
        ),
        (None, Some(from)) => Fix::command(
            format!(
                "delete the one that KEDA has not made; KEDA would make {} of ScaledObject {from} anew",
                name(other)
            ),
            format!("kubectl delete hpa {} -n {namespace}", name(hpa)),
        ),
        (_, None) => {
            Fix::command("delete one of them", format!("kubectl delete hpa {} -n {namespace}", name(other)))
        }
    }
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
