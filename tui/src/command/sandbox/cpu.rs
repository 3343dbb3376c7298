//! The workload of `surge sandbox --workload cpu`: a Deployment that an HPA scales by CPU.

use std::time::Duration;

use contract::names::Port;
use serde_json::{Value, json};

use super::demo::{image, set, whole_seconds};

/// Name of all its objects, and of its program.
pub(super) const NAME: &str = "cpu-burner";
/// Its HTTP port.
pub(super) const HTTP: Port = Port { name: "http", number: 8080 };

/// The objects, the Namespace first.
///
/// # Errors
/// A sentence if the manifest does not fit this code.
pub(super) fn objects(
    min: u32,
    max: u32,
    target: Option<u32>,
    scale_down_window: Duration,
) -> Result<Vec<Value>, String> {
    let mut objects =
        sandbox::parse_manifests(include_str!("cpu.yaml")).map_err(|error| error.to_string())?;
    let all = &mut objects;
    set(all, "Deployment", NAME, "/spec/template/spec/containers/0/image", json!(image(NAME)))?;
    let hpa = "HorizontalPodAutoscaler";
    set(all, hpa, NAME, "/spec/minReplicas", json!(min))?;
    set(all, hpa, NAME, "/spec/maxReplicas", json!(max))?;
    let window = json!(whole_seconds(scale_down_window));
    set(all, hpa, NAME, "/spec/behavior/scaleDown/stabilizationWindowSeconds", window)?;
    if let Some(target) = target {
        set(all, hpa, NAME, "/spec/metrics/0/resource/target/averageUtilization", json!(target))?;
    }
    Ok(objects)
}
