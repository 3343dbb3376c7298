//! The adapter's rules for a stack that has none: the same as the chart of prometheus-adapter is given, as the ConfigMap that it
//! would make of them.

use serde_json::{Value, json};

use super::failure::Failure;
use super::owner;
use super::request::{Profile, Request};
use super::seen::Rules;
use super::upstream;

/// The ConfigMap.
///
/// # Errors
/// When the values of prometheus-adapter cannot be read.
pub fn object(request: &Request) -> Result<Value, Failure> {
    let profile = if request.profile == Profile::Keda { Profile::Plugin } else { request.profile };
    let releases = upstream::releases(profile, &[])?;
    let rules = releases.last().map_or(Value::Null, |release| release.values["rules"]["external"].clone());
    let text = serde_saphyr::to_string(&json!({"externalRules": rules}))
        .map_err(|error| Failure::step(format!("the adapter's rules cannot be written: {error}"), ""))?;
    let (namespace, name) = upstream::RULES;
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"config.yaml": text},
    });
    owner::mark(&mut object, &request.namespace, request.profile.name());
    Ok(object)
}

/// What the rules in a ConfigMap say about the demo's metric.
#[must_use]
pub fn judge(config_map: Option<&Value>, profile: Profile) -> Rules {
    let Some(config_map) = config_map else { return Rules::Absent };
    let series = match profile {
        Profile::Exporter => "rabbitmq_queue_messages",
        Profile::Plugin | Profile::Keda => "rabbitmq_detailed_queue_messages",
    };
    let texts = config_map["data"].as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str());
    let mut serving =
        texts.filter(|text| text.contains(contract::names::EXTERNAL_METRIC) && text.contains(series));
    if serving.next().is_some() { Rules::Serve } else { Rules::Lack }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::request;

    #[test]
    fn the_rules_that_are_made_serve_the_metric() {
        for profile in [Profile::Plugin, Profile::Exporter] {
            let mut request = request();
            request.profile = profile;
            let object = object(&request).unwrap();
            assert_eq!(judge(Some(&object), profile), Rules::Serve, "{object}");
            let text = object["data"]["config.yaml"].as_str().unwrap();
            let read: Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(read["externalRules"].as_array().unwrap().len(), 1, "{text}");
            let other = if profile == Profile::Plugin { Profile::Exporter } else { Profile::Plugin };
            assert_eq!(judge(Some(&object), other), Rules::Lack);
        }
        assert_eq!(judge(None, Profile::Plugin), Rules::Absent);
        assert_eq!(judge(Some(&json!({"data": {"config.yaml": "rules: []"}})), Profile::Plugin), Rules::Lack);
    }
}
