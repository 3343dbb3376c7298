//! Pods as processes: start, logs, probes, crashes, signals, termination.

use kube::ResourceExt as _;
use kube::api::{DeleteParams, LogParams};
use rustix::process::Signal;
use sandbox::WorkloadKind;
use serde_json::json;
use testkit::wait;

use crate::rig::{IMAGE, Rig, config, deployment, is_ready, is_running, pid, pod, restarts, signal};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_starts_pods_with_logs() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 2, &json!({"args": ["--name", "$(HOSTNAME)"]}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let pods = rig.list("app=web").await;
    assert_eq!(pods.len(), 2);
    for pod in &pods {
        let name = pod.name_any();
        assert!(name.starts_with("web-"), "{name}");
        let log = rig.log(&name, &LogParams::default()).await;
        assert_eq!(log, format!("hello from {name}\nargs [\"--name\", \"{name}\"]\n"));
        assert_eq!(rig.get(&name, 8080, "/healthz").await, "ok");
        let status = pod.status.clone().unwrap();
        assert!(status.pod_ip.unwrap().starts_with("10.244."));
        assert_eq!(status.host_ip.as_deref(), Some("127.0.0.1"));
    }
    rig.event(&pods[0].name_any(), "Normal Started ").await;
    let events = rig.events(&pods[0].name_any()).await;
    let reasons: Vec<&str> = events.iter().map(|event| event.split(' ').nth(1).unwrap()).collect();
    assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started"], "{events:?}");
    rig.event("web", "Normal ScalingReplicaSet Scaled up replica set web-").await;
    rig.sandbox.stop().await;
    for pod in &pods {
        wait::until("the pods to be gone", || async { (!is_running(pid(pod))).then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_has_all_sources() {
    let rig = Rig::start(config()).await;
    rig.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"key": "hush"}}))
        .await;
    rig.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"A": "1", "B": "2"}}))
        .await;
    rig.apply(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "my-db"},
        "spec": {"selector": {"app": "db"}, "ports": [{"name": "sql", "port": 5432}]},
    }))
    .await;
    let env = json!([
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
        {"name": "OPTIONAL", "valueFrom": {"secretKeyRef": {"name": "none", "key": "key", "optional": true}}},
        {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "B"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "URL", "value": "db://$(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT_SQL)/$(SECRET)$(NOTHING)"},
    ]);
    rig.apply(pod("p", &json!({"env": env, "envFrom": [{"prefix": "M_", "configMapRef": {"name": "m"}}]})))
        .await;
    rig.pod("p", "the pod to be ready", is_ready).await;
    for (name, expected) in [
        ("SECRET", "hush"),
        ("FROM_MAP", "2"),
        ("M_A", "1"),
        ("NODE", "surge"),
        ("OPTIONAL", ""),
        ("HOSTNAME", "p"),
    ] {
        assert_eq!(rig.get("p", 8080, &format!("/env/{name}")).await, expected, "{name}");
    }
    let port = rig.get("p", 8080, "/env/MY_DB_SERVICE_PORT").await;
    assert_ne!(port, "5432", "the Service has a free port of the machine");
    let url = rig.get("p", 8080, "/env/URL").await;
    assert_eq!(url, format!("db://127.0.0.1:{port}/hush$(NOTHING)"));
    assert!(rig.get("p", 8080, "/env/KUBECONFIG").await.ends_with("kubeconfig"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_waits_for_a_missing_secret() {
    let rig = Rig::start(config()).await;
    let env = json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "late", "key": "k"}}}]);
    rig.apply(pod("p", &json!({"env": env}))).await;
    let waiting = |pod: &k8s_openapi::api::core::v1::Pod, reason: &str| {
        let text = serde_json::to_string(&pod.status).unwrap();
        text.contains(reason)
    };
    rig.pod("p", "CreateContainerConfigError", |pod| waiting(pod, "CreateContainerConfigError")).await;
    rig.event("p", "Warning Failed Error: secret \"late\" not found").await;
    rig.apply(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late"}, "stringData": {"k": "v"}}),
    )
    .await;
    rig.pod("p", "the pod to be ready", is_ready).await;
    assert_eq!(rig.get("p", 8080, "/env/A").await, "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_keeps_the_previous_log() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"args": ["--crash", "3"]}))).await;
    let pod = rig
        .pod("p", "a crash loop", |pod| {
            restarts(pod) >= 2 && serde_json::to_string(&pod.status).unwrap().contains("CrashLoopBackOff")
        })
        .await;
    let status = &pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
    let last = status.last_state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (3, Some("Error")));
    let waiting = status.state.as_ref().unwrap().waiting.as_ref().unwrap();
    let message = waiting.message.clone().unwrap();
    let uid = pod.uid().unwrap();
    assert!(
        message.starts_with("back-off ")
            && message.ends_with(&format!("restarting failed container=c pod=p_default({uid})")),
        "{message}"
    );
    rig.event("p", "Warning BackOff Back-off restarting failed container c in pod p_default(").await;
    let previous = rig.log("p", &LogParams { previous: true, ..LogParams::default() }).await;
    assert!(previous.starts_with("hello from p\n"), "{previous}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_image_cannot_be_pulled() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"image": "example/unknown:1"}))).await;
    rig.pod("p", "ImagePullBackOff", |pod| {
        serde_json::to_string(&pod.status).unwrap().contains("ImagePullBackOff")
    })
    .await;
    rig.event("p", "Warning Failed Failed to pull image \"example/unknown:1\": ").await;
    rig.event("p", "Warning Failed Error: ErrImagePull").await;
    let error = rig.pods().logs("p", &LogParams::default()).await.unwrap_err().to_string();
    assert!(error.contains("container \"c\" in pod \"p\" is waiting to start: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_restarts() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({}))).await;
    let first = rig.pod("p", "the pod to be ready", is_ready).await;
    signal(pid(&first), Signal::KILL);
    let second = rig.pod("p", "a restart", |pod| restarts(pod) == 1 && is_ready(pod)).await;
    assert_ne!(pid(&first), pid(&second));
    let status = &second.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0];
    let last = status.last_state.as_ref().unwrap().terminated.as_ref().unwrap();
    assert_eq!((last.exit_code, last.reason.as_deref()), (137, Some("Error")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_process_fails_its_probes() {
    let rig = Rig::start(config()).await;
    let probe =
        json!({"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1});
    rig.apply(pod("p", &json!({"readinessProbe": probe}))).await;
    let ready = rig.pod("p", "the pod to be ready", is_ready).await;
    signal(pid(&ready), Signal::STOP);
    rig.pod("p", "the pod to be unready", |pod| !is_ready(pod)).await;
    let event = rig.event("p", "Warning Unhealthy Readiness probe failed: ").await;
    assert!(
        event.contains("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        "{event}"
    );
    signal(pid(&ready), Signal::CONT);
    rig.pod("p", "the pod to be ready again", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_liveness_probe_restarts_the_container() {
    let rig = Rig::start(config()).await;
    let probe =
        json!({"httpGet": {"path": "/nothing", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1});
    rig.apply(pod("p", &json!({"livenessProbe": probe}))).await;
    rig.pod("p", "a restart", |pod| restarts(pod) >= 1).await;
    rig.event("p", "Warning Unhealthy Liveness probe failed: HTTP probe failed with statuscode: 404").await;
    rig.event("p", "Normal Killing Container c failed liveness probe, will be restarted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsupported_probe_records_an_event() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}})))
        .await;
    let event = rig.event("p", "Warning Unhealthy Readiness probe errored").await;
    assert!(event.contains("does not support exec probes"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_respects_the_grace_period() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("polite", &json!({}))).await;
    let mut stubborn = pod("stubborn", &json!({"args": ["--ignore-sigterm"]}));
    stubborn["spec"]["terminationGracePeriodSeconds"] = 1.into();
    rig.apply(stubborn).await;
    for name in ["polite", "stubborn"] {
        let ready = rig.pod(name, "the pod to be ready", is_ready).await;
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
        let api = rig.pods();
        wait::until("the pod's object to be deleted", || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
        assert!(!is_running(pid(&ready)), "{name} still runs");
        rig.event(name, "Normal Killing Stopping container c").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_without_grace_kills_at_once() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"args": ["--ignore-sigterm"]}))).await;
    let ready = rig.pod("p", "the pod to be ready", is_ready).await;
    rig.pods().delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    wait::until("the process to end", || async { (!is_running(pid(&ready))).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_pods_have_a_phase() {
    let rig = Rig::start(config()).await;
    for (name, code, phase) in [("good", "0", "Succeeded"), ("bad", "7", "Failed")] {
        let mut object = pod(name, &json!({"args": ["--crash", code]}));
        object["spec"]["restartPolicy"] = "Never".into();
        rig.apply(object).await;
        let in_phase = |pod: &k8s_openapi::api::core::v1::Pod| {
            pod.status.as_ref().unwrap().phase.as_deref() == Some(phase)
        };
        rig.pod(name, phase, in_phase).await;
        assert!(
            rig.log(name, &LogParams::default()).await.starts_with("hello"),
            "the log remains after the process has ended"
        );
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pre_stop_hooks_run_or_record_an_event() {
    let rig = Rig::start(config()).await;
    let hook = |handler: serde_json::Value| json!({"lifecycle": {"preStop": handler}});
    rig.apply(pod("exec", &hook(json!({"exec": {"command": ["true"]}})))).await;
    rig.apply(pod("get", &hook(json!({"httpGet": {"path": "/set?value=1", "port": "http"}})))).await;
    for name in ["exec", "get"] {
        rig.pod(name, "the pod to be ready", is_ready).await;
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
        let api = rig.pods();
        wait::until("the pod to be deleted", || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
    }
    rig.event("exec", "Warning FailedPreStopHook PreStopHook failed: the sandbox supports only hooks").await;
    let events = rig.events("get").await;
    assert!(!events.iter().any(|event| event.contains("FailedPreStopHook")), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_containers_run_in_order() {
    let rig = Rig::start(config()).await;
    let mut object = pod("p", &json!({}));
    object["spec"]["initContainers"] = json!([
        {"name": "one", "image": IMAGE, "args": ["--crash", "0"]},
        {"name": "two", "image": IMAGE, "args": ["--crash", "0"]},
    ]);
    rig.apply(object).await;
    let ready = rig.pod("p", "the pod to be ready", is_ready).await;
    let init = ready.status.as_ref().unwrap().init_container_statuses.as_ref().unwrap();
    assert!(init.iter().all(|one| one.state.as_ref().unwrap().terminated.as_ref().unwrap().exit_code == 0));
    rig.event("p", "Normal Started Started container c").await;
    let started: Vec<String> =
        rig.events("p").await.into_iter().filter(|event| event.contains(" Started ")).collect();
    assert_eq!(
        started,
        ["one", "two", "c"].map(|name| format!("Normal Started Started container {name}")),
        "in this order"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_init_container_fails_the_pod() {
    let rig = Rig::start(config()).await;
    let mut object = pod("p", &json!({}));
    object["spec"]["restartPolicy"] = "Never".into();
    object["spec"]["initContainers"] = json!([{"name": "one", "image": IMAGE, "args": ["--crash", "2"]}]);
    rig.apply(object).await;
    rig.pod("p", "the pod to fail", |pod| pod.status.as_ref().unwrap().phase.as_deref() == Some("Failed"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_probes_wait_for_the_startup_probe() {
    let rig = Rig::start(config()).await;
    let get = |path: &str| json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": 1, "failureThreshold": 1});
    rig.apply(pod("good", &json!({"startupProbe": get("/healthz"), "readinessProbe": get("/readyz")}))).await;
    rig.pod("good", "the pod to be ready", is_ready).await;
    rig.apply(pod("bad", &json!({"startupProbe": get("/nothing"), "livenessProbe": get("/nothing")}))).await;
    rig.event("bad", "Normal Killing Container c failed startup probe, will be restarted").await;
    let events = rig.events("bad").await;
    assert!(!events.iter().any(|event| event.contains("Liveness probe")), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unready_workload_has_a_reason() {
    let mut rig = Rig::start(config()).await;
    rig.apply(deployment("web", 1, &json!({"image": "example/unknown:1"}))).await;
    rig.event("web", "Normal ScalingReplicaSet ").await;
    let web = sandbox::Workload {
        kind: WorkloadKind::Deployment,
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        title: "the web".to_owned(),
    };
    let timeout = std::time::Duration::from_secs(2);
    let error = rig.sandbox.ready(&[web], timeout).await.unwrap_err().to_string();
    assert!(error.starts_with("Deployment web did not become ready within 2s: pod web-"), "{error}");
    assert!(error.contains("the sandbox has no program for image \"example/unknown:1\""), "{error}");
    let mut steps = Vec::new();
    while let Ok(progress) = rig.progress.try_recv() {
        steps.push(progress);
    }
    let states = |title: &str| -> Vec<sandbox::StepState> {
        steps.iter().filter(|one| one.step == title).map(|one| one.state.clone()).collect()
    };
    assert_eq!(states("API server"), [sandbox::StepState::Starting, sandbox::StepState::Ready]);
    assert!(
        matches!(states("the web").last(), Some(sandbox::StepState::Failed(reason)) if reason.contains("example/unknown"))
    );
}
