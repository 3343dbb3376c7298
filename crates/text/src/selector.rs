//! Label selectors in the messages of controllers, which print them in Go's notation.

use std::borrow::Cow;

/// Go's notation up to the labels, as `metav1.FormatLabelSelector` is not used for messages about metrics.
const OPEN: &str = "&LabelSelector{MatchLabels:map[string]string{";

/// The rest behind the labels, with the match expressions and without.
const ENDS: [&str; 2] = ["MatchExpressions:[]LabelSelectorRequirement{},}", "}"];

/// Replaces the first selector in Go's notation by `queue=Orders`, or by `{queue=Orders}` where it follows a name in
/// parentheses. A selector that is cut or has expressions stays as it is.
#[must_use]
pub fn readable(message: &str) -> Cow<'_, str> {
    shorter(message).map_or(Cow::Borrowed(message), Cow::Owned)
}

fn shorter(message: &str) -> Option<String> {
    let (before, rest) = message.split_once(OPEN)?;
    let (labels, rest) = rest.split_once("},")?;
    let rest = ENDS.iter().find_map(|end| rest.strip_prefix(end))?;
    let labels =
        labels.split(',').filter(|label| !label.is_empty()).map(|label| label.replacen(": ", "=", 1));
    let labels = labels.collect::<Vec<_>>().join(",");
    Some(match (before.strip_suffix('('), rest.strip_prefix(')')) {
        (Some(before), Some(rest)) => format!("{before}{{{labels}}}{rest}"),
        _ => format!("{before}{labels}{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_without_go_notation() {
        const EXPRESSIONS: &str = "MatchExpressions:[]LabelSelectorRequirement{},";
        for (message, shown) in [
            ("no selector (at all)".to_owned(), "no selector (at all)"),
            (
                format!("metric depth({OPEN}queue: Orders,}},}}) above target"),
                "metric depth{queue=Orders} above target",
            ),
            (
                format!("metric depth({OPEN}a: b,c: d,}},{EXPRESSIONS}}}) above target"),
                "metric depth{a=b,c=d} above target",
            ),
            (format!("get m/{OPEN}a: b,queue: Orders,}},{EXPRESSIONS}}}: no"), "get m/a=b,queue=Orders: no"),
            (format!("m/{OPEN}}},{EXPRESSIONS}}}"), "m/"),
            (format!("depth({OPEN}queue"), "depth(&LabelSelector{MatchLabels:map[string]string{queue"),
        ] {
            assert_eq!(readable(&message), shown);
        }
    }
}
