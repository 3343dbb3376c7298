//! The user's values for the charts of the stack: given on the command line, and kept in the release for the next `surge up`.
//!
//! Helm merges them, so files and settings have helm's syntax. The release stores them below `global`, which every chart accepts
//! and no program reads.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};
use text::secret::{self, HIDDEN};

use super::chart::write_private;
use super::failure::{Failure, FailureKind};
use super::helm::Helm;
use super::stack_options::{Earlier, StackOptions};
use super::upstream::{Release, merge};

/// Time limit for merging.
const MERGE_TIMEOUT: Duration = Duration::from_secs(60);

/// The place of the kept values among those of a release.
const KEPT: (&str, &str) = ("global", "surge");

/// Adds the user's values to a release: those of earlier runs in `installed`, the values of the existing release, and those of the
/// command line.
///
/// # Errors
/// If helm rejects them.
pub async fn add(
    release: &mut Release,
    given: &StackOptions,
    installed: &Value,
    helm: &Helm,
) -> Result<(), Failure> {
    let earlier = match given.earlier {
        Earlier::Keep => kept(installed).cloned().unwrap_or_default(),
        Earlier::Reset => Map::new(),
    };
    let arguments = given.arguments(&release.chart);
    let values = if arguments.is_empty() {
        Value::Object(earlier)
    } else {
        merged(helm, &Value::Object(earlier), arguments).await.map_err(|mut failure| {
            if failure.kind == FailureKind::Step {
                failure.kind = FailureKind::Usage;
                failure.advice = "check --stack-values and --stack-set".to_owned();
            }
            failure
        })?
    };
    if values.as_object().is_some_and(|values| !values.is_empty()) {
        merge(&mut release.values, values.clone());
        merge(&mut release.values, json!({KEPT.0: {KEPT.1: values}}));
    }
    Ok(())
}

/// The user's values in those of a release.
fn kept(values: &Value) -> Option<&Map<String, Value>> {
    values.get(KEPT.0)?.get(KEPT.1)?.as_object()
}

/// The user's values of a release as settings, such as `grafana.enabled=false`, without secrets.
#[must_use]
pub fn settings(values: &Value) -> Vec<String> {
    let mut settings = Vec::new();
    for (name, value) in kept(&without_secrets(values)).into_iter().flatten() {
        flatten(&name.replace('.', "\\."), value, &mut settings);
    }
    settings
}

fn flatten(name: &str, value: &Value, settings: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                flatten(&format!("{name}.{}", field.replace('.', "\\.")), value, settings);
            }
        }
        Value::String(text) => settings.push(format!("{name}={text}")),
        other => settings.push(format!("{name}={other}")),
    }
}

/// Values of a chart without secrets: those with such names, and credentials in URLs.
#[must_use]
pub fn without_secrets(values: &Value) -> Value {
    match values {
        Value::Object(fields) => {
            let shown = |(name, value): (&String, &Value)| {
                let is_text = matches!(value, Value::String(text) if !text.is_empty()) || value.is_number();
                let hidden = is_text && secret::is_secret_name(name);
                (name.clone(), if hidden { HIDDEN.into() } else { without_secrets(value) })
            };
            Value::Object(fields.iter().map(shown).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        Value::String(text) => secret::hide(text).into(),
        other => other.clone(),
    }
}

/// Values merged by helm: it renders a chart that prints them.
async fn merged(helm: &Helm, earlier: &Value, arguments: Vec<String>) -> Result<Value, Failure> {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::step(format!("creating a temporary folder failed: {error}"), "check TMPDIR")
    })?;
    let file = folder.path().join("earlier.json");
    write_printer(folder.path())
        .and_then(|()| write_private(&file, earlier))
        .map_err(|error| Failure::step(format!("writing values failed: {error}"), "check TMPDIR"))?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = ["template", "values"].map(str::to_owned).to_vec();
    words.extend([text(folder.path()), "--values".to_owned(), text(&file)]);
    words.extend(arguments);
    let printed = helm.run(&words, MERGE_TIMEOUT).await?;
    let line = printed.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(line)
        .map_err(|error| Failure::step(format!("helm printed invalid values: {error}"), ""))
}

/// Writes a chart whose only template prints its values.
fn write_printer(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: values\nversion: 0.0.0\n")?;
    std::fs::create_dir(folder.join("templates"))?;
    std::fs::write(folder.join("templates/values.yaml"), "{{ .Values | toJson }}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_values_are_hidden() {
        let values = json!({"grafana": {"adminPassword": "geheim", "adminUser": "me", "existingSecret": "s"},
                            "remoteWrite": [{"url": "https://me:geheim@h/w", "token": 7}], "password": ""});
        let expected = json!({"grafana": {"adminPassword": HIDDEN, "adminUser": "me", "existingSecret": "s"},
                              "remoteWrite": [{"url": "https://(hidden)@h/w", "token": HIDDEN}], "password": ""});
        assert_eq!(without_secrets(&values), expected);
    }

    #[test]
    fn kept_values_are_settings_without_secrets() {
        let values = json!({"grafana": {"enabled": true}, "global": {"surge": {
            "grafana": {"enabled": false, "adminPassword": "geheim"}, "a.b": [1], "n": null, "e": {}}}});
        assert_eq!(
            settings(&values),
            ["a\\.b=[1]", "e={}", "grafana.adminPassword=(hidden)", "grafana.enabled=false", "n=null"]
        );
        assert_eq!(settings(&json!({"grafana": {"enabled": true}, "global": {"x": 1}})), [""; 0]);
    }

    #[tokio::test]
    async fn earlier_values_stay_unless_they_are_reset() {
        let installed = json!({"global": {"surge": {"grafana": {"enabled": false}}}});
        for (earlier, enabled) in [(Earlier::Keep, false), (Earlier::Reset, true)] {
            let mut release = crate::plan::tests::release("kube-prometheus-stack");
            release.values = json!({"grafana": {"enabled": true}});
            let given = StackOptions { earlier, ..StackOptions::default() };
            add(&mut release, &given, &installed, &Helm::for_tests()).await.unwrap();
            assert_eq!(release.values["grafana"]["enabled"], enabled);
            assert_eq!(kept(&release.values).is_some(), !enabled);
        }
    }
}
