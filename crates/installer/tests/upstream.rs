//! The upstream charts in the folder `SURGE_CHARTS`, with the values that `surge up` passes: lint, names of values, rendering, and
//! the names on which the metric chain depends. `.ci/charts FOLDER` runs these tests.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::path::{Path, PathBuf};
use std::process::Command;

use installer::object::{self, Key};
use installer::plan::API_SERVICE;
use installer::request::Profile;
use installer::upstream::{self, Release};
use installer::workloads;
use serde_json::Value;

const PROFILES: [Profile; 3] = [Profile::Plugin, Profile::Exporter, Profile::Keda];

/// Supported releases of Kubernetes.
const KUBERNETES: [&str; 5] = ["1.33", "1.34", "1.35", "1.36", "1.37"];

/// The folder of a chart.
fn folder(release: &Release) -> PathBuf {
    let charts = std::env::var_os("SURGE_CHARTS").expect("SURGE_CHARTS names a folder of charts");
    Path::new(&charts).join(&release.chart)
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; `.ci/tools FOLDER` installs it"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    if output.status.success() { Ok(out) } else { Err(format!("{out}{err}")) }
}

/// Helm's output for a chart with the values of `surge up`.
fn helm(arguments: &[&str], release: &Release) -> String {
    let values = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(values.path(), release.values.to_string()).unwrap();
    let (chart, values) = (folder(release), values.path().to_str().unwrap());
    let all = [arguments, &[chart.to_str().unwrap(), "--values", values]].concat();
    run("helm", &all).unwrap_or_else(|error| panic!("helm {}: {error}", all.join(" ")))
}

/// The objects of a release, as `surge up` reads them.
fn objects(release: &Release, kubernetes: &str) -> Vec<Value> {
    let arguments = [
        "template",
        &release.name,
        "--namespace",
        &release.namespace,
        "--no-hooks",
        "--kube-version",
        kubernetes,
    ];
    let mut objects = object::parse(&helm(&arguments, release)).unwrap();
    for object in &mut objects {
        object::set_namespace(object, &release.namespace);
    }
    objects
}

fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// The release of a chart in the first profile that needs it.
fn release(chart: &str) -> Release {
    let mut releases = PROFILES.iter().flat_map(|profile| upstream::releases(*profile, &[]).unwrap());
    releases.find(|release| release.chart == chart).unwrap()
}

#[test]
#[ignore = "needs helm and a folder of upstream charts"]
fn the_charts_have_the_pinned_versions() {
    for profile in PROFILES {
        for release in upstream::releases(profile, &[]).unwrap() {
            let text = std::fs::read_to_string(folder(&release).join("Chart.yaml")).unwrap();
            let chart: Value = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(chart["version"], release.version.as_str(), "{}", release.chart);
        }
    }
}

/// The default values of a chart, with those of its unpacked dependencies.
fn defaults(folder: &Path) -> Value {
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        serde_saphyr::from_str(&text).unwrap_or(Value::Null)
    };
    let mut values = read("values.yaml");
    for dependency in read("Chart.yaml")["dependencies"].as_array().into_iter().flatten() {
        let name = dependency["name"].as_str().unwrap();
        let place = dependency["alias"].as_str().unwrap_or(name);
        let mut below = defaults(&folder.join("charts").join(name));
        if below.is_object() {
            upstream::merge(&mut below, values[place].clone());
            values[place] = below;
        }
    }
    values
}

/// The names in `values` that a chart does not have. An empty map holds any name.
fn unknown(values: &Value, defaults: &Value, above: &str) -> Vec<String> {
    let (Some(values), Some(known)) = (values.as_object(), defaults.as_object()) else { return Vec::new() };
    if known.is_empty() {
        return Vec::new();
    }
    let check = |(name, value): (&String, &Value)| match known.get(name) {
        None => vec![format!("{above}{name}")],
        Some(below) => unknown(value, below, &format!("{above}{name}.")),
    };
    values.iter().flat_map(check).collect()
}

#[test]
#[ignore = "needs helm and a folder of upstream charts"]
fn our_values_exist_and_lint() {
    for profile in PROFILES {
        for release in upstream::releases(profile, &[]).unwrap() {
            let defaults = defaults(&folder(&release));
            assert!(defaults.is_object(), "{} has no values.yaml", release.chart);
            assert_eq!(unknown(&release.values, &defaults, ""), [""; 0], "{}", release.chart);
            helm(&["lint", "--strict", "--quiet"], &release);
        }
    }
}

#[test]
#[ignore = "needs helm, kubernetes-validate and a folder of upstream charts"]
fn objects_fit_the_schemas_of_every_release() {
    for profile in PROFILES {
        for release in upstream::releases(profile, &[]).unwrap() {
            for kubernetes in KUBERNETES {
                let custom = |object: &Value| {
                    let group = Key::of(object).group().to_owned();
                    group == "monitoring.coreos.com" || group == "keda.sh"
                };
                let objects = objects(&release, kubernetes);
                let (_, builtin): (Vec<Value>, Vec<Value>) = objects.into_iter().partition(custom);
                let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
                let text: Vec<String> = builtin.iter().map(Value::to_string).collect();
                std::fs::write(file.path(), text.join("\n---\n")).unwrap();
                let path = file.path().to_str().unwrap();
                let checked = run("kubernetes-validate", &["-k", kubernetes, path]);
                assert!(checked.is_ok(), "{}, {kubernetes}: {}", release.chart, checked.unwrap_err());
            }
        }
    }
}

#[test]
#[ignore = "needs helm and a folder of upstream charts"]
fn the_chain_needs_few_workloads() {
    let names = |keys: &[Key]| keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
    for (chart, needed, extra) in [
        (
            "kube-prometheus-stack",
            ["prometheus-kube-prometheus-operator", "prometheus-prometheus-kube-prometheus-prometheus"]
                .as_slice(),
            ["prometheus-grafana", "prometheus-kube-state-metrics"].as_slice(),
        ),
        ("prometheus-adapter", &["prometheus-adapter"], &[]),
        ("keda", &["keda-operator", "keda-operator-metrics-apiserver"], &["keda-admission-webhooks"]),
    ] {
        let found = workloads::of_release(&objects(&release(chart), "1.34"));
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(names(&found.needed)), needed, "{chart}");
        assert_eq!(sorted(names(&found.extra)), extra, "{chart}");
    }
}

#[test]
#[ignore = "needs helm and a folder of upstream charts"]
fn prometheus_selects_the_demos_monitors_and_the_adapter_finds_it() {
    let stack = release("kube-prometheus-stack");
    let all = objects(&stack, "1.34");
    let prometheus = all.iter().find(|object| object["kind"] == "Prometheus").unwrap();
    let (label, value) = contract::names::MONITOR_LABEL;
    for selector in ["serviceMonitorSelector", "ruleSelector"] {
        assert_eq!(prometheus["spec"][selector]["matchLabels"][label], value, "{selector}");
    }
    for selector in ["serviceMonitorNamespaceSelector", "ruleNamespaceSelector"] {
        assert_eq!(prometheus["spec"][selector], serde_json::json!({}), "{selector}");
    }
    let url = release("prometheus-adapter").values["prometheus"]["url"].as_str().unwrap().to_owned();
    let service = url.strip_prefix("http://").and_then(|host| host.split('.').next()).unwrap();
    let ports = &find(&all, "Service", service)["spec"]["ports"];
    assert_eq!(ports[0]["port"], release("prometheus-adapter").values["prometheus"]["port"]);
}

#[test]
#[ignore = "needs helm and a folder of upstream charts"]
fn each_profile_serves_external_metrics() {
    for profile in PROFILES {
        let (namespace, name) = upstream::metrics_release(profile);
        let releases = upstream::releases(profile, &[]).unwrap();
        let release = releases.iter().find(|release| release.name == name).unwrap();
        let all = objects(release, "1.34");
        let service = &find(&all, "APIService", API_SERVICE)["spec"]["service"];
        assert_eq!(service["namespace"], namespace);
        let server = service["name"].as_str().unwrap();
        assert!(server.starts_with(name), "`surge down` finds the API by this name: {server}");
        find(&all, "Service", server);
        if profile != Profile::Keda {
            let text = find(&all, "ConfigMap", upstream::ADAPTER.1)["data"]["config.yaml"].as_str().unwrap();
            let config: Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(config["externalRules"], release.values["rules"]["external"]);
            assert!(config["rules"].is_null(), "only the demo's metric");
        }
    }
}
