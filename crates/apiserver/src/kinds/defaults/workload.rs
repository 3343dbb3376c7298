//! Deployments, ReplicaSets, StatefulSets, DaemonSets and their volume claims.

use serde_json::{Map, Value};

use super::pod::pod_spec;
use super::{items, part, set};

fn template(object: &mut Value) -> Option<&mut Value> {
    let spec = part(object, "spec")?;
    if let Some(pod) = spec.pointer_mut("/template/spec") {
        pod_spec(pod);
    }
    Some(spec)
}

pub(in crate::kinds) fn deployment(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
    set(spec, "strategy", Map::new());
    let strategy = &mut spec["strategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "maxUnavailable", "25%");
        set(&mut strategy["rollingUpdate"], "maxSurge", "25%");
    }
}

pub(in crate::kinds) fn replica_set(object: &mut Value) {
    if let Some(spec) = template(object) {
        set(spec, "replicas", 1);
    }
}

pub(in crate::kinds) fn stateful_set(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "podManagementPolicy", "OrderedReady");
    set(spec, "persistentVolumeClaimRetentionPolicy", Map::new());
    set(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenDeleted", "Retain");
    set(&mut spec["persistentVolumeClaimRetentionPolicy"], "whenScaled", "Retain");
    set(spec, "updateStrategy", Map::new());
    let strategy = &mut spec["updateStrategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "partition", 0);
    }
    for claim in items(spec, "volumeClaimTemplates") {
        set(claim, "apiVersion", "v1");
        set(claim, "kind", "PersistentVolumeClaim");
        set(&mut claim["spec"], "volumeMode", "Filesystem");
        set(claim, "status", Map::new());
        set(&mut claim["status"], "phase", "Pending");
    }
}

pub(in crate::kinds) fn claim(object: &mut Value) {
    if let Some(spec) = part(object, "spec") {
        set(spec, "volumeMode", "Filesystem");
    }
}

pub(in crate::kinds) fn daemon_set(object: &mut Value) {
    let Some(spec) = template(object) else { return };
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "updateStrategy", Map::new());
    let strategy = &mut spec["updateStrategy"];
    set(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        set(strategy, "rollingUpdate", Map::new());
        set(&mut strategy["rollingUpdate"], "maxUnavailable", 1);
        set(&mut strategy["rollingUpdate"], "maxSurge", 0);
    }
}
