//! Sentences about KEDA's part in addition to the HPA: pauses, activity, fallback, the step to 0.

use observed::scaled_object::{Hold, ScaledObject, Trigger};

use crate::strings;

/// The sentences, the most important first. `replicas` is the size of the target.
#[must_use]
pub fn sentences(object: &ScaledObject, replicas: Option<i32>) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(object.pause.map(|pause| match pause {
        Hold::Here => strings::KEDA_PAUSED.to_owned(),
        Hold::At(replicas) => strings::keda_paused_at(replicas),
        Hold::WithoutAnnotation => strings::KEDA_PAUSED_UNANNOTATED.to_owned(),
    }));
    if object.is_fallback {
        all.push(strings::keda_fallback(object.fallback));
    }
    all.extend(object.triggers.iter().filter(|trigger| trigger.failures > 0).map(failing));
    let rest = object.idle.unwrap_or(object.min);
    if all.is_empty() && replicas == Some(0) && rest == 0 {
        all.push(strings::KEDA_AT_REST.to_owned());
    }
    let triggers: Vec<String> = object.triggers.iter().map(in_short).collect();
    all.push(strings::keda_triggers(&triggers.join(", "), object.polling_seconds));
    if rest == 0 {
        all.push(strings::keda_cooldown(object.cooldown_seconds));
    }
    all.extend(object.formula.as_deref().map(strings::keda_formula));
    all
}

/// A trigger with its state for people: `rabbitmq Orders (inactive, active above 5)`.
fn in_short(trigger: &Trigger) -> String {
    let name = trigger.name.as_deref().or(trigger.metadata.get("queueName").map(String::as_str));
    let name = name.map_or_else(|| trigger.kind.clone(), |name| format!("{} {name}", trigger.kind));
    let states = [
        trigger.is_active.map(|is_active| strings::trigger_activity(is_active).to_owned()),
        trigger.activation().map(strings::trigger_activation),
    ];
    let states: Vec<String> = states.into_iter().flatten().collect();
    if states.is_empty() { name } else { format!("{name} ({})", states.join(", ")) }
}

fn failing(trigger: &Trigger) -> String {
    strings::trigger_fails(&in_short(trigger), trigger.failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_comes_first_and_rest_is_no_failure() {
        let rabbitmq = Trigger {
            kind: "rabbitmq".to_owned(),
            metadata: [("queueName", "Orders"), ("activationValue", "5")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            is_active: Some(false),
            ..Trigger::default()
        };
        let object = ScaledObject {
            triggers: vec![rabbitmq],
            polling_seconds: 30,
            cooldown_seconds: 300,
            ..ScaledObject::default()
        };
        assert_eq!(
            sentences(&object, Some(0)),
            [
                "KEDA rests at 0: an active trigger wakes the target",
                "KEDA triggers: rabbitmq Orders (inactive, active above 5), polled every 30 s at 0",
                "KEDA scales to 0 after 300 s without an active trigger",
            ]
        );
        let paused = ScaledObject { pause: Some(Hold::At(0)), ..object };
        assert_eq!(sentences(&paused, Some(0))[0], "KEDA is paused at 0 by the annotation paused-replicas");
    }
}
