//! Why a command ended before its end: what was tried, what came back, and what to do. The kind decides the exit code.

use std::fmt;

use super::again::Change;
use cluster::connect::ConnectError;
use cluster::errors;
use text::clean;

/// What a failure means to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Arguments or values are of no use; nothing was tried.
    Usage,
    /// The cluster cannot be reached.
    Unreachable,
    /// A step failed, or cannot be done.
    Step,
    /// A signal asked for the end.
    Stopped,
}

impl Kind {
    /// The exit code of the process; a signal's is known to whoever caught it.
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

/// A failure, in sentences. The texts are clean: they may be written to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means to a script.
    pub kind: Kind,
    /// What was tried, on what, and what came back; the lines after the first are details.
    pub what: String,
    /// What to do about it; may be empty.
    pub advice: String,
    /// What has to change in the command before it is given again.
    pub change: Change,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: Kind, what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self { kind, what: lines(what.as_ref()), advice: lines(advice.as_ref()), change: Change::Nothing }
    }

    /// A step that failed.
    pub fn step(what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self::new(Kind::Step, what, advice)
    }

    /// Arguments of no use.
    pub fn usage(what: impl AsRef<str>, advice: impl AsRef<str>) -> Self {
        Self::new(Kind::Usage, what, advice)
    }

    /// The end that a signal asked for.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(Kind::Stopped, "stopped by a signal", "")
    }

    /// The failure with more about what came back.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        self.what.push_str(&lines(more));
        self
    }

    /// The failure with what has to change in the command before it is given again.
    #[must_use]
    pub fn changing(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    /// What the API said when `what` was tried.
    #[must_use]
    pub fn api(what: &str, error: &kube::Error) -> Self {
        let said = errors::kube(error);
        if errors::is_unreachable(error) {
            let advice = "see that the cluster runs and can be reached from here";
            return Self::new(
                Kind::Unreachable,
                format!("{what}: no answer from the API server: {said}"),
                advice,
            );
        }
        let advice = if said.contains("being terminated") {
            "wait until the namespace is gone: kubectl get namespaces"
        } else if said.contains("updates to statefulset spec") {
            "a StatefulSet's volumes cannot be changed in place: surge down, then this command again"
        } else if errors::is_forbidden(error) {
            "ask for that right, or choose another user with --context NAME"
        } else {
            ""
        };
        Self::step(format!("{what}: {said}"), advice)
    }

    /// No answer within the time that a question may take.
    #[must_use]
    pub fn late(what: &str, within: std::time::Duration) -> Self {
        let advice = "see that the cluster runs and can be reached from here";
        Self::new(Kind::Unreachable, format!("{what}: no answer within {within:?}"), advice)
    }
}

/// Every line of a text made harmless; empty ones go.
fn lines(text: &str) -> String {
    let clean: Vec<String> = text.lines().map(clean::text).filter(|line| !line.trim().is_empty()).collect();
    clean.join("\n")
}

impl From<ConnectError> for Failure {
    fn from(obstacle: ConnectError) -> Self {
        Self::new(Kind::Unreachable, obstacle.what, obstacle.advice)
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
    fn exit_codes_are_those_of_the_manual() {
        let codes = [Kind::Usage, Kind::Unreachable, Kind::Step, Kind::Stopped].map(Kind::exit_code);
        assert_eq!(codes, [2, 3, 4, 130]);
    }

    #[test]
    fn what_a_server_says_is_clean_and_a_missing_right_has_advice() {
        let failure = Failure::api("applying Service x", &api(403));
        assert_eq!((failure.kind, failure.what.as_str()), (Kind::Step, "applying Service x: no[2J (403)"));
        assert!(failure.advice.contains("right"), "{failure:?}");
        assert_eq!(Failure::api("x", &api(500)).advice, "");
    }

    #[test]
    fn details_keep_their_lines() {
        assert_eq!(Failure::step("a:\n\n- b\u{7}\n", "c").to_string(), "a:\n- b\nadvice: c");
    }
}
