//! The drill that stops Prometheus: its operator must not restore it before the dashboard does.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use dashboard::message::Event;
use dashboard::reported::{Drill, DrillEvent, DrillRequest, ScaledWorkload};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use tui::source::drill::Drills;

use crate::on_cluster::handles;
use crate::scenarios::site::Site;

/// Pods of Prometheus in that namespace.
fn pods(site: &Site, namespace: &str) -> usize {
    let api: Api<Pod> = Api::namespaced(site.client.clone(), namespace);
    let of_prometheus = ListParams::default().labels("app.kubernetes.io/name=prometheus");
    site.run(api.list(&of_prometheus)).unwrap().items.len()
}

fn prometheus(site: &Site, drills: &Drills) -> ScaledWorkload {
    let Event::Drill(DrillEvent::Found(seen)) = site.run(drills.carry_out(DrillRequest::Find)) else {
        panic!("what there is to stop")
    };
    let found = seen.into_iter().find(|(drill, _)| *drill == Drill::Prometheus).unwrap();
    found.1.unwrap()
}

#[test]
#[ignore = "needs a cluster"]
fn prometheus_is_stopped_and_restored() {
    let site = handles::cluster();
    let drills = Drills::new(site.client.clone(), site.namespace.clone());
    let scaled = prometheus(&site, &drills);
    assert!(scaled.replicas > 0, "it runs: {scaled:?}");
    let stop = DrillRequest::Stop(Drill::Prometheus, scaled.clone());
    assert_eq!(
        site.run(drills.carry_out(stop)),
        Event::Drill(DrillEvent::Stopped(Drill::Prometheus, scaled.clone()))
    );
    site.wait("Prometheus to be gone", || (pods(&site, &scaled.namespace) == 0).then_some(()));
    assert_eq!(site.run(drills.put_all_back()), [""; 0]);
    site.wait("Prometheus to be back", || (pods(&site, &scaled.namespace) > 0).then_some(()));
    assert_eq!(prometheus(&site, &drills), scaled, "as it was");
}
