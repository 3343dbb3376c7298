//! The demo's manifests, and the changes that the sandbox makes in them: requested numbers, and its own images.

use std::time::Duration;

use dashboard::{edits, scenario_run};
use scenario::settings::Settings;
use serde_json::{Value, json};

/// The files of `manifests/` that the sandbox applies: the base and the overlay `plugin`, the broker before its clients.
pub(super) const MANIFESTS: [&str; 17] = [
    include_str!("../../../../manifests/base/namespace.yaml"),
    SECRET,
    include_str!("../../../../manifests/base/service-accounts.yaml"),
    include_str!("../../../../manifests/base/rabbitmq.yaml"),
    include_str!("../../../../manifests/overlays/plugin/rabbitmq.yaml"),
    include_str!("../../../../manifests/base/producer.yaml"),
    include_str!("../../../../manifests/base/worker.yaml"),
    HPA,
    include_str!("../../../../manifests/base/monitoring.yaml"),
    include_str!("../../../../manifests/overlays/plugin/monitoring.yaml"),
    include_str!("../../../../manifests/base/disruption.yaml"),
    include_str!("../../../../manifests/base/rbac.yaml"),
    include_str!("../../../../manifests/base/network-policy.yaml"),
    include_str!("../../../../manifests/overlays/plugin/network-policy.yaml"),
    include_str!("../../../../manifests/overlays/plugin/rules.yaml"),
    include_str!("../../../../manifests/overlays/plugin/dashboard.yaml"),
    // Its own file: a cluster that has an adapter must merge it into the existing rules.
    include_str!("../../../../manifests/adapter/plugin.yaml"),
];

/// The Secrets that `manifests/secrets.sh` makes on a cluster. The sandbox listens on loopback only, and its pods are processes
/// of the user who started it.
const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: rabbitmq, namespace: autoscaling-demo, labels: {app.kubernetes.io/part-of: autoscaling-demo}}
type: Opaque
stringData: {username: surge, password: autoscaling-demo}
";

/// The HPA's manifest.
pub(super) const HPA: &str = include_str!("../../../../manifests/overlays/plugin/hpa.yaml");

/// The workloads, and the program that replaces the image of each.
pub(super) const PROGRAMS: [(&str, &str); 3] = [
    ("Deployment", contract::names::PRODUCER),
    ("Deployment", contract::names::WORKER),
    ("StatefulSet", contract::names::RABBITMQ),
];

/// The way in which the HPA compares the queue with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TargetType {
    /// Messages per worker
    AverageValue,
    /// Messages in all
    Value,
}

/// The numbers that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) target: u32,
    pub(super) target_type: TargetType,
    pub(super) scale_down_window: Duration,
    pub(super) work_duration: Duration,
}

/// The sandbox's name for the image of a program.
pub(super) fn image(program: &str) -> String {
    format!("surge.local/{program}:{}", env!("CARGO_PKG_VERSION"))
}

/// The images in the manifests, each with the program that replaces it. A demo that is installed onto an empty sandbox runs
/// there as on any cluster.
///
/// # Errors
/// A sentence if a workload is not in its expected place.
pub(super) fn named_images(objects: &mut [Value]) -> Result<Vec<(String, &'static str)>, String> {
    let mut images = Vec::new();
    for (kind, program) in PROGRAMS {
        let workload = find(objects, kind, program)?;
        let image = workload.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
        let image = image.ok_or_else(|| format!("{kind} {program} names no image"))?;
        images.push((image.to_owned(), program));
    }
    Ok(images)
}

/// Changes the objects.
///
/// # Errors
/// A sentence if an object is not in its expected place: the manifests changed, and this code did not.
pub(super) fn adapt(objects: &mut [Value], numbers: &Numbers) -> Result<(), String> {
    for (kind, name) in PROGRAMS {
        set(objects, kind, name, "/spec/template/spec/containers/0/image", json!(image(name)))?;
    }
    let (kind, hpa) = ("HorizontalPodAutoscaler", contract::names::HPA);
    set(objects, kind, hpa, "/spec/minReplicas", json!(numbers.min))?;
    set(objects, kind, hpa, "/spec/maxReplicas", json!(numbers.max))?;
    let target = match numbers.target_type {
        TargetType::AverageValue => {
            json!({"type": "AverageValue", "averageValue": numbers.target.to_string()})
        }
        TargetType::Value => json!({"type": "Value", "value": numbers.target.to_string()}),
    };
    set(objects, kind, hpa, "/spec/metrics/0/external/target", target)?;
    let window = json!(whole_seconds(numbers.scale_down_window));
    set(objects, kind, hpa, "/spec/behavior/scaleDown/stabilizationWindowSeconds", window)?;
    set_work_duration(objects, numbers.work_duration)
}

/// Changes the settings of the HPA that a scenario sets.
///
/// # Errors
/// A sentence if the HPA is not as expected.
pub(super) fn set_hpa(objects: &mut [Value], settings: &Settings) -> Result<(), String> {
    let hpa = find(objects, "HorizontalPodAutoscaler", contract::names::HPA)?;
    let spec: hpa::Spec = serde_json::from_value(hpa["spec"].clone())
        .map_err(|error| format!("the manifest of the HPA cannot be read: {error}"))?;
    hpa["spec"] = edits::edit(&hpa["spec"], &scenario_run::edits(settings, &spec));
    Ok(())
}

/// A stabilization window as its field holds it.
pub(super) fn whole_seconds(window: Duration) -> u64 {
    window.as_secs_f64().round() as u64
}

/// Replaces the demo's probes of a Deployment, whose paths the user's own program does not serve. The producer
/// is ready when it accepts connections, the worker when it runs.
///
/// # Errors
/// As [`adapt`].
pub(super) fn replace_probes(objects: &mut [Value], program: &str) -> Result<(), String> {
    let container = find(objects, "Deployment", program)?.pointer_mut("/spec/template/spec/containers/0");
    let container = container
        .and_then(Value::as_object_mut)
        .ok_or_else(|| format!("Deployment {program} has no container"))?;
    container.remove("livenessProbe");
    container.remove("readinessProbe");
    if program == contract::names::PRODUCER {
        let port = container["ports"][0]["name"].clone();
        container
            .insert("readinessProbe".to_owned(), json!({"tcpSocket": {"port": port}, "periodSeconds": 1}));
    }
    Ok(())
}

fn set_work_duration(objects: &mut [Value], duration: Duration) -> Result<(), String> {
    let worker = find(objects, "Deployment", contract::names::WORKER)?;
    let variable = worker
        .pointer_mut("/spec/template/spec/containers/0/env")
        .and_then(Value::as_array_mut)
        .and_then(|env| env.iter_mut().find(|v| v["name"] == contract::settings::WORK_DURATION))
        .ok_or("the manifest of the worker sets no WORK_DURATION")?;
    variable["value"] = json!(written(duration));
    Ok(())
}

/// A duration as manifests write it.
fn written(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

fn find<'a>(objects: &'a mut [Value], kind: &str, name: &str) -> Result<&'a mut Value, String> {
    objects
        .iter_mut()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .ok_or_else(|| format!("the manifests have no {kind} {name}"))
}

pub(super) fn set(
    objects: &mut [Value],
    kind: &str,
    name: &str,
    pointer: &str,
    value: Value,
) -> Result<(), String> {
    let object = find(objects, kind, name)?;
    let place = object.pointer_mut(pointer).ok_or_else(|| format!("{kind} {name} has no {pointer}"))?;
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file of a kustomization and of those that it refers to.
    fn resources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
        let text = std::fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("- "))
            .flat_map(|name| {
                let path = folder.join(name);
                if path.is_dir() { resources(&path) } else { vec![path] }
            })
            .collect()
    }

    #[test]
    fn the_sandbox_applies_every_manifest() {
        let manifests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
        let embedded: Vec<Value> =
            MANIFESTS.iter().flat_map(|text| sandbox::parse_manifests(text).unwrap()).collect();
        let files = resources(&manifests);
        assert!(files.len() > 5, "{files:?}");
        for file in files {
            for object in sandbox::parse_manifests(&std::fs::read_to_string(&file).unwrap()).unwrap() {
                assert!(embedded.contains(&object), "{} is not embedded as it is", file.display());
            }
        }
    }
}
