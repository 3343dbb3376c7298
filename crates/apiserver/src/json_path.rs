//! The JSONPath of `additionalPrinterColumns`: fields, indices, wildcards and equality filters.
//!
//! Source: `k8s.io/client-go/util/jsonpath`; ranges, unions and recursive descent are not supported.

use serde_json::Value;

/// Returns the values at a path such as `.status.conditions[?(@.type=="Ready")].status`.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    let mut rest = path;
    while let Some((step, after)) = next_step(rest) {
        found = found.into_iter().flat_map(|value| apply(value, &step)).collect();
        rest = after;
    }
    if rest.is_empty() { found } else { Vec::new() }
}

enum Step {
    Field(String),
    Index(i64),
    All,
    /// The path and the value of a filter `[?(@.path=="value")]`.
    Equals(String, Value),
}

/// Splits the first step off a path; `None` at the end or at unsupported syntax.
fn next_step(path: &str) -> Option<(Step, &str)> {
    if let Some(rest) = path.strip_prefix('[') {
        // A filter ends with `)]`, because its value can contain brackets.
        let end = if rest.starts_with('?') { rest.find(")]")? + 1 } else { rest.find(']')? };
        let (inner, after) = (&rest[..end], &rest[end + 1..]);
        let quoted = |quote: char| inner.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        let step = if inner == "*" {
            Step::All
        } else if let Some(name) = quoted('\'').or_else(|| quoted('"')) {
            Step::Field(name.to_owned())
        } else if let Some(filter) = inner.strip_prefix("?(@").and_then(|text| text.strip_suffix(')')) {
            let (path, wanted) = filter.split_once("==")?;
            let wanted = wanted.trim().replace('\'', "\"");
            Step::Equals(path.trim().to_owned(), serde_json::from_str(&wanted).ok()?)
        } else {
            Step::Index(inner.parse().ok()?)
        };
        return Some((step, after));
    }
    let rest = path.strip_prefix('.')?;
    let (mut name, mut end, mut escaped) = (String::new(), rest.len(), false);
    for (at, c) in rest.char_indices() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '.' | '[' if !escaped => {
                end = at;
                break;
            }
            c => name.push(c),
        }
        escaped = false;
    }
    let step = if name == "*" { Step::All } else { Step::Field(name) };
    Some((step, &rest[end..]))
}

fn apply<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    let items = || value.as_array().into_iter().flatten();
    match step {
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => {
            let length = value.as_array().map_or(0, Vec::len);
            let index =
                usize::try_from(*index).ok().or_else(|| length.checked_sub(index.unsigned_abs() as usize));
            index.and_then(|index| value.get(index)).into_iter().collect()
        }
        Step::All => items().chain(value.as_object().into_iter().flat_map(|map| map.values())).collect(),
        Step::Equals(path, wanted) => items().filter(|item| find(item, path).contains(&wanted)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_values() {
        let object = json!({"spec": {"a": 1, "list": [{"n": "x"}, {"n": "y"}]}, "metadata": {"annotations": {"a.b/c": "d"}},
            "status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}});
        for (path, wanted) in [
            (".spec.a", json!([1])),
            (".spec.list[1].n", json!(["y"])),
            (".spec.list[-1].n", json!(["y"])),
            (".spec.list[*].n", json!(["x", "y"])),
            (r".metadata.annotations.a\.b/c", json!(["d"])),
            (".metadata.annotations['a.b/c']", json!(["d"])),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (".status.conditions[?(@.type=='Ready')].status", json!(["True"])),
            (".spec.absent.a", json!([])),
            (".spec.list[-3]", json!([])),
            ("spec", json!([])),
            (".spec[", json!([])),
        ] {
            let found: Vec<Value> = find(&object, path).into_iter().cloned().collect();
            assert_eq!(Value::from(found), wanted, "{path}");
        }
    }
}
