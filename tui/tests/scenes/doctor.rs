//! Scenes of the screen Doctor: looking for the first time, all right, a broken chain, and one that a drill has broken.

use dashboard::message::Event;
use dashboard::reported::{Drill, DrillEvent, ScaledKind, ScaledWorkload};
use diagnosis::{Fix, Hop, Line, Report, Verdict};

use super::World;

/// The scenes that can be played by name.
pub(crate) const SCENES: [&str; 4] = ["doctor_looking", "doctor_fine", "doctor_failing", "doctor_drill"];

/// The scene of that name, in a window of that size.
pub(super) fn play(scene: &str, columns: u16, rows: u16) -> Option<World> {
    let mut world = World::new(columns, rows);
    world.ready();
    world.run(20);
    world.keys("r");
    match scene {
        "doctor_looking" => world.run(3),
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

/// The broker is stopped by a drill.
fn drilled() -> Report {
    let mut report = report(false);
    report.lines[3] = Line {
        fix: Some(Fix::command(
            "press D in the dashboard, whose drill stopped it; or give rabbitmq a replica again",
            "kubectl scale statefulset/rabbitmq --replicas=1 -n autoscaling-demo",
        )),
        ..line(
            Hop::Workloads,
            "workload",
            Verdict::Failure,
            "statefulset rabbitmq is scaled to 0 replicas, by a drill of the dashboard",
        )
    };
    report
}

fn line(hop: Hop, check: &'static str, verdict: Verdict, saw: &str) -> Line {
    Line { hop, check, verdict, saw: saw.to_owned(), how: String::new(), fix: None }
}

fn report(is_broken: bool) -> Report {
    use Verdict::{Failure, NotApplicable, NotPermitted, Ok, Warning};
    let mut lines = vec![
        line(Hop::Cluster, "api-server", Ok, "Kubernetes v1.34.4"),
        line(Hop::Cluster, "namespace", Ok, "namespace autoscaling-demo is there"),
        line(Hop::Rights, "rights", Ok, "you may do all that is needed (19 rights asked for)"),
        line(Hop::Workloads, "workload", Ok, "statefulset rabbitmq: 1 of 1 ready"),
        line(Hop::Workloads, "workload", Ok, "deployment worker: 1 of 1 ready"),
        line(Hop::Broker, "queue", Ok, "queue Orders is there: 12 ready, 1 unacknowledged"),
        line(
            Hop::Prometheus,
            "series",
            Ok,
            "rabbitmq_detailed_queue_messages of queue Orders is 13, 0.4 s old",
        ),
        line(
            Hop::Api,
            "value",
            Ok,
            "rabbitmq_queue_length with queue=Orders is 13, as the same query says in Prometheus",
        ),
        line(Hop::Autoscaler, "hpa", Ok, "HPA worker-scaler scales Deployment worker from 1 to 10"),
        line(
            Hop::Intervals,
            "relist",
            NotApplicable,
            "the adapter's settings cannot be read; a new metric waits for its next relist",
        ),
        line(
            Hop::Intervals,
            "burst-to-decision",
            Ok,
            "from a burst to the decision: 0 s at the least, 8.5 s on average, 17 s at worst (1 s statistics + 1 s scrape + 15 s sync; computed, not measured)",
        ),
    ];
    if is_broken {
        lines[2] = line(
            Hop::Rights,
            "right",
            NotPermitted,
            "you may not get secrets in namespace autoscaling-demo: the broker's user, and so its queues cannot be seen",
        );
        lines[6] = Line {
            fix: Some(Fix::command(
                "give the monitor the label",
                "kubectl label servicemonitor rabbitmq -n autoscaling-demo release=prometheus --overwrite",
            )),
            ..line(
                Hop::Prometheus,
                "monitor-selected",
                Failure,
                "ServiceMonitor rabbitmq is passed over in silence: Prometheus prometheus takes monitors labelled release=prometheus, and it is not",
            )
        };
        lines[8] = line(
            Hop::Autoscaler,
            "replicas",
            Warning,
            "argocd applies deployment worker with spec.replicas: the next apply undoes the autoscaler",
        );
    }
    Report {
        context: String::new(),
        namespace: "autoscaling-demo".to_owned(),
        hpa: "worker-scaler".to_owned(),
        is_reachable: true,
        lines,
        timing: None,
    }
}
