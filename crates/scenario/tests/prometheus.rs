//! The OpenMetrics text of a run, as the real promtool takes it.

use std::process::Command;
use std::sync::Arc;

use hpa::{Config, Release};
use scenario::results::{Context, Mode, openmetrics};
use scenario::{library, virtual_run};

#[test]
#[ignore = "needs promtool of the package prometheus"]
fn promtool_makes_blocks_of_a_run() {
    let scenario = library::scenario("spike").unwrap().unwrap();
    let spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": 5,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}],
    }))
    .unwrap();
    let run = virtual_run::run(&Arc::new(scenario), spec, Config::release(Release::V1_34)).unwrap();
    let context = Context {
        mode: Mode::Virtual,
        target: "a \"queue\"\\".to_owned(),
        surge: "0.1.0".to_owned(),
        kubernetes: None,
        started_ms: 1_700_000_000_000,
    };
    let folder = tempfile::tempdir().unwrap();
    let (text, data) = (folder.path().join("run.txt"), folder.path().join("data"));
    std::fs::write(&text, openmetrics::text(&run.result, &context)).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&text, &data])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned();
    assert!(made.status.success(), "{said}");
    let blocks = std::fs::read_dir(&data).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert!(blocks.count() > 0, "{said}");
}
