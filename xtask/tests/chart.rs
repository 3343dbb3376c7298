//! The rendered chart in `manifests/`: it agrees with the contract, its pods are restricted, and its dashboard and rules
//! query only metrics that exist.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use common::{PROFILES, find, manifests, metric_names, objects, path, pod_specs, read, yaml};
use contract::names::{self, Port};
use contract::queue::{self, QueueType};
use contract::settings;
use serde_json::{Value, json};

fn env<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let variables = pod["containers"][0]["env"].as_array().unwrap();
    variables.iter().find(|v| v["name"] == name).unwrap_or_else(|| panic!("{name} is not set"))
}

#[test]
fn names_ports_and_variables_match_the_contract() {
    for profile in PROFILES {
        let all = manifests(profile);
        let programs: [(&str, &str, &[Port]); 3] = [
            ("Deployment", names::PRODUCER, &[names::PRODUCER_HTTP]),
            ("Deployment", names::WORKER, &[names::WORKER_METRICS]),
            (
                "StatefulSet",
                names::RABBITMQ,
                &[names::RABBITMQ_AMQP, names::RABBITMQ_MANAGEMENT, names::RABBITMQ_METRICS],
            ),
        ];
        for (kind, name, ports) in programs {
            let workload = find(&all, kind, name);
            assert_eq!(workload["metadata"]["namespace"], names::NAMESPACE);
            let labels = &workload["spec"]["template"]["metadata"]["labels"];
            assert_eq!(
                (&labels[names::LABEL_NAME], &labels[names::LABEL_PART_OF]),
                (&json!(name), &json!(names::PART_OF))
            );
            let container = &workload["spec"]["template"]["spec"]["containers"][0];
            let expected: Vec<Value> =
                ports.iter().map(|port| json!({"name": port.name, "containerPort": port.number})).collect();
            assert_eq!(container["ports"], json!(expected), "{name}");
            let service = find(&all, "Service", name);
            let expected: Vec<Value> = ports
                .iter()
                .map(|port| json!({"name": port.name, "port": port.number, "targetPort": port.name}))
                .collect();
            assert_eq!(service["spec"]["ports"], json!(expected), "{name}");
            assert_eq!(service["spec"]["selector"], workload["spec"]["selector"]["matchLabels"]);
        }
        let image =
            |kind, name| &find(&all, kind, name)["spec"]["template"]["spec"]["containers"][0]["image"];
        let tag = env!("CARGO_PKG_VERSION");
        assert_eq!(*image("Deployment", names::PRODUCER), format!("{}:{tag}", names::PRODUCER_IMAGE));
        assert_eq!(*image("Deployment", names::WORKER), format!("{}:{tag}", names::WORKER_IMAGE));
        for name in [names::PRODUCER, names::WORKER] {
            let pod = &find(&all, "Deployment", name)["spec"]["template"]["spec"];
            assert_eq!(env(pod, settings::AMQP_HOST)["value"], "$(RABBITMQ_SERVICE_HOST)");
            assert_eq!(env(pod, settings::AMQP_PORT)["value"], "$(RABBITMQ_SERVICE_PORT_AMQP)");
            for (variable, key) in [
                (settings::AMQP_USER, names::SECRET_USERNAME),
                (settings::AMQP_PASSWORD, names::SECRET_PASSWORD),
            ] {
                let source = &env(pod, variable)["valueFrom"]["secretKeyRef"];
                assert_eq!(*source, json!({"name": names::RABBITMQ, "key": key}));
            }
            assert_eq!(env(pod, settings::QUEUE_TYPE)["value"], QueueType::default().as_str());
            assert_ne!(pod["enableServiceLinks"], false, "the broker's variables come from its Service");
        }
    }
}

#[test]
fn the_hpa_matches_the_contract_in_every_profile() {
    for profile in ["plugin", "exporter"] {
        let all = manifests(profile);
        let spec = &find(&all, "HorizontalPodAutoscaler", names::HPA)["spec"];
        assert_eq!(
            spec["scaleTargetRef"],
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": names::WORKER})
        );
        let metric =
            json!({"name": names::EXTERNAL_METRIC, "selector": {"matchLabels": {"queue": queue::ORDERS}}});
        assert_eq!(spec["metrics"][0]["external"]["metric"], metric);
    }
    let all = manifests("keda");
    assert!(!all.iter().any(|object| object["kind"] == "HorizontalPodAutoscaler"), "KEDA creates it");
    let spec = &find(&all, "ScaledObject", names::HPA)["spec"];
    assert_eq!(spec["advanced"]["horizontalPodAutoscalerConfig"]["name"], names::HPA);
    assert_eq!(spec["scaleTargetRef"]["name"], names::WORKER);
    assert_eq!(spec["triggers"][0]["metadata"]["queueName"], queue::ORDERS);
    for profile in PROFILES {
        let worker = &find(&manifests(profile), "Deployment", names::WORKER)["spec"].clone();
        assert!(worker["replicas"].is_null(), "an apply would reset the replicas of the HPA");
    }
}

#[test]
fn pods_are_restricted_and_limited() {
    let namespace = yaml("manifests/base/namespace.yaml");
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
    for profile in PROFILES {
        let all = manifests(profile);
        let pods = pod_specs(&all);
        assert_eq!(pods.len(), if profile == "exporter" { 4 } else { 3 });
        for (name, pod) in pods {
            let name = format!("{profile}: {name}");
            assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
            let account = find(&all, "ServiceAccount", pod["serviceAccountName"].as_str().unwrap());
            assert_eq!(account["automountServiceAccountToken"], false, "{name}");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            assert_eq!(pod["topologySpreadConstraints"][0]["whenUnsatisfiable"], "ScheduleAnyway", "{name}");
            assert!(pod["terminationGracePeriodSeconds"].is_u64(), "{name}");
            for container in pod["containers"].as_array().unwrap() {
                assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]), "{name}");
                assert!(
                    container["readinessProbe"].is_object() && container["livenessProbe"].is_object(),
                    "{name}"
                );
                assert!(container["resources"]["requests"]["cpu"].is_string(), "{name}");
                assert!(container["resources"]["requests"]["memory"].is_string(), "{name}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
                let (_, tag) = container["image"].as_str().unwrap().rsplit_once(':').unwrap();
                assert_ne!(tag, "latest", "{name}");
            }
        }
    }
}

/// Each permission of a Role as `VERB GROUP/RESOURCE`, with `:NAME` if it covers one object. The core group has no name.
fn permissions(role: &Value) -> BTreeSet<String> {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut permissions = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let names = match words(&rule["resourceNames"]) {
            none if none.is_empty() => vec![String::new()],
            names => names.iter().map(|name| format!(":{name}")).collect(),
        };
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    permissions.extend(names.iter().map(|name| format!("{verb} {group}/{resource}{name}")));
                }
            }
        }
    }
    permissions
}

#[test]
fn roles_have_exactly_their_permissions() {
    let all = manifests("plugin");
    let watched = [
        "/pods",
        "/pods/log",
        "/services",
        "/events",
        "events.k8s.io/events",
        "apps/deployments",
        "apps/statefulsets",
        "apps/replicasets",
        "apps/deployments/scale",
        "apps/statefulsets/scale",
        "autoscaling/horizontalpodautoscalers",
    ];
    let mut viewer: BTreeSet<String> = watched
        .iter()
        .flat_map(|resource| ["get", "list", "watch"].map(|verb| format!("{verb} {resource}")))
        .collect();
    for api in ["metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"] {
        viewer.extend(["get", "list"].map(|verb| format!("{verb} {api}/*")));
    }
    assert_eq!(permissions(find(&all, "Role", "surge-viewer")), viewer);
    let mut operator = viewer;
    operator.extend(
        [
            "get /pods/portforward",
            "create /pods/portforward",
            "get /secrets:rabbitmq",
            "patch autoscaling/horizontalpodautoscalers",
            "delete /pods",
        ]
        .map(str::to_owned),
    );
    assert_eq!(permissions(find(&all, "Role", "surge-operator")), operator);
    assert!(!all.iter().any(|object| object["kind"] == "ClusterRole"), "opt-in only");
    for object in &all {
        // `kubectl delete -k` would delete it first, and fail on every object that is gone with it.
        assert_ne!(object["kind"], "Namespace");
        assert_eq!(object["metadata"]["namespace"], names::NAMESPACE, "{}", object["metadata"]["name"]);
    }
}

/// `surge down` finds the objects by these labels.
#[test]
fn every_object_has_the_part_of_label() {
    for profile in PROFILES {
        for object in manifests(profile) {
            let labels = &object["metadata"]["labels"];
            assert_eq!(
                labels[names::LABEL_PART_OF],
                names::PART_OF,
                "{profile}: {}",
                object["metadata"]["name"]
            );
            assert_eq!(labels["app.kubernetes.io/managed-by"], "kustomize");
            assert!(labels["app.kubernetes.io/version"].is_string());
        }
    }
}

#[test]
fn the_secrets_script_prints_both_secrets() {
    let script = path("manifests/secrets.sh");
    let run = |password: &str| Command::new("sh").arg(&script).env("PASSWORD", password).output().unwrap();
    let output = run("geheim-1");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = objects(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(made.len(), 3);
    let secret = &find(&made, "Secret", names::RABBITMQ)["stringData"];
    assert_eq!(secret[names::SECRET_PASSWORD], "geheim-1");
    let definitions =
        find(&made, "Secret", "rabbitmq-definitions")["stringData"]["definitions.json"].as_str();
    let definitions: Value = serde_json::from_str(definitions.unwrap()).unwrap();
    let user = &secret[names::SECRET_USERNAME];
    assert_eq!(definitions["vhosts"], json!([{"name": queue::VHOST}]));
    assert_eq!(definitions["users"], json!([{"name": user, "password": "geheim-1", "tags": "monitoring"}]));
    assert_eq!(
        definitions["permissions"],
        json!([{"user": user, "vhost": queue::VHOST, "configure": ".*", "write": ".*", "read": ".*"}])
    );
    let queue = |name: &str, arguments: Vec<(&str, String)>| {
        let arguments: serde_json::Map<String, Value> =
            arguments.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({"name": name, "vhost": queue::VHOST, "durable": true, "auto_delete": false, "arguments": arguments})
    };
    assert_eq!(
        definitions["queues"],
        json!([
            queue(queue::ORDERS, queue::arguments(queue::ORDERS, QueueType::Classic)),
            queue(queue::ORDERS_DEAD, queue::dead_letter_arguments()),
        ])
    );
    let refused = run("not'this");
    assert!(!refused.status.success() && refused.stdout.is_empty());
    let random = Command::new("sh").arg(&script).env_remove("PASSWORD").output().unwrap();
    let random = objects(&String::from_utf8(random.stdout).unwrap());
    let password = find(&random, "Secret", names::RABBITMQ)["stringData"][names::SECRET_PASSWORD].clone();
    assert_eq!(password.as_str().map(str::len), Some(24));
}

/// The broker does not start if its configuration has an unknown key.
#[test]
fn broker_keys_exist_in_all_supported_releases() {
    let since_3_10 = ["collect_statistics_interval", "load_definitions"];
    for profile in PROFILES {
        let all = manifests(profile);
        let text = find(&all, "ConfigMap", names::RABBITMQ)["data"]["10-surge.conf"].as_str().unwrap();
        let keys: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('=').next().unwrap().trim())
            .collect();
        assert_eq!(keys, since_3_10, "{profile}");
    }
}

#[test]
fn monitors_select_services_and_have_the_label() {
    for profile in PROFILES {
        let all = manifests(profile);
        let monitors: Vec<&Value> = all.iter().filter(|object| object["kind"] == "ServiceMonitor").collect();
        assert_eq!(monitors.len(), 3, "{profile}");
        for monitor in monitors {
            let name = monitor["metadata"]["name"].as_str().unwrap();
            let (label, value) = names::MONITOR_LABEL;
            assert_eq!(monitor["metadata"]["labels"][label], value, "{name}");
            let service = find(&all, "Service", name);
            for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
                assert_eq!(service["metadata"]["labels"][label], *value, "{name}");
            }
            let port = &monitor["spec"]["endpoints"][0]["port"];
            let ports = service["spec"]["ports"].as_array().unwrap();
            assert!(
                ports.iter().any(|known| known["name"] == *port),
                "{name}: the Service has no port {port}"
            );
        }
    }
}

/// Metric names in `charts/recorded/NAME.types`; a histogram has three.
fn recorded(name: &str) -> BTreeSet<String> {
    let text = read(&format!("charts/recorded/{name}.types"));
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

/// Every `expr` in a JSON value.
fn expressions(value: &Value, found: &mut Vec<String>) {
    for (name, field) in value.as_object().into_iter().flatten() {
        match field {
            Value::String(text) if name == "expr" => found.push(text.clone()),
            _ => expressions(field, found),
        }
    }
    for item in value.as_array().into_iter().flatten() {
        expressions(item, found);
    }
}

#[test]
fn dashboard_and_rules_query_exported_metrics() {
    for profile in PROFILES {
        let all = manifests(profile);
        let broker = if profile == "exporter" { "rabbitmq-exporter" } else { "rabbitmq" };
        let mut exported: BTreeSet<String> = [names::PRODUCER, names::WORKER, "kube-state-metrics", broker]
            .into_iter()
            .flat_map(recorded)
            .collect();
        // Prometheus itself adds this one.
        exported.insert("up".to_owned());
        let rules = &find(&all, "PrometheusRule", names::PART_OF)["spec"];
        for group in rules["groups"].as_array().unwrap() {
            let recordings =
                group["rules"].as_array().unwrap().iter().filter_map(|rule| rule["record"].as_str());
            exported.extend(recordings.map(str::to_owned));
        }
        let dashboard = find(&all, "ConfigMap", "autoscaling-demo-dashboard");
        let dashboard = dashboard["data"]["autoscaling-demo.json"].as_str().unwrap();
        let dashboard: Value = serde_json::from_str(dashboard).unwrap();
        let mut queries = Vec::new();
        expressions(rules, &mut queries);
        let rule_count = queries.len();
        expressions(&dashboard, &mut queries);
        assert!(rule_count >= 7 && queries.len() >= rule_count + 20, "{profile}: {}", queries.len());
        for expression in queries {
            let names = metric_names::of(&expression);
            assert!(!names.is_empty(), "{expression} selects no metric");
            let unknown: Vec<&String> = names.difference(&exported).collect();
            assert!(unknown.is_empty(), "{profile}: no target exports {unknown:?} of {expression}");
        }
        let mut ids: Vec<&Value> =
            dashboard["panels"].as_array().unwrap().iter().map(|panel| &panel["id"]).collect();
        ids.dedup();
        assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len());
    }
}

/// The defaults in the README's table of values, as JSON.
fn described() -> BTreeMap<String, Value> {
    let readme = read("charts/autoscaling-demo/README.md");
    let (_, section) = readme.split_once("\n## Values\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('`').collect();
        let default = serde_json::from_str(cells[3]).unwrap_or_else(|error| panic!("{row}: {error}"));
        (cells[1].to_owned(), default)
    })
    .collect()
}

/// Compares each value with its row. A map for the user's own entries is one value with one row.
fn compare(values: &Value, above: &str, schema: &Value, rows: &mut BTreeMap<String, Value>) {
    for (name, value) in values.as_object().unwrap() {
        let path = format!("{above}{name}");
        let schema = &schema["properties"][name];
        assert!(!schema.is_null(), "{path} is not in values.schema.json");
        match (rows.remove(&path), value.as_object()) {
            (Some(default), _) => assert_eq!(default, *value, "the README's default of {path}"),
            (None, Some(_)) => compare(value, &format!("{path}."), schema, rows),
            (None, None) => panic!("the README does not describe {path}"),
        }
    }
}

#[test]
fn readme_and_schema_have_every_value() {
    let schema: Value = serde_json::from_str(&read("charts/autoscaling-demo/values.schema.json")).unwrap();
    let mut rows = described();
    assert!(rows.len() > 50, "{}", rows.len());
    compare(&yaml("charts/autoscaling-demo/values.yaml"), "", &schema, &mut rows);
    assert!(rows.is_empty(), "the README describes unknown values: {:?}", rows.keys());
    assert_closed(&schema, "");
}

/// Asserts that every object of the schema lists its properties, so that a misspelt value is an error.
fn assert_closed(schema: &Value, path: &str) {
    if !schema["properties"].is_null() {
        assert_eq!(schema["additionalProperties"], false, "{path} accepts any property");
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        assert_closed(field, &format!("{path}.{name}"));
    }
    if schema["items"].is_object() {
        assert_closed(&schema["items"], &format!("{path}[]"));
    }
}
