//! The demo with KEDA: the names in its ScaledObject, other writers of the replicas, and the objects that KEDA's finalizer keeps.

use super::{Profile, Site, is_fix, seen};

/// Replaces a part of the ScaledObject.
fn patch(site: &Site, path: &str, value: &str) {
    site.run(&format!(
        "kubectl patch scaledobject worker-scaler -n NS --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/triggers/0/{path}\",\"value\":\"{value}\"}}]'"
    ));
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_kedas_credentials() {
    let site = Site::of(Profile::Keda);

    patch(&site, "authenticationRef/name", "rabbit");
    site.repaired_by_its_fix(
        "trigger-authentication",
        r#""path":"/spec/triggers/0/authenticationRef/name","value":"rabbitmq""#,
    );

    site.run("kubectl patch triggerauthentication rabbitmq -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/secretTargetRef/1/key\",\"value\":\"passwort\"}]'");
    site.repaired_by_its_fix(
        "trigger-authentication",
        r#""path":"/spec/secretTargetRef/1/key","value":"password""#,
    );

    site.run("kubectl delete triggerauthentication rabbitmq -n NS");
    site.repaired_by_its_fix("trigger-authentication", "kind: TriggerAuthentication");

    patch(&site, "metadata/queueName", "orders");
    site.repaired_by_its_fix("queue", r#""path":"/spec/triggers/0/metadata/queueName","value":"Orders""#);
}

#[test]
#[ignore = "needs a cluster"]
fn a_second_autoscaler_on_kedas_target_goes() {
    let site = Site::of(Profile::Keda);
    // Nothing prevents an HPA in addition to KEDA's; KEDA refuses only the reverse.
    let own = r#"{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"own"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"worker"},"maxReplicas":3,"metrics":[{"type":"External","external":{"metric":{"name":"rabbitmq_queue_length","selector":{"matchLabels":{"queue":"Orders"}}},"target":{"type":"AverageValue","averageValue":"20"}}}]}}"#;
    site.shell(&format!("kubectl create -n {} -f -", site.namespace), own);

    let report = site.until("the controller's word", |code, report| {
        code == Some(1) && seen(report, "scaling-active").contains("AmbiguousSelector")
    });
    assert!(is_fix(&report, "two-autoscalers", "kubectl delete hpa own"), "{report:#}");
    let report = site.until_of(&["--hpa", "own"], "the plain one's own", |code, report| {
        code == Some(1) && seen(report, "value").contains("scaledObject name is not specified")
    });
    assert!(is_fix(&report, "apiservice-owner", "kubectl delete hpa own"), "{report:#}");
    site.carry_out(&report);
    site.until_fine();
}

/// In an outage a `prometheus` trigger reports 0, by its query or by KEDA's default, unless it is set to fail.
#[test]
#[ignore = "needs a cluster"]
fn a_trigger_that_reads_an_outage_as_zero_is_fixed() {
    let site = Site::of(Profile::Keda);
    let prometheus = site.run("kubectl get service -A --field-selector metadata.name=prometheus-operated -o 'jsonpath={.items[0].metadata.namespace}'");
    let object = format!(
        r#"{{"apiVersion":"keda.sh/v1alpha1","kind":"ScaledObject","metadata":{{"name":"by-query"}},"spec":{{"scaleTargetRef":{{"name":"producer"}},"minReplicaCount":1,"maxReplicaCount":2,"advanced":{{"horizontalPodAutoscalerConfig":{{"name":"by-query"}}}},"triggers":[{{"type":"prometheus","metadata":{{"serverAddress":"http://prometheus-operated.{prometheus}.svc:9090","query":"sum(nothing_has_this{{queue=\"Orders\"}}) or vector(0)","threshold":"20"}}}}]}}}}"#
    );
    site.shell(&format!("kubectl create -n {} -f -", site.namespace), &object);
    let arguments = ["--hpa", "by-query"];
    let reported = |check: &'static str| {
        move |code: Option<i32>, report: &serde_json::Value| {
            code == Some(0)
                && is_fix(report, check, "ignoreNullValues")
                && seen(report, "value").ends_with("is 0")
        }
    };
    site.until_of(&arguments, "or vector(0)", reported("trigger-fallback"));

    // Without the constant KEDA still reports 0.
    site.run("kubectl patch scaledobject by-query -n NS --type json -p '[{\"op\":\"replace\",\"path\":\"/spec/triggers/0/metadata/query\",\"value\":\"sum(nothing_has_this)\"}]'");
    let report = site.until_of(&arguments, "nothing taken for 0", reported("trigger-null"));
    site.carry_out(&report);
    site.until_of(&arguments, "the trigger to fail", |code, report| {
        code == Some(1)
            && seen(report, "trigger-null").is_empty()
            && seen(report, "value").contains("answers 500")
    });
    site.run("kubectl delete scaledobject by-query -n NS");
    site.until_fine();
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_frees_a_namespace_from_kedas_finalizer() {
    let site = Site::of(Profile::Keda);
    let namespace = "surge-e2e-kept";
    let operator =
        site.run(&format!("kubectl get apiservice {} -o 'jsonpath={{.spec.service.namespace}}'", super::API));
    site.run(&format!("kubectl create namespace {namespace}"));
    let object = r#"{"apiVersion":"keda.sh/v1alpha1","kind":"TriggerAuthentication","metadata":{"name":"kept","finalizers":["finalizer.keda.sh"]},"spec":{"secretTargetRef":[{"parameter":"username","name":"s","key":"username"}]}}"#;
    site.shell(&format!("kubectl create -n {namespace} -f -"), object);
    let object = r#"{"apiVersion":"keda.sh/v1alpha1","kind":"ScaledObject","metadata":{"name":"kept","finalizers":["finalizer.keda.sh"]},"spec":{"scaleTargetRef":{"name":"nothing"},"triggers":[{"type":"rabbitmq","metadata":{"host":"amqp://nothing","queueName":"Orders","mode":"QueueLength","value":"20"}}]}}"#;
    site.shell(&format!("kubectl create -n {namespace} -f -"), object);
    site.run(&format!("kubectl scale deployment/keda-operator --replicas=0 -n {operator}"));
    let report = site.until_found(1, "keda-operator", "kubectl scale deployment/keda-operator --replicas=1");
    assert!(seen(&report, "keda-operator").contains("is at 0 replicas"), "{report:#}");

    site.run(&format!("kubectl delete namespace {namespace} --wait=false"));
    let report = site.until_of(&["--namespace", namespace], "namespace", |code, report| {
        code == Some(1) && is_fix(report, "namespace", "kubectl scale deployment/keda-operator --replicas=1")
    });
    for kept in ["triggerauthentication/kept", "scaledobject/kept"] {
        assert!(seen(&report, "namespace").contains(kept), "{kept}: {report:#}");
    }
    assert!(seen(&report, "scaled-object").contains("waits for KEDA's operator"), "{report:#}");
    assert!(seen(&report, "trigger-authentication").contains("waits for KEDA's operator"), "{report:#}");
    site.carry_out(&report);
    site.run(&format!("kubectl wait --for=delete namespace/{namespace} --timeout=180s"));
    site.until_fine();
}
