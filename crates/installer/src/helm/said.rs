//! What helm's complaints mean to the person who gave the arguments.

use crate::chart;
use crate::failure::{Failure, Kind};
use crate::suggest;

/// What helm's words mean to the person who gave the arguments.
pub(super) fn failed(line: &str, said: &str) -> Failure {
    let said = readable(said);
    if said.contains("values don't meet the specifications of the schema") {
        let schema = chart::schema();
        let details = said.lines().filter(|line| line.starts_with("- "));
        let details: Vec<String> = details.map(|line| suggest::completed(line, &schema)).collect();
        let advice = "look at your --values and --set; the chart's README lists every value";
        return Failure::new(
            Kind::Usage,
            format!("the chart refuses these values:\n{}", details.join("\n")),
            advice,
        );
    }
    // What the chart's own checks refuse: the place in the template is of no use to whoever gave the value.
    if let Some((_, refusal)) =
        said.split_once("execution error at (").and_then(|(_, rest)| rest.split_once("): "))
    {
        return Failure::new(
            Kind::Usage,
            format!("the chart refuses these values:\n- {refusal}"),
            "look at your --values and --set; the chart's README lists every value",
        );
    }
    if said.contains("another operation (install/upgrade/rollback) is in progress") {
        let advice = "wait for the helm that still runs; if none does, a killed one left this: helm rollback or helm uninstall the release";
        return Failure::step(format!("{line}: {said}"), advice);
    }
    if said.contains("invalid ownership metadata") {
        let advice = "somebody else installed that: build on it with --skip-stack, or remove it first";
        return Failure::step(format!("{line}: {said}"), advice);
    }
    Failure::step(format!("{line}: {said}"), "")
}

/// Helm's standard error without what is only for its developers.
fn readable(said: &str) -> String {
    let lines = said.lines().map(str::trim_end).filter(|line| {
        !line.is_empty()
            && !line.starts_with("Use --debug")
            && !line.starts_with("level=")
            && !line.starts_with("WARNING:")
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = text.strip_prefix("Error: ").unwrap_or(&text).to_owned();
    if text.is_empty() { "it failed and said nothing".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_the_askers_business() {
        let said = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\n\
                    autoscaling-demo:\n- at '/hpa/maxReplicas': got string, want integer\n\n";
        let failure = failed("helm template", said);
        assert_eq!(failure.kind, Kind::Usage);
        assert_eq!(
            failure.what,
            "the chart refuses these values:\n- at '/hpa/maxReplicas': got string, want integer"
        );
        let said = said.replace(
            "'/hpa/maxReplicas': got string, want integer",
            "'/hpa': additional properties 'maxReplica' not allowed",
        );
        let failure = failed("helm template", &said);
        assert!(failure.what.ends_with("did you mean hpa.maxReplicas?"), "{failure}");
    }

    #[test]
    fn other_failures_are_passed_on_with_what_to_do() {
        for (said, what, advice) in [
            (
                "Error: execution error at (a/templates/x.yaml:1:4): 3 is more than 2\n\nUse --debug flag to render out invalid YAML",
                "the chart refuses these values:\n- 3 is more than 2",
                "--set",
            ),
            (
                "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm x: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
                "helm rollback",
            ),
            ("level=WARN msg=\"x\"\n", "helm x: it failed and said nothing", ""),
            (
                "Error: a exists and cannot be imported: invalid ownership metadata; b",
                "invalid ownership",
                "--skip-stack",
            ),
        ] {
            let failure = failed("helm x", said);
            assert!(failure.what.contains(what), "{failure:?}");
            assert!(failure.advice.contains(advice), "{failure:?}");
        }
    }
}
