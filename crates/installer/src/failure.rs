//! Failures of a command: the step, the cause and the fix. The kind decides the exit code.

use std::fmt;

use cluster::connect::ConnectError;
use cluster::errors;
use text::{clean, secret};

/// The kind of a failure, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Invalid arguments or values; nothing was tried.
    Usage,
    /// The cluster is not reachable.
    Unreachable,
    /// A step failed or is not possible.
    Step,
    /// A signal stopped the command.
    Stopped,
}

impl FailureKind {
    /// The exit code of the process. For [`Self::Stopped`] the signal decides it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Step => 4,
            Self::Stopped => 130,
        }
    }
}

/// A failure, as sentences. The texts are cleaned for a terminal, and without credentials in URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// The step and the cause. Lines after the first are details.
    pub what: String,
    /// The fix, a line each; may be empty.
    pub advice: String,
}

/// The fix for a server that does not answer.
const CHECK_CLUSTER: &str = "check that the cluster runs and is reachable";

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self { kind, what: lines(what.as_ref()), advice: lines(advice.as_ref()) }
    }

    /// A failed step.
    pub fn step(what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Step, what, advice)
    }

    /// Invalid arguments.
    pub fn usage(what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self::new(FailureKind::Usage, what, advice)
    }

    /// The end after a signal.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(FailureKind::Stopped, "stopped by a signal", "")
    }

    /// Appends to the cause.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        self.what.push_str(&lines(more));
        self
    }

    /// Names the failed step, and appends a line to the advice.
    #[must_use]
    pub fn in_step(mut self, title: &str, advice: &str) -> Self {
        self.what = format!("step \"{title}\" failed: {}", self.what);
        let separator = if self.advice.is_empty() { "" } else { "\n" };
        self.advice = format!("{}{separator}{}", self.advice, lines(advice));
        self
    }

    /// The API's answer to the request `what`.
    #[must_use]
    pub fn api(what: &str, error: &kube::Error) -> Self {
        let cause = errors::kube(error);
        if errors::is_unreachable(error) {
            return Self::new(
                FailureKind::Unreachable,
                format!("{what}: no answer from the API server: {cause}"),
                CHECK_CLUSTER,
            );
        }
        let advice = if cause.contains("being terminated") {
            "wait until the namespace is gone: kubectl get namespaces"
        } else if cause.contains("updates to statefulset spec") {
            "the volumes of a StatefulSet cannot change: run surge down, then this command again"
        } else if errors::is_forbidden(error) {
            "ask for that right, or choose another user with --context NAME"
        } else {
            ""
        };
        Self::step(format!("{what}: {cause}"), advice)
    }

    /// A request without an answer within `timeout`.
    #[must_use]
    pub fn late(what: &str, timeout: std::time::Duration) -> Self {
        Self::new(FailureKind::Unreachable, format!("{what}: no answer within {timeout:?}"), CHECK_CLUSTER)
    }
}

/// Cleans each line of a text.
fn lines(text: &str) -> String {
    text.trim_end().split('\n').map(|line| clean::text(&secret::hide(line))).collect::<Vec<_>>().join("\n")
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(FailureKind::Unreachable, error.what, error.advice)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.advice.is_empty() {
            write!(f, "\nadvice: {}", self.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16) -> kube::Error {
        let status =
            serde_json::json!({"status": "Failure", "code": code, "message": "no\u{1b}[2J", "reason": "R"});
        kube::Error::Api(serde_json::from_value(status).unwrap())
    }

    #[test]
    fn exit_codes_are_fixed() {
        use FailureKind::{Step, Stopped, Unreachable, Usage};
        assert_eq!([Usage, Unreachable, Step, Stopped].map(FailureKind::exit_code), [2, 3, 4, 130]);
    }

    #[test]
    fn api_errors_are_cleaned_and_missing_rights_have_advice() {
        let failure = Failure::api("applying Service x", &api(403));
        assert_eq!(
            (failure.kind, failure.what.as_str()),
            (FailureKind::Step, "applying Service x: no[2J (403)")
        );
        assert!(failure.advice.contains("right"), "{failure:?}");
        assert_eq!(Failure::api("x", &api(500)).advice, "");
    }

    #[test]
    fn details_keep_their_lines() {
        assert_eq!(Failure::step("a:\n- b\u{7}\n", "c").to_string(), "a:\n- b\nadvice: c");
        let failure = Failure::step("a https://me:pw@h/c", "b").in_step("s", "c https://me:pw@h");
        assert!(!failure.to_string().contains("pw"), "{failure}");
        let failure = Failure::step("a", "b").in_step("s", "c");
        assert_eq!((failure.what.as_str(), failure.advice.as_str()), ("step \"s\" failed: a", "b\nc"));
    }
}
