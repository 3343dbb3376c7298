//! What a trigger makes of an outage: KEDA's `prometheus` trigger takes an answer without a value for 0, and scales in.

use super::super::facts::{Facts, ScaledObject, Trigger};
use super::super::line::{Fix, Pen};
use super::name;

/// Says of each `prometheus` trigger whether it tells an outage from an empty queue.
pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>, object: &ScaledObject) {
    let triggers = object.spec.triggers.iter().enumerate();
    for (place, trigger) in triggers.filter(|(_, trigger)| trigger.r#type == "prometheus") {
        one(facts, pen, object, place, trigger);
    }
}

fn one(facts: &Facts, pen: &mut Pen<'_>, object: &ScaledObject, place: usize, trigger: &Trigger) {
    let how = &facts.keda.scaled_objects.how;
    let query = trigger.metadata.get("query").map_or("", String::as_str);
    let measured = without_fallback(query);
    let (check, what) = match measured {
        Some(_) => ("trigger-fallback", "its query ends in `or vector(0)`"),
        // True is KEDA's default.
        None if trigger.metadata.get("ignoreNullValues").is_none_or(|value| value != "false") => (
            "trigger-null",
            "ignoreNullValues is not \"false\", so that an answer without a value counts as 0",
        ),
        None => {
            let saw = format!(
                "the prometheus trigger of ScaledObject {} fails where there is no value",
                name(object)
            );
            pen.ok("trigger-null", saw, how);
            return;
        }
    };
    let saw = format!(
        "the prometheus trigger of ScaledObject {}: {what}; while the broker is not scraped it says 0, and the autoscaler scales in during the outage",
        name(object)
    );
    let mut changes = Vec::new();
    if let Some(measured) = measured {
        let value = serde_json::Value::from(measured);
        changes.push(format!(
            "{{\"op\":\"replace\",\"path\":\"/spec/triggers/{place}/metadata/query\",\"value\":{value}}}"
        ));
    }
    changes.push(format!(
        "{{\"op\":\"add\",\"path\":\"/spec/triggers/{place}/metadata/ignoreNullValues\",\"value\":\"false\"}}"
    ));
    let fix = Fix::command(
        "let it fail in an outage; the HPA then holds its size",
        format!(
            "kubectl patch scaledobject {} -n {} --type json -p '[{}]'",
            name(object),
            facts.place.namespace,
            changes.join(",").replace('\'', r"'\''")
        ),
    );
    pen.warn(check, saw, how, fix);
}

/// The query before a constant that stands for an answer that is missing, if it ends in one.
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
    fn the_constant_is_taken_off() {
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
