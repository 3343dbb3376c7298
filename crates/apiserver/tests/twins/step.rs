//! One request of the suite with what a real Kubernetes answered, and the files that hold them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request and the answer of a real API server.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    /// Unique in its file; README.md names differences by it.
    pub(crate) name: String,
    /// `TUNNEL` stands for a port-forward: to `POD:PORT`, sending the body.
    pub(crate) method: String,
    /// With `${NAME}` for what an earlier step kept.
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) accept: Option<String>,
    #[serde(default)]
    pub(crate) content_type: Option<String>,
    /// A text is sent as it is.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// Lines to read from an answer that does not end by itself, such as a watch.
    #[serde(default)]
    pub(crate) lines: Option<usize>,
    /// What later steps need of the answer: a name and a JSON pointer.
    #[serde(default)]
    pub(crate) keep: Map<String, Value>,
    /// JSON pointers of what is not the API server's: controllers write it, or it is the machine's.
    #[serde(default)]
    pub(crate) ignore: Vec<String>,
    /// Asks again until this is in the answer: a JSON pointer and a value.
    #[serde(default)]
    pub(crate) until: Option<(String, Value)>,
    /// The answer is that of a server which has forgotten its first versions, as each does within minutes of its start.
    #[serde(default)]
    pub(crate) compacted: bool,
    #[serde(default)]
    pub(crate) real: Answer,
}

/// What a server answered, without what differs from run to run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
    /// The body: JSON, or a text; for a step with `lines` the list of them.
    #[serde(default)]
    pub(crate) body: Value,
}

/// A file of steps, in their order.
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
    /// The steps of the file.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let steps: Vec<Step> = serde_json::from_str(self.text)
            .unwrap_or_else(|error| panic!("data/{}.json: {error}", self.name));
        for (index, step) in steps.iter().enumerate() {
            let twice = steps[..index].iter().any(|other| other.name == step.name);
            assert!(!twice, "data/{}.json: two steps are called {:?}", self.name, step.name);
        }
        steps
    }

    /// The file's text with other answers, a line each step.
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
