//! The autoscaler on a real cluster, sync by sync: what the real controller decides is what `crates/hpa` predicts and
//! what the sandbox does.
//!
//! Needs a cluster whose API server can reach this machine:
//!
//! | variable | what |
//! | --- | --- |
//! | `SURGE_E2E_KUBECONFIG` | the cluster; its user may change APIServices |
//! | `SURGE_E2E_ADDRESS` | an address of this machine that the API server can connect to, such as the one of the bridge of kind |
//! | `SURGE_E2E_NETWORK` | a network namespace that has this address, if it is not this process's (`/run/netns/NAME`) |
//! | `SURGE_E2E_SYNC_SECONDS` | the controller's sync period, if it is not 15 |
//! | `SURGE_E2E_PAUSE_IMAGE` | an image whose pods do nothing, if `registry.k8s.io/pause:3.10` cannot be had |
//! | `SURGE_UPDATE_GOLDENS` | `1` writes what was recorded over the recording that `crates/hpa` is tested with |
//!
//! The test replaces the cluster's external metrics API while it runs, a few minutes, and puts it back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;
mod play;
mod recorder;
mod registration;
#[path = "../../../hpa/tests/recorded/replay.rs"]
mod replay;
mod script;
mod twin;
mod world;

use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

use play::{Stage, play, recording, text};
use recorder::Recorder;
use registration::{Place, make_namespace, with_recorder};
use replay::{PHASES, replay};

const NAMESPACE: &str = "surge-twins";
/// Fewest syncs that are to agree.
const SYNCS: usize = 40;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable without which the test cannot run.
fn needed(name: &str, what: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("not run: {name} is not set; it names {what}"))
}

async fn cluster() -> Client {
    let path = needed("SURGE_E2E_KUBECONFIG", "the kubeconfig of a cluster");
    let file = Kubeconfig::read_from(path).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.connect_timeout = Some(Duration::from_secs(10));
    Client::try_from(config).unwrap()
}

fn place() -> Place {
    let address = needed("SURGE_E2E_ADDRESS", "an address of this machine that the API server reaches");
    Place { address: address.parse().unwrap(), network: variable("SURGE_E2E_NETWORK").map(Into::into) }
}

fn period_seconds() -> u32 {
    variable("SURGE_E2E_SYNC_SECONDS").map_or(15, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes cluster"]
async fn the_arithmetic_predicts_and_the_sandbox_repeats_a_real_controllers_decisions() {
    let (client, place, period_seconds) = (cluster().await, place(), period_seconds());
    let kubernetes = client.apiserver_version().await.unwrap().git_version;
    let image = variable("SURGE_E2E_PAUSE_IMAGE").unwrap_or("registry.k8s.io/pause:3.10".to_owned());
    make_namespace(&client, NAMESPACE).await;
    let (world, watches) = world::watch(&client, NAMESPACE);
    let scripts = script::scripts(period_seconds);
    let recorder = Recorder::new(NAMESPACE, &scripts, world);
    let stage = Stage { client: &client, namespace: NAMESPACE, image: &image, period_seconds };
    let played = play(&stage, &scripts, &recorder);
    let real = with_recorder(&client, NAMESPACE, &place, recorder.router(), played);
    let ours = on_the_sandbox(&scripts, &image, period_seconds);
    let (autoscalers, ours) = tokio::join!(real, ours);
    drop(watches);

    assert_eq!(recorder.users().len(), 1, "only the controller asks: {:?}", recorder.users());
    let recording = recording(kubernetes, period_seconds, autoscalers);
    let text = text(&recording);
    let kept = tempfile::Builder::new().prefix("surge-syncs-").suffix(".json").tempfile().unwrap();
    std::fs::write(kept.path(), &text).unwrap();
    let outcome = replay(&recording);
    println!("{} syncs agree: {:?}", outcome.agreed, outcome.phases);
    if !outcome.differences.is_empty() {
        let (_, path) = kept.keep().unwrap();
        panic!(
            "{} syncs agree, {} do not (all of them are in {}):\n{}",
            outcome.agreed,
            outcome.differences.len(),
            path.display(),
            outcome.differences.join("\n")
        );
    }
    assert!(outcome.agreed >= SYNCS, "only {} syncs were recorded", outcome.agreed);
    for phase in PHASES {
        assert!(outcome.phases.contains_key(phase), "no sync was {phase}: {:?}", outcome.phases);
    }
    let differences = twin::compare(&recording.autoscalers, &ours);
    assert!(
        differences.is_empty(),
        "the sandbox does otherwise in {} places:\n{}",
        differences.len(),
        differences.join("\n")
    );
    if variable("SURGE_UPDATE_GOLDENS").as_deref() == Some("1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../hpa/tests/data/recorded-1.34.json");
        std::fs::write(path, text).unwrap();
    }
}

/// The same scripts on the sandbox, with the same period.
async fn on_the_sandbox(
    scripts: &[script::Script],
    image: &str,
    period_seconds: u32,
) -> Vec<replay::Autoscaler> {
    let mut config = common::config();
    config.images.insert(image.to_owned(), sandbox::Argv::new("/bin/sleep", ["3600"]));
    config.autoscaling.sync_period = Duration::from_secs(u64::from(period_seconds));
    let rig = common::Rig::start(config).await;
    make_namespace(&rig.client, NAMESPACE).await;
    let (world, watches) = world::watch(&rig.client, NAMESPACE);
    let recorder = Recorder::new(NAMESPACE, scripts, world);
    rig.sandbox.serve_external_metrics(recorder.router());
    let stage = Stage { client: &rig.client, namespace: NAMESPACE, image, period_seconds };
    let autoscalers = play(&stage, scripts, &recorder).await;
    drop(watches);
    autoscalers
}
