//! Kinds of the core group.

use serde_json::{Value, json};

use super::cells::{
    NONE, age, at_most_three, count, entries, list, name, selector_or_none, text as cell, text_or,
};
use super::pod_table::PODS;
use super::{AGE, NAME, defaults, plain_kind, strings, text, validation, wide};
use crate::kind::{CreateStrategy, Generation, Kind, Scope, StatusSubresource, Table};

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            short_names: strings(&["po"]),
            categories: strings(&["all"]),
            status: StatusSubresource::Enabled,
            generation: Generation::Spec,
            table: PODS,
            schema: "core.v1.Pod",
            fields: &[
                ("spec.nodeName", "/spec/nodeName"),
                ("spec.restartPolicy", "/spec/restartPolicy"),
                ("spec.schedulerName", "/spec/schedulerName"),
                ("spec.serviceAccountName", "/spec/serviceAccountName"),
                ("spec.hostNetwork", "/spec/hostNetwork"),
                ("status.phase", "/status/phase"),
                ("status.podIP", "/status/podIP"),
                ("status.nominatedNodeName", "/status/nominatedNodeName"),
            ],
            default: defaults::pod,
            validate: Some(validation::rule(validation::pod)),
            create_strategy: CreateStrategy::PodStatus,
            ..plain_kind("", "v1", "Pod", "pods", "pod")
        },
        Kind {
            short_names: strings(&["svc"]),
            categories: strings(&["all"]),
            status: StatusSubresource::Enabled,
            table: SERVICES,
            schema: "core.v1.Service",
            fields: &[("spec.clusterIP", "/spec/clusterIP"), ("spec.type", "/spec/type")],
            default: defaults::service,
            validate: Some(validation::rule(validation::service)),
            create_strategy: CreateStrategy::ServiceAddresses,
            ..plain_kind("", "v1", "Service", "services", "service")
        },
        Kind {
            short_names: strings(&["cm"]),
            table: Table {
                columns: const { &[NAME, text("Data"), AGE] },
                cells: |o, now| {
                    vec![name(o), (entries(o, "/data") + entries(o, "/binaryData")).into(), age(o, now)]
                },
            },
            schema: "core.v1.ConfigMap",
            validate: Some(validation::rule(validation::config_map)),
            ..plain_kind("", "v1", "ConfigMap", "configmaps", "configmap")
        },
        Kind {
            table: Table {
                columns: const { &[NAME, text("Type"), text("Data"), AGE] },
                cells: |o, now| {
                    vec![name(o), cell(o, "/type").into(), entries(o, "/data").into(), age(o, now)]
                },
            },
            schema: "core.v1.Secret",
            fields: &[("type", "/type")],
            default: defaults::secret,
            validate: Some(validation::rule(validation::secret)),
            ..plain_kind("", "v1", "Secret", "secrets", "secret")
        },
        Kind {
            short_names: strings(&["ns"]),
            scope: Scope::Cluster,
            status: StatusSubresource::Enabled,
            table: Table {
                columns: const { &[NAME, text("Status"), AGE] },
                cells: |o, now| vec![name(o), cell(o, "/status/phase").into(), age(o, now)],
            },
            schema: "core.v1.Namespace",
            fields: &[("status.phase", "/status/phase")],
            default: defaults::namespace,
            create_strategy: CreateStrategy::NamespacePhase,
            ..plain_kind("", "v1", "Namespace", "namespaces", "namespace")
        },
        Kind {
            short_names: strings(&["no"]),
            scope: Scope::Cluster,
            status: StatusSubresource::SettableAtCreate,
            table: NODES,
            schema: "core.v1.Node",
            fields: &[("spec.unschedulable", "/spec/unschedulable")],
            validate: Some(validation::rule(validation::node)),
            ..plain_kind("", "v1", "Node", "nodes", "node")
        },
        Kind {
            short_names: strings(&["sa"]),
            table: Table {
                columns: const { &[NAME, text("Secrets"), AGE] },
                cells: |o, now| vec![name(o), entries(o, "/secrets").into(), age(o, now)],
            },
            schema: "core.v1.ServiceAccount",
            ..plain_kind("", "v1", "ServiceAccount", "serviceaccounts", "serviceaccount")
        },
        Kind {
            short_names: strings(&["ep"]),
            table: Table {
                columns: const { &[NAME, text("Endpoints"), AGE] },
                cells: |o, now| vec![name(o), endpoints(o).into(), age(o, now)],
            },
            schema: "core.v1.Endpoints",
            default: defaults::endpoints,
            deprecated: Some(
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".into(),
            ),
            ..plain_kind("", "v1", "Endpoints", "endpoints", "endpoints")
        },
        Kind {
            short_names: strings(&["pvc"]),
            status: StatusSubresource::Enabled,
            table: CLAIMS,
            schema: "core.v1.PersistentVolumeClaim",
            default: defaults::claim,
            ..plain_kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim")
        },
    ]
}

const CLAIMS: Table = Table {
    columns: &[
        NAME,
        text("Status"),
        text("Volume"),
        text("Capacity"),
        text("Access Modes"),
        text("StorageClass"),
        text("VolumeAttributesClass"),
        AGE,
        wide("VolumeMode"),
    ],
    cells: |o, now| {
        let terminating = o["metadata"]["deletionTimestamp"].is_string();
        let bound = !cell(o, "/spec/volumeName").is_empty();
        let modes = list(o, "/status/accessModes").iter().filter_map(Value::as_str).map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        });
        let modes = modes.collect::<Vec<_>>().join(",");
        vec![
            name(o),
            if terminating { "Terminating" } else { text_or(o, "/status/phase", "Pending") }.into(),
            cell(o, "/spec/volumeName").into(),
            if bound { cell(o, "/status/capacity/storage") } else { "" }.into(),
            if bound { modes } else { String::new() }.into(),
            cell(o, "/spec/storageClassName").into(),
            text_or(o, "/spec/volumeAttributesClassName", "<unset>").into(),
            age(o, now),
            text_or(o, "/spec/volumeMode", "<unset>").into(),
        ]
    },
};

const SERVICES: Table = Table {
    columns: &[
        NAME,
        text("Type"),
        text("Cluster-IP"),
        text("External-IP"),
        text("Port(s)"),
        AGE,
        wide("Selector"),
    ],
    cells: |o, now| {
        vec![
            name(o),
            cell(o, "/spec/type").into(),
            text_or(o, "/spec/clusterIPs/0", NONE).into(),
            external_address(o).into(),
            ports(o).into(),
            age(o, now),
            selector_or_none(o, "/spec/selector").into(),
        ]
    },
};

fn external_address(service: &Value) -> String {
    let texts =
        |pointer: &str| -> Vec<&str> { list(service, pointer).iter().filter_map(Value::as_str).collect() };
    let outside = texts("/spec/externalIPs").join(",");
    match cell(service, "/spec/type") {
        "ClusterIP" | "NodePort" if outside.is_empty() => NONE.to_owned(),
        "ClusterIP" | "NodePort" => outside,
        "ExternalName" => cell(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = list(service, "/status/loadBalancer/ingress").iter();
            let ingress = ingress.map(|i| text_or(i, "/ip", cell(i, "/hostname")).to_owned());
            let all: Vec<String> = ingress.chain(Some(outside).filter(|o| !o.is_empty())).collect();
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        _ => "<unknown>".to_owned(),
    }
}

fn ports(service: &Value) -> String {
    let shown = list(service, "/spec/ports").iter().map(|port| {
        let (number, protocol) = (count(port, "/port"), cell(port, "/protocol"));
        match count(port, "/nodePort") {
            0 => format!("{number}/{protocol}"),
            node => format!("{number}:{node}/{protocol}"),
        }
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { NONE.to_owned() } else { shown.join(",") }
}

fn endpoints(object: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(object, "/subsets") {
        let addresses = list(subset, "/addresses");
        let ports = list(subset, "/ports");
        if ports.is_empty() {
            all.extend(addresses.iter().map(|address| cell(address, "/ip").to_owned()));
        }
        for port in ports {
            all.extend(addresses.iter().map(|a| format!("{}:{}", cell(a, "/ip"), count(port, "/port"))));
        }
    }
    at_most_three(&all)
}

const NODES: Table = Table {
    columns: &[
        NAME,
        text("Status"),
        text("Roles"),
        AGE,
        text("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ],
    cells: |o, now| {
        let ready = list(o, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
        let mut status = match ready {
            Some(condition) if condition["status"] == "True" => "Ready",
            Some(_) => "NotReady",
            None => "Unknown",
        }
        .to_owned();
        if o.pointer("/spec/unschedulable") == Some(&json!(true)) {
            status.push_str(",SchedulingDisabled");
        }
        let labels = o["metadata"]["labels"].as_object();
        let roles = labels.into_iter().flatten().filter_map(|(key, value)| {
            let role = key.strip_prefix("node-role.kubernetes.io/").filter(|role| !role.is_empty());
            role.or_else(|| value.as_str().filter(|_| key == "kubernetes.io/role"))
        });
        let roles: Vec<&str> = roles.collect();
        let roles = if roles.is_empty() { NONE.to_owned() } else { roles.join(",") };
        let address = |kind: &str| {
            let address = list(o, "/status/addresses").iter().find(|address| address["type"] == kind);
            address.map_or(NONE, |address| cell(address, "/address")).to_owned()
        };
        let info = |field: &str| text_or(o, &format!("/status/nodeInfo/{field}"), "<unknown>").to_owned();
        vec![
            name(o),
            status.into(),
            roles.into(),
            age(o, now),
            cell(o, "/status/nodeInfo/kubeletVersion").into(),
            address("InternalIP").into(),
            address("ExternalIP").into(),
            info("osImage").into(),
            info("kernelVersion").into(),
            info("containerRuntimeVersion").into(),
        ]
    },
};
