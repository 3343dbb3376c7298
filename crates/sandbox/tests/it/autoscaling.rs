//! The HPA controller, with podlings in place of Prometheus.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::{Json, Router};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::Api;
use sandbox::{System, WorkloadKind};
use serde_json::{Value, json};
use testkit::wait;

use crate::rig::{Rig, config, deployment};

fn hpa() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 4,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "queue_length", "selector": {"matchLabels": {"queue": "Orders"}}},
                "target": {"type": "AverageValue", "averageValue": "20"},
            }}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    })
}

fn rules() -> Value {
    let rules = r#"
externalRules:
- seriesQuery: '{__name__="queue_messages",namespace!="",queue!=""}'
  resources: {overrides: {namespace: {resource: namespace}}}
  name: {matches: "^queue_messages$", as: queue_length}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'
"#;
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "prometheus-adapter", "namespace": "monitoring"}, "data": {"config.yaml": rules},
    })
}

async fn set(rig: &Rig, value: i64) {
    let path =
        format!("/api/v1/namespaces/monitoring/services/prometheus-operated:9090/proxy/set?value={value}");
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    assert_eq!(rig.client.request_text(request).await.unwrap(), "set");
}

async fn status(rig: &Rig, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(rig.client.clone(), "default");
    wait::until(what, || async {
        let status = json!(api.get("web").await.unwrap().status);
        Some(status).filter(&wanted)
    })
    .await
}

fn condition<'a>(status: &'a Value, of_type: &str) -> &'a Value {
    status["conditions"].as_array().unwrap().iter().find(|one| one["type"] == of_type).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_scales_a_deployment_up_and_down() {
    let mut config = config();
    config.system = System::Monitoring;
    config.autoscaling.sync_period = Duration::from_millis(200);
    let rig = Rig::start(config).await;
    rig.sandbox.ready(&rig.sandbox.system_workloads(), wait::DEADLINE).await.unwrap();
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    rig.apply(hpa()).await;

    // Without a rule the adapter does not know the metric.
    let failed = status(&rig, "the HPA to miss its metric", |status| {
        status["conditions"]
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one["reason"] == "FailedGetExternalMetric"))
    })
    .await;
    let message = condition(&failed, "ScalingActive")["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the HPA was unable to compute the replica count: unable to get external metric default/queue_length/&LabelSelector{MatchLabels:map[string]string{queue: Orders,},MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics API: the server could not find the metric queue_length for "), "{message}");

    rig.apply(rules()).await;
    status(&rig, "an empty answer", |status| {
        status.to_string().contains("no metrics returned from external metrics API")
    })
    .await;

    set(&rig, 70).await;
    let scaled = status(&rig, "four replicas", |status| status["currentReplicas"] == 4).await;
    assert_eq!(condition(&scaled, "ScalingActive")["reason"], "ValidMetricFound");
    assert_eq!(scaled["currentMetrics"][0]["external"]["metric"]["name"], "queue_length");
    rig.event("web", "Normal SuccessfulRescale New size: 4; reason: external metric queue_length(&LabelSelector{MatchLabels:map[string]string{queue: Orders,},MatchExpressions:[]LabelSelectorRequirement{},}) above target").await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    assert_eq!(rig.list("app=web").await.len(), 4);

    set(&rig, 0).await;
    status(&rig, "one replica", |status| status["currentReplicas"] == 1).await;
    wait::until("one pod", || async { (rig.list("app=web").await.len() == 1).then_some(()) }).await;
}

/// The loop and a simulation make the same rescales of the same readings: both are the exact controller.
#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_makes_the_same_rescales() {
    use hpa::simulate::Simulator;
    use hpa::simulate::series::{Point, series};
    let mut config = config();
    config.system = System::Monitoring;
    config.autoscaling.sync_period = Duration::from_millis(200);
    let rig = Rig::start(config).await;
    rig.sandbox.ready(&rig.sandbox.system_workloads(), wait::DEADLINE).await.unwrap();
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    rig.apply(rules()).await;
    let spec = serde_json::from_value(hpa()["spec"].clone()).unwrap();
    let mut simulator = Simulator::new(spec, hpa::Config::release(hpa::Release::V1_34), 1).unwrap();
    rig.apply(hpa()).await;
    let mut expected = Vec::new();
    for (value, at) in [70, 45, 30, 0].into_iter().zip(0..) {
        set(&rig, value).await;
        let point = Point::external(hpa::Time::from_secs(at), value * 1_000);
        let steps: Vec<_> = series(&mut simulator, [point]).collect();
        expected.extend(steps.iter().map(|step| format!("New size: {};", step.after)));
        let size = simulator.size();
        status(&rig, &format!("{size} replicas"), |status| status["desiredReplicas"] == size).await;
        rig.ready(WorkloadKind::Deployment, "web").await;
    }
    let rescales: Vec<String> = wait::until("all rescales as events", || async {
        let events = rig.events("web").await;
        let found =
            events.iter().filter_map(|event| event.split_once("SuccessfulRescale ")).map(|(_, text)| text);
        let sizes: Vec<String> =
            found.filter_map(|text| Some(format!("{};", text.split_once(';')?.0))).collect();
        (sizes.len() >= expected.len()).then_some(sizes)
    })
    .await;
    assert_eq!(rescales, expected);
}

async fn get(rig: &Rig, path: &str) -> Result<Value, kube::Error> {
    rig.client.request(http::Request::get(path).body(Vec::new()).unwrap()).await
}

/// The HPA of [`hpa`] with other metrics.
fn hpa_with(metrics: Value) -> Value {
    let mut hpa = hpa();
    hpa["spec"]["metrics"] = metrics;
    hpa
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn cpu_and_memory_of_the_processes_scale_a_deployment() {
    let mut config = config();
    config.autoscaling.sync_period = Duration::from_millis(200);
    config.metrics.resolution = Duration::from_millis(500);
    let rig = Rig::start(config).await;
    let requests = json!({"args": ["--burn"], "resources": {"requests": {"cpu": "10m", "memory": "1Mi"}}});
    rig.apply(deployment("web", 1, &requests)).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    rig.apply(hpa_with(json!([
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
        {"type": "ContainerResource", "containerResource": {
            "name": "memory", "container": "c", "target": {"type": "AverageValue", "averageValue": "100Gi"},
        }},
    ])))
    .await;
    let scaled = status(&rig, "four replicas", |status| {
        status["currentReplicas"] == 4 && status["currentMetrics"][1]["type"] == "ContainerResource"
    })
    .await;
    assert_eq!(condition(&scaled, "ScalingActive")["reason"], "ValidMetricFound", "{scaled}");
    assert!(
        scaled["currentMetrics"][0]["resource"]["current"]["averageUtilization"].as_i64() > Some(55),
        "{scaled}"
    );

    let path = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods?labelSelector=app%3Dweb";
    let list = wait::until("metrics of four pods", || async {
        let list = get(&rig, path).await.unwrap();
        (list["items"].as_array().unwrap().len() == 4).then_some(list)
    })
    .await;
    let pod = &list["items"][0];
    assert_eq!((&list["kind"], &pod["metadata"]["labels"]["app"]), (&json!("PodMetricsList"), &json!("web")));
    assert_eq!(pod["containers"][0]["name"], "c");
    assert!(pod["containers"][0]["usage"]["memory"].as_str().unwrap().ends_with('i'), "{pod}");
    let name = pod["metadata"]["name"].as_str().unwrap();
    let single =
        get(&rig, &format!("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/{name}")).await.unwrap();
    assert_eq!(single["kind"], "PodMetrics");
    let unknown = get(&rig, "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/none").await.unwrap_err();
    assert!(unknown.to_string().contains("pods \"none\" not found"), "{unknown}");
    let nodes = get(&rig, "/apis/metrics.k8s.io/v1beta1/nodes").await.unwrap();
    assert!(nodes["items"][0]["usage"]["cpu"].is_string(), "{nodes}");
    let resources = get(&rig, "/apis/metrics.k8s.io/v1beta1").await.unwrap();
    let kinds: Vec<&Value> =
        resources["resources"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["NodeMetrics", "PodMetrics"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_metrics_scale_a_deployment() {
    const RULES: &str = r#"
rules:
- seriesQuery: 'queue_messages'
  resources:
    overrides: {namespace: {resource: namespace}, pod: {resource: pod}, deployment: {group: apps, resource: deployment}}
  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'
"#;
    let mut config = config();
    config.system = System::Monitoring;
    config.autoscaling.sync_period = Duration::from_millis(200);
    let rig = Rig::start(config).await;
    rig.sandbox.ready(&rig.sandbox.system_workloads(), wait::DEADLINE).await.unwrap();
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let on_deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    rig.apply(hpa_with(json!([
        {"type": "Pods", "pods": {
            "metric": {"name": "queue_messages"}, "target": {"type": "AverageValue", "averageValue": "20"},
        }},
        {"type": "Object", "object": {
            "metric": {"name": "queue_messages"}, "describedObject": on_deployment,
            "target": {"type": "Value", "value": "1k"},
        }},
    ])))
    .await;
    // Without rules, the adapter does not serve the API.
    status(&rig, "the missing API", |status| {
        status.to_string().contains("no custom metrics API (custom.metrics.k8s.io) registered")
    })
    .await;
    let mut map = rules();
    map["data"]["config.yaml"] = RULES.into();
    rig.apply(map.clone()).await;
    status(&rig, "a value that is missing", |status| {
        status.to_string().contains("no metrics returned from custom metrics API")
    })
    .await;
    set(&rig, 70).await;
    let scaled = status(&rig, "four replicas", |status| {
        status["currentReplicas"] == 4 && status["currentMetrics"][1]["type"] == "Object"
    })
    .await;
    assert_eq!(scaled["currentMetrics"][0]["pods"]["current"]["averageValue"], "70");
    assert_eq!(scaled["currentMetrics"][1]["object"]["current"]["value"], "70");

    let list = get(&rig, "/apis/custom.metrics.k8s.io/v1beta1").await.unwrap();
    let names: Vec<&Value> = list["resources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names,
        ["deployments.apps/queue_messages", "namespaces/queue_messages", "pods/queue_messages"]
    );
    let path = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/metrics/queue_messages";
    let of_namespace = get(&rig, path).await.unwrap();
    assert_eq!(
        of_namespace["items"][0]["describedObject"],
        json!({"kind": "Namespace", "name": "default", "apiVersion": "/v1"})
    );
    let path = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/other";
    let unknown = get(&rig, path).await.unwrap_err();
    assert!(unknown.to_string().contains("the server could not find the metric other for pods"), "{unknown}");
    map["data"]["config.yaml"] = "rules: []".into();
    rig.apply(map).await;
    wait::until("the API to go", || async { get(&rig, "/apis/custom.metrics.k8s.io/v1beta1").await.err() })
        .await;
}

/// The period begins at the end of a sync, so that a policy's period of the same length does not contain the change of
/// the sync before.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_starts_a_period_after_the_last_end() {
    const PERIOD: Duration = Duration::from_millis(400);
    const RESPONSE_DELAY: Duration = Duration::from_millis(300);
    let mut config = config();
    config.autoscaling.sync_period = PERIOD;
    let rig = Rig::start(config).await;
    let syncs: Arc<Mutex<Vec<(Instant, Instant)>>> = Arc::default();
    let log = Arc::clone(&syncs);
    let slow = move || async move {
        let requested = Instant::now();
        tokio::time::sleep(RESPONSE_DELAY).await;
        log.lock().unwrap().push((requested, Instant::now()));
        Json(json!({
            "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
            "items": [{"metricName": "queue_length", "metricLabels": {}, "timestamp": "2026-01-01T00:00:00Z", "value": "0"}],
        }))
    };
    rig.sandbox.serve_external_metrics(Router::new().fallback(slow));
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.apply(hpa()).await;
    let enough = async || (syncs.lock().unwrap().len() > 3).then_some(());
    wait::until("four syncs", enough).await;
    let syncs = syncs.lock().unwrap();
    for pair in syncs.windows(2) {
        let waited = pair[1].0 - pair[0].1;
        assert!(waited >= PERIOD, "{waited:?} after the last response");
    }
}

/// Kubernetes' controller keeps its memory by name, and drops it when a sync finds no HPA.
#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_hpa_keeps_its_memory() {
    let mut config = config();
    config.autoscaling.sync_period = Duration::from_secs(5);
    let rig = Rig::start(config).await;
    let empty = json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{"metricName": "queue_length", "metricLabels": {}, "timestamp": "2026-01-01T00:00:00Z", "value": "0"}],
    });
    rig.sandbox.serve_external_metrics(Router::new().fallback(move || async move { Json(empty) }));
    rig.apply(deployment("web", 1, &json!({}))).await;
    let mut hpa = hpa();
    hpa["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = 4.into();
    rig.apply(hpa.clone()).await;
    let is = |reason: &'static str| {
        move |status: &Value| {
            status["conditions"][0]["type"] == "AbleToScale" && status["conditions"][0]["reason"] == reason
        }
    };
    // The initial size counts as a recommendation until the window is over.
    status(&rig, "the first sync", is("ScaleDownStabilized")).await;
    status(&rig, "the second sync", is("ReadyForNewScale")).await;
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(rig.client.clone(), "default");
    api.delete("web", &kube::api::DeleteParams::default()).await.unwrap();
    rig.apply(hpa).await;
    let first = status(&rig, "a sync of the new one", |status| status["conditions"].is_array()).await;
    assert_eq!(condition(&first, "AbleToScale")["reason"], "ReadyForNewScale", "{first}");
}
