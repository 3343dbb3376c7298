//! Kinds of the group `apps`.

use std::borrow::Cow;

use super::cells::{age, containers, count, name, selector, selector_or_none, text as cell};
use super::{AGE, NAME, defaults, number, plain_kind, strings, text, validation, wide};
use crate::kind::{Generation, Kind, Scale, StatusSubresource, Table};

pub(super) fn kinds() -> Vec<Kind> {
    let workload = |kind, plural, singular| Kind {
        categories: strings(&["all"]),
        status: StatusSubresource::Enabled,
        generation: Generation::Spec,
        ..plain_kind("apps", "v1", kind, plural, singular)
    };
    vec![
        Kind {
            short_names: strings(&["deploy"]),
            scale: Some(SCALE),
            table: DEPLOYMENTS,
            schema: "apps.v1.Deployment",
            default: defaults::deployment,
            validate: Some(validation::rule(validation::workload)),
            ..workload("Deployment", "deployments", "deployment")
        },
        Kind {
            short_names: strings(&["rs"]),
            scale: Some(SCALE),
            table: REPLICA_SETS,
            schema: "apps.v1.ReplicaSet",
            fields: &[("status.replicas", "/status/replicas")],
            default: defaults::replica_set,
            validate: Some(validation::rule(validation::workload)),
            ..workload("ReplicaSet", "replicasets", "replicaset")
        },
        Kind {
            short_names: strings(&["sts"]),
            scale: Some(SCALE),
            table: STATEFUL_SETS,
            schema: "apps.v1.StatefulSet",
            default: defaults::stateful_set,
            validate: Some(validation::rule(validation::workload)),
            ..workload("StatefulSet", "statefulsets", "statefulset")
        },
        Kind {
            short_names: strings(&["ds"]),
            table: DAEMON_SETS,
            schema: "apps.v1.DaemonSet",
            default: defaults::daemon_set,
            refused: Some("the sandbox runs no DaemonSets; use a Deployment"),
            validate: Some(validation::rule(validation::workload)),
            ..workload("DaemonSet", "daemonsets", "daemonset")
        },
        Kind {
            table: REVISIONS,
            schema: "apps.v1.ControllerRevision",
            ..plain_kind("apps", "v1", "ControllerRevision", "controllerrevisions", "controllerrevision")
        },
    ]
}

pub(super) const SCALE: Scale = Scale {
    replicas: Cow::Borrowed("/spec/replicas"),
    status_replicas: Cow::Borrowed("/status/replicas"),
    selector: Cow::Borrowed("/spec/selector"),
};

const DEPLOYMENTS: Table = Table {
    columns: &[
        NAME,
        text("Ready"),
        text("Up-to-date"),
        text("Available"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let [names, images] = containers(o);
        vec![
            name(o),
            format!("{}/{}", count(o, "/status/readyReplicas"), count(o, "/spec/replicas")).into(),
            count(o, "/status/updatedReplicas").into(),
            count(o, "/status/availableReplicas").into(),
            age(o, now),
            names,
            images,
            selector(o, "/spec/selector").into(),
        ]
    },
};

const REPLICA_SETS: Table = Table {
    columns: &[
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let [names, images] = containers(o);
        vec![
            name(o),
            count(o, "/spec/replicas").into(),
            count(o, "/status/replicas").into(),
            count(o, "/status/readyReplicas").into(),
            age(o, now),
            names,
            images,
            selector_or_none(o, "/spec/selector").into(),
        ]
    },
};

const STATEFUL_SETS: Table = Table {
    columns: &[NAME, text("Ready"), AGE, wide("Containers"), wide("Images")],
    cells: |o, now| {
        let [names, images] = containers(o);
        let ready = format!("{}/{}", count(o, "/status/readyReplicas"), count(o, "/spec/replicas"));
        vec![name(o), ready.into(), age(o, now), names, images]
    },
};

const DAEMON_SETS: Table = Table {
    columns: &[
        NAME,
        number("Desired"),
        number("Current"),
        number("Ready"),
        number("Up-to-date"),
        number("Available"),
        text("Node Selector"),
        AGE,
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ],
    cells: |o, now| {
        let [names, images] = containers(o);
        vec![
            name(o),
            count(o, "/status/desiredNumberScheduled").into(),
            count(o, "/status/currentNumberScheduled").into(),
            count(o, "/status/numberReady").into(),
            count(o, "/status/updatedNumberScheduled").into(),
            count(o, "/status/numberAvailable").into(),
            selector_or_none(o, "/spec/template/spec/nodeSelector").into(),
            age(o, now),
            names,
            images,
            selector_or_none(o, "/spec/selector").into(),
        ]
    },
};

const REVISIONS: Table = Table {
    columns: &[NAME, text("Controller"), text("Revision"), AGE],
    cells: |o, now| {
        let owners = o["metadata"]["ownerReferences"].as_array();
        let owner = owners.into_iter().flatten().find(|owner| owner["controller"] == true);
        let owner = owner.map_or("<none>".to_owned(), |owner| {
            let group = cell(owner, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
            let kind = cell(owner, "/kind").to_lowercase();
            let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
            format!("{kind}/{}", cell(owner, "/name"))
        });
        vec![name(o), owner.into(), count(o, "/revision").into(), age(o, now)]
    },
};
