//! The subresources scale, binding, eviction and finalize.

use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::body;
use super::call::{Call, metadata_only};
use super::delete::DeleteOptions;
use super::negotiate::Representation;
use super::patch;
use super::write::{self, WriteScope, Written};
use crate::registry::Resource;
use crate::select::LabelSelector;
use crate::storage::{Stored, encode};
use crate::{Cause, Scale, Status, meta, table, time};

/// Returns the `autoscaling/v1` Scale of an object.
fn scale_of(object: &Value, scale: &Scale) -> Value {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let metadata = &object["metadata"];
    let mut shown = json!({});
    for name in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if !metadata[name].is_null() {
            shown[name] = metadata[name].clone();
        }
    }
    let mut out = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": shown,
        "spec": {}, "status": {"replicas": number(&scale.status_replicas)},
    });
    // Go omits zero.
    if number(&scale.replicas) != 0 {
        out["spec"]["replicas"] = number(&scale.replicas).into();
    }
    let selector = match object.pointer(&scale.selector) {
        Some(Value::String(text)) => text.clone(),
        Some(selector) if !scale.selector.is_empty() => LabelSelector::from_object(selector).to_string(),
        _ => String::new(),
    };
    if !selector.is_empty() {
        out["status"]["selector"] = selector.into();
    }
    out
}

/// Handles GET of `/scale`.
pub(crate) fn get_scale(call: &Call<'_>, scale: &Scale) -> Result<Response, Status> {
    Ok(respond_with_scale(call, &scale_of(&call.object()?.value, scale)))
}

fn respond_with_scale(call: &Call<'_>, scale: &Value) -> Response {
    match call.representation {
        Representation::Objects => call.respond(200, encode(scale)),
        Representation::Table => {
            call.respond(200, table::render_scale(scale, call.include(), call.now).to_string())
        }
        Representation::Metadata => call.respond(200, metadata_only(scale).to_string()),
    }
}

/// Handles PUT and PATCH of `/scale`.
pub(crate) fn write_scale(
    call: &mut Call<'_>,
    scale: &Scale,
    bytes: &[u8],
    is_patch: bool,
) -> Result<Response, Status> {
    let media = body::content_type(call.headers).to_owned();
    let sent = match (is_patch, media.as_str()) {
        (false, _) => body::decode(call.headers, bytes, "Scale")?,
        (true, "application/apply-patch+yaml") => body::yaml(bytes)?,
        (true, media) => patch::decode_patch(media, bytes)?,
    };
    let written = write::change(call, WriteScope::Main, "scale", |call, old| {
        let mut wanted = scale_of(old, scale);
        match (is_patch, media.as_str()) {
            (false, _) => wanted = sent.clone(),
            // A scale has no lists, so all merge patches are the same.
            (true, "application/json-patch+json") => crate::patch::json::patch(&mut wanted, sent.clone())?,
            (true, _) => json_patch::merge(&mut wanted, &sent),
        }
        let replicas = match &wanted["spec"]["replicas"] {
            Value::Null => 0,
            number => number.as_i64().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
                Status::bad_request("Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal value into Go struct field ScaleSpec.spec.replicas of type int32")
            })?,
        };
        if replicas < 0 {
            let cause =
                Cause::invalid("spec.replicas", &replicas.into(), "must be greater than or equal to 0");
            return Err(Status::invalid("autoscaling", "Scale", call.name(), vec![cause]));
        }
        let mut object = old.clone();
        let (parent, field) = crate::strategy::split(&scale.replicas);
        if let Some(Value::Object(parent)) = object.pointer_mut(parent) {
            parent.insert(field.to_owned(), replicas.into());
        }
        // The preconditions of the scale apply to the object.
        let metadata = meta::metadata(&mut object);
        for name in ["resourceVersion", "uid"] {
            match wanted["metadata"][name].as_str() {
                Some(text) if !text.is_empty() => metadata.insert(name.into(), text.into()),
                _ => metadata.remove(name),
            };
        }
        Ok(object)
    })?;
    let value = match &written {
        Written::Stored(stored) => &stored.value,
        Written::Dry(value) => value,
    };
    Ok(respond_with_scale(call, &scale_of(value, scale)))
}

fn created(call: &Call<'_>) -> Response {
    call.respond(
        201,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
            .to_string(),
    )
}

/// Handles POST of `pods/NAME/binding`: assigns a pod to a node.
pub(crate) fn bind(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let binding = body::decode(call.headers, bytes, "Binding")?;
    let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
    if node.is_empty() {
        let cause = Cause::required("target.name", "");
        return Err(Status::invalid("", "Binding", call.name(), vec![cause]));
    }
    let now = call.now;
    // Spec and status change in one write, so no watcher sees a bound pod that is not scheduled.
    write::change(call, WriteScope::Whole, "binding", |call, old| {
        let has = old.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
        if !has.is_empty() {
            return Err(Status::conflict(
                "",
                "pods/binding",
                call.name(),
                &format!("pod {} is already assigned to node \"{has}\"", call.name()),
            ));
        }
        if meta::is_terminating(old) {
            let why = format!("pod {} is being deleted, cannot be assigned to a host", call.name());
            return Err(Status::conflict("", "pods/binding", call.name(), &why));
        }
        let mut pod = old.clone();
        pod["spec"]["nodeName"] = node.clone().into();
        set_condition(
            &mut pod,
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": crate::time::seconds(now)}),
        );
        Ok(pod)
    })?;
    Ok(created(call))
}

fn set_condition(pod: &mut Value, condition: Value) {
    let conditions = &mut pod["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else { return };
    list.retain(|known| known["type"] != condition["type"]);
    list.push(condition);
}

/// Handles POST of `pods/NAME/eviction`: a deletion that a disruption budget can refuse.
pub(crate) fn evict(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let eviction = body::decode(call.headers, bytes, "Eviction")?;
    let options = DeleteOptions::from_object(call, &eviction["deleteOptions"])?;
    let pod = call.object()?;
    if let Some(resource) = call.server.registry().stored_as("policy", "poddisruptionbudgets") {
        let (mut budgets, _) = resource.objects.list(call.info.namespace.as_deref());
        budgets.retain(|budget| counts(&budget.value, &pod));
        let refuses = |budget: &Value| budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) <= 0;
        if let Some(budget) = budgets.iter().find(|budget| refuses(&budget.value)) {
            let mut status = Status::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            );
            let healthy = |name: &str| budget.value["status"][name].as_i64().unwrap_or(0);
            let cause = Cause {
                reason: "DisruptionBudget",
                message: format!(
                    "The disruption budget {} needs {} healthy pods and has {} currently",
                    budget.record.name,
                    healthy("desiredHealthy"),
                    healthy("currentHealthy")
                ),
                field: String::new(),
            };
            status.details =
                Some(Box::new(crate::Details { causes: vec![cause], ..crate::Details::default() }));
            return Err(status);
        }
        if !options.dry_run {
            for budget in &budgets {
                note_eviction(resource, budget, call.name(), call.now);
            }
        }
    }
    call.server.delete_object(&call.stored_as, &call.key(), &options, call.now)?;
    Ok(created(call))
}

/// Returns true when a budget counts the eviction of this pod. One without a status from its controller does not, and
/// none counts a pod that is not running, or not ready while enough others are.
fn counts(budget: &Value, pod: &Stored) -> bool {
    let selector = &budget["spec"]["selector"];
    let status = &budget["status"];
    let is_selected = !selector.is_null() && LabelSelector::from_object(selector).matches(&pod.record.labels);
    if !is_selected || status["observedGeneration"].is_null() || pod.value["status"]["phase"] != "Running" {
        return false;
    }
    let conditions = pod.value["status"]["conditions"].as_array();
    let is_ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    let number = |name: &str| status[name].as_i64().unwrap_or(0);
    let is_met = number("desiredHealthy") > 0 && number("currentHealthy") >= number("desiredHealthy");
    is_ready || !(is_met || budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow")
}

/// Counts an eviction at once, so that the next one does not have to wait for the controller.
fn note_eviction(resource: &Resource, budget: &Stored, pod: &str, now: Timestamp) {
    let key = (budget.record.namespace.clone(), budget.record.name.clone());
    for _ in 0..write::MAX_ATTEMPTS {
        let Some(budget) = resource.objects.get(&key) else { return };
        let mut value = budget.value.clone();
        let allowed = value["status"]["disruptionsAllowed"].as_i64().unwrap_or(0);
        value["status"]["disruptionsAllowed"] = (allowed - 1).max(0).into();
        value["status"]["disruptedPods"][pod] = time::seconds(now).into();
        if resource.objects.replace(&key, budget.version(), value).is_ok() {
            return;
        }
    }
}

/// Handles PUT of `namespaces/NAME/finalize`: sets the finalizers in the spec.
pub(crate) fn finalize(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let sent = body::decode(call.headers, bytes, "Namespace")?;
    let written = write::change(call, WriteScope::Whole, "finalize", |_, old| {
        let mut object = old.clone();
        object["spec"]["finalizers"] = sent["spec"]["finalizers"].clone();
        Ok(object)
    })?;
    Ok(write::respond(call, 200, written))
}
