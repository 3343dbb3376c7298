//! Watched objects are deleted and made again while the dashboard runs.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::site::Site;

const HPA: &str = contract::names::HPA;

/// The HPA is deleted and made again: the dashboard reports it as gone, keeps its other data, and continues.
pub(crate) fn a_recreated_hpa_is_watched(site: &Site) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    let mut hpa = site.run(site.hpas().get(HPA)).unwrap();
    site.run(site.hpas().delete(HPA, &DeleteParams::default())).unwrap();
    dashboard.wait("the HPA to be gone from the screen", |screen| screen.desired().is_none().then_some(()));
    let worker = site.ready_pods(contract::names::WORKER).remove(0).metadata.name.unwrap();
    assert!(dashboard.screen().shows_worker(&worker), "pods are watched on:\n{}", dashboard.screen().0);
    let metadata = &hpa.metadata;
    hpa.metadata = serde_json::from_value(
        json!({"name": HPA, "namespace": site.namespace, "labels": metadata.labels, "annotations": metadata.annotations}),
    )
    .unwrap();
    hpa.status = None;
    site.run(site.hpas().create(&PostParams::default(), &hpa)).unwrap();
    dashboard.wait("the new HPA", |screen| (screen.desired() == Some(1)).then_some(()));
    site.wait_for_rest();
    dashboard.fire("3", 50);
    dashboard.wait("it to scale", |screen| screen.ready().is_some_and(|ready| ready > 1).then_some(()));
    dashboard.wait_for("50 done");
    dashboard.quit();
    site.wait_for_rest();
}

/// A namespace with an HPA and nothing else is deleted and made again.
pub(crate) fn a_recreated_namespace_is_watched(site: &Site) {
    let name = format!("surge-e2e-{:x}", fastrand::u32(..));
    let namespaces: Api<Namespace> = Api::all(site.client.clone());
    let make = || {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        let hpa: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": {"name": HPA},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "missing"},
                "minReplicas": 2, "maxReplicas": 7,
                "metrics": [{"type": "External", "external": {
                    "metric": {"name": "rabbitmq_queue_length"}, "target": {"type": "AverageValue", "averageValue": "20"},
                }}],
            },
        }))
        .unwrap();
        site.run(namespaces.create(&PostParams::default(), &namespace)).unwrap();
        let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(site.client.clone(), &name);
        site.run(hpas.create(&PostParams::default(), &hpa)).unwrap();
    };
    make();
    let dashboard = site.dashboard(&["--namespace", &name]);
    dashboard.wait_for("min 2 max 7");
    site.run(namespaces.delete(&name, &DeleteParams::default())).unwrap();
    dashboard
        .wait("the HPA to be gone from the screen", |screen| (!screen.says("min 2 max 7")).then_some(()));
    site.wait("the namespace to be gone", || {
        site.run(namespaces.get_opt(&name)).unwrap().is_none().then_some(())
    });
    make();
    dashboard.wait_for("min 2 max 7");
    dashboard.quit();
    site.run(namespaces.delete(&name, &DeleteParams::default())).unwrap();
    site.wait("the namespace to be gone", || {
        site.run(namespaces.get_opt(&name)).unwrap().is_none().then_some(())
    });
}
