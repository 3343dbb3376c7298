//! The adapter's rules for an existing stack without rules: the ConfigMap that prometheus-adapter's chart would make.

use promfmt::adapter::{CONFIG_KEY, Config, Rule};
use serde_json::{Value, json};

use super::cluster_state::RulesState;
use super::failure::Failure;
use super::owner;
use super::request::{Profile, Request};
use super::upstream;

/// The ConfigMap with the rules.
///
/// # Errors
/// If the values of prometheus-adapter are invalid.
pub fn object(request: &Request) -> Result<Value, Failure> {
    let profile = if request.profile == Profile::Keda { Profile::Plugin } else { request.profile };
    let releases = upstream::releases(profile, &[])?;
    let rules = releases.last().map_or(Value::Null, |release| release.values["rules"]["external"].clone());
    let text = serde_saphyr::to_string(&json!({"externalRules": rules}))
        .map_err(|error| Failure::step(format!("writing the adapter's rules failed: {error}"), ""))?;
    let (namespace, name) = upstream::ADAPTER;
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {CONFIG_KEY: text},
    });
    owner::mark(&mut object, &request.namespace, request.profile.name());
    Ok(object)
}

/// Compares the rules in a ConfigMap with the demo's metric and the profile's series.
#[must_use]
pub fn state(config_map: Option<&Value>, profile: Profile) -> RulesState {
    let Some(config_map) = config_map else { return RulesState::Absent };
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
    if serves { RulesState::Serving } else { RulesState::Lacking }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::request;

    #[test]
    fn our_rules_serve_the_metric() {
        for profile in [Profile::Plugin, Profile::Exporter] {
            let mut request = request();
            request.profile = profile;
            let object = object(&request).unwrap();
            assert_eq!(state(Some(&object), profile), RulesState::Serving, "{object}");
            let text = object["data"][CONFIG_KEY].as_str().unwrap();
            assert_eq!(Config::parse(text).unwrap().external_rules.len(), 1, "{text}");
            let other = if profile == Profile::Plugin { Profile::Exporter } else { Profile::Plugin };
            assert_eq!(state(Some(&object), other), RulesState::Lacking);
        }
        assert_eq!(state(None, Profile::Plugin), RulesState::Absent);
        let lacking = [
            "rules: []",
            "# rabbitmq_queue_length of rabbitmq_detailed_queue_messages",
            "externalRules: [{seriesQuery: rabbitmq_detailed_queue_messages, metricsQuery: q, \
             name: {as: rabbitmq_queue_length}, seriesFilters: [{isNot: detailed}]}]",
        ];
        for text in lacking {
            let map = json!({"data": {"config.yaml": text}});
            assert_eq!(state(Some(&map), Profile::Plugin), RulesState::Lacking, "{text}");
        }
    }
}
