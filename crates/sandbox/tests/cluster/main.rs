//! Compares each sync of a real cluster's HPA controller with the prediction of `crates/hpa` and with the sandbox.
//!
//! Needs a cluster whose API server can reach this machine, and these variables:
//!
//! | variable | value |
//! | --- | --- |
//! | `SURGE_E2E_KUBECONFIG` | the cluster; its user may change APIServices |
//! | `SURGE_E2E_ADDRESS` | an address of this machine that the API server can reach, such as that of kind's bridge |
//! | `SURGE_E2E_NETWORK` | the network namespace with this address (`/run/netns/NAME`), unless it is this process' own |
//! | `SURGE_E2E_SYNC_SECONDS` | the controller's sync period, if it is not 15 |
//! | `SURGE_E2E_PAUSE_IMAGE` | an image of idle pods, in place of `registry.k8s.io/pause:3.10` |
//! | `SURGE_UPDATE_GOLDENS` | `1` replaces the recording in `crates/hpa/tests/data` |
//!
//! The test replaces the cluster's external metrics API for a few minutes and restores it.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod play;
mod recorder;
mod registration;
mod script;
mod twin;
mod world;

use std::time::Duration;

use hpa::recorded::{RecordedHpa, SYNC_KINDS, replay};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::{Argv, Config, Sandbox, System};

use play::{Stage, play, recording, text};
use recorder::Recorder;
use registration::{ListenAddress, make_namespace, with_recorder};

const NAMESPACE: &str = "surge-twins";
/// Minimum of syncs that must agree.
const MIN_SYNCS: usize = 40;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A required variable.
fn required(name: &str, what: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("not run: {name} is not set ({what})"))
}

async fn cluster() -> Client {
    let path = required("SURGE_E2E_KUBECONFIG", "the kubeconfig of a cluster");
    let file = Kubeconfig::read_from(path).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.connect_timeout = Some(Duration::from_secs(10));
    Client::try_from(config).unwrap()
}

fn listen_address() -> ListenAddress {
    let address = required("SURGE_E2E_ADDRESS", "an address of this machine that the API server reaches");
    ListenAddress {
        address: address.parse().unwrap(),
        network: variable("SURGE_E2E_NETWORK").map(Into::into),
    }
}

fn period_seconds() -> u32 {
    variable("SURGE_E2E_SYNC_SECONDS").map_or(15, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster"]
async fn the_model_predicts_a_real_controllers_syncs() {
    let (client, address, period_seconds) = (cluster().await, listen_address(), period_seconds());
    let kubernetes = client.apiserver_version().await.unwrap().git_version;
    let image = variable("SURGE_E2E_PAUSE_IMAGE").unwrap_or("registry.k8s.io/pause:3.10".to_owned());
    make_namespace(&client, NAMESPACE).await;
    let (world, watches) = world::watch(&client, NAMESPACE);
    let scripts = script::scripts(period_seconds);
    let recorder = Recorder::new(NAMESPACE, &scripts, world);
    let stage = Stage { client: &client, namespace: NAMESPACE, image: &image, period_seconds };
    let played = play(&stage, &scripts, &recorder);
    let real = with_recorder(&client, NAMESPACE, &address, recorder.router(), played);
    let ours = on_the_sandbox(&scripts, &image, period_seconds);
    let (autoscalers, ours) = tokio::join!(real, ours);
    drop(watches);

    assert_eq!(recorder.users().len(), 1, "only the controller may read the metric: {:?}", recorder.users());
    let recording = recording(kubernetes, period_seconds, autoscalers);
    let text = text(&recording);
    let file = tempfile::Builder::new().prefix("surge-syncs-").suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let outcome = replay(&recording).unwrap();
    println!("{} syncs agree: {:?}", outcome.agreed, outcome.kinds);
    if !outcome.differences.is_empty() {
        let (_, path) = file.keep().unwrap();
        panic!(
            "{} syncs agree, {} do not (all of them are in {}):\n{}",
            outcome.agreed,
            outcome.differences.len(),
            path.display(),
            outcome.differences.join("\n")
        );
    }
    assert!(outcome.agreed >= MIN_SYNCS, "only {} syncs were recorded", outcome.agreed);
    for kind in SYNC_KINDS {
        assert!(outcome.kinds.contains_key(kind), "no sync was {kind}: {:?}", outcome.kinds);
    }
    let differences = twin::compare(&recording.autoscalers, &ours);
    assert!(
        differences.is_empty(),
        "the sandbox differs in {} places:\n{}",
        differences.len(),
        differences.join("\n")
    );
    if variable("SURGE_UPDATE_GOLDENS").as_deref() == Some("1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../hpa/tests/data/recorded-1.34.json");
        std::fs::write(path, text).unwrap();
    }
}

/// Plays the scripts on the sandbox, with the same period.
async fn on_the_sandbox(scripts: &[script::Script], image: &str, period_seconds: u32) -> Vec<RecordedHpa> {
    let mut config = Config::new(Argv::new(env!("CARGO_BIN_EXE_sandbox-podling"), ["reaper"]));
    config.system = System::Bare;
    config.images.insert(image.to_owned(), Argv::new("/bin/sleep", ["3600"]).into());
    config.autoscaling.sync_period = Duration::from_secs(u64::from(period_seconds));
    let (progress, _receiver) = tokio::sync::mpsc::channel(64);
    let sandbox = Sandbox::start(config, progress).await.unwrap();
    let client = sandbox.client();
    make_namespace(&client, NAMESPACE).await;
    let (world, watches) = world::watch(&client, NAMESPACE);
    let recorder = Recorder::new(NAMESPACE, scripts, world);
    sandbox.serve_external_metrics(recorder.router());
    let stage = Stage { client: &client, namespace: NAMESPACE, image, period_seconds };
    let autoscalers = play(&stage, scripts, &recorder).await;
    drop(watches);
    autoscalers
}
