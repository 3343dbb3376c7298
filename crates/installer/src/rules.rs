//! The adapter's rules for a stack that has none: the same as the chart of prometheus-adapter is given, as the ConfigMap that it
//! would make of them.

use promfmt::adapter::{CONFIG_KEY, Config, Rule};
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
        "data": {CONFIG_KEY: text},
    });
    owner::mark(&mut object, &request.namespace, request.profile.name());
    Ok(object)
}

/// Finds out whether the rules in a ConfigMap make the demo's metric from the profile's series.
#[must_use]
pub fn judge(config_map: Option<&Value>, profile: Profile) -> Rules {
    let Some(config_map) = config_map else { return Rules::Absent };
    let series = match profile {
        Profile::Exporter => "rabbitmq_queue_messages",
        Profile::Plugin | Profile::Keda => "rabbitmq_detailed_queue_messages",
    };
    let makes_metric = |rule: &Rule| {
        rule.fixed_series().is_none_or(|fixed| fixed == series)
            && rule.metric_name(series).as_deref() == Some(contract::names::EXTERNAL_METRIC)
    };
    let texts = config_map["data"].as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str());
    let mut configs = texts.filter_map(|text| Config::parse(text).ok());
    let serves = configs.any(|config| config.external_rules.iter().any(makes_metric));
    if serves { Rules::Serve } else { Rules::Lack }
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
            let text = object["data"][CONFIG_KEY].as_str().unwrap();
            assert_eq!(Config::parse(text).unwrap().external_rules.len(), 1, "{text}");
            let other = if profile == Profile::Plugin { Profile::Exporter } else { Profile::Plugin };
            assert_eq!(judge(Some(&object), other), Rules::Lack);
        }
        assert_eq!(judge(None, Profile::Plugin), Rules::Absent);
        let lacking = [
            "rules: []",
            "# rabbitmq_queue_length of rabbitmq_detailed_queue_messages",
            "externalRules: [{seriesQuery: rabbitmq_detailed_queue_messages, metricsQuery: q, \
             name: {as: rabbitmq_queue_length}, seriesFilters: [{isNot: detailed}]}]",
        ];
        for text in lacking {
            let map = json!({"data": {"config.yaml": text}});
            assert_eq!(judge(Some(&map), Profile::Plugin), Rules::Lack, "{text}");
        }
    }
}
