//! The upstream charts that `surge up` installs, with their versions, sources and values.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::bundled;
use super::failure::Failure;
use super::owner;
use super::request::{ChartOption, ChartSource, Profile};

/// A release of an upstream chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Name of the release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Name of the chart.
    pub chart: String,
    /// Its version.
    pub version: String,
    /// Source of the chart.
    pub source: ChartSource,
    /// Its values.
    pub values: Value,
}

/// The list of charts in `versions.yaml`.
#[derive(Debug, Deserialize)]
struct Pins {
    charts: Vec<Pin>,
}

/// A chart of that list, the only place with version, release and namespace.
#[derive(Debug, Deserialize)]
struct Pin {
    name: String,
    repository: String,
    version: String,
    release: String,
    namespace: String,
    /// Files of values by profile; later files override earlier ones. Other profiles do not need the chart.
    values: BTreeMap<String, Vec<String>>,
}

/// Namespace and name of the release that serves external metrics with a profile.
#[must_use]
pub fn metrics_release(profile: Profile) -> (&'static str, &'static str) {
    match profile {
        Profile::Plugin | Profile::Exporter => ADAPTER,
        Profile::Keda => ("keda", "keda"),
    }
}

/// Namespace and name of the adapter's release, and of the ConfigMap with its rules.
pub const ADAPTER: (&str, &str) = (contract::names::MONITORING, "prometheus-adapter");

/// The releases of a profile, in the order of installing.
///
/// # Errors
/// If `options` name a chart that the profile does not install, or a missing file.
pub fn releases(profile: Profile, options: &[ChartOption]) -> Result<Vec<Release>, Failure> {
    let pins: Pins = serde_saphyr::from_str(bundled::VERSIONS)
        .map_err(|error| Failure::step(format!("charts/upstream/versions.yaml is invalid: {error}"), ""))?;
    let wanted = |pin: &Pin| pin.values.contains_key(profile.name());
    let pins: Vec<Pin> = pins.charts.into_iter().filter(wanted).collect();
    let known: Vec<&str> = pins.iter().map(|pin| pin.name.as_str()).chain([bundled::CHART_NAME]).collect();
    for ChartOption { chart, source } in options {
        check_name("--chart", chart, &known, profile)?;
        if let ChartSource::Path(path) = source
            && !path.exists()
        {
            return Err(Failure::usage(format!("--chart {chart}: there is no {}", path.display()), ""));
        }
    }
    pins.into_iter().map(|pin| release(pin, profile, options)).collect()
}

/// Checks that an option names one of the charts `known`.
///
/// # Errors
/// If it does not.
pub fn check_name(option: &str, chart: &str, known: &[&str], profile: Profile) -> Result<(), Failure> {
    if known.contains(&chart) {
        return Ok(());
    }
    let advice = format!("its charts are: {}", known.join(", "));
    Err(Failure::usage(format!("{option} {chart}: profile {profile} does not install it"), advice))
}

fn release(pin: Pin, profile: Profile, options: &[ChartOption]) -> Result<Release, Failure> {
    let given = options.iter().rfind(|option| option.chart == pin.name);
    let source = given.map_or(ChartSource::Repository(pin.repository), |option| option.source.clone());
    let mut values = Value::Object(serde_json::Map::new());
    for file in pin.values.get(profile.name()).into_iter().flatten() {
        merge(&mut values, bundled::values(file)?);
    }
    let Pin { name: chart, version, release: name, namespace, .. } = pin;
    Ok(Release { name, namespace, chart, version, source, values })
}

/// Merges `over` into `values` as helm does: maps are merged, all other values are replaced.
pub fn merge(values: &mut Value, over: Value) {
    match (values, over) {
        (Value::Object(values), Value::Object(over)) => {
            for (key, value) in over {
                merge(values.entry(key).or_insert(Value::Null), value);
            }
        }
        (values, over) => *values = over,
    }
}

impl Release {
    /// Helm's arguments for the chart.
    #[must_use]
    pub fn chart_arguments(&self) -> Vec<String> {
        let version = self.version.as_str();
        let arguments: &[&str] = match &self.source {
            ChartSource::Path(path) => return vec![path.to_string_lossy().into_owned()],
            ChartSource::Url(url) if url.starts_with("oci:") => &[url, "--version", version],
            ChartSource::Url(url) => &[url],
            ChartSource::Repository(url) => &[&self.chart, "--repo", url, "--version", version],
        };
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    /// Helm's arguments for installing or upgrading, with the values in `file`.
    #[must_use]
    pub fn install(&self, file: &Path) -> Vec<String> {
        let mut words = vec!["upgrade".to_owned(), "--install".to_owned(), self.name.clone()];
        words.extend(self.chart_arguments());
        words.extend(["--namespace".to_owned(), self.namespace.clone()]);
        words.extend(["--labels".to_owned(), format!("{}={}", owner::MANAGED_BY, owner::SURGE)]);
        words.extend(["--values".to_owned(), file.to_string_lossy().into_owned()]);
        words
    }

    /// Chart and version, as in `helm list`.
    #[must_use]
    pub fn chart_version(&self) -> String {
        format!("{}-{}", self.chart, self.version)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use text::command::Command;

    fn names(profile: Profile) -> Vec<String> {
        releases(profile, &[]).unwrap().iter().map(|release| release.chart.clone()).collect()
    }

    #[test]
    fn a_profile_has_adapter_or_keda() {
        assert_eq!(names(Profile::Plugin), ["kube-prometheus-stack", "prometheus-adapter"]);
        assert_eq!(names(Profile::Exporter), ["kube-prometheus-stack", "prometheus-adapter"]);
        assert_eq!(names(Profile::Keda), ["kube-prometheus-stack", "keda"]);
    }

    #[test]
    fn the_last_release_serves_the_metric() {
        for profile in [Profile::Plugin, Profile::Exporter, Profile::Keda] {
            let (namespace, name) = metrics_release(profile);
            let releases = releases(profile, &[]).unwrap();
            let last = releases.last().unwrap();
            assert_eq!((last.namespace.as_str(), last.name.as_str()), (namespace, name), "{profile}");
        }
    }

    #[test]
    fn the_exporters_rule_replaces_the_plugins() {
        let rules = |profile| releases(profile, &[]).unwrap()[1].values["rules"]["external"].clone();
        let series = |rules: &Value| rules[0]["seriesQuery"].as_str().unwrap().to_owned();
        assert!(series(&rules(Profile::Plugin)).contains("rabbitmq_detailed_queue_messages"));
        assert!(series(&rules(Profile::Exporter)).contains("\"rabbitmq_queue_messages\""));
        assert_eq!(rules(Profile::Exporter).as_array().unwrap().len(), 1);
    }

    #[test]
    fn options_select_the_source_of_a_chart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let install = |at: &str| {
            let option: ChartOption = format!("prometheus-adapter={at}").parse().unwrap();
            let release = releases(Profile::Plugin, &[option]).unwrap().remove(1);
            Command::helm(release.install(Path::new("v.json"))).to_string()
        };
        for (at, source) in [
            (path, format!("prometheus-adapter {path} ")),
            ("https://h/a.tgz", "prometheus-adapter https://h/a.tgz ".to_owned()),
            ("oci://h/a", "prometheus-adapter oci://h/a --version ".to_owned()),
            (
                "https://h/charts",
                "prometheus-adapter prometheus-adapter --repo https://h/charts --version ".to_owned(),
            ),
        ] {
            let line = install(at);
            assert!(line.starts_with(&format!("helm upgrade --install {source}")), "{line}");
            assert!(line.ends_with("--labels app.kubernetes.io/managed-by=surge --values v.json"), "{line}");
        }
    }

    #[test]
    fn unknown_charts_and_missing_files_are_refused() {
        for (text, expected) in
            [("keda=.", "profile plugin does not install"), ("prometheus-adapter=/nowhere", "/nowhere")]
        {
            let failure = releases(Profile::Plugin, &[text.parse().unwrap()]).unwrap_err();
            assert!(failure.what.contains(expected), "{failure:?}");
        }
    }

    #[test]
    fn values_are_merged_as_by_helm() {
        let mut values = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge(&mut values, json!({"a": {"c": [3]}, "e": null}));
        assert_eq!(values, json!({"a": {"b": 1, "c": [3]}, "d": 1, "e": null}));
    }
}
