//! KEDA's `prometheus` triggers during an outage: an empty result counts as 0 unless they say otherwise, and KEDA scales in.

use serde_json::json;

use crate::facts::{Facts, ScaledObject, Trigger};
use crate::finding::{Fix, ReportWriter};
use crate::scaled_object::name;
use crate::{fixes, messages};

/// Checks that a `prometheus` trigger distinguishes an outage from an empty queue.
pub(super) fn examine(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    index: usize,
    trigger: &Trigger,
) {
    let command = facts.keda.scaled_objects.command.as_ref();
    let query = trigger.metadata.get("query").map_or("", String::as_str);
    let metadata = format!("/spec/triggers/{index}/metadata");
    let no_null = json!({"op": "add", "path": format!("{metadata}/ignoreNullValues"), "value": "false"});
    let (check, reason, change) = if let Some(measured) = without_fallback(query) {
        let replace = json!({"op": "replace", "path": format!("{metadata}/query"), "value": measured});
        ("trigger-fallback", messages::reason_fallback(), json!([replace, no_null]))
    } else if trigger.metadata.get("ignoreNullValues").is_none_or(|value| value != "false") {
        // KEDA's default is true.
        ("trigger-null", messages::reason_null_values(), json!([no_null]))
    } else {
        return writer.ok("trigger-null", messages::trigger_fails_without_value(name(object)), command);
    };
    let namespace = Some(facts.subject.namespace.as_str());
    let patch = fixes::json_patch("scaledobject", name(object), namespace, &change);
    let fix = Fix::command(messages::fix_trigger(), patch);
    writer.warn(check, messages::trigger_zero(name(object), reason), command, fix);
}

/// The query without the constant 0 that replaces a missing result, if it ends in one.
fn without_fallback(query: &str) -> Option<&str> {
    let query = query.trim_end();
    let before = query.strip_suffix("vector(0)")?.trim_end();
    let before = before.strip_suffix("on()").map_or(before, str::trim_end);
    Some(before.strip_suffix("or")?.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_is_removed() {
        for (query, before) in [
            ("sum(a) or vector(0)", Some("sum(a)")),
            ("sum(a) or on() vector(0) ", Some("sum(a)")),
            ("sum(a)", None),
            ("vector(0)", None),
        ] {
            assert_eq!(without_fallback(query), before, "{query}");
        }
    }
}
