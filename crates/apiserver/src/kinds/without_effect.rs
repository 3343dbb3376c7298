//! Kinds that clients list and that have no controller here. The server refuses new objects of them.

use super::apps::SCALE;
use super::{plain_kind, strings};
use crate::kind::{Kind, Scope, StatusSubresource};

pub(super) fn kinds() -> Vec<Kind> {
    let refused = |group, kind, plural, singular, short: &[&str], categories: &[&str], why| Kind {
        short_names: strings(short),
        categories: strings(categories),
        status: StatusSubresource::Enabled,
        refused: Some(why),
        ..plain_kind(group, "v1", kind, plural, singular)
    };
    let all: &[&str] = &["all"];
    vec![
        Kind {
            scale: Some(SCALE),
            ..refused(
                "",
                "ReplicationController",
                "replicationcontrollers",
                "replicationcontroller",
                &["rc"],
                all,
                "the sandbox runs no ReplicationControllers; use a Deployment",
            )
        },
        refused("batch", "Job", "jobs", "job", &[], all, "the sandbox runs no Jobs; use a Pod"),
        refused("batch", "CronJob", "cronjobs", "cronjob", &["cj"], all, "the sandbox runs no CronJobs"),
        refused(
            "networking.k8s.io",
            "Ingress",
            "ingresses",
            "ingress",
            &["ing"],
            &[],
            "the sandbox has no ingress controller; use kubectl port-forward",
        ),
        Kind {
            scope: Scope::Cluster,
            ..refused(
                "",
                "PersistentVolume",
                "persistentvolumes",
                "persistentvolume",
                &["pv"],
                &[],
                "the sandbox has no PersistentVolumes",
            )
        },
    ]
}
