//! Errors of helm, as failures with advice.

use crate::bundled;
use crate::failure::{Failure, FailureKind};
use crate::helm::suggest;

/// The fix for values that the chart rejects.
const CHECK_VALUES: &str = "check --values and --set; the chart's README lists every value";

/// The failure of the command `line`, which wrote `stderr`.
pub(super) fn failed(line: &str, stderr: &str) -> Failure {
    let cause = readable(stderr);
    if cause.contains("values don't meet the specifications of the schema") {
        let schema = bundled::schema();
        let details = cause.lines().filter(|line| line.starts_with("- "));
        let details: Vec<String> = details.map(|line| suggest::completed(line, &schema)).collect();
        return rejected(&details.join("\n"));
    }
    // A check in the chart's templates. The place in the template does not help the user.
    if let Some((_, refusal)) =
        cause.split_once("execution error at (").and_then(|(_, rest)| rest.split_once("): "))
    {
        return rejected(&format!("- {refusal}"));
    }
    let advice = if cause.contains("another operation (install/upgrade/rollback) is in progress") {
        "wait for the other helm; if none runs, helm rollback or helm uninstall the release"
    } else if cause.contains("invalid ownership metadata") {
        "surge up did not install it: use --skip-stack, or remove it first"
    } else {
        ""
    };
    Failure::step(format!("{line}: {cause}"), advice)
}

fn rejected(details: &str) -> Failure {
    Failure::new(FailureKind::Usage, format!("the chart rejects these values:\n{details}"), CHECK_VALUES)
}

/// Helm's standard error without the lines for its developers.
fn readable(stderr: &str) -> String {
    let lines = stderr.lines().map(str::trim_end).filter(|line| {
        !line.is_empty()
            && !line.starts_with("Use --debug")
            && !line.starts_with("level=")
            && !line.starts_with("WARNING:")
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.strip_prefix("Error: ").unwrap_or(&text).to_owned();
    if text.is_empty() { "it failed without a message".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_are_usage_errors() {
        let stderr = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n\
                      autoscaling-demo:\n- at '/hpa/maxReplicas': got string, want integer\n\n";
        let failure = failed("helm template", stderr);
        assert_eq!(failure.kind, FailureKind::Usage);
        assert_eq!(
            failure.what,
            "the chart rejects these values:\n- at '/hpa/maxReplicas': got string, want integer"
        );
        let stderr = stderr.replace(
            "'/hpa/maxReplicas': got string, want integer",
            "'/hpa': additional properties 'maxReplica' not allowed",
        );
        let failure = failed("helm template", &stderr);
        assert!(failure.what.ends_with("did you mean hpa.maxReplicas?"), "{failure}");
    }

    #[test]
    fn other_errors_keep_helms_message() {
        for (stderr, what, advice) in [
            (
                "Error: execution error at (a/templates/x.yaml:1:4): 3 is more than 2\n\nUse --debug flag to render out invalid YAML",
                "the chart rejects these values:\n- 3 is more than 2",
                "--set",
            ),
            (
                "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm x: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm rollback",
            ),
            ("level=WARN msg=\"x\"\n", "helm x: it failed without a message", ""),
            (
                "Error: a exists and cannot be imported: invalid ownership metadata; b",
                "invalid ownership",
                "--skip-stack",
            ),
        ] {
            let failure = failed("helm x", stderr);
            assert!(failure.what.contains(what), "{failure:?}");
            assert!(failure.advice.contains(advice), "{failure:?}");
        }
    }
}
