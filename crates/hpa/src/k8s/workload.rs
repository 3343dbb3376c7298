//! Conversion of the scale and the pods of a workload, from the API only.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v1::Scale as ApiScale;
use k8s_openapi::api::core::v1 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::quantity::ConvertError;
use super::status::parse_condition_status;
use crate::field_path::FieldPath;
use crate::input::{Container, Pod, Ready, Scale};
use crate::time::Time;

impl From<&ApiScale> for Scale {
    fn from(scale: &ApiScale) -> Self {
        let status = scale.status.as_ref();
        Self {
            spec_replicas: scale.spec.as_ref().and_then(|s| s.replicas).unwrap_or_default(),
            status_replicas: status.map(|s| s.replicas).unwrap_or_default(),
            selector: status.and_then(|s| s.selector.clone()).unwrap_or_default(),
        }
    }
}

impl TryFrom<&api::Pod> for Pod {
    type Error = ConvertError;

    fn try_from(pod: &api::Pod) -> Result<Self, ConvertError> {
        let root = FieldPath::Root("spec");
        let status = pod.status.as_ref();
        let ready = status.and_then(|s| s.conditions.iter().flatten().find(|c| c.type_ == "Ready"));
        let spec = pod.spec.as_ref();
        let sidecar = |c: &&api::Container| c.restart_policy.as_deref() == Some("Always");
        let containers = FieldPath::Field(&root, "containers");
        let inits = FieldPath::Field(&root, "initContainers");
        let whole = spec.and_then(|s| s.resources.as_ref()).and_then(|r| r.requests.as_ref());
        Ok(Self {
            name: pod.metadata.name.clone().unwrap_or_default(),
            phase: status.and_then(|s| s.phase.clone()).unwrap_or_default(),
            deleted: pod.metadata.deletion_timestamp.is_some(),
            ready: ready.map(|condition| Ready {
                status: parse_condition_status(&condition.status),
                since: condition.last_transition_time.as_ref().map(Time::from).unwrap_or(Time(i64::MIN)),
            }),
            started_at: status.and_then(|s| s.start_time.as_ref()).map(Time::from),
            containers: spec
                .into_iter()
                .flat_map(|s| &s.containers)
                .map(|c| container(c, containers))
                .collect::<Result<_, _>>()?,
            sidecars: spec
                .into_iter()
                .flat_map(|s| s.init_containers.iter().flatten())
                .filter(sidecar)
                .map(|c| container(c, inits))
                .collect::<Result<_, _>>()?,
            requests_milli: whole.map(|r| requests(r, FieldPath::Field(&root, "resources"))).transpose()?,
        })
    }
}

fn container(container: &api::Container, list: FieldPath<'_>) -> Result<Container, ConvertError> {
    let here = FieldPath::Key(&list, &container.name);
    let at = FieldPath::Field(&here, "resources");
    let given = container.resources.as_ref().and_then(|r| r.requests.as_ref());
    Ok(Container {
        name: container.name.clone(),
        requests_milli: given.map(|r| requests(r, at)).transpose()?.unwrap_or_default(),
    })
}

fn requests(
    given: &BTreeMap<String, ApiQuantity>,
    resources: FieldPath<'_>,
) -> Result<BTreeMap<String, i64>, ConvertError> {
    let at = FieldPath::Field(&resources, "requests");
    given
        .iter()
        .map(|(name, quantity)| {
            let at = FieldPath::Key(&at, name);
            let milli = at
                .quantity(quantity)?
                .milli()
                .map_err(|source| ConvertError { field: at.to_string(), source })?;
            Ok((name.clone(), milli))
        })
        .collect()
}
