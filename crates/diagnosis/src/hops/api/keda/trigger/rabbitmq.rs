//! KEDA's `rabbitmq` triggers: the queues and messages that they count, and the settings that KEDA refuses.

use regex::RegexBuilder;
use serde_json::json;

use crate::facts::{Facts, MetricResponse, Queue, ScaledObject, Trigger};
use crate::finding::{Fix, ReportWriter};
use crate::fixes::{self, keda as fix};
use crate::scaled_object::{is_set, name};
use crate::{fmt, messages, metric, scaled_object};

/// The protocol by which KEDA asks the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Amqp,
    Http,
}

/// Checks a trigger of an object that KEDA accepts.
pub(super) fn examine(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    index: usize,
    trigger: &Trigger,
) {
    if refused(facts, writer, object, index, trigger) {
        return;
    }
    let Some(queues) = facts.broker.queues.get() else { return };
    let Some(wanted) = trigger.metadata.get("queueName") else { return };
    let vhost = vhost(trigger);
    let counted = if is_set(trigger, "useRegex") {
        match matching(facts, writer, object, index, wanted, queues, &vhost) {
            Some(counted) => counted,
            None => return,
        }
    } else {
        // The hop of the broker reports a queue that does not exist.
        let is_it = |queue: &&Queue| {
            &queue.name == wanted && vhost.as_ref().is_none_or(|vhost| &queue.vhost == vhost)
        };
        queues.iter().filter(is_it).take(1).collect()
    };
    value(facts, writer, object, index, trigger, &counted);
}

/// Reports settings that need the management API while the trigger uses AMQP. Returns whether there are any.
pub(super) fn refused(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    index: usize,
    trigger: &Trigger,
) -> bool {
    const CHECK: &str = "trigger-protocol";
    let settings = ["useRegex", "excludeUnacknowledged"];
    let Some(setting) = settings.into_iter().find(|key| is_set(trigger, key)) else { return false };
    let is_amqp = protocol(facts, trigger) == Some(Protocol::Amqp)
        || object.status.conditions.iter().any(|condition| {
            condition.r#type == "Ready"
                && condition.message.contains(&format!("configure {setting}=true only with HTTP"))
        });
    if !is_amqp {
        return false;
    }
    let detail = messages::needs_management_api(name(object), setting);
    let at = format!("/spec/triggers/{index}/metadata");
    let fix = match &facts.broker.management {
        Some(service) => {
            let host = format!("http://{}.{}.svc:{}", service.service, service.namespace, service.port);
            let change = json!([
                {"op": "add", "path": format!("{at}/protocol"), "value": "http"},
                {"op": "add", "path": format!("{at}/host"), "value": host},
            ]);
            let namespace = Some(facts.subject.namespace.as_str());
            Fix::command(
                messages::fix_use_http(),
                fixes::json_patch("scaledobject", name(object), namespace, &change),
            )
        }
        None => Fix::command(
            messages::fix_use_http(),
            fixes::edit("scaledobject", name(object), &facts.subject.namespace),
        ),
    };
    writer.fail(CHECK, detail, facts.keda.scaled_objects.command.as_ref(), fix);
    true
}

/// The protocol of a trigger, as far as its settings show it.
fn protocol(facts: &Facts, trigger: &Trigger) -> Option<Protocol> {
    let of_url = |url: &str| match url.split_once("://")?.0 {
        "amqp" | "amqps" => Some(Protocol::Amqp),
        "http" | "https" => Some(Protocol::Http),
        _ => None,
    };
    match trigger.metadata.get("protocol").map(String::as_str) {
        Some("amqp") => Some(Protocol::Amqp),
        Some("http") => Some(Protocol::Http),
        // `auto`, the default, takes it from the address.
        _ => of_url(&host(facts, trigger)?),
    }
}

/// The address of the broker, if the trigger or the target's environment has it in the open.
fn host(facts: &Facts, trigger: &Trigger) -> Option<String> {
    if let Some(host) = trigger.metadata.get("host") {
        return Some(host.clone());
    }
    let variable = trigger.metadata.get("hostFromEnv")?;
    let target = crate::scale_target::reference(facts)?;
    let mut deployments = facts.deployments.all().iter();
    let found = deployments.find(|deployment| deployment.metadata.name.as_deref() == Some(target.name))?;
    let containers = &found.spec.as_ref()?.template.spec.as_ref()?.containers;
    let mut environment = containers.iter().flat_map(|container| container.env.iter().flatten());
    environment.find(|entry| &entry.name == variable)?.value.clone()
}

/// The virtual host of a trigger; `None` where the address that names it is secret.
fn vhost(trigger: &Trigger) -> Option<String> {
    if let Some(vhost) = trigger.metadata.get("vhostName").filter(|vhost| !vhost.is_empty()) {
        return Some(vhost.clone());
    }
    let (_, rest) = trigger.metadata.get("host")?.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let vhost = promfmt::percent::decode(path.rsplit('/').next().unwrap_or_default());
    Some(if vhost.is_empty() { "/".to_owned() } else { vhost })
}

/// The queues whose names match the trigger's expression, and a finding about them.
fn matching<'f>(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    index: usize,
    expression: &str,
    queues: &'f [Queue],
    vhost: &Option<String>,
) -> Option<Vec<&'f Queue>> {
    const CHECK: &str = "trigger-queues";
    let command = facts.broker.queues.command.as_ref();
    let in_vhost = || queues.iter().filter(|queue| vhost.as_ref().is_none_or(|vhost| &queue.vhost == vhost));
    let fix = || set_expression(facts, object, index, expression, &in_vhost().collect::<Vec<_>>());
    // The management API matches without regard to case.
    let Ok(pattern) = RegexBuilder::new(expression).case_insensitive(true).build() else {
        writer.fail(CHECK, messages::expression_invalid(expression), command, fix());
        return None;
    };
    let found: Vec<&Queue> = in_vhost().filter(|queue| pattern.is_match(&queue.name)).collect();
    let place = vhost.as_ref().map_or(String::new(), messages::of_vhost);
    if found.is_empty() {
        let names = fmt::list(in_vhost().map(|queue| queue.name.as_str()));
        writer.fail(CHECK, messages::expression_matches_none(expression, place, names), command, fix());
        return None;
    }
    let operation = object.spec.triggers.get(index).and_then(|trigger| trigger.metadata.get("operation"));
    let operation = operation.map_or("sum", String::as_str);
    let names = fmt::list(found.iter().map(|queue| queue.name.as_str()));
    writer.ok(CHECK, messages::expression_matches(expression, names, operation), command);
    Some(found)
}

/// Setting the expression to one queue: the nearest name, else one with consumers. The others are named as a choice.
fn set_expression(
    facts: &Facts,
    object: &ScaledObject,
    index: usize,
    expression: &str,
    queues: &[&Queue],
) -> Fix {
    let words = expression.trim_matches(|c: char| !c.is_alphanumeric());
    let nearest = fmt::nearest(words, queues.iter().map(|queue| queue.name.as_str()));
    let likely = || queues.iter().max_by_key(|queue| (queue.consumers.unwrap_or(0) > 0, &queue.name));
    let Some(chosen) = nearest.or_else(|| Some(likely()?.name.as_str())) else {
        return fixes::look_again(facts);
    };
    let others: Vec<&str> =
        queues.iter().map(|queue| queue.name.as_str()).filter(|other| *other != chosen).collect();
    let others = if others.is_empty() { String::new() } else { messages::or_choose(others.join(", ")) };
    let path = format!("/spec/triggers/{index}/metadata/queueName");
    let change = json!([
        {"op": "test", "path": path, "value": expression},
        {"op": "replace", "path": path, "value": format!("^{}$", regex::escape(chosen))},
    ]);
    let namespace = Some(facts.subject.namespace.as_str());
    let patch = fixes::json_patch("scaledobject", name(object), namespace, &change);
    Fix::command(messages::fix_expression(index, chosen, others), patch)
}

/// Compares the value that the API serves for the trigger with the messages that KEDA counts.
fn value(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    index: usize,
    trigger: &Trigger,
    counted: &[&Queue],
) {
    const CHECK: &str = "trigger-value";
    let counts_length = trigger.metadata.get("mode").is_none_or(|mode| mode == "QueueLength");
    let metrics = facts.autoscaler.get().map(metric::externals).unwrap_or_default();
    let is_its = |metric: &&metric::Metric| {
        scaled_object::trigger(facts, metric).is_some_and(|(owner, at, _)| owner == object && at == index)
    };
    let Some(metric) = metrics.iter().find(is_its) else { return };
    let response = &facts.metric(metric.index).response;
    let Some(MetricResponse::Values(values)) = response.get() else { return };
    if !counts_length || counted.is_empty() {
        return;
    }
    let amqp = protocol(facts, trigger) == Some(Protocol::Amqp);
    let counts_ready = amqp || is_set(trigger, "excludeUnacknowledged");
    let of = |queue: &&Queue| {
        let (ready, unacked) = (queue.messages_ready?, queue.messages_unacknowledged?);
        Some(if counts_ready { (ready, unacked) } else { (ready + unacked, 0) })
    };
    let Some(each) = counted.iter().map(of).collect::<Option<Vec<(u64, u64)>>>() else { return };
    let unacked: u64 = each.iter().map(|(_, unacked)| unacked).sum();
    let operation = trigger.metadata.get("operation").map_or("sum", String::as_str);
    let sum: u64 = each.iter().map(|(messages, _)| messages).sum();
    let expected = match operation {
        "avg" => sum / each.len() as u64,
        "max" => each.iter().map(|(messages, _)| *messages).max().unwrap_or(0),
        _ => sum,
    };
    let served = values.iter().sum::<i64>() as f64 / 1_000.0;
    let command = response.command.as_ref();
    let shown = fmt::milli(values.iter().sum());
    let note = if counts_ready { messages::ready_only(unacked) } else { messages::all_messages() };
    // The queue moves between the two requests.
    let is_same = (served - expected as f64).abs() <= 1.0 + 0.1 * served.max(expected as f64);
    if is_same || scaled_object::condition(object, "Fallback") == Some("True") {
        return writer.ok(CHECK, messages::trigger_value(shown, note), command);
    }
    let fix = fix::operator_log(facts, &messages::fix_keda_log());
    writer.warn(CHECK, messages::trigger_value_differs(shown, expected, note), command, fix);
}
