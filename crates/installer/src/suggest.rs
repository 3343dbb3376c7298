//! "Did you mean": the names of values that the chart's schema knows, beside one that it does not.

use serde_json::Value;

/// How alike two names must be to be a slip of the fingers; 1 is the same.
const ALIKE: f64 = 0.6;

/// A line of helm's complaint, with the values that may have been meant where it refuses a name.
#[must_use]
pub fn completed(line: &str, schema: &Value) -> String {
    let Some((path, names)) = refused(line) else { return line.to_owned() };
    let meant: Vec<String> = names.iter().flat_map(|name| meant(schema, &path, name)).collect();
    if meant.is_empty() { line.to_owned() } else { format!("{line}; did you mean {}?", meant.join(" or ")) }
}

/// Where a complaint stands in the values, and the names that it refuses; in the words of helm 4 and of helm 3.
fn refused(line: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let said = line.strip_prefix("- ")?;
    if let Some((path, rest)) =
        said.strip_prefix("at '").and_then(|said| said.split_once("': additional properties "))
    {
        let names = rest.strip_suffix(" not allowed")?;
        let names = names.split(", ").map(|name| name.trim_matches('\'')).collect();
        return Some((path.split('/').filter(|part| !part.is_empty()).collect(), names));
    }
    let (path, rest) = said.split_once(": Additional property ")?;
    let name = rest.strip_suffix(" is not allowed")?;
    Some((path.split('.').filter(|part| *part != "(root)").collect(), vec![name]))
}

/// The value that may have been meant: the nearest name at the same place, else the same name elsewhere.
fn meant(schema: &Value, path: &[&str], name: &str) -> Vec<String> {
    let here = path.iter().try_fold(schema, |at, part| match at["properties"].get(part) {
        Some(field) => Some(field),
        None => at.get("items"),
    });
    let siblings = here.and_then(|here| here["properties"].as_object()).into_iter().flatten();
    let nearest = siblings
        .map(|(known, _)| (strsim::normalized_damerau_levenshtein(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right));
    if let Some((_, known)) = nearest {
        return vec![path.iter().copied().chain([known.as_str()]).collect::<Vec<_>>().join(".")];
    }
    let mut elsewhere = Vec::new();
    same_name(schema, "", name, &mut elsewhere);
    elsewhere
}

/// The places at which the schema has a value of that name.
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
    use crate::chart;

    #[test]
    fn the_name_that_was_meant_is_found_where_it_is() {
        let schema = chart::schema();
        for (said, expected) in [
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
                expected.map_or_else(|| said.to_owned(), |meant| format!("{said}; did you mean {meant}?"));
            assert_eq!(completed(said, &schema), expected);
        }
    }
}
