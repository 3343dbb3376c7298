//! A sandbox for a test, and helpers for requests to it.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams, LogParams};
use kube::{Client, ResourceExt as _};
use sandbox::{Argv, Config, Progress, Sandbox, System, Workload, WorkloadKind};
use serde_json::{Value, json};
use testkit::wait;

/// Image of the tests' pods.
pub(crate) const IMAGE: &str = "podling:1";

/// The program that runs as pods and as the reaper.
pub(crate) fn podling() -> &'static str {
    env!("CARGO_BIN_EXE_sandbox-podling")
}

/// Settings with short back-off and without the monitoring stack.
pub(crate) fn config() -> Config {
    let mut config = Config::new(Argv::new(podling(), ["reaper"]));
    config.images.insert(IMAGE.to_owned(), Argv::new(podling(), ["pod"]).into());
    config.images.insert(Config::PROMETHEUS_IMAGE.to_owned(), Argv::new(podling(), ["pod"]).into());
    config.system = System::Bare;
    config.kubelet.back_off_base = Duration::from_millis(100);
    config.kubelet.back_off_max = Duration::from_millis(400);
    config
}

/// A running sandbox.
pub(crate) struct Rig {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) progress: tokio::sync::mpsc::Receiver<Progress>,
}

impl Rig {
    pub(crate) async fn start(config: Config) -> Self {
        let (sender, progress) = tokio::sync::mpsc::channel(1024);
        let sandbox = Sandbox::start(config, sender).await.unwrap();
        let client = sandbox.client();
        Self { sandbox, client, progress }
    }

    pub(crate) async fn apply(&self, object: Value) {
        self.sandbox.apply("default", &[object]).await.unwrap();
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) async fn list(&self, selector: &str) -> Vec<Pod> {
        self.pods().list(&ListParams::default().labels(selector)).await.unwrap().items
    }

    /// Waits until `wanted` returns true for the pod, and returns the pod.
    pub(crate) async fn pod(&self, name: &str, what: &str, wanted: impl Fn(&Pod) -> bool) -> Pod {
        let api = self.pods();
        wait::until(what, || async { api.get_opt(name).await.unwrap().filter(&wanted) }).await
    }

    pub(crate) async fn ready(&self, kind: WorkloadKind, name: &str) {
        let workload =
            Workload { kind, namespace: "default".to_owned(), name: name.to_owned(), title: name.to_owned() };
        self.sandbox.ready(&[workload], wait::DEADLINE).await.unwrap();
    }

    /// `Type Reason Message` of the events about an object.
    pub(crate) async fn events(&self, object: &str) -> Vec<String> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), "default");
        let fields = ListParams::default().fields(&format!("involvedObject.name={object}"));
        let mut events = api.list(&fields).await.unwrap().items;
        events.sort_by_key(|event| event.resource_version().and_then(|text| text.parse::<u64>().ok()));
        events
            .into_iter()
            .map(|event| {
                format!(
                    "{} {} {}",
                    event.type_.unwrap_or_default(),
                    event.reason.unwrap_or_default(),
                    event.message.unwrap_or_default()
                )
            })
            .collect()
    }

    /// Waits for an event about an object that begins with `prefix`.
    pub(crate) async fn event(&self, object: &str, prefix: &str) -> String {
        let what = format!("an event about {object} that begins with {prefix:?}");
        wait::until(&what, || async {
            self.events(object).await.into_iter().find(|event| event.starts_with(prefix))
        })
        .await
    }

    pub(crate) async fn log(&self, pod: &str, parameters: &LogParams) -> String {
        self.pods().logs(pod, parameters).await.unwrap()
    }

    /// Sends a GET request to a pod's declared port through the API server's proxy.
    pub(crate) async fn get(&self, pod: &str, port: u16, path: &str) -> String {
        let path = format!("/api/v1/namespaces/default/pods/{pod}:{port}/proxy{path}");
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.client.request_text(request).await.unwrap()
    }
}

/// A Deployment of podlings; `container` overrides fields of the container.
pub(crate) fn deployment(name: &str, replicas: u32, container: &Value) -> Value {
    let mut spec = json!({
        "name": "c", "image": IMAGE,
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
    });
    json_patch::merge(&mut spec, container);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [spec]},
            },
        },
    })
}

/// A pod; `container` overrides fields of the container.
pub(crate) fn pod(name: &str, container: &Value) -> Value {
    let mut spec = json!({"name": "c", "image": IMAGE, "ports": [{"name": "http", "containerPort": 8080}]});
    json_patch::merge(&mut spec, container);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [spec]},
    })
}

/// PID of the pod's first container.
pub(crate) fn pid(pod: &Pod) -> i32 {
    let id = pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].container_id.clone();
    id.unwrap().strip_prefix("process://").unwrap().parse().unwrap()
}

/// Restarts of the pod's first container.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.and_then(|statuses| statuses.first()).map_or(0, |status| status.restart_count)
}

/// Returns true when condition Ready is True.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: i32, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Returns true when a process with this PID runs and is not a zombie.
pub(crate) fn is_running(pid: i32) -> bool {
    if cfg!(target_os = "linux") {
        return std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'));
    }
    rustix::process::Pid::from_raw(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}
