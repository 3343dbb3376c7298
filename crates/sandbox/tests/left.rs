//! Nothing is left, however a sandbox ends.

mod common;

use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{Rig, config, podling, runs, signal};
use rustix::process::Signal;
use testkit::wait;

#[test]
fn nothing_outlives_a_killed_process_not_even_a_stopped_pod() {
    let mut host = Command::new(podling()).arg("host").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufReader::new(host.stdout.take().unwrap()).lines();
    let kubeconfig = PathBuf::from(lines.next().unwrap().unwrap());
    let pids: Vec<i32> = lines.next().unwrap().unwrap().split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 2);
    assert!(kubeconfig.exists() && pids.iter().all(|&pid| runs(pid)));
    signal(pids[0], Signal::STOP);
    host.kill().unwrap();
    host.wait().unwrap();
    wait::until_blocking("pods and files to go", || {
        let folder = kubeconfig.parent().unwrap();
        (!pids.iter().any(|&pid| runs(pid)) && !folder.exists()).then_some(())
    });
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

    // What was there before is not ours.
    std::fs::write(parent.path().join("mine"), "precious").unwrap();
    let (sender, _progress) = tokio::sync::mpsc::channel(8);
    let error = sandbox::Sandbox::start(config, sender).await.unwrap_err().to_string();
    assert!(error.contains("mine") && error.contains("exists"), "{error}");
    assert_eq!(std::fs::read_to_string(parent.path().join("mine")).unwrap(), "precious");
}
