//! Suggestions for unknown names of values: similar names of the chart's schema.

use serde_json::Value;

/// Least similarity of a suggestion, from 0 to 1 (equal).
const MIN_SIMILARITY: f64 = 0.6;

/// A line of helm's schema error, with suggestions if it rejects a name.
#[must_use]
pub(super) fn completed(line: &str, schema: &Value) -> String {
    let Some((path, names)) = unknown_names(line) else { return line.to_owned() };
    let similar: Vec<String> = names.iter().flat_map(|name| suggestions(schema, &path, name)).collect();
    if similar.is_empty() {
        return line.to_owned();
    }
    format!("{line}; did you mean {}?", similar.join(" or "))
}

/// The path and the unknown names in a schema error of helm 4 or helm 3.
fn unknown_names(line: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let message = line.strip_prefix("- ")?;
    if let Some((path, rest)) =
        message.strip_prefix("at '").and_then(|rest| rest.split_once("': additional properties "))
    {
        let names = rest.strip_suffix(" not allowed")?;
        let names = names.split(", ").map(|name| name.trim_matches('\'')).collect();
        return Some((path.split('/').filter(|part| !part.is_empty()).collect(), names));
    }
    let (path, rest) = message.split_once(": Additional property ")?;
    let name = rest.strip_suffix(" is not allowed")?;
    Some((path.split('.').filter(|part| *part != "(root)").collect(), vec![name]))
}

/// The most similar name at the same path, else the same name at other paths.
fn suggestions(schema: &Value, path: &[&str], name: &str) -> Vec<String> {
    let here = path.iter().try_fold(schema, |at, part| match at["properties"].get(part) {
        Some(field) => Some(field),
        None => at.get("items"),
    });
    let siblings = here.and_then(|here| here["properties"].as_object()).into_iter().flatten();
    let nearest = siblings
        .map(|(known, _)| (strsim::normalized_damerau_levenshtein(name, known), known))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    if let Some((_, known)) = nearest {
        return vec![path.iter().copied().chain([known.as_str()]).collect::<Vec<_>>().join(".")];
    }
    let mut found = Vec::new();
    same_name(schema, "", name, &mut found);
    found
}

/// Adds the paths of all values with that name to `found`.
fn same_name(schema: &Value, above: &str, name: &str, found: &mut Vec<String>) {
    for (known, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{above}{known}");
        if known == name {
            found.push(path.clone());
        }
        same_name(field, &format!("{path}."), name, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundled;

    #[test]
    fn similar_names_are_suggested() {
        let schema = bundled::schema();
        for (line, expected) in [
            ("- at '/hpa': additional properties 'maxReplica' not allowed", Some("hpa.maxReplicas")),
            ("- at '': additional properties 'hap' not allowed", Some("hpa")),
            ("- at '': additional properties 'maxReplicas' not allowed", Some("hpa.maxReplicas")),
            ("- at '/rabbitmq': additional properties 'size' not allowed", Some("rabbitmq.persistence.size")),
            (
                "- at '/worker': additional properties 'workduration', 'prefetsch' not allowed",
                Some("worker.workDuration or worker.prefetch"),
            ),
            ("- at '/rbac/viewers/0': additional properties 'nmae' not allowed", Some("rbac.viewers.0.name")),
            ("- hpa: Additional property minReplica is not allowed", Some("hpa.minReplicas")),
            ("- (root): Additional property worke is not allowed", Some("worker")),
            ("- at '/hpa': additional properties 'colour' not allowed", None),
            ("- at '/hpa/maxReplicas': got string, want integer", None),
        ] {
            let expected =
                expected.map_or_else(|| line.to_owned(), |name| format!("{line}; did you mean {name}?"));
            assert_eq!(completed(line, &schema), expected);
        }
    }
}
