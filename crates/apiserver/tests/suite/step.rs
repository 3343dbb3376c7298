//! One request of the suite with the response of a real Kubernetes, and the files that contain them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request and the response of a real API server.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    /// Name, unique in its file; README.md refers to it.
    pub(crate) name: String,
    /// HTTP method. `TUNNEL` is a port-forward to `POD:PORT`, which sends the body.
    pub(crate) method: String,
    /// Path, with `${NAME}` for a value that an earlier step kept.
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) accept: Option<String>,
    #[serde(default)]
    pub(crate) content_type: Option<String>,
    /// Body; a text is sent unchanged.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Number of lines to read from an endless response, such as a watch.
    #[serde(default)]
    pub(crate) lines: Option<usize>,
    /// Values to keep for later steps: a name and a JSON pointer.
    #[serde(default)]
    pub(crate) keep: Map<String, Value>,
    /// JSON pointers of values that controllers write or that depend on the machine.
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    /// Repeats the request until the response contains this: a JSON pointer and a value.
    #[serde(default)]
    pub(crate) until: Option<(String, Value)>,
    /// The response is that of a server that has compacted its first versions, as each does within minutes.
    #[serde(default)]
    pub(crate) compacted: bool,
    #[serde(default)]
    pub(crate) real: Answer,
}

/// The response of a server, without its variable parts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// The body: JSON or a text; the list of lines for a step with `lines`.
    #[serde(default)]
    pub(crate) body: Value,
}

/// A file of steps, in order.
pub(crate) struct File {
    pub(crate) name: &'static str,
    text: &'static str,
}

/// The suite.
pub(crate) const FILES: [File; 5] = [
    File { name: "objects", text: include_str!("data/objects.json") },
    File { name: "kinds", text: include_str!("data/kinds.json") },
    File { name: "answers", text: include_str!("data/answers.json") },
    File { name: "streams", text: include_str!("data/streams.json") },
    File { name: "pods", text: include_str!("data/pods.json") },
];

impl File {
    /// Returns the steps of the file.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let steps: Vec<Step> = serde_json::from_str(self.text)
            .unwrap_or_else(|error| panic!("data/{}.json: {error}", self.name));
        for (index, step) in steps.iter().enumerate() {
            let twice = steps[..index].iter().any(|other| other.name == step.name);
            assert!(!twice, "data/{}.json: two steps are called {:?}", self.name, step.name);
        }
        steps
    }

    /// Returns the text of the file with new responses, one line for each step.
    pub(crate) fn with_answers(&self, answers: &[Answer]) -> String {
        let steps: Vec<Value> = serde_json::from_str(self.text).unwrap();
        let lines: Vec<String> = steps
            .into_iter()
            .zip(answers)
            .map(|(mut step, answer)| {
                step["real"] = serde_json::to_value(answer).unwrap();
                step.to_string()
            })
            .collect();
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}
