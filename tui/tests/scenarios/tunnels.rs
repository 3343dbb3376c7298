//! Pods at the far end of tunnels: deleted, evicted, not ready, several. A burst that is fired afterwards is accepted.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, EvictParams, Patch, PatchParams, PostParams};
use serde_json::json;
use testkit::fault_proxy::{RecordedRequest, StreamEnd};

use super::site::Site;

const PRODUCER: &str = contract::names::PRODUCER;

fn producer(site: &Site) -> String {
    site.ready_pods(PRODUCER).remove(0).name_any()
}

/// Waits until exactly one producer is ready, and it is not `old`.
fn wait_for_another(site: &Site, old: &str) {
    site.wait(&format!("another producer than {old}"), || {
        let pods = site.ready_pods(PRODUCER);
        (pods.len() == 1 && pods[0].name_any() != old).then_some(())
    });
}

/// Scales the producer and waits until this many are ready and no other pod is left.
fn scale(site: &Site, replicas: usize) {
    let patch = json!({"spec": {"replicas": replicas}});
    let deployments: kube::Api<Deployment> = site.deployments();
    site.run(deployments.patch(PRODUCER, &PatchParams::default(), &Patch::Merge(&patch))).unwrap();
    site.wait(&format!("{replicas} ready producers"), || {
        ([site.ready_pods(PRODUCER).len(), site.all_pods(PRODUCER).len()] == [replicas; 2]).then_some(())
    });
}

/// The pod of the kept tunnels is deleted, then its successor evicted; bursts go to the next one. A kubelet may report the end of
/// a tunnel a second late. The watch reports earlier that the pod takes no traffic, so no request is lost.
pub(crate) fn a_producer_that_goes_is_replaced(site: &Site) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.fire_and_finish("1", 1);

    let old = producer(site);
    site.run(site.pods().delete(&old, &DeleteParams::default())).unwrap();
    wait_for_another(site, &old);
    dashboard.fire_and_finish("2", 10);

    let old = producer(site);
    site.run(site.pods().evict(&old, &EvictParams::default())).unwrap();
    wait_for_another(site, &old);
    dashboard.fire_and_finish("2", 10);
    dashboard.quit();
    site.wait_for_rest();
}

/// Tunnels are cut: a request on a dead tunnel counts as failed and is not repeated; every later one goes through new tunnels and
/// is accepted.
pub(crate) fn cut_tunnels_are_opened_again(site: &Site) {
    let proxy = site.proxy();
    let mut dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    dashboard.fire_and_finish("1", 1);
    site.wait("tunnels to be open", || (proxy.open_streams(RecordedRequest::is_tunnel) > 0).then_some(()));
    for _ in 0..3 {
        proxy.end_streams(RecordedRequest::is_tunnel, StreamEnd::Cut);
        dashboard.fire_past_a_lost_tunnel("2", 10);
    }
    dashboard.quit();
    site.wait_for_rest();
}

/// Without a ready producer a burst waits and shows the reason; with one it is sent.
pub(crate) fn a_burst_waits_for_a_ready_producer(site: &Site) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    scale(site, 0);
    // A request on a tunnel that is not yet known to be closed would be lost; that is shown before a burst.
    dashboard.wait_for(&format!("no pod behind Service {PRODUCER}"));
    dashboard.press("1");
    dashboard.wait_for(&format!("waits: no pod behind Service {PRODUCER}"));
    scale(site, 1);
    dashboard.wait_for("1/1 accepted");
    dashboard.wait_for("1 done");
    dashboard.quit();
    site.wait_for_rest();
}

/// A second producer that never becomes ready, because its readiness gate stays closed, gets no request.
pub(crate) fn a_pod_that_is_not_ready_gets_nothing(site: &Site) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    let ready = site.ready_pods(PRODUCER).remove(0);
    let mut held = Pod { metadata: ready.metadata.clone(), spec: ready.spec.clone(), status: None };
    held.metadata = serde_json::from_value(json!({
        "name": "surge-e2e-held", "namespace": site.namespace,
        // The Service's labels without the one by which the ReplicaSet would adopt it.
        "labels": ready.labels().iter().filter(|(key, _)| *key != "pod-template-hash").collect::<std::collections::BTreeMap<_, _>>(),
    }))
    .unwrap();
    let spec = held.spec.as_mut().unwrap();
    spec.node_name = None;
    spec.readiness_gates = serde_json::from_value(json!([{"conditionType": "surge.example/held"}])).unwrap();
    site.run(site.pods().create(&PostParams::default(), &held)).unwrap();
    site.wait("the held pod to run", || {
        let pod = site.run(site.pods().get("surge-e2e-held")).unwrap();
        (pod.status?.phase? == "Running").then_some(())
    });
    dashboard.fire_and_finish("3", 50);
    let lines =
        site.run(site.pods().logs("surge-e2e-held", &kube::api::LogParams::default())).unwrap_or_default();
    assert!(!lines.contains("burst"), "the held producer published: {lines}");
    site.run(site.pods().delete("surge-e2e-held", &DeleteParams::default().grace_period(0))).unwrap();
    dashboard.quit();
    site.wait_for_rest();
}

/// Two producers behind the Service: a burst's connections go to both, and nothing is lost.
pub(crate) fn two_producers_share_a_burst(site: &Site) {
    scale(site, 2);
    let published = |pod: &Pod| {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}:{}/proxy{}",
            site.namespace,
            pod.name_any(),
            contract::names::PRODUCER_HTTP.number,
            contract::routes::METRICS
        );
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let text = site.run(site.client.request_text(request)).unwrap();
        let line = text.lines().find(|line| line.starts_with("messages_published_total "));
        line.and_then(|line| line.split_whitespace().last()?.parse::<f64>().ok()).unwrap()
    };
    let pods = site.ready_pods(PRODUCER);
    let before: Vec<f64> = pods.iter().map(published).collect();
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.fire("4", 100);
    let after: Vec<f64> = pods.iter().map(published).collect();
    let shares: Vec<f64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(shares.iter().sum::<f64>(), 100.0, "{shares:?}");
    assert!(
        shares.iter().all(|share| *share > 0.0),
        "thirteen connections went to one of two pods: {shares:?}"
    );
    dashboard.wait_for("100 done");
    dashboard.quit();
    scale(site, 1);
    site.wait_for_rest();
}
