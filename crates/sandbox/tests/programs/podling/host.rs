//! A process that starts a sandbox with pods, prints its kubeconfig and PIDs, and waits until the test kills it.

use std::io::Write as _;
use std::time::Duration;

use sandbox::{Argv, Config, Sandbox, System, Workload, WorkloadKind};
use serde_json::json;

/// Runs until the process is killed.
pub(crate) fn main() -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(hold()).map_err(|error| error.to_string())
}

async fn hold() -> Result<(), Box<dyn std::error::Error>> {
    let me = std::env::current_exe()?;
    let mut config = Config::new(Argv::new(&me, ["reaper"]));
    config.images.insert("podling:1".to_owned(), Argv::new(&me, ["pod"]).into());
    config.system = System::Bare;
    config.kubelet.back_off_base = Duration::from_millis(100);
    let (progress, mut received) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move { while received.recv().await.is_some() {} });
    let sandbox = Sandbox::start(config, progress).await?;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "podling:1", "args": ["--ignore-sigterm"]}]},
            },
        },
    });
    sandbox.apply("default", &[deployment]).await?;
    let web = Workload {
        kind: WorkloadKind::Deployment,
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        title: "web".to_owned(),
    };
    sandbox.ready(&[web], Duration::from_secs(30)).await?;
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::namespaced(sandbox.client(), "default");
    let mut pids = Vec::new();
    for pod in pods.list(&Default::default()).await? {
        let statuses = pod.status.and_then(|status| status.container_statuses).unwrap_or_default();
        pids.extend(
            statuses
                .into_iter()
                .filter_map(|status| Some(status.container_id?.strip_prefix("process://")?.to_owned())),
        );
    }
    println!("{}\n{}", sandbox.kubeconfig_path().display(), pids.join(" "));
    std::io::stdout().flush()?;
    std::future::pending::<()>().await;
    Ok(())
}
