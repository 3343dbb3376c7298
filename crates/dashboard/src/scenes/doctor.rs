//! Scenes of the screen Doctor.

use crate::message::Event;
use crate::reported::{Drill, DrillEvent, ScaledKind, ScaledWorkload};
use diagnosis::{Asked, Finding, Fix, Hop, Part, Progress, Report, Verdict};
use std::time::Duration;
use text::command::Command;

use super::{Scene, World};

/// The scenes of this file.
pub const SCENES: &[Scene] = &[
    ("doctor_looking", "the first check has begun"),
    ("doctor_asking", "the first findings, and questions without an answer"),
    ("doctor_fine", "a report without a failure"),
    ("doctor_failing", "a failure with a fix, a warning, a missing right"),
    ("doctor_drill", "a failure that a drill caused"),
];

/// Plays the scene of that name, in a window of that size.
pub(crate) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    world.run(20);
    world.keys("r");
    match scene {
        "doctor_looking" => world.run(3),
        "doctor_asking" => {
            let mut so_far = report(false);
            so_far.findings.truncate(6);
            so_far.timing = None;
            let asked = |part, millis| Asked { part, after: Duration::from_millis(millis) };
            let asked = vec![asked(Part::Prometheus, 40), asked(Part::Sync, 1_100)];
            world.run(2);
            world.send(Event::DoctorProgress(Box::new(Progress { report: so_far, asked })));
            world.run(3);
        }
        "doctor_fine" => {
            world.send(Event::Doctor(Box::new(report(false))));
            world.run(12);
        }
        "doctor_failing" => {
            world.send(Event::Doctor(Box::new(report(true))));
            world.run(12);
        }
        "doctor_drill" => {
            let scaled = ScaledWorkload {
                kind: ScaledKind::StatefulSet,
                namespace: "autoscaling-demo".to_owned(),
                name: "rabbitmq".to_owned(),
                replicas: 1,
            };
            world.send(Event::Drill(DrillEvent::Stopped(Drill::Broker, scaled)));
            world.run(4);
            world.send(Event::Doctor(Box::new(drilled())));
            world.run(9);
        }
        _ => return None,
    }
    Some(world)
}

/// The report while a drill has stopped the broker.
fn drilled() -> Report {
    let mut report = report(false);
    report.findings[3] = Finding {
        fix: Some(Fix::command(
            "press D in the dashboard to end the drill, or scale rabbitmq to 1 replica",
            Command::kubectl(["scale", "statefulset/rabbitmq", "--replicas=1"]).namespace("autoscaling-demo"),
        )),
        ..finding(
            Hop::Workloads,
            "workload",
            Verdict::Failure,
            "statefulset rabbitmq is scaled to 0 replicas, by a drill of the dashboard",
        )
    };
    report
}

fn finding(hop: Hop, check: &'static str, verdict: Verdict, detail: &str) -> Finding {
    Finding {
        hop,
        check: check.into(),
        metric: None,
        verdict,
        detail: detail.to_owned(),
        evidence: None,
        fix: None,
    }
}

fn report(is_broken: bool) -> Report {
    use Verdict::{Failure, NotApplicable, NotPermitted, Ok, Warning};
    let mut findings = vec![
        finding(Hop::Cluster, "api-server", Ok, "Kubernetes v1.34.4"),
        finding(Hop::Cluster, "namespace", Ok, "namespace autoscaling-demo exists"),
        finding(
            Hop::Permissions,
            "rights",
            Ok,
            "you have all permissions that the doctor needs (19 checked)",
        ),
        finding(Hop::Workloads, "workload", Ok, "statefulset rabbitmq: 1 of 1 ready"),
        finding(Hop::Workloads, "workload", Ok, "deployment worker: 1 of 1 ready"),
        finding(Hop::Broker, "queue", Ok, "queue Orders exists: 12 ready, 1 unacknowledged"),
        finding(
            Hop::Prometheus,
            "series",
            Ok,
            "rabbitmq_detailed_queue_messages of queue Orders is 13, 0.4 s old",
        ),
        finding(Hop::Api, "value", Ok, "rabbitmq_queue_length with queue=Orders is 13, as in Prometheus"),
        finding(Hop::Autoscaler, "hpa", Ok, "HPA worker-scaler scales Deployment worker from 1 to 10"),
        finding(
            Hop::Intervals,
            "relist",
            NotApplicable,
            "the adapter's Deployment could not be read. A new metric waits for its next relist",
        ),
        finding(
            Hop::Intervals,
            "burst-to-decision",
            Ok,
            "time from a burst to the decision: 0 s to 17 s, 8.5 s on average (1 s statistics + 1 s scrape + 15 s sync; computed, not measured)",
        ),
    ];
    if is_broken {
        findings[2] = finding(
            Hop::Permissions,
            "right",
            NotPermitted,
            "you may not get secrets in namespace autoscaling-demo. Unknown without it: the broker's user, and so its queues",
        );
        findings[6] = Finding {
            fix: Some(Fix::command(
                "add the label to the monitor",
                Command::kubectl(["label", "servicemonitor", "rabbitmq"])
                    .namespace("autoscaling-demo")
                    .args(["release=prometheus", "--overwrite"]),
            )),
            ..finding(
                Hop::Prometheus,
                "monitor-selected",
                Failure,
                "Prometheus prometheus ignores ServiceMonitor rabbitmq: it lacks release=prometheus",
            )
        };
        findings[8] = finding(
            Hop::Autoscaler,
            "replicas",
            Warning,
            "argocd applies deployment worker with spec.replicas. The next apply overrides the HPA",
        );
    }
    Report {
        context: String::new(),
        namespace: "autoscaling-demo".to_owned(),
        hpa: "worker-scaler".to_owned(),
        is_reachable: true,
        findings,
        timing: None,
        sync_period: None,
    }
}
