//! `surge up --skip-stack`, `status` and `down` in a namespace of their own, beside the demo under test.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::process::{Command, Output};

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::ListParams;

use crate::handles;
use crate::scenarios::dashboard::SURGE;
use crate::scenarios::site::Site;

const NAMESPACE: &str = "surge-e2e-commands";

fn surge(site: &Site, arguments: &[&str]) -> Output {
    let kubeconfig = site.kubeconfig.to_str().unwrap();
    Command::new(SURGE)
        .args(arguments)
        .args(["--kubeconfig", kubeconfig, "--namespace", NAMESPACE])
        .output()
        .unwrap()
}

/// Runs it and expects exit code 0; returns what it wrote.
fn succeed(site: &Site, arguments: &[&str]) -> String {
    let output = surge(site, arguments);
    let written =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "surge {}:\n{written}", arguments.join(" "));
    written
}

#[test]
#[ignore = "needs a cluster and Helm"]
fn up_status_and_down() {
    handles::helm();
    let site = handles::demo();
    let namespaces: Api<Namespace> = Api::all(site.client.clone());
    let classes: Api<StorageClass> = Api::all(site.client.clone());
    let mut up = vec!["up", "--skip-stack", "--yes"];
    if site.run(classes.list(&ListParams::default())).unwrap().items.is_empty() {
        up.extend(["--set", "rabbitmq.persistence.enabled=false"]);
    }
    let image = handles::rabbitmq_image().map(|image| format!("rabbitmq={image}"));
    if let Some(image) = &image {
        up.extend(["--image", image]);
    }
    succeed(&site, &up);
    succeed(&site, &["status"]);
    // A second time there is nothing to do.
    let again = succeed(&site, &up);
    assert!(again.contains("0 created"), "{again}");
    succeed(&site, &["down", "--yes", "--namespaces"]);
    site.wait("the namespace to be gone", || {
        site.run(namespaces.get_opt(NAMESPACE)).unwrap().is_none().then_some(())
    });
    assert_ne!(surge(&site, &["status"]).status.code(), Some(0), "there is no demo any more");
    // The other demo is nobody's to remove.
    site.wait_for_rest();
}
