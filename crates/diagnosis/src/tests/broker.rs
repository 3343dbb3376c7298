//! The broker, its queue and its metrics endpoints.

use serde_json::json;

use super::healthy::{exposed, sample};
use super::{Case, all, fact, known, set};
use crate::facts::{Facts, Outcome, Sample};
use crate::{SERIES, Verdict};

use Verdict::{Failure, NotApplicable, NotPermitted, Warning};

/// Makes the metric from the exporter's series.
pub(crate) fn by_exporter(facts: &mut Facts) {
    let map: serde_json::Value =
        serde_saphyr::from_str(include_str!("../../../../manifests/adapter/exporter.yaml")).unwrap();
    facts.api.rules = fact(map["data"]["config.yaml"].clone());
}

/// Gives the broker a pod.
fn broker_pod(facts: &mut Facts) {
    facts.pods = fact(json!([{"metadata": {"name": "rabbitmq-0", "namespace": "demo",
        "labels": {"app": "rabbitmq"}}}]));
}

/// Replaces the plugin by an exporter without its broker.
fn exporter_is_down(facts: &mut Facts) {
    let up = Sample { labels: [("__name__".to_owned(), "rabbitmq_up".to_owned())].into(), value: 0.0 };
    facts.broker.endpoints[0].at.port = 9419;
    facts.broker.endpoints[0].at.service = "rabbitmq-exporter".into();
    facts.broker.endpoints[0].samples = known(vec![up]);
}

/// Replaces the plugin by an exporter without queue series, with a variable of its Deployment.
fn exporter_without_queues(facts: &mut Facts, name: &str, value: &str) {
    exporter_is_down(facts);
    by_exporter(facts);
    let up = Sample { labels: [("__name__".to_owned(), "rabbitmq_up".to_owned())].into(), value: 1.0 };
    facts.broker.endpoints[0].samples = known(vec![up]);
    facts.deployments = fact(json!([{"metadata": {"name": "rabbitmq-exporter"}, "spec": {"selector": {},
        "template": {"spec": {"containers": [{"name": "e", "env": [{"name": name, "value": value}]}]}}}}]));
}

#[test]
fn exporters_without_queue_series() {
    all(&[
        Case {
            name: "queues are not exported",
            breakage: |facts| exporter_without_queues(facts, "RABBIT_EXPORTERS", "overview,node"),
            check: "exporter-queues",
            verdict: Failure,
            detail: "RABBIT_EXPORTERS is overview,node, without queue",
            fix: "kubectl set env deployment/rabbitmq-exporter -n demo RABBIT_EXPORTERS=overview,node,queue",
        },
        Case {
            name: "queues are filtered",
            breakage: |facts| exporter_without_queues(facts, "SKIP_QUEUES", "^O"),
            check: "exporter-queues",
            verdict: Failure,
            detail: "SKIP_QUEUES=^O filters it out",
            fix: "kubectl set env deployment/rabbitmq-exporter -n demo SKIP_QUEUES-",
        },
        Case {
            name: "the broker collects no statistics",
            breakage: |facts| {
                exporter_without_queues(facts, "RABBIT_EXPORTERS", "overview,queue");
                broker_pod(facts);
            },
            check: "exporter-queues",
            verdict: Failure,
            detail: "as in images without -management",
            fix: "grep disable_metrics_collector",
        },
        Case {
            name: "the metric does not use the exporter",
            breakage: |facts| {
                let rules = facts.api.rules.clone();
                exporter_without_queues(facts, "SKIP_QUEUES", "^O");
                facts.api.rules = rules;
            },
            check: "exporter-queues",
            verdict: Warning,
            detail: "The HPA's metric does not use it",
            fix: "SKIP_QUEUES-",
        },
    ]);
}

#[test]
fn brokers_and_endpoints() {
    all(&[
        Case {
            name: "a misspelt queue with the value 0",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "orders"}),
                );
                facts.metrics[0].response = known(crate::facts::MetricResponse::Values(vec![0]));
            },
            check: "queue",
            verdict: Failure,
            detail: "the broker has no queue orders. It has Orders, Orders.dead",
            fix: r#"/metric/selector/matchLabels/queue","value":"Orders""#,
        },
        Case {
            name: "a queue with an unlike name",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "Parcels"}),
                );
                if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
                    queues[1].messages_ready = Some(1_000);
                }
            },
            check: "queue",
            verdict: Failure,
            detail: "the broker has no queue Parcels. It has Orders, Orders.dead",
            fix: r#"/metric/selector/matchLabels/queue","value":"Orders""#,
        },
        Case {
            name: "a broker that lost the queue",
            breakage: |facts| facts.broker.queues = fact(json!([])),
            check: "queue",
            verdict: Failure,
            detail: "It has no queues",
            fix: "kubectl rollout restart deployment/worker -n demo",
        },
        Case {
            name: "other arguments",
            breakage: |facts| {
                broker_pod(facts);
                if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
                    queues[0].arguments.clear();
                }
            },
            check: "queue-arguments",
            verdict: Failure,
            detail: "which declare others (406)",
            fix: "kubectl exec rabbitmq-0 -n demo -- rabbitmqctl delete_queue -p / Orders",
        },
        Case {
            name: "no consumers",
            breakage: |facts| {
                if let Outcome::Value(queues) = &mut facts.broker.queues.outcome {
                    queues[0].consumers = Some(0);
                }
            },
            check: "consumers",
            verdict: Warning,
            detail: "It will not drain",
            fix: "kubectl logs deployment/worker -n demo",
        },
        Case {
            name: "the broker does not answer",
            breakage: |facts| {
                facts.broker.queues.outcome =
                    Outcome::Failed("no pod behind Service rabbitmq is ready".into());
            },
            check: "broker",
            verdict: Failure,
            detail: "no pod behind Service rabbitmq",
            fix: "kubectl get pods -n demo -l app=rabbitmq",
        },
        Case {
            name: "no permission for the broker",
            breakage: |facts| {
                facts.broker.queues.outcome = Outcome::NotPermitted("pods/portforward is forbidden".into());
            },
            check: "broker",
            verdict: NotPermitted,
            detail: "pods/portforward is forbidden",
            fix: "",
        },
        Case {
            name: "no broker in the namespace",
            breakage: |facts| facts.broker.management = None,
            check: "broker",
            verdict: NotApplicable,
            detail: "has RabbitMQ's management port",
            fix: "",
        },
        Case {
            name: "the plugin's plain path",
            breakage: |facts| {
                let mut whole = sample(SERIES[1], "", 40.0);
                whole.labels.remove("queue");
                facts.broker.endpoints[0].samples = known(vec![whole]);
                facts.broker.endpoints[0].better_path = Some("/metrics/detailed?family=a&family=b".into());
            },
            check: "endpoint-series",
            verdict: Failure,
            detail: "has totals of the node",
            fix: r#"{"op":"add","path":"/spec/endpoints/0/path","value":"/metrics/detailed"},{"op":"add","path":"/spec/endpoints/0/params","value":{"family":["a","b"]}}"#,
        },
        Case {
            name: "metrics without the queue",
            breakage: |facts| {
                facts.broker.endpoints[0].samples = known(vec![exposed(SERIES[0], "Mails", 1.0)]);
                facts.metrics[0].series = known(Vec::new());
            },
            check: "endpoint-queue",
            verdict: Failure,
            detail: "has series of Mails, but not of queue Orders",
            fix: r#"/metric/selector/matchLabels/queue","value":"Mails""#,
        },
        Case {
            name: "an unused exporter",
            breakage: exporter_is_down,
            check: "exporter-broker",
            verdict: Warning,
            detail: "The HPA's metric does not use it",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
        Case {
            name: "an exporter that cannot read the broker",
            breakage: |facts| {
                by_exporter(facts);
                exporter_is_down(facts);
            },
            check: "exporter-broker",
            verdict: Failure,
            detail: "rabbitmq_up is 0",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
    ]);
}
