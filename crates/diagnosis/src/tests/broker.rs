//! The broker, its queue, and where its figures are scraped from.

use serde_json::json;

use super::healthy::sample;
use super::{Case, all, fact, set};
use crate::facts::{Fact, Facts, Sample, Seen};
use crate::{SERIES, Verdict};

use Verdict::{Failure, NotApplicable, NotPermitted, Warning};

/// The adapter makes its metric of the exporter's series.
pub(super) fn by_exporter(facts: &mut Facts) {
    let map: serde_json::Value =
        serde_saphyr::from_str(include_str!("../../../../manifests/adapter/exporter.yaml")).unwrap();
    facts.api.rules = fact(map["data"]["config.yaml"].clone());
}

/// An exporter in place of the plugin.
fn exporter_is_down(facts: &mut Facts) {
    let up = Sample { labels: [("__name__".to_owned(), "rabbitmq_up".to_owned())].into(), value: 0.0 };
    facts.broker.endpoints[0].at.port = 9419;
    facts.broker.endpoints[0].at.service = "rabbitmq-exporter".into();
    facts.broker.endpoints[0].samples = Fact::seen("how", vec![up]);
}

/// An exporter that reads the broker and has series of no queue, with a variable of its Deployment.
fn exporter_without_queues(facts: &mut Facts, name: &str, value: &str) {
    exporter_is_down(facts);
    by_exporter(facts);
    let up = Sample { labels: [("__name__".to_owned(), "rabbitmq_up".to_owned())].into(), value: 1.0 };
    facts.broker.endpoints[0].samples = Fact::seen("how", vec![up]);
    facts.deployments = fact(json!([{"metadata": {"name": "rabbitmq-exporter"}, "spec": {"selector": {},
        "template": {"spec": {"containers": [{"name": "e", "env": [{"name": name, "value": value}]}]}}}}]));
}

#[test]
fn what_an_exporter_leaves_out() {
    all(&[
        Case {
            name: "the queues are none of its parts",
            breakage: |facts| exporter_without_queues(facts, "RABBIT_EXPORTERS", "overview,node"),
            check: "exporter-queues",
            verdict: Failure,
            saw: "RABBIT_EXPORTERS is overview,node, without queue",
            fix: "kubectl set env deployment/rabbitmq-exporter -n demo RABBIT_EXPORTERS=overview,node,queue",
        },
        Case {
            name: "they are skipped",
            breakage: |facts| exporter_without_queues(facts, "SKIP_QUEUES", "^O"),
            check: "exporter-queues",
            verdict: Failure,
            saw: "it leaves out what SKIP_QUEUES=^O says",
            fix: "kubectl set env deployment/rabbitmq-exporter -n demo SKIP_QUEUES-",
        },
        Case {
            name: "the broker gives no figures",
            breakage: |facts| exporter_without_queues(facts, "RABBIT_EXPORTERS", "overview,queue"),
            check: "exporter-queues",
            verdict: Failure,
            saw: "whose tag does not end in -management",
            fix: "grep disable_metrics_collector",
        },
        Case {
            name: "nobody goes by it",
            breakage: |facts| {
                let rules = facts.api.rules.clone();
                exporter_without_queues(facts, "SKIP_QUEUES", "^O");
                facts.api.rules = rules;
            },
            check: "exporter-queues",
            verdict: Warning,
            saw: "the autoscaler's metric is made without it",
            fix: "SKIP_QUEUES-",
        },
    ]);
}

#[test]
fn what_the_broker_and_its_metrics_lack() {
    all(&[
        Case {
            name: "a misspelt queue, which the guard answers with 0",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "orders"}),
                );
                facts.api.answer = Fact::seen("how", crate::facts::Answer::Items(vec![0]));
            },
            check: "queue",
            verdict: Failure,
            saw: "the broker has no queue orders, and it has Orders, Orders.dead",
            fix: r#""value":{"matchLabels":{"queue":"Orders"}}"#,
        },
        Case {
            name: "a queue that nobody could have meant",
            breakage: |facts| {
                set(
                    &mut facts.autoscaler,
                    "/spec/metrics/0/external/metric/selector/matchLabels",
                    json!({"queue": "Parcels"}),
                );
                if let Seen::Value(queues) = &mut facts.broker.queues.seen {
                    queues[1].messages_ready = Some(1_000);
                }
            },
            check: "queue",
            verdict: Failure,
            saw: "the broker has no queue Parcels; it has Orders, Orders.dead",
            fix: r#""value":{"matchLabels":{"queue":"Orders"}}"#,
        },
        Case {
            name: "a broker that has forgotten the queue",
            breakage: |facts| facts.broker.queues = fact(json!([])),
            check: "queue",
            verdict: Failure,
            saw: "it has none at all",
            fix: "kubectl rollout restart deployment/worker -n demo",
        },
        Case {
            name: "other arguments",
            breakage: |facts| {
                if let Seen::Value(queues) = &mut facts.broker.queues.seen {
                    queues[0].arguments.clear();
                }
            },
            check: "queue-arguments",
            verdict: Failure,
            saw: "refused (406)",
            fix: "rabbitmqctl delete_queue Orders",
        },
        Case {
            name: "nobody consumes",
            breakage: |facts| {
                if let Seen::Value(queues) = &mut facts.broker.queues.seen {
                    queues[0].consumers = Some(0);
                }
            },
            check: "consumers",
            verdict: Warning,
            saw: "it will not drain",
            fix: "kubectl logs deployment/worker -n demo",
        },
        Case {
            name: "the broker does not answer",
            breakage: |facts| {
                facts.broker.queues.seen = Seen::Failed("no pod behind Service rabbitmq is ready".into());
            },
            check: "broker",
            verdict: Failure,
            saw: "no pod behind Service rabbitmq",
            fix: "kubectl get pods -n demo -l app=rabbitmq",
        },
        Case {
            name: "no right to the broker",
            breakage: |facts| {
                facts.broker.queues.seen = Seen::NotPermitted("pods/portforward is forbidden".into());
            },
            check: "broker",
            verdict: NotPermitted,
            saw: "pods/portforward is forbidden",
            fix: "",
        },
        Case {
            name: "no broker in the namespace",
            breakage: |facts| facts.broker.management = None,
            check: "broker",
            verdict: NotApplicable,
            saw: "leads to RabbitMQ's management port",
            fix: "",
        },
        Case {
            name: "the plugin's plain path",
            breakage: |facts| {
                let mut whole = sample(SERIES[1], "", 40.0);
                whole.labels.remove("queue");
                facts.broker.endpoints[0].samples = Fact::seen("how", vec![whole]);
            },
            check: "endpoint-series",
            verdict: Failure,
            saw: "the figures of the whole node",
            fix: "path: /metrics/detailed",
        },
        Case {
            name: "metrics without the queue",
            breakage: |facts| {
                facts.broker.endpoints[0].samples = Fact::seen("how", vec![sample(SERIES[0], "Mails", 1.0)]);
            },
            check: "endpoint-queue",
            verdict: Failure,
            saw: "has series of Mails, and none of queue Orders",
            fix: "kubectl get hpa",
        },
        Case {
            name: "an exporter that nobody goes by",
            breakage: exporter_is_down,
            check: "exporter-broker",
            verdict: Warning,
            saw: "the autoscaler's metric is made without it",
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
            saw: "rabbitmq_up is 0",
            fix: "kubectl logs deployment/rabbitmq-exporter -n demo",
        },
    ]);
}
