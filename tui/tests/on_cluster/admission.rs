//! The API server's admission of the demo's pods: Pod Security `restricted`, and the NetworkPolicies.

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::on_cluster::handles;

#[test]
#[ignore = "needs a cluster"]
fn pod_security_restricted_admits_the_demo() {
    let site = handles::demo();
    let namespaces: Api<Namespace> = Api::all(site.client.clone());
    let namespace = site.run(namespaces.get(&site.namespace)).unwrap();
    assert_eq!(namespace.labels()["pod-security.kubernetes.io/enforce"], "restricted");
    let pods = site.run(site.pods().list(&ListParams::default())).unwrap().items;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let create = |spec: serde_json::Value| {
        let pod: Pod =
            serde_json::from_value(json!({"metadata": {"name": "surge-e2e-dry"}, "spec": spec})).unwrap();
        site.run(site.pods().create(&dry, &pod))
    };
    for name in [contract::names::PRODUCER, contract::names::RABBITMQ, contract::names::WORKER] {
        let pod =
            pods.iter().find(|pod| pod.labels().get(contract::names::LABEL_NAME).is_some_and(|n| n == name));
        let mut spec = serde_json::to_value(pod.unwrap().spec.as_ref().unwrap()).unwrap();
        spec["nodeName"] = json!(null);
        create(spec.clone()).unwrap_or_else(|error| panic!("{name} is refused: {error}"));
        // The same pod with one more privilege is refused, so admission is really active.
        spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refused = create(spec).unwrap_err().to_string();
        assert!(refused.contains("violates PodSecurity \"restricted"), "{name}: {refused}");
    }
}

#[test]
#[ignore = "needs a cluster"]
fn network_policies_are_accepted() {
    let site = handles::demo();
    let policies: Api<NetworkPolicy> = Api::namespaced(site.client.clone(), &site.namespace);
    let found = site.run(policies.list(&ListParams::default())).unwrap().items;
    assert!(!found.is_empty(), "the demo has NetworkPolicies");
    for policy in found {
        let spec = policy.spec.unwrap();
        assert!(spec.ingress.is_some() || spec.egress.is_some(), "{:?} says nothing", policy.metadata.name);
    }
}
