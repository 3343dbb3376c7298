//! The suite of `tests/suite` against a real Kubernetes, whose responses must be the recorded ones.
//!
//! `SURGE_E2E_KUBECONFIG` is the kubeconfig of the cluster. `SURGE_UPDATE_GOLDENS=1` records the responses instead of
//! comparing them. `SURGE_E2E_PERL_IMAGE` replaces the image with Perl. The suite creates and removes the namespace `golden`,
//! which must not exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the target `twins` uses the server of this module")]
mod common;
#[expect(dead_code, reason = "the target `twins` uses the list of differences and the fake node")]
mod suite;

use std::path::Path;

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, ResourceExt as _};
use suite::run::NAMESPACE;
use suite::{differences, run, step};
use testkit::wait;

/// The release of the recorded responses.
const RECORDED_FROM: &str = "v1.34.";

async fn cluster() -> Client {
    let path = std::env::var("SURGE_E2E_KUBECONFIG").unwrap_or_default();
    assert!(
        !path.is_empty(),
        "not run: SURGE_E2E_KUBECONFIG is not set; it names the kubeconfig of a cluster"
    );
    let file = Kubeconfig::read_from(path).unwrap();
    let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// Waits until the namespace is gone.
async fn wait_until_gone(client: &Client) {
    let api: Api<Namespace> = Api::all(client.clone());
    wait::until_within(3 * wait::DEADLINE, "the namespace golden to go", || async {
        let found = api.get_opt(NAMESPACE).await.unwrap();
        found.is_none().then_some(())
    })
    .await;
}

async fn remove(client: &Client) {
    let api: Api<Namespace> = Api::all(client.clone());
    let _gone_already = api.delete(NAMESPACE, &DeleteParams::default()).await;
    // The finalizers of the suite would keep the namespace.
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    for map in maps.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
        let change = serde_json::json!({"metadata": {"finalizers": null}});
        let _gone = maps.patch(&map.name_any(), &PatchParams::default(), &Patch::Merge(change)).await;
    }
    wait_until_gone(client).await;
}

#[tokio::test]
#[ignore = "needs a Kubernetes cluster"]
async fn responses_are_as_recorded() {
    let client = cluster().await;
    let update = std::env::var("SURGE_UPDATE_GOLDENS").is_ok_and(|value| value == "1");
    let version = client.apiserver_version().await.unwrap().git_version;
    assert!(
        update || version.starts_with(RECORDED_FROM),
        "not run: the recorded responses are those of Kubernetes {RECORDED_FROM}x, and this is {version} \
         (SURGE_UPDATE_GOLDENS=1 records the responses of this one)"
    );
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get_opt(NAMESPACE).await.unwrap();
    assert!(found.is_none(), "the namespace {NAMESPACE} already exists");
    let image = std::env::var("SURGE_E2E_PERL_IMAGE").unwrap_or("docker.io/library/perl:5-slim".to_owned());
    let mut changed = String::new();
    for file in step::FILES {
        let steps = file.steps();
        let (first, rest) = steps.split_first().unwrap();
        let whole = async {
            let mut answers = run::run(&client, &image, std::slice::from_ref(first)).await;
            wait_for_defaults(&client).await;
            answers.extend(run::run(&client, &image, rest).await);
            answers
        };
        let answers = std::panic::AssertUnwindSafe(whole).catch_unwind().await;
        remove(&client).await;
        let mut answers = answers.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for (step, answer) in steps.iter().zip(&mut answers) {
            let is_not_compacted = step.compacted && !answer.body.to_string().contains("\"code\":410");
            if is_not_compacted {
                println!("{}/{}: not compared, because the server has just started", file.name, step.name);
                answer.clone_from(&step.real);
            }
        }
        if update {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/suite/data/{}.json", file.name));
            std::fs::write(path, file.with_answers(&answers)).unwrap();
            continue;
        }
        let recorded: Vec<_> = steps.iter().map(|step| step.real.clone()).collect();
        for one in differences::find(file.name, &steps, &answers, &recorded) {
            changed += &format!(
                "{} {}\n  now      {}\n  recorded {}\n",
                one.place.request, one.place.pointer, one.ours, one.real
            );
        }
    }
    assert!(changed.is_empty(), "{changed}");
}

/// Waits for the objects that controllers create in a new namespace.
async fn wait_for_defaults(client: &Client) {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
    wait::until("the default service account and the root certificate", || async {
        let account = accounts.get_opt("default").await.unwrap()?;
        let map = maps.get_opt("kube-root-ca.crt").await.unwrap()?;
        Some((account.name_any(), map.name_any()))
    })
    .await;
}
