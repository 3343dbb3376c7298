//! Kinds of the groups with only one or two kinds.

use serde_json::Value;

use super::cells::{age, at_most_three, count, list, name, selector_or_none, text as cell, text_or};
use super::{AGE, NAME, column, defaults, number, plain_kind, strings, text, wide};
use crate::kind::{Column, Generation, Kind, Scope, StatusSubresource, Table};

pub(super) fn kinds() -> Vec<Kind> {
    let rbac = |kind, plural, singular| plain_kind("rbac.authorization.k8s.io", "v1", kind, plural, singular);
    vec![
        Kind {
            generation: Generation::Everything,
            table: SLICES,
            schema: "discovery.v1.EndpointSlice",
            default: defaults::endpoint_slice,
            ..plain_kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "endpointslice")
        },
        Kind {
            short_names: strings(&["pdb"]),
            status: StatusSubresource::Enabled,
            generation: Generation::Spec,
            table: BUDGETS,
            schema: "policy.v1.PodDisruptionBudget",
            ..plain_kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget")
        },
        Kind {
            short_names: strings(&["netpol"]),
            generation: Generation::Spec,
            table: Table {
                columns: const { &[NAME, text("Pod-Selector"), AGE] },
                cells: |o, now| vec![name(o), selector_or_none(o, "/spec/podSelector").into(), age(o, now)],
            },
            schema: "networking.v1.NetworkPolicy",
            default: defaults::network_policy,
            ..plain_kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "networkpolicy")
        },
        Kind {
            table: Table {
                columns: const { &[NAME, text("Holder"), AGE] },
                cells: |o, now| vec![name(o), cell(o, "/spec/holderIdentity").into(), age(o, now)],
            },
            schema: "coordination.v1.Lease",
            ..plain_kind("coordination.k8s.io", "v1", "Lease", "leases", "lease")
        },
        Kind {
            short_names: strings(&["pc"]),
            scope: Scope::Cluster,
            generation: Generation::None,
            table: PRIORITIES,
            schema: "scheduling.v1.PriorityClass",
            default: defaults::priority_class,
            ..plain_kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "priorityclass")
        },
        Kind {
            table: Table { columns: CREATED_AT, cells: created_at },
            schema: "rbac.v1.Role",
            ..rbac("Role", "roles", "role")
        },
        Kind {
            scope: Scope::Cluster,
            table: Table { columns: CREATED_AT, cells: created_at },
            schema: "rbac.v1.ClusterRole",
            ..rbac("ClusterRole", "clusterroles", "clusterrole")
        },
        Kind {
            table: BINDINGS,
            schema: "rbac.v1.RoleBinding",
            default: defaults::binding,
            ..rbac("RoleBinding", "rolebindings", "rolebinding")
        },
        Kind {
            scope: Scope::Cluster,
            table: BINDINGS,
            schema: "rbac.v1.ClusterRoleBinding",
            default: defaults::binding,
            ..rbac("ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding")
        },
        Kind {
            categories: strings(&["api-extensions"]),
            scope: Scope::Cluster,
            status: StatusSubresource::SettableAtCreate,
            table: API_SERVICES,
            schema: "apiregistration.v1.APIService",
            default: defaults::api_service,
            ..plain_kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", "apiservice")
        },
    ]
}

const CREATED_AT: &[Column] = &[NAME, column("Created At", "date", "", 0)];

fn created_at(o: &Value, _now: jiff::Timestamp) -> Vec<Value> {
    vec![name(o), cell(o, "/metadata/creationTimestamp").into()]
}

const SLICES: Table = Table {
    columns: &[NAME, text("AddressType"), text("Ports"), text("Endpoints"), AGE],
    cells: |o, now| {
        let ports: Vec<String> = list(o, "/ports")
            .iter()
            .map(|port| match count(port, "/port") {
                0 => text_or(port, "/name", "*").to_owned(),
                number => number.to_string(),
            })
            .collect();
        let unset = || "<unset>".to_owned();
        let endpoints = list(o, "/endpoints").iter().flat_map(|endpoint| list(endpoint, "/addresses"));
        let endpoints: Vec<String> = endpoints.filter_map(Value::as_str).map(str::to_owned).collect();
        let shown = |all: &[String]| if all.is_empty() { unset() } else { at_most_three(all) };
        vec![
            name(o),
            cell(o, "/addressType").into(),
            shown(&ports).into(),
            shown(&endpoints).into(),
            age(o, now),
        ]
    },
};

const BUDGETS: Table = Table {
    columns: &[NAME, text("Min Available"), text("Max Unavailable"), number("Allowed Disruptions"), AGE],
    cells: |o, now| {
        let shown = |pointer: &str| -> Value {
            match o.pointer(pointer) {
                Some(Value::String(text)) => text.clone().into(),
                Some(Value::Number(number)) => number.to_string().into(),
                _ => "N/A".into(),
            }
        };
        vec![
            name(o),
            shown("/spec/minAvailable"),
            shown("/spec/maxUnavailable"),
            count(o, "/status/disruptionsAllowed").into(),
            age(o, now),
        ]
    },
};

const PRIORITIES: Table = Table {
    columns: &[
        NAME,
        number("Value"),
        column("Global-Default", "boolean", "", 0),
        AGE,
        text("PreemptionPolicy"),
    ],
    cells: |o, now| {
        vec![
            name(o),
            count(o, "/value").into(),
            (o["globalDefault"] == true).into(),
            age(o, now),
            cell(o, "/preemptionPolicy").into(),
        ]
    },
};

const BINDINGS: Table = Table {
    columns: &[NAME, text("Role"), AGE, wide("Users"), wide("Groups"), wide("ServiceAccounts")],
    cells: |o, now| {
        let subjects = |kind: &str| -> Value {
            let wanted = list(o, "/subjects").iter().filter(|subject| subject["kind"] == kind);
            let shown = wanted.map(|subject| match kind {
                "ServiceAccount" => format!("{}/{}", cell(subject, "/namespace"), cell(subject, "/name")),
                _ => cell(subject, "/name").to_owned(),
            });
            shown.collect::<Vec<_>>().join(", ").into()
        };
        vec![
            name(o),
            format!("{}/{}", cell(o, "/roleRef/kind"), cell(o, "/roleRef/name")).into(),
            age(o, now),
            subjects("User"),
            subjects("Group"),
            subjects("ServiceAccount"),
        ]
    },
};

const API_SERVICES: Table = Table {
    columns: &[NAME, text("Service"), text("Available"), AGE],
    cells: |o, now| {
        let service = match cell(o, "/spec/service/name") {
            "" => "Local".to_owned(),
            service => format!("{}/{service}", cell(o, "/spec/service/namespace")),
        };
        let conditions = list(o, "/status/conditions");
        let available = conditions.iter().find(|condition| condition["type"] == "Available");
        let available = match available {
            None => "Unknown".to_owned(),
            Some(condition) if condition["status"] == "True" => "True".to_owned(),
            Some(condition) => format!("{} ({})", cell(condition, "/status"), cell(condition, "/reason")),
        };
        vec![name(o), service.into(), available.into(), age(o, now)]
    },
};
