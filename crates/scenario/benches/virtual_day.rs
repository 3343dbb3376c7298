//! The cost of a virtual run: `cargo bench -p scenario`.

use std::sync::Arc;

use divan::Bencher;
use hpa::{Config, Release};
use scenario::file::parse;
use scenario::virtual_run;

fn main() {
    divan::main();
}

/// A day with a sync every 15 s: a load that rises and falls six times, 172,800 jobs in total.
const DAY: &str = "timeout = '25h'\nexpect = ['lost == 0']\nsandbox.sync_period = '15s'\n[[steps]]\n\
                   sawtooth = { low = 0, high = 4, period = '4h', times = 6 }\n";

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_day(bencher: Bencher<'_, '_>) {
    let scenario =
        Arc::new(parse("day", DAY, &|_| Err("no files".to_owned())).expect("the scenario is valid"));
    let spec: hpa::Spec = serde_json::from_value(serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": 10,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}],
    }))
    .expect("the specification is valid");
    bencher.bench_local(|| {
        let run = virtual_run::run(&scenario, spec.clone(), Config::release(Release::V1_34));
        let run = run.expect("the run is possible");
        assert!(run.result.seconds >= 86_400.0, "{}", run.result.seconds);
        run
    });
}
