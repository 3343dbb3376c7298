//! Consistent replacements for the names of clusters, namespaces, nodes and pods, and no free text.
//!
//! Names of HPAs, workloads, queues and metrics stay: a recording without them explains nothing. Images are only in free
//! text, which is dropped. A user's own marks stay, with the known names in them replaced.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::format::{Header, Line};

/// The kinds of names. A replacement begins with its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Cluster,
    Namespace,
    Node,
    Pod,
    Uid,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Uid => "uid",
        }
    }
}

/// The replacement for dropped text.
const DROPPED: &str = "redacted";

/// The keys of a KEDA trigger's metadata that stay: numbers and the queue.
const TRIGGER_KEYS: [&str; 7] = ["queueName", "useRegex", "value", "mode", "threshold", "type", "metricName"];

/// Replaces names. The same name always gets the same replacement.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    names: BTreeMap<(Class, String), String>,
    counts: BTreeMap<Class, usize>,
}

impl Redactor {
    fn name(&mut self, class: Class, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(known) = self.names.get(&(class, name.to_owned())) {
            return known.clone();
        }
        let count = self.counts.entry(class).or_default();
        *count += 1;
        let replaced = format!("{}-{count}", class.word());
        self.names.insert((class, name.to_owned()), replaced.clone());
        replaced
    }

    /// Replaces the text at a pointer, if there is one.
    fn at(&mut self, class: Class, value: &mut Value, pointer: &str) {
        if let Some(Value::String(name)) = value.pointer_mut(pointer) {
            *name = self.name(class, name);
        }
    }

    /// Replaces the known names in a text, the longest first.
    fn inside(&self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().map(|((_, name), replaced)| (name, replaced)).collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, (name, replaced)| text.replace(name.as_str(), replaced))
    }

    /// Redacts a header.
    pub fn header(&mut self, header: &mut Header) {
        header.redacted = true;
        header.target = header.target.as_ref().map(|target| self.name(Class::Cluster, target));
        if let Some(hpa) = &mut header.hpa {
            hpa.namespace = self.name(Class::Namespace, &hpa.namespace);
        }
    }

    /// Redacts a line.
    pub fn line(&mut self, line: &mut Line) {
        let value = &mut line.payload;
        match line.kind.as_str() {
            "target" => self.target(value),
            "hpa" => {
                each(value.pointer_mut("/conditions"), &mut |condition| drop_text(condition, &["/message"]));
            }
            "pods" => self.pods(value),
            "event" => {
                let kind = value.pointer("/object/0").and_then(Value::as_str).map(str::to_owned);
                match kind.as_deref() {
                    Some("Pod") => self.at(Class::Pod, value, "/object/1"),
                    Some("Node") => self.at(Class::Node, value, "/object/1"),
                    Some("Namespace") => self.at(Class::Namespace, value, "/object/1"),
                    _ => {}
                }
                drop_text(value, &["/message"]);
            }
            "readings" => each(value.get_mut("answers"), &mut |answer| self.answer(answer)),
            "usage" => self.answer(value),
            "scaledObject" => each(value.pointer_mut("/triggers"), &mut |trigger| {
                let Some(Value::Object(metadata)) = trigger.pointer_mut("/metadata") else { return };
                for (key, value) in metadata.iter_mut() {
                    if !TRIGGER_KEYS.contains(&key.as_str()) {
                        *value = DROPPED.into();
                    }
                }
            }),
            "source" => drop_text(value, &["/1/retrying/cause", "/1/unavailable"]),
            "burst" | "load" => {
                merge_causes(value);
                drop_text(value, &["/waiting", "/stopped"]);
            }
            "job" => {
                self.at(Class::Pod, value, "/pod");
                if let Some(Value::Object(event)) = value.pointer_mut("/event") {
                    event.remove("reason");
                    event.remove("traceparent");
                }
            }
            "log" | "logState" | "earlierLog" => {
                self.at(Class::Pod, value, "/pod");
                drop_text(value, &["/line", "/line/text", "/state/gap"]);
            }
            "killDone" => drop_text(value, &["/attempt", "/result/Ok", "/result/Err"]),
            "tune" => drop_deep(value, &["Err", "failed", "invalid"]),
            "doctor" => self.report(value),
            "doctorProgress" => {
                if let Some(report) = value.get_mut("report") {
                    self.report(report);
                }
            }
            "drill" => self.drill(value),
            "request" => {
                if let Some(Value::String(note)) = value.get_mut("mark") {
                    *note = self.inside(note);
                }
                self.at(Class::Pod, value, "/kill/name");
                self.at(Class::Uid, value, "/kill/uid");
                drop_text(value, &["/refused/why"]);
                if let Some(drill) = value.get_mut("drill") {
                    self.drill(drill);
                }
            }
            _ => {}
        }
    }

    fn target(&mut self, value: &mut Value) {
        self.at(Class::Cluster, value, "/chosen/title");
        self.at(Class::Namespace, value, "/chosen/namespace");
        drop_text(
            value,
            &[
                "/looking",
                "/chosen/reason",
                "/step/state/waiting",
                "/step/state/failed",
                "/failed/what",
                "/failed/advice",
            ],
        );
    }

    fn pods(&mut self, value: &mut Value) {
        let mut redact = |pod: &mut Value| {
            self.at(Class::Pod, pod, "/name");
            self.at(Class::Uid, pod, "/uid");
            self.at(Class::Pod, pod, "/calculated/name");
            self.at(Class::Node, pod, "/node");
        };
        each(value.get_mut("listed"), &mut redact);
        for change in ["applied", "deleted"] {
            if let Some(pod) = value.get_mut(change) {
                redact(pod);
            }
        }
    }

    /// The answer of a metrics API.
    fn answer(&mut self, answer: &mut Value) {
        drop_text(answer, &["/reading/Failed"]);
        for kind in ["/reading/Pods", "/reading/Resource"] {
            each(answer.pointer_mut(kind), &mut |pod| self.at(Class::Pod, pod, "/pod"));
        }
    }

    fn report(&mut self, report: &mut Value) {
        self.at(Class::Cluster, report, "/context");
        self.at(Class::Namespace, report, "/namespace");
        each(report.get_mut("findings"), &mut |finding| {
            drop_text(finding, &["/detail"]);
            if let Value::Object(finding) = finding {
                finding.insert("evidence".to_owned(), Value::Null);
                finding.insert("fix".to_owned(), Value::Null);
            }
        });
    }

    fn drill(&mut self, drill: &mut Value) {
        drop_deep(drill, &["Err"]);
        drop_text(drill, &["/failed/1"]);
        for pointer in ["/stopped/1/namespace", "/putBack/1/namespace", "/stop/1/namespace"] {
            self.at(Class::Namespace, drill, pointer);
        }
        each(drill.get_mut("found"), &mut |found| self.at(Class::Namespace, found, "/1/Ok/namespace"));
    }
}

fn each(list: Option<&mut Value>, act: &mut dyn FnMut(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(act);
}

/// Replaces the texts at these pointers, where there are any.
fn drop_text(value: &mut Value, pointers: &[&str]) {
    for pointer in pointers {
        if let Some(text) = value.pointer_mut(pointer).filter(|text| text.is_string()) {
            *text = DROPPED.into();
        }
    }
}

/// Replaces the texts below these keys, at any depth.
fn drop_deep(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| drop_deep(value, keys)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if keys.contains(&key.as_str()) => DROPPED.clone_into(text),
                    value => drop_deep(value, keys),
                }
            }
        }
        _ => {}
    }
}

/// The causes of failed requests are free text: their counts become one.
fn merge_causes(value: &mut Value) {
    let Some(Value::Object(failed)) = value.get_mut("failed") else { return };
    let sum: u64 = failed.values().filter_map(Value::as_u64).sum();
    let merged = (sum > 0).then(|| (DROPPED.to_owned(), Value::from(sum)));
    *failed = Map::from_iter(merged);
}
