//! Cleanup after a stopped and after a killed sandbox.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use rustix::process::Signal;
use testkit::wait;

use crate::rig::{self, Rig, config, is_running, podling, signal};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sandbox_leaves_no_process_or_file() {
    let mut host = Command::new(podling()).arg("host").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(host.stdout.take().unwrap()).lines();
    let kubeconfig = PathBuf::from(lines.next().unwrap().unwrap());
    let mut pids: Vec<i32> =
        lines.next().unwrap().unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    assert!(kubeconfig.exists() && pids.iter().all(|&pid| is_running(pid)));
    signal(pids[0], Signal::STOP);

    if cfg!(target_os = "linux") {
        // The sandbox replaces a reaper that dies. A pod that starts afterwards shows that the new one works.
        let first = reaper_of(host.id()).unwrap();
        signal(first, Signal::KILL);
        wait::until_blocking("another reaper", || reaper_of(host.id()).filter(|pid| *pid != first));
        signal(pids[1], Signal::KILL);
        let pods = pods_of(&kubeconfig).await;
        let restarted = wait::until("the killed pod to run again", || async {
            let pods = pods.list(&Default::default()).await.unwrap().items;
            pods.iter().filter(|pod| rig::restarts(pod) > 0).map(rig::pid).find(|&pid| is_running(pid))
        })
        .await;
        pids[1] = restarted;
    }

    host.kill().unwrap();
    host.wait().unwrap();
    wait::until_blocking("pods and files to be removed", || {
        let folder = kubeconfig.parent().unwrap();
        (!pids.iter().any(|&pid| is_running(pid)) && !folder.exists()).then_some(())
    });
}

async fn pods_of(kubeconfig: &Path) -> Api<Pod> {
    let config = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.unwrap();
    Api::namespaced(kube::Client::try_from(config).unwrap(), "default")
}

/// PID of the reaper, a child of `parent`.
fn reaper_of(parent: u32) -> Option<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).find(|pid| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let parent_of =
            read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent_of == Some(parent) && read("cmdline").ends_with("\0reaper\0") && is_running(*pid)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_sandbox_leaves_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.runtime_parent = Some(parent.path().to_owned());
    config.kubeconfig = Some(parent.path().join("mine"));
    let rig = Rig::start(config.clone()).await;
    let mode = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(rig.sandbox.kubeconfig_path()), 0o600);
    rig.sandbox.stop().await;
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);

    // A file that existed before is not changed.
    std::fs::write(parent.path().join("mine"), "precious").unwrap();
    let (sender, _progress) = tokio::sync::mpsc::channel(8);
    let error = sandbox::Sandbox::start(config, sender).await.unwrap_err().to_string();
    assert!(error.contains("mine") && error.contains("exists"), "{error}");
    assert_eq!(std::fs::read_to_string(parent.path().join("mine")).unwrap(), "precious");
}
