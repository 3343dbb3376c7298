//! Programs that end inside their pods and restart in place: the pod's name stays, every tunnel to it ends, and only the restart
//! count shows it.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::dashboard::Dashboard;
use super::site::Site;

/// Ends the program in the one container of a pod.
pub(crate) type End = fn(&Site, &Pod);

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|status| status.restart_count).sum()
}

/// Ends the program of the workload's one pod, waits until it runs again in the same pod and the screen shows it. Returns the
/// pod's name.
fn restart(site: &Site, dashboard: &Dashboard, workload: &str, end: End) -> String {
    let pod = site.ready_pods(workload).remove(0);
    let (name, before) = (pod.name_any(), restarts(&pod));
    end(site, &pod);
    site.wait(&format!("{name} to be ready again after a restart"), || {
        let again = site.ready_pods(workload).into_iter().find(|again| again.name_any() == name)?;
        assert_eq!(again.uid(), pod.uid(), "the same pod, not another of its name");
        (restarts(&again) == before + 1).then_some(())
    });
    dashboard.wait(&format!("the restart of {name}"), |screen| {
        screen.events("restarted").iter().any(|event| event.contains(&name)).then_some(())
    });
    name
}

/// The kept tunnels lead to a program that is gone, and recover by themselves.
pub(crate) fn a_restarted_producer_is_reached(site: &Site, end: End) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.fire_and_finish("1", 1);
    restart(site, &dashboard, contract::names::PRODUCER, end);
    dashboard.fire_and_finish("2", 10);
    dashboard.quit();
    site.wait_for_rest();
}

/// The depth comes through a tunnel too; while the broker is away, no stale figure counts as new.
pub(crate) fn a_restarted_broker_is_polled(site: &Site, end: End) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    dashboard.wait("the depth", |screen| (screen.depth() == Some(0)).then_some(()));
    restart(site, &dashboard, contract::names::RABBITMQ, end);
    for word in ["broker gone", "broker back"] {
        dashboard.wait_for(word);
    }
    dashboard.wait("the depth again", |screen| (screen.depth() == Some(0)).then_some(()));
    // Producer and workers reconnect to the broker each in its own time.
    site.wait_for_rest();
    dashboard.fire_and_finish("2", 10);
    dashboard.quit();
    site.wait_for_rest();
}

/// A worker keeps its lane, which shows the restart, and takes jobs again.
pub(crate) fn a_restarted_worker_keeps_its_lane(site: &Site, end: End) {
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    let name = restart(site, &dashboard, contract::names::WORKER, end);
    assert!(dashboard.screen().lists_worker(&name), "{}", dashboard.screen().0);
    dashboard.fire_and_finish("2", 10);
    dashboard.quit();
    site.wait_for_rest();
}
