//! Programs ended inside their containers on a real cluster: the kubelet restarts them in place.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{AttachParams, Patch, PatchParams};
use serde_json::json;

use crate::on_cluster::handles;
use crate::scenarios::restarts;
use crate::scenarios::site::Site;

/// The images of producer and worker have no shell. An ephemeral container with the broker's image, which every node of the
/// demo can pull, joins their processes and ends the first one.
fn end_as_a_guest(site: &Site, pod: &Pod) {
    let broker = site.ready_pods(contract::names::RABBITMQ).remove(0);
    let own = &pod.spec.as_ref().unwrap().containers[0];
    let guest = json!({"spec": {"ephemeralContainers": [{
        "name": format!("guest-{:x}", fastrand::u32(..)),
        "image": broker.spec.as_ref().unwrap().containers[0].image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "kill -TERM 1"],
        "targetContainerName": own.name,
        "securityContext": own.security_context,
    }]}});
    let patch = Patch::Strategic(&guest);
    site.run(site.pods().patch_ephemeral_containers(&pod.name_any(), &PatchParams::default(), &patch))
        .unwrap();
}

/// The broker's image has a tool for it.
fn end_by_its_own_tool(site: &Site, pod: &Pod) {
    let stop = ["rabbitmqctl", "--quiet", "stop"];
    let attached = AttachParams::default().stdin(false);
    let reported = site.run(async {
        let mut reported = site.pods().exec(&pod.name_any(), stop, &attached).await?;
        // The answer may not come: the process that sends it has ended.
        let _status = reported.take_status().unwrap().await;
        Ok::<(), kube::Error>(())
    });
    reported.unwrap();
}

#[test]
#[ignore = "needs a cluster"]
fn a_restarted_producer_is_reached() {
    restarts::a_restarted_producer_is_reached(&handles::demo(), end_as_a_guest);
}

#[test]
#[ignore = "needs a cluster"]
fn a_restarted_broker_is_polled() {
    restarts::a_restarted_broker_is_polled(&handles::demo(), end_by_its_own_tool);
}

#[test]
#[ignore = "needs a cluster"]
fn a_restarted_worker_keeps_its_lane() {
    restarts::a_restarted_worker_keeps_its_lane(&handles::demo(), end_as_a_guest);
}
