//! Pods as processes: start, logs, probes, crashes, signals, the end.

mod common;

use common::{Rig, config, deployment, is_ready, pid, pod, restarts, runs, signal};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, LogParams};
use rustix::process::Signal;
use sandbox::WorkloadKind;
use serde_json::json;
use testkit::wait;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_running_pods_with_logs() {
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
        wait::until("the pods to be gone", || async { (!runs(pid(pod))).then_some(()) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_comes_from_everywhere() {
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
    assert_ne!(port, "5432", "no fixed port of the machine is taken");
    let url = rig.get("p", 8080, "/env/URL").await;
    assert_eq!(url, format!("db://127.0.0.1:{port}/hush$(NOTHING)"));
    assert!(rig.get("p", 8080, "/env/KUBECONFIG").await.ends_with("kubeconfig"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_holds_the_container_back_until_it_is_there() {
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
async fn a_crash_loop_backs_off_and_keeps_the_previous_log() {
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
async fn an_unknown_image_is_an_image_that_cannot_be_pulled() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"image": "nobody/knows:1"}))).await;
    rig.pod("p", "ImagePullBackOff", |pod| {
        serde_json::to_string(&pod.status).unwrap().contains("ImagePullBackOff")
    })
    .await;
    rig.event("p", "Warning Failed Failed to pull image \"nobody/knows:1\": ").await;
    rig.event("p", "Warning Failed Error: ErrImagePull").await;
    let error = rig.pods().logs("p", &LogParams::default()).await.unwrap_err().to_string();
    assert!(error.contains("container \"c\" in pod \"p\" is waiting to start: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_killed_from_outside_restarts() {
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
async fn a_probe_that_is_not_offered_says_so() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}})))
        .await;
    let event = rig.event("p", "Warning Unhealthy Readiness probe errored").await;
    assert!(event.contains("exec probes are not offered here"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_terminates_within_the_grace_and_kills_after_it() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("kind", &json!({}))).await;
    let mut deaf = pod("deaf", &json!({"args": ["--deaf"]}));
    deaf["spec"]["terminationGracePeriodSeconds"] = 1.into();
    rig.apply(deaf).await;
    for name in ["kind", "deaf"] {
        let ready = rig.pod(name, "the pod to be ready", is_ready).await;
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
        let api = rig.pods();
        wait::until("the pod's object to go", || async {
            api.get_opt(name).await.unwrap().is_none().then_some(())
        })
        .await;
        assert!(!runs(pid(&ready)), "{name} still runs");
        rig.event(name, "Normal Killing Stopping container c").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_without_grace_leaves_nothing() {
    let rig = Rig::start(config()).await;
    rig.apply(pod("p", &json!({"args": ["--deaf"]}))).await;
    let ready = rig.pod("p", "the pod to be ready", is_ready).await;
    rig.pods().delete("p", &DeleteParams::default().grace_period(0)).await.unwrap();
    wait::until("the process to end", || async { (!runs(pid(&ready))).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_end_for_good_have_a_phase() {
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
            "the log outlives the process"
        );
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_before_the_end_is_run_and_one_that_is_not_offered_says_so() {
    let rig = Rig::start(config()).await;
    let hook = |handler: serde_json::Value| json!({"lifecycle": {"preStop": handler}});
    rig.apply(pod("exec", &hook(json!({"exec": {"command": ["true"]}})))).await;
    rig.apply(pod("get", &hook(json!({"httpGet": {"path": "/set?value=1", "port": "http"}})))).await;
    for name in ["exec", "get"] {
        rig.pod(name, "the pod to be ready", is_ready).await;
        rig.pods().delete(name, &DeleteParams::default()).await.unwrap();
        let api = rig.pods();
        wait::until("the pod to go", || async { api.get_opt(name).await.unwrap().is_none().then_some(()) })
            .await;
    }
    rig.event("exec", "Warning FailedPreStopHook PreStopHook failed: only hooks of kind").await;
    let events = rig.events("get").await;
    assert!(!events.iter().any(|event| event.contains("FailedPreStopHook")), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_containers_come_one_after_the_other_before_the_rest() {
    let rig = Rig::start(config()).await;
    let mut object = pod("p", &json!({}));
    object["spec"]["initContainers"] = json!([
        {"name": "one", "image": common::IMAGE, "args": ["--crash", "0"]},
        {"name": "two", "image": common::IMAGE, "args": ["--crash", "0"]},
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
async fn a_failed_init_container_ends_a_pod_that_is_not_restarted() {
    let rig = Rig::start(config()).await;
    let mut object = pod("p", &json!({}));
    object["spec"]["restartPolicy"] = "Never".into();
    object["spec"]["initContainers"] =
        json!([{"name": "one", "image": common::IMAGE, "args": ["--crash", "2"]}]);
    rig.apply(object).await;
    rig.pod("p", "the pod to fail", |pod| pod.status.as_ref().unwrap().phase.as_deref() == Some("Failed"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_startup_probe_holds_the_others_back() {
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
async fn a_workload_that_cannot_become_ready_says_why() {
    let mut rig = Rig::start(config()).await;
    rig.apply(deployment("web", 1, &json!({"image": "nobody/knows:1"}))).await;
    rig.event("web", "Normal ScalingReplicaSet ").await;
    let web = sandbox::Workload {
        kind: WorkloadKind::Deployment,
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        title: "the web".to_owned(),
    };
    let within = std::time::Duration::from_secs(2);
    let error = rig.sandbox.ready(&[web], within).await.unwrap_err().to_string();
    assert!(error.starts_with("Deployment web did not become ready within 2s: pod web-"), "{error}");
    assert!(error.contains("no program stands for image \"nobody/knows:1\""), "{error}");
    let mut steps = Vec::new();
    while let Ok(progress) = rig.progress.try_recv() {
        steps.push(progress);
    }
    let states = |title: &str| -> Vec<sandbox::StepState> {
        steps.iter().filter(|one| one.step == title).map(|one| one.state.clone()).collect()
    };
    assert_eq!(states("API server"), [sandbox::StepState::Starting, sandbox::StepState::Ready]);
    assert!(
        matches!(states("the web").last(), Some(sandbox::StepState::Failed(why)) if why.contains("nobody/knows"))
    );
}
