//! A plan in words, to be agreed to, and as what it comes to exactly: commands and objects, for `--dry-run`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::helm::Helm;
use super::object::Key;
use super::plan::{Action, Plan, Step};
use super::request::Request;
use super::shell;
use super::upstream::Release;

/// What a Secret's data are shown as.
const HIDDEN: &str = "(hidden)";

/// The steps in words, one a line.
#[must_use]
pub fn steps(plan: &Plan, request: &Request) -> Vec<String> {
    plan.steps.iter().map(|step| words(step, request)).collect()
}

fn words(step: &Step, request: &Request) -> String {
    match step {
        Step::Load(command) => format!("run {}", shell::line(command)),
        Step::Namespace(object) => format!("make namespace {}", Key::of(object).name),
        Step::Release(release, action) => {
            let Release { name, namespace, chart, version, .. } = release;
            let what = format!("{chart} {version} (release {name} in namespace {namespace})");
            match action {
                Action::Install => format!("install {what} with helm, and wait for its pods"),
                Action::Upgrade => format!("upgrade {what} with helm, and wait for its pods"),
                Action::Keep => format!("leave {what} as it is, and see that its pods are ready"),
            }
        }
        Step::Rules(object) => format!("give the adapter its rules: make {}", Key::of(object)),
        Step::Clear(keys) => format!("remove the autoscaler of the earlier profile: {}", list(keys)),
        Step::Apply(objects) => {
            format!(
                "apply {} objects in namespace {}: {}",
                objects.len(),
                request.namespace,
                counted(objects)
            )
        }
        Step::Prune(keys) => {
            format!("remove what an earlier up applied and this one does not: {}", list(keys))
        }
        Step::Ready(keys) => format!("wait for the pods of {}", names(keys)),
        Step::Metric => "wait until the external metric answers and the autoscaler has read it".to_owned(),
    }
}

fn list(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn names(keys: &[Key]) -> String {
    keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// How many of each kind, in the order of their first appearance: `2 Services, Deployment`.
fn counted(objects: &[Value]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for kind in objects.iter().filter_map(|object| object["kind"].as_str()) {
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    let one = |(kind, count): (&str, usize)| {
        if count == 1 { kind.to_owned() } else { format!("{count} {}", plural(kind)) }
    };
    counts.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    }
}

/// What the plan comes to: YAML that `kubectl apply` takes, with everything else as comments. Data of Secrets are hidden.
#[must_use]
pub fn exact(plan: &Plan, request: &Request, helm: &Helm) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(&format!("# {}\n", words(step, request)));
        match step {
            Step::Load(command) => text.push_str(&format!("# {}\n", shell::line(command))),
            Step::Release(release, action) => {
                if *action != Action::Keep {
                    let file = format!("{}-values.yaml", release.name);
                    text.push_str(&format!("# {}\n", helm.line(&release.install(Path::new(&file)))));
                    text.push_str(&commented(&file, &yaml(&release.values)));
                }
            }
            Step::Namespace(object) | Step::Rules(object) => text.push_str(&document(object)),
            Step::Apply(objects) => text.extend(objects.iter().map(document)),
            Step::Clear(keys) | Step::Prune(keys) => text.extend(keys.iter().map(removal)),
            Step::Ready(_) | Step::Metric => {}
        }
    }
    text
}

/// The command that removes an object.
#[must_use]
pub fn removal(key: &Key) -> String {
    let mut words = vec!["kubectl", "delete", &key.kind, &key.name];
    if let Some(namespace) = &key.namespace {
        words.extend(["--namespace", namespace]);
    }
    format!("# {}\n", shell::line(words))
}

fn commented(file: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("#   {line}\n")).collect();
    format!("# {file}:\n{lines}")
}

/// An object as a YAML document.
#[must_use]
pub fn document(object: &Value) -> String {
    let mut shown = object.clone();
    if shown["kind"] == "Secret"
        && let Some(data) = shown["data"].as_object_mut()
    {
        let keys: BTreeMap<String, Value> = data.keys().map(|key| (key.clone(), HIDDEN.into())).collect();
        shown["data"] = Value::Object(keys.into_iter().collect());
    }
    format!("---\n{}", yaml(&shown))
}

fn yaml(value: &Value) -> String {
    match serde_saphyr::to_string(value) {
        Ok(text) if text.ends_with('\n') => text,
        Ok(text) => text + "\n",
        // JSON is YAML.
        Err(_error) => format!("{value}\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::parse;
    use crate::plan::tests::request;

    #[test]
    fn objects_are_counted_by_kind() {
        let objects = ["Service", "NetworkPolicy", "Service", "Secret", "NetworkPolicy"]
            .map(|kind| json!({"kind": kind}));
        assert_eq!(counted(&objects), "2 Services, 2 NetworkPolicies, Secret");
    }

    #[test]
    fn a_dry_run_is_yaml_without_secrets() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"password": "cGFzcw=="}});
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"},
                            "data": {"x": "a: |\n  b\n# c\n", "y": "on", "z": "1"}});
        let gone = Key {
            api_version: "v1".into(),
            kind: "Service".into(),
            namespace: Some("demo".into()),
            name: "old".into(),
        };
        let plan = Plan {
            steps: vec![Step::Apply(vec![secret, config.clone()]), Step::Prune(vec![gone]), Step::Metric],
            notes: Vec::new(),
        };
        let text = exact(&plan, &request(), &Helm::for_tests());
        assert!(!text.contains("cGFzcw"), "{text}");
        assert!(text.contains("# kubectl delete Service old --namespace demo\n"), "{text}");
        let read = parse(&text).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0]["data"]["password"], HIDDEN);
        assert_eq!(read[1], config);
    }
}
