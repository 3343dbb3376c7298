//! The charts that others made and `up` installs: which, at which version, from where, and with which values.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::chart;
use super::failure::Failure;
use super::owner;
use super::request::{ChartAt, Place, Profile};

/// A chart that `up` installs for a profile.
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
    /// Where it comes from.
    pub place: Place,
    /// The values that it is given.
    pub values: Value,
}

/// The list of charts in `versions.yaml`.
#[derive(Debug, Deserialize)]
struct Pins {
    charts: Vec<Pin>,
}

/// A chart there: the only place where version, release and namespace stand.
#[derive(Debug, Deserialize)]
struct Pin {
    name: String,
    repository: String,
    version: String,
    release: String,
    namespace: String,
    /// For each profile that needs the chart its files of values, later ones over earlier ones.
    values: BTreeMap<String, Vec<String>>,
}

/// Namespace and name of the release that serves the external metrics API with a profile.
#[must_use]
pub fn metrics_release(profile: Profile) -> (&'static str, &'static str) {
    match profile {
        Profile::Plugin | Profile::Exporter => RULES,
        Profile::Keda => ("keda", "keda"),
    }
}

/// Namespace and name of the adapter's release, and of the ConfigMap that it reads its rules from.
pub const RULES: (&str, &str) = (contract::names::MONITORING, "prometheus-adapter");

/// The releases of a profile, in the order in which they are installed.
///
/// # Errors
/// When `elsewhere` names a chart that the profile does not install, or a file that is not there.
pub fn releases(profile: Profile, elsewhere: &[ChartAt]) -> Result<Vec<Release>, Failure> {
    let pins: Pins = serde_saphyr::from_str(chart::VERSIONS).map_err(|error| {
        Failure::step(format!("charts/upstream/versions.yaml cannot be read: {error}"), "")
    })?;
    let wanted = |pin: &Pin| pin.values.contains_key(profile.name());
    let pins: Vec<Pin> = pins.charts.into_iter().filter(wanted).collect();
    let known: Vec<&str> = pins.iter().map(|pin| pin.name.as_str()).chain([chart::NAME]).collect();
    for ChartAt { chart, place } in elsewhere {
        if !known.contains(&chart.as_str()) {
            let advice = format!("with this profile it is one of: {}", known.join(", "));
            return Err(Failure::usage(
                format!("--chart names {chart}, which profile {profile} does not install"),
                advice,
            ));
        }
        if let Place::Path(path) = place
            && !path.exists()
        {
            return Err(Failure::usage(format!("--chart {chart}: there is no {}", path.display()), ""));
        }
    }
    pins.into_iter().map(|pin| release(pin, profile, elsewhere)).collect()
}

fn release(pin: Pin, profile: Profile, elsewhere: &[ChartAt]) -> Result<Release, Failure> {
    let at = elsewhere.iter().rfind(|at| at.chart == pin.name);
    let place = at.map_or(Place::Repository(pin.repository), |at| at.place.clone());
    let mut values = Value::Object(serde_json::Map::new());
    for file in pin.values.get(profile.name()).into_iter().flatten() {
        merge(&mut values, chart::values(file)?);
    }
    let Pin { name: chart, version, release: name, namespace, .. } = pin;
    Ok(Release { name, namespace, chart, version, place, values })
}

/// Lays `over` over `values` as helm does: maps are merged, everything else is replaced.
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
    /// Helm's arguments that say which chart is meant.
    #[must_use]
    pub fn source(&self) -> Vec<String> {
        source(&self.chart, &self.place, &self.version)
    }

    /// Helm's arguments that install or upgrade it with the values in `file`.
    #[must_use]
    pub fn install(&self, file: &Path) -> Vec<String> {
        let mut words = vec!["upgrade".to_owned(), "--install".to_owned(), self.name.clone()];
        words.extend(self.source());
        words.extend(["--namespace".to_owned(), self.namespace.clone()]);
        words.extend(["--labels".to_owned(), format!("{}={}", owner::MANAGED_BY, owner::SURGE)]);
        words.extend(["--values".to_owned(), file.to_string_lossy().into_owned()]);
        words
    }

    /// As helm lists it: chart and version.
    #[must_use]
    pub fn listed(&self) -> String {
        format!("{}-{}", self.chart, self.version)
    }
}

/// The arguments that say which chart is meant.
fn source(chart: &str, place: &Place, version: &str) -> Vec<String> {
    let words: &[&str] = match place {
        Place::Path(path) => return vec![path.to_string_lossy().into_owned()],
        Place::Url(url) if url.starts_with("oci:") => &[url, "--version", version],
        Place::Url(url) => &[url],
        Place::Repository(url) => &[chart, "--repo", url, "--version", version],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shell;

    fn names(profile: Profile) -> Vec<String> {
        releases(profile, &[]).unwrap().iter().map(|release| release.chart.clone()).collect()
    }

    #[test]
    fn adapter_and_keda_never_come_together() {
        assert_eq!(names(Profile::Plugin), ["kube-prometheus-stack", "prometheus-adapter"]);
        assert_eq!(names(Profile::Exporter), ["kube-prometheus-stack", "prometheus-adapter"]);
        assert_eq!(names(Profile::Keda), ["kube-prometheus-stack", "keda"]);
    }

    #[test]
    fn the_release_that_serves_the_metric_is_one_of_them() {
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
    fn charts_come_from_where_they_are_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let install = |at: &str| {
            let at: ChartAt = format!("prometheus-adapter={at}").parse().unwrap();
            let release = releases(Profile::Plugin, &[at]).unwrap().remove(1);
            shell::line(release.install(Path::new("v.json")))
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
            assert!(line.starts_with(&format!("upgrade --install {source}")), "{line}");
            assert!(line.ends_with("--labels app.kubernetes.io/managed-by=surge --values v.json"), "{line}");
        }
    }

    #[test]
    fn charts_of_no_use_are_refused() {
        for (text, expected) in
            [("keda=.", "profile plugin does not install"), ("prometheus-adapter=/nowhere", "/nowhere")]
        {
            let failure = releases(Profile::Plugin, &[text.parse().unwrap()]).unwrap_err();
            assert!(failure.what.contains(expected), "{failure:?}");
        }
    }

    #[test]
    fn values_are_merged_as_helm_does() {
        let mut values = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
        merge(&mut values, json!({"a": {"c": [3]}, "e": null}));
        assert_eq!(values, json!({"a": {"b": 1, "c": [3]}, "d": 1, "e": null}));
    }
}
