//! A plan in words, for the user's consent, and as exact commands and objects, for `--dry-run`.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use text::command::Command;
use text::secret::HIDDEN;

use super::helm::Helm;
use super::hints;
use super::object::Key;
use super::plan::{Action, Plan, Step};
use super::request::Request;
use super::stack_values;
use super::upstream::Release;

/// The cause of the first failed write to standard output.
static FAILED_WRITE: OnceLock<String> = OnceLock::new();

/// Writes to standard output. The text is ours or cleaned. The program continues after a failure, and [`failed_write`] has
/// the cause.
pub fn say(text: &str) {
    let mut out = io::stdout();
    note_write(out.write_all(text.as_bytes()));
}

/// Flushes standard output after a write, and keeps the cause of the first failure. A closed pipe is none: its reader has seen
/// enough.
pub fn note_write(written: io::Result<()>) {
    if let Err(error) = written.and_then(|()| io::stdout().flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // Only the first cause is kept.
        let _known = FAILED_WRITE.set(error.to_string());
    }
}

/// The cause of the first failed write to standard output.
#[must_use]
pub fn failed_write() -> Option<&'static str> {
    FAILED_WRITE.get().map(String::as_str)
}

/// The steps in words, one a line.
#[must_use]
pub fn steps(plan: &Plan, request: &Request) -> Vec<String> {
    plan.steps.iter().map(|step| words(step, request)).collect()
}

fn words(step: &Step, request: &Request) -> String {
    match step {
        Step::Load(command) => format!("run {command}"),
        Step::Namespace(object) => format!("create namespace {}", Key::of(object).name),
        Step::Release(release, action) => {
            let Release { name, namespace, chart, version, .. } = release;
            let settings = stack_values::settings(&release.values);
            let with =
                if settings.is_empty() { String::new() } else { format!(", with {}", settings.join(", ")) };
            let what = format!("{chart} {version} (release {name} in namespace {namespace}{with})");
            match action {
                Action::Install => format!("install {what} with helm, and wait for its pods"),
                Action::Upgrade => format!("upgrade {what} with helm, and wait for its pods"),
                Action::Keep => format!("keep {what}, and wait for its pods"),
            }
        }
        Step::Rules(object) => format!("create the adapter's rules: {}", Key::of(object)),
        Step::Clear(keys) => format!("delete the autoscaler of the earlier profile: {}", list(keys)),
        Step::Apply(objects) => {
            format!(
                "apply {} objects in namespace {}: {}",
                objects.len(),
                request.namespace,
                counted(objects)
            )
        }
        Step::Prune(keys) => {
            format!("delete leftovers of an earlier surge up: {}", list(keys))
        }
        Step::Ready(keys) => format!("wait for the pods of {}", names(keys)),
        Step::Extra => "wait for parts that the metric does not need; a failed one is a warning".to_owned(),
        Step::Metric => "wait for the external metric, and for the autoscaler to read it".to_owned(),
    }
}

fn list(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn names(keys: &[Key]) -> String {
    keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The number of objects of each kind, in order of appearance: `2 Services, Deployment`.
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

/// The plan as YAML for `kubectl apply`, with all other steps as comments. Data of Secrets are hidden.
#[must_use]
pub fn exact(plan: &Plan, request: &Request, helm: &Helm) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(&format!("# {}\n", words(step, request)));
        match step {
            Step::Load(command) => text.push_str(&commented(command)),
            Step::Release(release, action) => {
                if *action != Action::Keep {
                    let file = format!("{}-values.yaml", release.name);
                    text.push_str(&commented(&helm.command(&release.install(Path::new(&file)))));
                    text.push_str(&format!("# {file}:\n"));
                    let values = yaml(&stack_values::without_secrets(&release.values));
                    text.extend(values.lines().map(|line| format!("#   {line}\n")));
                }
            }
            Step::Namespace(object) | Step::Rules(object) => text.push_str(&document(object)),
            Step::Apply(objects) => text.extend(objects.iter().map(document)),
            Step::Clear(keys) | Step::Prune(keys) => text.extend(keys.iter().map(deletion)),
            Step::Ready(_) | Step::Metric | Step::Extra => {}
        }
    }
    text
}

/// The command that deletes an object, as a comment.
#[must_use]
pub fn deletion(key: &Key) -> String {
    commented(&hints::on_object("delete", key))
}

/// A command as a comment, without credentials.
#[must_use]
pub fn commented(command: &Command) -> String {
    command.without_secrets().to_string().lines().map(|line| format!("# {line}\n")).collect()
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
        assert!(text.contains("# kubectl delete Service old -n demo\n"), "{text}");
        let read = parse(&text).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0]["data"]["password"], HIDDEN);
        assert_eq!(read[1], config);
    }
}
