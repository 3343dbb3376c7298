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
                    object.status.conditions[0].r#type = "Paused".into();
                });
            },
            check: "scaled-object",
            verdict: Failure,
            detail: "is paused",
            fix: "kubectl annotate scaledobject worker -n demo autoscaling.keda.sh/paused- ",
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
