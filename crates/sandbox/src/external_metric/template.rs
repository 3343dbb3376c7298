//! The adapter's templates: Go's `text/template` with `<<` and `>>`, as far as rules use it.

use std::collections::BTreeMap;

/// What a metrics query may name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Values {
    /// Name of the series.
    pub(super) series: String,
    /// Label matchers, joined by commas.
    pub(super) label_matchers: String,
    /// What each label is asked to be; several values are joined by `|`.
    pub(super) label_values: BTreeMap<String, String>,
}

/// Renders a metrics query.
pub(super) fn query(template: &str, values: &Values) -> Result<String, String> {
    render(template, |action| match action {
        ".Series" => Ok(values.series.clone()),
        ".LabelMatchers" => Ok(values.label_matchers.clone()),
        // Nothing is grouped by in external metrics.
        ".GroupBy" => Ok(String::new()),
        _ => {
            let label = action
                .strip_prefix("index")
                .map(str::trim_start)
                .and_then(|rest| rest.strip_prefix(".LabelValuesByName"))
                .map(str::trim)
                .and_then(|rest| rest.strip_prefix('"')?.strip_suffix('"'));
            let Some(label) = label else { return Err(unknown(action)) };
            // A missing key of a Go map of strings is the empty string.
            Ok(values.label_values.get(label).cloned().unwrap_or_default())
        }
    })
}

/// Renders `resources.template` for a resource of the core group.
pub(super) fn resource_label(template: &str, resource: &str) -> Result<String, String> {
    render(template, |action| match action {
        ".Resource" => Ok(resource.to_owned()),
        ".Group" => Ok(String::new()),
        _ => Err(unknown(action)),
    })
}

fn unknown(action: &str) -> String {
    format!(
        "the template action <<{action}>> is not known here: use .Series, .LabelMatchers, .GroupBy or \
         index .LabelValuesByName \"LABEL\""
    )
}

fn render(template: &str, action: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut rendered = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("<<") {
        let (inside, behind) =
            after.split_once(">>").ok_or_else(|| format!("a template action is not closed: <<{after}"))?;
        rendered.push_str(before);
        rendered.push_str(&action(inside.trim())?);
        rest = behind;
    }
    rendered.push_str(rest);
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_query() {
        let values = Values {
            series: "messages".into(),
            label_matchers: r#"queue="Orders",namespace="demo""#.into(),
            label_values: BTreeMap::from([("namespace".into(), "demo".into())]),
        };
        let template = r#"sum(<<.Series>>{<< .LabelMatchers >>,vhost="/"}) by (<<.GroupBy>>) or 0 * max(up{namespace="<<index .LabelValuesByName "namespace">>"} == 1)"#;
        assert_eq!(
            query(template, &values).unwrap(),
            r#"sum(messages{queue="Orders",namespace="demo",vhost="/"}) by () or 0 * max(up{namespace="demo"} == 1)"#
        );
        assert_eq!(query(r#"<<index .LabelValuesByName "other">>."#, &values).unwrap(), ".");
        assert_eq!(query("plain", &values).unwrap(), "plain");
    }

    #[test]
    fn labels_of_resources() {
        assert_eq!(resource_label("kube_<<.Resource>>", "namespace").unwrap(), "kube_namespace");
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for template in ["<<.Nothing>>", "<<range .X>>", "a <<.Series"] {
            assert!(query(template, &Values::default()).is_err(), "{template}");
        }
    }
}
