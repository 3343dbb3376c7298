//! Explains each decision of an HPA for a small simulated queue: `cargo run -p hpa --example why`.
//!
//! 200 jobs of 5 s arrive at once; the target is 20 for each pod, at most 10 pods, and the behavior is the API's default.

use hpa::simulate::Simulator;
use hpa::simulate::queue::{Arrivals, Queue, run};
use hpa::{Config, Release, Spec};

const SPEC: &str = r#"{
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
    "minReplicas": 1,
    "maxReplicas": 10,
    "behavior": {},
    "metrics": [{
        "type": "External",
        "external": {"metric": {"name": "queue_depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}
    }]
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec: Spec = serde_json::from_str(SPEC)?;
    let mut simulator = Simulator::new(spec, Config::release(Release::V1_34), 1)?;
    let queue = Queue {
        arrivals: vec![Arrivals::Burst { at_ms: 20_000, jobs: 200 }],
        duration_ms: 480_000,
        ..Queue::default()
    };
    let run = run(&mut simulator, &queue)?;

    println!("{:>5}  {:>5}  {:>5}  {:>9}  why", "time", "depth", "ready", "size");
    let mut last = String::new();
    for (step, sample) in run.steps.iter().zip(&run.samples) {
        let trace = &step.decision.trace;
        let size = if step.before == step.after {
            step.after.to_string()
        } else {
            format!("{} -> {}", step.before, step.after)
        };
        let seconds = sample.at_ms / 1000;
        let depth = sample.ready_jobs + sample.unacked_jobs;
        let mut why = trace.to_string();
        if let Some(at) = trace.next_change_at() {
            why.push_str(&format!("; next change at {} s", at.0 / 1000));
        }
        // A held size repeats for minutes; print it once.
        let state = format!(
            "{depth} {} {size} {:?}",
            sample.ready_pods,
            trace.hold().map(|h| std::mem::discriminant(&h))
        );
        if state != last {
            println!("{seconds:>3} s  {depth:>5}  {:>5}  {size:>9}  {why}", sample.ready_pods);
        }
        last = state;
    }
    match run.drained_at_ms {
        Some(at) => println!("drained after {:.1} s", (at - 20_000) as f64 / 1000.0),
        None => println!("not drained in time"),
    }
    Ok(())
}
