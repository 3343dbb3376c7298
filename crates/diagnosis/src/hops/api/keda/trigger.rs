//! KEDA's triggers: the API that serves each, its activity and its settings.

mod prometheus;
mod rabbitmq;

use crate::facts::{Facts, ScaledObject, Trigger};
use crate::finding::ReportWriter;
use crate::fixes::keda as fix;
use crate::scaled_object::{self, name};
use crate::{fmt, messages};

const CHECK: &str = "trigger";

/// KEDA's default `cooldownPeriod`, in seconds.
const COOLDOWN: u64 = 300;

/// Checks the triggers of an object that KEDA accepts.
pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, object: &ScaledObject) {
    let command = facts.keda.scaled_objects.command.as_ref();
    let all = object.spec.triggers.len();
    let modifiers = &object.spec.advanced.scaling_modifiers;
    if !modifiers.formula.is_empty() {
        let names = object.spec.triggers.iter().filter_map(|trigger| trigger.name.as_deref());
        let detail = messages::formula(name(object), &modifiers.formula, fmt::list(names), &modifiers.target);
        writer.ok("formula", detail, command);
    }
    for (index, trigger) in object.spec.triggers.iter().enumerate() {
        let title = messages::trigger_title(index + 1, all, &trigger.r#type);
        let failures = of_trigger(&object.status.health, index).map(|health| health.number_of_failures);
        let failures = failures.flatten().unwrap_or(0);
        if failures > 0 {
            let log = fix::operator_log(facts, &messages::fix_keda_log());
            writer.warn(CHECK, messages::trigger_fails(title, failures), command, log);
        } else {
            writer.ok(CHECK, served(object, index, trigger, &title), command);
        }
        match trigger.r#type.as_str() {
            "prometheus" => prometheus::examine(facts, writer, object, index, trigger),
            "rabbitmq" => rabbitmq::examine(facts, writer, object, index, trigger),
            _ => {}
        }
    }
}

/// Checks the settings that KEDA refuses, of an object that is not ready.
pub(super) fn settings(facts: &Facts, writer: &mut ReportWriter<'_>, object: &ScaledObject) {
    for (index, trigger) in object.spec.triggers.iter().enumerate() {
        if trigger.r#type == "rabbitmq" {
            let _is_refused = rabbitmq::refused(facts, writer, object, index, trigger);
        }
    }
}

/// The API that serves a trigger, its activity, and the size at which the workload rests.
fn served(object: &ScaledObject, index: usize, trigger: &Trigger, title: &str) -> String {
    if matches!(trigger.r#type.as_str(), "cpu" | "memory") {
        return messages::trigger_of_resource(title);
    }
    let activity = of_trigger(&object.status.triggers_activity, index).map(|activity| activity.is_active);
    let of_object = || match scaled_object::condition(object, "Active") {
        // With one trigger, the object's activity is the trigger's.
        Some("True") if object.spec.triggers.len() == 1 => Some(true),
        Some("False") => Some(false),
        _ => None,
    };
    let activation = trigger.metadata.iter().find(|(key, _)| key.starts_with("activation"));
    let activation = activation.map_or(String::new(), |(_, value)| messages::activation(value));
    match activity.or_else(of_object) {
        Some(true) => messages::trigger_active(title, activation),
        Some(false) => {
            let cooldown = object.spec.cooldown_period.unwrap_or(COOLDOWN);
            messages::trigger_rests(title, scaled_object::resting_size(object), cooldown, activation)
        }
        None => messages::trigger_served(title, activation),
    }
}

/// The entry of a trigger in a map by metric names, which begin with `s` and the trigger's index.
fn of_trigger<T>(all: &std::collections::BTreeMap<String, T>, index: usize) -> Option<&T> {
    let prefix = format!("s{index}-");
    all.iter().find(|(metric, _)| metric.starts_with(&prefix)).map(|(_, value)| value)
}
