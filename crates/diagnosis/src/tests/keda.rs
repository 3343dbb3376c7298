//! KEDA: its operator, its objects, their authentications and finalizers.

use serde_json::{Value, json};

use super::{Case, all, fact, healthy, known, set};
use crate::facts::{Facts, Keda, Outcome, SecretKeys};
use crate::{Verdict, examine};

use Verdict::{Failure, NotPermitted, Ok, Warning};

/// Makes a working chain with KEDA.
pub(crate) fn keda(facts: &mut Facts) {
    set(
        &mut facts.api.registration,
        "/spec/service",
        json!({"namespace": "keda", "name": "keda-metrics-apiserver"}),
    );
    set(
        &mut facts.autoscaler,
        "/metadata/ownerReferences",
        json!([{"apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject", "name": "worker", "uid": "u"}]),
    );
    set(
        &mut facts.autoscaler,
        "/spec/metrics/0/external/metric",
        json!({"name": "s0-rabbitmq-Orders", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "worker"}}}),
    );
    set(&mut facts.autoscaler, "/status/currentMetrics/0/external/metric/name", json!("s0-rabbitmq-Orders"));
    facts.autoscalers = known(vec![facts.autoscaler.get().unwrap().clone()]);
    facts.api.rules.outcome = Outcome::Absent;
    facts.keda = Keda {
        namespace: "keda".into(),
        operator: fact(json!({"metadata": {"name": "keda-operator", "namespace": "keda"},
            "spec": {"replicas": 1, "selector": {}, "template": {}}, "status": {"readyReplicas": 1}})),
        scaled_objects: fact(json!([{"metadata": {"name": "worker"},
            "spec": {"scaleTargetRef": {"name": "worker"}, "triggers": [{"type": "rabbitmq",
                "metadata": {"protocol": "amqp", "queueName": "Orders"}, "authenticationRef": {"name": "rabbitmq"}}]},
            "status": {"conditions": [{"type": "Ready", "status": "True", "message": "fine"}]}}])),
        authentications: fact(json!([{"metadata": {"name": "rabbitmq", "namespace": "demo"},
            "spec": {"secretTargetRef": [{"parameter": "username", "name": "rabbitmq", "key": "username"},
                {"parameter": "password", "name": "rabbitmq", "key": "password"}]}}])),
        cluster_authentications: fact(json!([{"metadata": {"name": "shared"}}])),
        secrets: vec![SecretKeys {
            namespace: "demo".into(),
            name: "rabbitmq".into(),
            keys: known(["username".to_owned(), "password".to_owned()].into()),
        }],
    };
}

/// Replaces a part of the ScaledObject.
fn object(facts: &mut Facts, change: impl FnOnce(&mut crate::facts::ScaledObject)) {
    keda(facts);
    if let Outcome::Value(all) = &mut facts.keda.scaled_objects.outcome {
        change(&mut all[0]);
    }
}

/// Adds one of KEDA's annotations.
fn annotate(object: &mut crate::facts::ScaledObject, key: &str, value: &str) {
    let annotations = object.metadata.annotations.get_or_insert_default();
    annotations.insert(format!("autoscaling.keda.sh/{key}"), value.to_owned());
}

fn delete(metadata: &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) {
    let gone = json!({"name": metadata.name, "namespace": metadata.namespace,
        "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["finalizer.keda.sh"]});
    *metadata = serde_json::from_value(gone).unwrap();
}

fn operator(facts: &mut Facts, wanted: i32, ready: i32) {
    let deployment = json!({"metadata": {"name": "keda-operator", "namespace": "keda"},
        "spec": {"replicas": wanted, "selector": {}, "template": {}}, "status": {"readyReplicas": ready}});
    facts.keda.operator = fact(deployment);
}

fn trigger(facts: &mut Facts, metadata: Value) {
    object(facts, |object| {
        object.spec.triggers[0].r#type = "prometheus".into();
        object.spec.triggers[0].metadata = serde_json::from_value(metadata).unwrap();
    });
}

#[test]
fn a_working_chain_with_keda_has_no_findings() {
    let mut facts = healthy();
    keda(&mut facts);
    let report = examine(&facts);
    let bad: Vec<_> = report.findings.iter().filter(|finding| finding.verdict != Ok).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn operator_and_scaled_objects() {
    all(&[
        Case {
            name: "the operator scaled to 0",
            breakage: |facts| {
                keda(facts);
                operator(facts, 0, 0);
            },
            check: "keda-operator",
            verdict: Failure,
            detail: "is at 0 replicas",
            fix: "kubectl scale deployment/keda-operator --replicas=1 -n keda",
        },
        Case {
            name: "the operator crashes",
            breakage: |facts| {
                keda(facts);
                operator(facts, 1, 0);
            },
            check: "keda-operator",
            verdict: Failure,
            detail: "is not ready",
            fix: "kubectl logs deployment/keda-operator -n keda",
        },
        Case {
            name: "no permission for ScaledObjects",
            breakage: |facts| {
                keda(facts);
                facts.keda.scaled_objects.outcome =
                    Outcome::NotPermitted("scaledobjects is forbidden".into());
            },
            check: "scaled-object",
            verdict: NotPermitted,
            detail: "scaledobjects is forbidden",
            fix: "",
        },
        Case {
            name: "a ScaledObject with a finalizer, without an operator",
            breakage: |facts| {
                object(facts, |object| delete(&mut object.metadata));
                facts.keda.operator.outcome = Outcome::Absent;
            },
            check: "scaled-object",
            verdict: Failure,
            detail: "waits for KEDA's operator",
            fix: r#"kubectl patch scaledobject worker -n demo --type merge -p '{"metadata":{"finalizers":null}}'"#,
        },
        Case {
            name: "a ScaledObject with a finalizer, without an HPA",
            breakage: |facts| {
                object(facts, |object| delete(&mut object.metadata));
                facts.autoscaler.outcome = Outcome::Absent;
                operator(facts, 0, 0);
            },
            check: "scaled-object",
            verdict: Failure,
            detail: "waits for KEDA's operator",
            fix: "kubectl scale deployment/keda-operator --replicas=1 -n keda",
        },
        Case {
            name: "a TriggerAuthentication with a finalizer",
            breakage: |facts| {
                keda(facts);
                if let Outcome::Value(all) = &mut facts.keda.authentications.outcome {
                    delete(&mut all[0].metadata);
                }
                facts.keda.operator.outcome = Outcome::Absent;
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "So does its namespace",
            fix: r#"kubectl patch triggerauthentication rabbitmq -n demo --type merge -p '{"metadata":{"finalizers":null}}'"#,
        },
        Case {
            name: "a namespace with KEDA's finalizers",
            breakage: |facts| {
                object(facts, |object| delete(&mut object.metadata));
                if let Outcome::Value(all) = &mut facts.keda.authentications.outcome {
                    delete(&mut all[0].metadata);
                }
                facts.keda.operator.outcome = Outcome::Absent;
                facts.namespace = fact(json!({"status": {"phase": "Terminating", "conditions": [
                    {"type": "NamespaceFinalizersRemaining", "status": "True",
                     "message": "Some content in the namespace has finalizers remaining"}]}}));
            },
            check: "namespace",
            verdict: Failure,
            detail: "finalizers remaining (scaledobject/worker, triggerauthentication/rabbitmq)",
            fix: "&& kubectl patch triggerauthentication rabbitmq -n demo",
        },
        Case {
            name: "a namespace with other finalizers",
            breakage: |facts| {
                facts.namespace = fact(json!({"status": {"phase": "Terminating", "conditions": [
                    {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "x in 1 resource"}]}}));
            },
            check: "namespace",
            verdict: Failure,
            detail: "cannot be deleted: x in 1 resource",
            fix: "kubectl api-resources",
        },
        Case {
            name: "a ScaledObject that is not ready",
            breakage: |facts| {
                object(facts, |object| {
                    object.status.conditions[0].status = "False".into();
                    object.status.conditions[0].message = "no host".into();
                });
            },
            check: "scaled-object",
            verdict: Failure,
            detail: "is not ready: no host",
            fix: "kubectl logs deployment/keda-operator -n keda",
        },
        Case {
            name: "another ScaledObject that is not ready",
            breakage: |facts| {
                object(facts, |object| object.status.conditions[0].status = "False".into());
                if let Outcome::Value(all) = &mut facts.keda.scaled_objects.outcome {
                    let mut other = all[0].clone();
                    other.metadata.name = Some("other".into());
                    other.spec.scale_target_ref.name = "other".into();
                    all[0].status.conditions[0].status = "True".into();
                    all.push(other);
                }
            },
            check: "scaled-object",
            verdict: Warning,
            detail: "It does not own the HPA",
            fix: "kubectl logs",
        },
        Case {
            name: "a ScaledObject that is paused",
            breakage: |facts| {
                object(facts, |object| {
                    annotate(object, "paused", "true");
                    object.status.conditions[0].r#type = "Paused".into();
                });
            },
            check: "paused",
            verdict: Failure,
            detail: "is paused by annotation autoscaling.keda.sh/paused",
            fix: "kubectl annotate scaledobject worker -n demo autoscaling.keda.sh/paused-",
        },
        Case {
            name: "a second HPA besides KEDA's",
            breakage: |facts| {
                keda(facts);
                let kedas = facts.autoscaler.get().unwrap().clone();
                facts.autoscaler = healthy().autoscaler;
                facts.autoscalers = known(vec![facts.autoscaler.get().unwrap().clone(), kedas]);
                set(&mut facts.autoscaler, "/metadata/name", json!("own"));
            },
            check: "apiservice-owner",
            verdict: Failure,
            detail: "KEDA serves only ScaledObjects",
            fix: "kubectl delete hpa scaler -n demo",
        },
        Case {
            name: "an HPA without its ScaledObject",
            breakage: |facts| {
                keda(facts);
                facts.keda.scaled_objects = fact(json!([]));
            },
            check: "scaled-object",
            verdict: Failure,
            detail: "belongs to ScaledObject worker, which does not exist",
            fix: "kubectl delete hpa scaler -n demo",
        },
        Case {
            name: "a misspelt queue in a trigger",
            breakage: |facts| {
                object(facts, |object| {
                    object.spec.triggers[0].metadata.insert("queueName".into(), "orders".into());
                });
            },
            check: "queue",
            verdict: Failure,
            detail: "The broker refuses KEDA's request",
            fix: r#"kubectl patch scaledobject worker -n demo --type json -p '[{"op":"replace","path":"/spec/triggers/0/metadata/queueName","value":"Orders"}]'"#,
        },
    ]);
}

#[test]
fn authentications() {
    all(&[
        Case {
            name: "a misspelt TriggerAuthentication",
            breakage: |facts| {
                object(facts, |object| {
                    object.spec.triggers[0].authentication_ref.as_mut().unwrap().name = "rabbit".into();
                });
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "uses TriggerAuthentication rabbit, which does not exist in namespace demo",
            fix: r#""path":"/spec/triggers/0/authenticationRef/name","value":"rabbitmq""#,
        },
        Case {
            name: "no TriggerAuthentication",
            breakage: |facts| {
                keda(facts);
                facts.keda.authentications = fact(json!([]));
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "uses TriggerAuthentication rabbitmq",
            fix: "kind: TriggerAuthentication",
        },
        Case {
            name: "no ClusterTriggerAuthentication",
            breakage: |facts| {
                object(facts, |object| {
                    let reference = object.spec.triggers[0].authentication_ref.as_mut().unwrap();
                    reference.kind = Some("ClusterTriggerAuthentication".into());
                });
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "uses ClusterTriggerAuthentication rabbitmq, which does not exist. ",
            fix: "kubectl get clustertriggerauthentication",
        },
        Case {
            name: "a misspelt ClusterTriggerAuthentication",
            breakage: |facts| {
                object(facts, |object| {
                    let reference = object.spec.triggers[0].authentication_ref.as_mut().unwrap();
                    reference.kind = Some("ClusterTriggerAuthentication".into());
                    reference.name = "Shared".into();
                });
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "ClusterTriggerAuthentication Shared",
            fix: r#""value":"shared""#,
        },
        Case {
            name: "no Secret",
            breakage: |facts| {
                keda(facts);
                facts.keda.secrets[0].keys.outcome = Outcome::Absent;
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "reads Secret rabbitmq, which does not exist in namespace demo",
            fix: "kubectl create secret generic rabbitmq -n demo --from-literal=username=USERNAME --from-literal=password=PASSWORD",
        },
        Case {
            name: "a Secret without the key",
            breakage: |facts| {
                keda(facts);
                facts.keda.secrets[0].keys = known(["username".to_owned(), "passwort".to_owned()].into());
            },
            check: "trigger-authentication",
            verdict: Failure,
            detail: "reads key password of Secret rabbitmq, which has passwort, username",
            fix: r#"kubectl patch triggerauthentication rabbitmq -n demo --type json -p '[{"op":"replace","path":"/spec/secretTargetRef/1/key","value":"passwort"}]'"#,
        },
        Case {
            name: "no permission for Secrets",
            breakage: |facts| {
                keda(facts);
                facts.keda.secrets[0].keys.outcome = Outcome::NotPermitted("secrets is forbidden".into());
            },
            check: "trigger-authentication",
            verdict: Ok,
            detail: "You may not read its Secrets",
            fix: "",
        },
    ]);
}

#[test]
fn prometheus_triggers() {
    all(&[
        Case {
            name: "or vector(0)",
            breakage: |facts| trigger(facts, json!({"query": "sum(a{queue='Orders'}) or vector(0)"})),
            check: "trigger-fallback",
            verdict: Warning,
            detail: "scales in during an outage",
            fix: r#""path":"/spec/triggers/0/metadata/query","value":"sum(a{queue='\''Orders'\''})"},{"op":"add","path":"/spec/triggers/0/metadata/ignoreNullValues","value":"false"}"#,
        },
        Case {
            name: "an empty result counts as 0, the default",
            breakage: |facts| trigger(facts, json!({"query": "sum(a)"})),
            check: "trigger-null",
            verdict: Warning,
            detail: "ignoreNullValues is not",
            fix: r#"-p '[{"op":"add","path":"/spec/triggers/0/metadata/ignoreNullValues","value":"false"}]'"#,
        },
        Case {
            name: "an empty result is an error",
            breakage: |facts| trigger(facts, json!({"query": "sum(a)", "ignoreNullValues": "false"})),
            check: "trigger-null",
            verdict: Ok,
            detail: "fails without a value",
            fix: "",
        },
    ]);
}

/// Changes the object's only trigger.
fn rabbitmq(facts: &mut Facts, metadata: Value) {
    object(facts, |object| object.spec.triggers[0].metadata = serde_json::from_value(metadata).unwrap());
    let queues = json!([
        {"name": "Orders", "vhost": "/", "durable": true, "messages_ready": 74, "messages_unacknowledged": 5, "consumers": 1},
        {"name": "Invoices", "vhost": "/", "durable": true, "messages_ready": 6, "messages_unacknowledged": 0, "consumers": 1},
        {"name": "Orders", "vhost": "eu", "durable": true, "messages_ready": 900, "messages_unacknowledged": 0}]);
    facts.broker.queues = known(serde_json::from_value(queues).unwrap());
}

fn served(facts: &mut Facts, messages: i64) {
    facts.metrics[0].response = known(crate::facts::MetricResponse::Values(vec![messages * 1_000]));
}

#[test]
fn pauses() {
    all(&[
        Case {
            name: "paused at 0, without its HPA",
            breakage: |facts| {
                object(facts, |object| annotate(object, "paused-replicas", "0"));
                set(&mut facts.deployments, "/1/spec/replicas", json!(0));
                facts.autoscaler.outcome = Outcome::Absent;
                facts.autoscalers = fact(json!([]));
                facts.subject.hpa = "keda-hpa-worker".into();
            },
            check: "paused",
            verdict: Failure,
            detail: "ScaledObject worker is paused at 0 by annotation autoscaling.keda.sh/paused-replicas. KEDA deleted HPA keda-hpa-worker",
            fix: "kubectl annotate scaledobject worker -n demo autoscaling.keda.sh/paused-replicas-",
        },
        Case {
            name: "paused by both annotations, with an HPA of one size",
            breakage: |facts| {
                object(facts, |object| {
                    annotate(object, "paused-replicas", "3");
                    annotate(object, "paused", "true");
                });
                set(&mut facts.autoscaler, "/spec/minReplicas", json!(3));
                set(&mut facts.autoscaler, "/spec/maxReplicas", json!(3));
            },
            check: "paused",
            verdict: Failure,
            detail: "paused at 3",
            fix: "autoscaling.keda.sh/paused-replicas- autoscaling.keda.sh/paused-",
        },
        Case {
            name: "paused in one direction",
            breakage: |facts| {
                object(facts, |object| annotate(object, "paused-scale-in", "true"));
                set(
                    &mut facts.autoscaler,
                    "/spec/behavior",
                    json!({"scaleDown": {"selectPolicy": "Disabled"}}),
                );
            },
            check: "paused",
            verdict: Warning,
            detail: "keeps ScaledObject worker from scaling in",
            fix: "kubectl annotate scaledobject worker -n demo autoscaling.keda.sh/paused-scale-in-",
        },
        Case {
            name: "a condition without an annotation",
            breakage: |facts| {
                object(facts, |object| {
                    let paused = json!({"type": "Paused", "status": "True"});
                    object.status.conditions.push(serde_json::from_value(paused).unwrap());
                });
            },
            check: "paused",
            verdict: Failure,
            detail: "but no annotation that pauses it. This is a fault of KEDA",
            fix: "kubectl rollout restart deployment/keda-operator -n keda",
        },
    ]);
}

#[test]
fn the_consequences_of_a_pause_are_no_failures() {
    let mut facts = healthy();
    object(&mut facts, |object| annotate(object, "paused-replicas", "0"));
    set(&mut facts.deployments, "/1/spec/replicas", json!(0));
    facts.autoscaler.outcome = Outcome::Absent;
    facts.autoscalers = fact(json!([]));
    facts.subject.hpa = "keda-hpa-worker".into();
    let report = examine(&facts);
    let failures: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Failure)
        .map(|finding| finding.check.as_ref())
        .collect();
    assert_eq!(failures, ["paused"], "{}", report.text());
    assert!(!report.text().contains("kubectl scale"), "{}", report.text());

    let mut facts = healthy();
    object(&mut facts, |object| annotate(object, "paused", "false"));
    assert_eq!(examine(&facts).count(Failure), 0, "the annotation is off");
}

#[test]
fn rest_at_zero_is_no_failure() {
    for (minimum, idle) in [(None, None), (Some(0), None), (Some(2), Some(0))] {
        let mut facts = healthy();
        object(&mut facts, |object| {
            object.spec.min_replica_count = minimum;
            object.spec.idle_replica_count = idle;
            let inactive = json!({"type": "Active", "status": "False"});
            object.status.conditions.push(serde_json::from_value(inactive).unwrap());
        });
        set(&mut facts.deployments, "/1/spec/replicas", json!(0));
        super::condition(
            &mut facts,
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
        );
        let report = examine(&facts);
        assert_eq!(report.count(Failure), 0, "{}", report.text());
        assert!(
            report.text().contains("rests at 0") && !report.text().contains("kubectl scale"),
            "{}",
            report.text()
        );
    }
    // Below the minimum, KEDA does not do its work.
    let mut facts = healthy();
    object(&mut facts, |object| object.spec.min_replica_count = Some(2));
    set(&mut facts.deployments, "/1/spec/replicas", json!(0));
    super::condition(
        &mut facts,
        "ScalingDisabled",
        "scaling is disabled since the replica count of the target is zero",
    );
    let report = examine(&facts);
    assert_eq!(super::first(&report).0, "scaling-active", "{}", report.text());
    assert!(!report.text().contains("kubectl scale"), "{}", report.text());
}

#[test]
fn rabbitmq_triggers() {
    all(&[
        Case {
            name: "ready messages only",
            breakage: |facts| {
                rabbitmq(facts, json!({"protocol": "amqp", "queueName": "Orders"}));
                served(facts, 74);
            },
            check: "trigger-value",
            verdict: Ok,
            detail: "KEDA's value is 74, as at the broker: ready messages only; 5 unacknowledged ones do not count",
            fix: "",
        },
        Case {
            name: "all messages",
            breakage: |facts| {
                rabbitmq(facts, json!({"protocol": "http", "queueName": "Orders"}));
                served(facts, 79);
            },
            check: "trigger-value",
            verdict: Ok,
            detail: "KEDA's value is 79, as at the broker: ready and unacknowledged messages",
            fix: "",
        },
        Case {
            name: "another virtual host than the one that was meant",
            breakage: |facts| {
                rabbitmq(facts, json!({"protocol": "http", "queueName": "Orders", "vhostName": "eu"}));
                served(facts, 79);
            },
            check: "trigger-value",
            verdict: Warning,
            detail: "KEDA's value is 79, but the broker has 900",
            fix: "kubectl logs deployment/keda-operator -n keda",
        },
        Case {
            name: "an expression for two queues",
            breakage: |facts| {
                rabbitmq(
                    facts,
                    json!({"protocol": "http", "queueName": "^(Orders|Invoices)$", "useRegex": "true", "vhostName": "/"}),
                );
                served(facts, 85);
            },
            check: "trigger-queues",
            verdict: Ok,
            detail: "^(Orders|Invoices)$ matches Invoices, Orders. KEDA takes the sum",
            fix: "",
        },
        Case {
            name: "the largest of two queues",
            breakage: |facts| {
                rabbitmq(
                    facts,
                    json!({"protocol": "http", "queueName": "^(Orders|Invoices)$", "useRegex": "true",
                    "vhostName": "/", "operation": "max", "excludeUnacknowledged": "true"}),
                );
                served(facts, 74);
            },
            check: "trigger-value",
            verdict: Ok,
            detail: "KEDA's value is 74",
            fix: "",
        },
        Case {
            name: "an expression that matches no queue",
            breakage: |facts| {
                rabbitmq(
                    facts,
                    json!({"protocol": "http", "queueName": "^mail", "useRegex": "true", "vhostName": "/"}),
                );
            },
            check: "trigger-queues",
            verdict: Failure,
            detail: "no queue of virtual host / matches ^mail, so KEDA reads 0. The queues are Invoices, Orders",
            fix: r#"{"op":"replace","path":"/spec/triggers/0/metadata/queueName","value":"^Orders$"}"#,
        },
        Case {
            name: "an expression over amqp",
            breakage: |facts| {
                rabbitmq(facts, json!({"protocol": "amqp", "queueName": "^O", "useRegex": "true"}));
            },
            check: "trigger-protocol",
            verdict: Failure,
            detail: "useRegex with protocol amqp. KEDA refuses it",
            fix: r#"{"op":"add","path":"/spec/triggers/0/metadata/protocol","value":"http"},{"op":"add","path":"/spec/triggers/0/metadata/host","value":"http://rabbitmq.demo.svc:15672"}"#,
        },
        Case {
            name: "unacknowledged messages over amqp, in an object that is not ready",
            breakage: |facts| {
                rabbitmq(
                    facts,
                    json!({"host": "amqp://rabbitmq.demo.svc", "queueName": "Orders", "excludeUnacknowledged": "true"}),
                );
                if let Outcome::Value(all) = &mut facts.keda.scaled_objects.outcome {
                    all[0].status.conditions[0].status = "False".into();
                }
            },
            check: "trigger-protocol",
            verdict: Failure,
            detail: "excludeUnacknowledged with protocol amqp",
            fix: r#""value":"http""#,
        },
    ]);
    let mut facts = healthy();
    rabbitmq(
        &mut facts,
        json!({"protocol": "http", "queueName": "^(Orders|Invoices)$", "useRegex": "true", "vhostName": "/"}),
    );
    served(&mut facts, 85);
    let report = examine(&facts);
    assert_eq!(report.count(Failure), 0, "{}", report.text());
}

#[test]
fn a_refused_setting_comes_before_the_object_that_is_not_ready() {
    let mut facts = healthy();
    rabbitmq(&mut facts, json!({"protocol": "amqp", "queueName": "^O", "useRegex": "true"}));
    if let Outcome::Value(all) = &mut facts.keda.scaled_objects.outcome {
        all[0].status.conditions[0].status = "False".into();
    }
    let report = examine(&facts);
    let first = report.fix().map(|(finding, _)| finding.check.as_ref());
    assert_eq!(first, Some("trigger-protocol"), "{}", report.text());
}

#[test]
fn triggers_of_any_kind() {
    all(&[
        Case {
            name: "a cron trigger at rest",
            breakage: |facts| {
                object(facts, |object| {
                    object.spec.triggers[0].r#type = "cron".into();
                    object.spec.triggers[0].authentication_ref = None;
                    object.status.triggers_activity.insert("s0-cron-Etc-UTC".into(), Default::default());
                });
            },
            check: "trigger",
            verdict: Ok,
            detail: "trigger 1 of 1, cron: it is not active, so the workload may rest at 0, 300 s after it was",
            fix: "",
        },
        Case {
            name: "an activation value",
            breakage: |facts| {
                object(facts, |object| {
                    object.spec.triggers[0].metadata.insert("activationValue".into(), "5".into());
                });
            },
            check: "trigger",
            verdict: Ok,
            detail: "It is active above 5",
            fix: "",
        },
        Case {
            name: "a cpu trigger",
            breakage: |facts| object(facts, |object| object.spec.triggers[0].r#type = "cpu".into()),
            check: "trigger",
            verdict: Ok,
            detail: "the resource metrics API serves it, not KEDA",
            fix: "",
        },
        Case {
            name: "a trigger that fails",
            breakage: |facts| {
                object(facts, |object| {
                    let health = json!({"numberOfFailures": 3, "status": "Failing"});
                    object.status.health.insert("s0-kafka-t".into(), serde_json::from_value(health).unwrap());
                });
            },
            check: "trigger",
            verdict: Warning,
            detail: "failed 3 times in a row",
            fix: "kubectl logs deployment/keda-operator",
        },
        Case {
            name: "a fallback",
            breakage: |facts| {
                object(facts, |object| {
                    let fallback =
                        json!({"failureThreshold": 3, "replicas": 6, "behavior": "currentReplicasIfHigher"});
                    object.spec.fallback = Some(serde_json::from_value(fallback).unwrap());
                    let health = json!({"numberOfFailures": 9, "status": "Failing"});
                    object
                        .status
                        .health
                        .insert("s0-rabbitmq-Orders".into(), serde_json::from_value(health).unwrap());
                    let active = json!({"type": "Fallback", "status": "True"});
                    object.status.conditions.push(serde_json::from_value(active).unwrap());
                });
            },
            check: "scaled-object-fallback",
            verdict: Warning,
            detail: "fallback of 6 replicas (currentReplicasIfHigher) after more than 3 failures: s0-rabbitmq-Orders failed 9 times",
            fix: "kubectl logs deployment/keda-operator",
        },
        Case {
            name: "a formula",
            breakage: |facts| {
                object(facts, |object| {
                    object.spec.triggers[0].name = Some("depth".into());
                    object.spec.advanced.scaling_modifiers.formula = "depth * 2".into();
                    object.spec.advanced.scaling_modifiers.target = "10".into();
                });
            },
            check: "formula",
            verdict: Ok,
            detail: "makes one metric of its triggers (depth): depth * 2, target 10",
            fix: "",
        },
        Case {
            name: "some triggers fail",
            breakage: |facts| {
                object(facts, |object| {
                    object.status.conditions[0].status = "Unknown".into();
                    object.status.conditions[0].reason = "PartialTriggerError".into();
                });
            },
            check: "scaled-object",
            verdict: Warning,
            detail: "some triggers of ScaledObject worker fail",
            fix: "kubectl logs deployment/keda-operator",
        },
    ]);
}
