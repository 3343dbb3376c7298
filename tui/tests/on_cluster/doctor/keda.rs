//! The demo with KEDA: the names in its ScaledObject, other writers of the replicas, and the objects that KEDA's finalizer keeps.

use serde_json::{Value, json};

use super::{API, Profile, Site, is_fix, seen, verdicts};

#[test]
#[ignore = "needs a cluster"]
fn the_fix_repairs_kedas_credentials() {
    let site = Site::of(Profile::Keda);
    let object = site.restored("scaledobject", "worker-scaler", "NS");
    let authentication = site.restored("triggerauthentication", "rabbitmq", "NS");

    object.change(|object| object["spec"]["triggers"][0]["authenticationRef"]["name"] = "rabbit".into());
    site.repaired_by_its_fix(
        "trigger-authentication",
        r#""path":"/spec/triggers/0/authenticationRef/name","value":"rabbitmq""#,
    );

    authentication.change(|object| object["spec"]["secretTargetRef"][1]["key"] = "passwort".into());
    site.repaired_by_its_fix(
        "trigger-authentication",
        r#""path":"/spec/secretTargetRef/1/key","value":"password""#,
    );

    site.run("kubectl delete triggerauthentication rabbitmq -n NS");
    site.repaired_by_its_fix("trigger-authentication", "kind: TriggerAuthentication");

    object.change(|object| object["spec"]["triggers"][0]["metadata"]["queueName"] = "orders".into());
    site.repaired_by_its_fix("queue", r#""path":"/spec/triggers/0/metadata/queueName","value":"Orders""#);
}

#[test]
#[ignore = "needs a cluster"]
fn a_second_autoscaler_on_kedas_target_goes() {
    let site = Site::of(Profile::Keda);
    // Nothing prevents an HPA in addition to KEDA's; KEDA refuses only the reverse.
    let own = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "own"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}, "maxReplicas": 3,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "rabbitmq_queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "20"}}}]}});
    let _own = site.created("hpa", "own", "NS", &own);

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

/// A pause holds the workers at 0 and deletes the HPA: both are consequences, and the annotation is the fix.
#[test]
#[ignore = "needs a cluster"]
fn a_pause_at_zero_is_named_first() {
    let site = Site::of(Profile::Keda);
    let _object = site.changed("scaledobject", "worker-scaler", "NS", |object| {
        object["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] = "0".into();
    });
    let report = site.until_found(1, "paused", "autoscaling.keda.sh/paused-replicas-");
    assert!(seen(&report, "paused").contains("paused at 0"), "{report:#}");
    let failures = report["lines"].as_array().unwrap().iter().filter(|line| line["verdict"] == "failure");
    assert_eq!(failures.count(), 1, "{report:#}");
    site.carry_out(&report);
    site.until_fine();
}

/// Rest at 0 below the activation value, a second trigger, and a fallback: each is named. Only the cause of the fallback fails.
#[test]
#[ignore = "needs a cluster"]
fn resting_states_are_named() {
    let site = Site::of(Profile::Keda);
    let object = site.restored("scaledobject", "worker-scaler", "NS");
    object.change(|object| {
        let spec = &mut object["spec"];
        (spec["minReplicaCount"], spec["cooldownPeriod"]) = (json!(0), json!(5));
        spec["triggers"][0]["metadata"]["activationValue"] = "5".into();
    });
    site.wait("the rest at 0", || {
        (site.run("kubectl get deployment worker -n NS -o 'jsonpath={.spec.replicas}'") == "0").then_some(())
    });
    let report = site.until("the rest", |code, report| {
        code == Some(0) && seen(report, "trigger").contains("may rest at 0")
    });
    assert!(seen(&report, "trigger").contains("active above 5"), "{report:#}");
    assert!(report["fix"].is_null(), "rest needs no fix: {report:#}");

    // The cron trigger is active until the end of the year.
    object.change(|object| {
        object["spec"]["minReplicaCount"] = json!(1);
        object["spec"]["triggers"].as_array_mut().unwrap().push(json!({"type": "cron", "metadata": {
            "timezone": "Etc/UTC", "start": "0 0 1 1 *", "end": "59 23 31 12 *", "desiredReplicas": "2"}}));
    });
    site.until("both triggers", |code, report| {
        let triggers = seen(report, "trigger");
        code == Some(0) && ["1 of 2, rabbitmq", "2 of 2, cron"].iter().all(|title| triggers.contains(title))
    });

    object.change(|object| {
        object["spec"]["triggers"].as_array_mut().unwrap().truncate(1);
        object["spec"]["triggers"][0]["metadata"]["queueName"] = "orders".into();
        object["spec"]["fallback"] = json!({"failureThreshold": 1, "replicas": 2});
    });
    let report = site.until("the fallback", |code, report| {
        code == Some(1) && seen(report, "scaled-object-fallback").contains("fallback of 2 replicas")
    });
    assert!(is_fix(&report, "queue", r#""value":"Orders""#), "the cause first: {report:#}");
    site.carry_out(&report);
    site.until_fine();
}

/// A trigger by an expression asks the management API, which matches several queues.
#[test]
#[ignore = "needs a cluster"]
fn an_expression_needs_the_management_api() {
    let site = Site::of(Profile::Keda);
    let object = site.restored("scaledobject", "worker-scaler", "NS");
    object.change(|object| {
        let metadata = &mut object["spec"]["triggers"][0]["metadata"];
        metadata["queueName"] = "^(Orders|Invoices)$".into();
        metadata["useRegex"] = "true".into();
    });
    site.repaired_by_its_fix("trigger-protocol", r#""value":"http""#);
    let report = site.until("the queues", |_, report| verdicts(report, "trigger-queues") == ["ok"]);
    assert!(seen(&report, "trigger-queues").contains("Orders"), "{report:#}");
}

/// In an outage a `prometheus` trigger reports 0, by its query or by KEDA's default, unless it is set to fail.
#[test]
#[ignore = "needs a cluster"]
fn a_trigger_that_reads_an_outage_as_zero_is_fixed() {
    let site = Site::of(Profile::Keda);
    let ask = "kubectl get service -A --field-selector metadata.name=prometheus-operated -o 'jsonpath={.items[*].metadata.namespace}'";
    let Some(prometheus) = site.run(ask).split_whitespace().next().map(str::to_owned) else {
        panic!("not run: no Service is named prometheus-operated");
    };
    let object = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "by-query"},
        "spec": {"scaleTargetRef": {"name": "producer"}, "minReplicaCount": 1, "maxReplicaCount": 2,
            "advanced": {"horizontalPodAutoscalerConfig": {"name": "by-query"}},
            "triggers": [{"type": "prometheus", "metadata": {
                "serverAddress": format!("http://prometheus-operated.{prometheus}.svc:9090"),
                "query": "sum(nothing_has_this{queue=\"Orders\"}) or vector(0)", "threshold": "20"}}]}});
    let _object = site.created("scaledobject", "by-query", "NS", &object);
    let arguments = ["--hpa", "by-query"];
    let reported = |check: &'static str| {
        move |code: Option<i32>, report: &Value| {
            code == Some(0)
                && is_fix(report, check, "ignoreNullValues")
                && seen(report, "value").ends_with("is 0")
        }
    };
    site.until_of(&arguments, "or vector(0)", reported("trigger-fallback"));

    // Without the constant KEDA still reports 0.
    let by_query = site.restored("scaledobject", "by-query", "NS");
    by_query.change(|object| {
        object["spec"]["triggers"][0]["metadata"]["query"] = "sum(nothing_has_this)".into();
    });
    let report = site.until_of(&arguments, "nothing taken for 0", reported("trigger-null"));
    site.carry_out(&report);
    site.until_of(&arguments, "the trigger to fail", |code, report| {
        code == Some(1)
            && seen(report, "trigger-null").is_empty()
            && seen(report, "value").contains("answers 500")
    });
}

#[test]
#[ignore = "needs a cluster"]
fn the_fix_frees_a_namespace_from_kedas_finalizer() {
    let site = Site::of(Profile::Keda);
    let namespace = "surge-e2e-kept";
    let operator =
        site.run(&format!("kubectl get apiservice {API} -o 'jsonpath={{.spec.service.namespace}}'"));
    let _namespace = site.namespace(namespace);
    let authentication = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication",
        "metadata": {"name": "kept", "finalizers": ["finalizer.keda.sh"]},
        "spec": {"secretTargetRef": [{"parameter": "username", "name": "s", "key": "username"}]}});
    let _authentication = site.created("triggerauthentication", "kept", namespace, &authentication);
    let object = json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": {"name": "kept", "finalizers": ["finalizer.keda.sh"]},
        "spec": {"scaleTargetRef": {"name": "nothing"}, "triggers": [{"type": "rabbitmq",
            "metadata": {"host": "amqp://nothing", "queueName": "Orders", "mode": "QueueLength", "value": "20"}}]}});
    let _object = site.created("scaledobject", "kept", namespace, &object);
    // The operator comes back first, since only it removes the finalizers.
    let _operator = site.changed("deployment", "keda-operator", &operator, |operator| {
        operator["spec"]["replicas"] = json!(0);
    });
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
