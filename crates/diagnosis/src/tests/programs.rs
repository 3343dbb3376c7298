//! Containers that do not work, explained by their logs, probes and exits.

use serde_json::{Value, json};

use super::{Case, all, fact, first, healthy, known, owned_pod, set};
use crate::facts::{ContainerLog, Facts, LogOf, Outcome, Run};
use crate::{Verdict, examine};

use Verdict::{Failure, Warning};

/// Gives the worker one pod whose container is in that state.
fn container(facts: &mut Facts, state: &Value, last: &Value, restarts: i32) {
    let status = json!({"conditions": [{"type": "Ready", "status": "False", "message": "containers with unready status: [worker]"}],
        "containerStatuses": [{"name": "worker", "image": "i", "imageID": "", "ready": false,
            "restartCount": restarts, "state": state, "lastState": last}]});
    facts.pods = fact(json!([owned_pod("worker", "worker-1", "worker", &status)]));
    set(&mut facts.deployments, "/1/status/readyReplicas", json!(0));
}

fn unready(facts: &mut Facts) {
    container(facts, &json!({"running": {}}), &json!({}), 0);
}

fn log(facts: &mut Facts, container: &str, run: Run, text: &str) {
    let of = LogOf { pod: super::hostile::name("worker-1"), container: super::hostile::name(container), run };
    facts.logs.push(ContainerLog { of, text: known(text.to_owned()) });
}

fn event(reason: &str, message: &str) -> Value {
    json!({"metadata": {}, "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:59:55Z",
        "involvedObject": {"kind": "Pod", "name": "worker-1", "fieldPath": "spec.containers{worker}"}})
}

#[test]
fn logs_say_why_containers_do_not_work() {
    all(&[
        Case {
            name: "a refused login",
            breakage: |facts| {
                unready(facts);
                log(
                    facts,
                    "worker",
                    Run::Current,
                    "INFO starting\nWARN 403 ACCESS_REFUSED (check AMQP_USER and AMQP_PASSWORD)\nINFO retrying",
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "container worker runs but is not ready. Its log: WARN 403 ACCESS_REFUSED (check AMQP_USER and AMQP_PASSWORD). The login is refused",
            fix: "kubectl logs worker-1 -c worker -n demo --tail=20",
        },
        Case {
            name: "an unknown host, in JSON",
            breakage: |facts| {
                unready(facts);
                log(
                    facts,
                    "worker",
                    Run::Current,
                    r#"{"level":"WARN","message":"failed to lookup address information: Name or service not known"}"#,
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "Its log: failed to lookup address information: Name or service not known. No such host",
            fix: "kubectl logs worker-1 -c worker -n demo --tail=20",
        },
        Case {
            name: "a secret in the log",
            breakage: |facts| {
                unready(facts);
                log(facts, "worker", Run::Current, "ERROR cannot reach amqp://guest:hunter2@rabbitmq:5672/");
            },
            check: "workload",
            verdict: Failure,
            detail: "amqp://(hidden)@rabbitmq:5672/",
            fix: "kubectl logs",
        },
        Case {
            name: "a log that may not be read",
            breakage: |facts| {
                unready(facts);
                log(facts, "worker", Run::Current, "");
                facts.logs[0].text.outcome = Outcome::NotPermitted("pods/log is forbidden".into());
            },
            check: "workload",
            verdict: Failure,
            detail: "You may not read its log",
            fix: "kubectl describe pod worker-1 -n demo",
        },
        Case {
            name: "a crash loop with a log",
            breakage: |facts| {
                let ended = json!({"terminated": {"reason": "Error", "exitCode": 2}});
                container(facts, &json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended, 4);
                log(
                    facts,
                    "worker",
                    Run::Previous,
                    "error: unexpected argument '--no-such-flag' found\n\nUsage: worker",
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "last exit Error (2). Its log: error: unexpected argument",
            fix: "kubectl logs worker-1 -c worker -n demo --previous --tail=20",
        },
        Case {
            name: "a limit of memory",
            breakage: |facts| {
                let ended = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}});
                container(facts, &json!({"waiting": {"reason": "CrashLoopBackOff"}}), &ended, 4);
                set(&mut facts.pods, "/0/spec/containers/0/resources", json!({"limits": {"memory": "96Mi"}}));
            },
            check: "workload",
            verdict: Failure,
            detail: "last exit OOMKilled (137)",
            fix: "kubectl set resources deployment/worker -c worker --limits=memory=192Mi -n demo",
        },
        Case {
            name: "a readiness probe at the wrong port",
            breakage: |facts| {
                unready(facts);
                let container = json!({"name": "worker", "ports": [{"containerPort": 9090}],
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 9999}}});
                set(&mut facts.pods, "/0/spec/containers/0", container.clone());
                set(&mut facts.deployments, "/1/spec/template/spec/containers/0", container);
                facts.warnings = fact(json!([event(
                    "Unhealthy",
                    "Readiness probe failed: Get \"http://10.0.0.1:9999/readyz\": dial tcp 10.0.0.1:9999: connect: connection refused"
                )]));
            },
            check: "workload",
            verdict: Failure,
            detail: "The probe asks port 9999; the container declares 9090",
            fix: r#"[{"op":"replace","path":"/spec/template/spec/containers/0/readinessProbe/httpGet/port","value":9090}]"#,
        },
        Case {
            name: "a readiness probe that answers 503",
            breakage: |facts| {
                unready(facts);
                facts.warnings = fact(json!([event(
                    "Unhealthy",
                    "Readiness probe failed: HTTP probe failed with statuscode: 503"
                )]));
                log(facts, "worker", Run::Current, "WARN no connection to the broker");
            },
            check: "workload",
            verdict: Failure,
            detail: "HTTP probe failed with statuscode: 503. Its log: WARN no connection to the broker",
            fix: "kubectl logs worker-1 -c worker",
        },
        Case {
            name: "an init container that fails",
            breakage: |facts| {
                let waiting = json!({"waiting": {"reason": "PodInitializing"}});
                container(facts, &waiting, &json!({}), 0);
                set(
                    &mut facts.pods,
                    "/0/status/initContainerStatuses",
                    json!([{"name": "migrate", "image": "i", "imageID": "",
                    "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"reason": "Error", "exitCode": 1}}}]),
                );
                log(
                    facts,
                    "migrate",
                    Run::Previous,
                    "FATAL: password authentication failed for user \"app\"",
                );
            },
            check: "workload",
            verdict: Failure,
            detail: "container migrate: CrashLoopBackOff after 3 restarts, last exit Error (1). Its log: FATAL: password authentication failed",
            fix: "kubectl logs worker-1 -c migrate -n demo --previous --tail=20",
        },
        Case {
            name: "an init container that waits",
            breakage: |facts| {
                container(facts, &json!({"waiting": {"reason": "PodInitializing"}}), &json!({}), 0);
                set(
                    &mut facts.pods,
                    "/0/status/initContainerStatuses",
                    json!([{"name": "wait", "image": "i", "imageID": "",
                    "ready": false, "restartCount": 0, "state": {"running": {}}}]),
                );
                log(facts, "wait", Run::Current, "waiting for db");
            },
            check: "workload",
            verdict: Failure,
            detail: "init container wait has not finished. Its log: waiting for db",
            fix: "kubectl logs worker-1 -c wait -n demo --tail=20",
        },
        Case {
            name: "a volume that is not mounted",
            breakage: |facts| {
                container(facts, &json!({"waiting": {"reason": "ContainerCreating"}}), &json!({}), 0);
                facts.warnings = fact(json!([event("FailedMount", "secret \"login\" not found")]));
            },
            check: "workload",
            verdict: Failure,
            detail: "FailedMount: secret \"login\" not found",
            fix: "kubectl describe pod worker-1 -n demo",
        },
        Case {
            name: "a quota",
            breakage: |facts| {
                set(&mut facts.deployments, "/1/spec/replicas", json!(3));
                set(
                    &mut facts.deployments,
                    "/1/status/conditions",
                    json!([{"type": "ReplicaFailure", "status": "True",
                    "message": "pods \"worker-5d-x\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4"}]),
                );
            },
            check: "workload",
            verdict: Warning,
            detail: "exceeded quota: team",
            fix: r#"kubectl patch resourcequota team -n demo --type merge -p '{"spec":{"hard":{"pods":"6"}}}'"#,
        },
    ]);
}

#[test]
fn refused_arguments_come_before_unready_programs() {
    let mut facts = healthy();
    if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
        queues[0].arguments.clear();
    }
    set(
        &mut facts.services,
        "/0/metadata/labels",
        json!({"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/part-of": "autoscaling-demo"}),
    );
    unready(&mut facts);
    log(
        &mut facts,
        "worker",
        Run::Current,
        "WARN 406 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'Orders'",
    );
    let report = examine(&facts);
    assert_eq!(first(&report).0, "queue-arguments", "{}", report.text());
    let failures: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Failure)
        .map(|finding| finding.check.as_ref())
        .collect();
    assert_eq!(failures, ["queue-arguments", "workload"], "{}", report.text());

    // Any other trouble of the program comes before the queue, which only a working program declares.
    facts.logs.clear();
    log(&mut facts, "worker", Run::Current, "WARN no disk");
    assert_eq!(first(&examine(&facts)).0, "workload");
}
