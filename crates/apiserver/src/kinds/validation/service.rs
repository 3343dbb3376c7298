//! Services.

use serde_json::{Value, json};

use super::PORT;
use crate::kinds::cells::list;
use crate::{Cause, names};

pub(in crate::kinds) fn service(new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &new["spec"];
    let kind = &spec["type"];
    const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let headless = spec["clusterIP"] == "None";
    let ports = list(spec, "/ports");
    if ports.is_empty() && !headless && *kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut known: Vec<(i64, &str)> = Vec::new();
    let mut port_names: Vec<&str> = Vec::new();
    for (place, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{place}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(Cause::required(format!("{path}.name"), ""));
        } else if !name.is_empty() && !names::is_dns_label(name) {
            causes.push(Cause::invalid(format!("{path}.name"), &port["name"], names::LABEL));
        } else if !name.is_empty() && port_names.contains(&name) {
            causes.push(Cause::duplicate(format!("{path}.name"), &port["name"]));
        }
        port_names.push(name);
        let number = port["port"].as_i64().unwrap_or(0);
        if !(1..=65535).contains(&number) {
            causes.push(Cause::invalid(format!("{path}.port"), &json!(number), PORT));
        }
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
            causes.push(Cause::not_supported(
                format!("{path}.protocol"),
                &port["protocol"],
                &["SCTP", "TCP", "UDP"],
            ));
        }
        if port["targetPort"].as_i64().is_some_and(|n| !(1..=65535).contains(&n)) {
            causes.push(Cause::invalid(format!("{path}.targetPort"), &port["targetPort"], PORT));
        }
        if known.contains(&(number, protocol)) {
            causes.push(Cause::duplicate(path, &json!({"port": number, "protocol": protocol})));
        }
        known.push((number, protocol));
    }
    if !kind.as_str().is_some_and(|kind| TYPES.contains(&kind)) {
        causes.push(Cause::not_supported("spec.type", kind, &TYPES));
    }
    if *kind == "ExternalName" && spec["externalName"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("spec.externalName", ""));
    }
    if let Some(old) = old {
        let was = &old["spec"]["clusterIP"];
        let stays = old["spec"]["type"] != "ExternalName" && *kind != "ExternalName";
        if stays && !was.is_null() && *was != spec["clusterIP"] {
            causes.push(Cause::invalid(
                "spec.clusterIPs[0]",
                &json!([spec["clusterIP"]]),
                "may not change once set",
            ));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(causes: &[Cause]) -> Vec<String> {
        causes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn services_need_ports() {
        let causes = service(
            &json!({"spec": {"type": "ClusterIP", "ports": [{"port": 1, "protocol": "TCP"}, {"name": "b", "port": 1, "protocol": "TCP"}]}}),
            None,
        );
        assert_eq!(
            shown(&causes),
            [
                "spec.ports[0].name: Required value",
                "spec.ports[1]: Duplicate value: {\"port\":1,\"protocol\":\"TCP\"}"
            ]
        );
        assert!(service(&json!({"spec": {"type": "ClusterIP", "clusterIP": "None"}}), None).is_empty());
    }
}
