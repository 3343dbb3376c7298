//! Templates of prometheus-adapter: Go's `text/template` between `<<` and `>>`, as far as rules use it.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Action(String),
}

/// A `<<` without its `>>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclosed;

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Unclosed> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("<<") {
            let (action, behind) = after.split_once(">>").ok_or(Unclosed)?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Action(action.trim().to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Renders the template; `value` gives the value of an action, or `None` for an unsupported one.
    ///
    /// # Errors
    /// The first unsupported action.
    pub(super) fn render(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut rendered = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Action(action) => rendered.push_str(&value(action).ok_or_else(|| action.clone())?),
            }
        }
        Ok(rendered)
    }
}

/// The label of `index .LabelValuesByName "LABEL"` or `.LabelValuesByName.LABEL`.
pub(super) fn indexed_label(action: &str) -> Option<&str> {
    if let Some(label) = action.strip_prefix(".LabelValuesByName.") {
        let is_identifier = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        return (is_identifier && !label.is_empty()).then_some(label);
    }
    let rest = action.strip_prefix("index")?.trim_start().strip_prefix(".LabelValuesByName")?.trim();
    ['"', '`'].iter().find_map(|&quote| rest.strip_prefix(quote)?.strip_suffix(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_text_and_actions() {
        let render = |text: &str| {
            let template = Template::parse(text).expect(text);
            template.render(|action| (action == ".X").then(|| "x".to_owned()))
        };
        assert_eq!(render("a<<.X>>b<< .X >>"), Ok("axbx".to_owned()));
        assert_eq!(render("plain"), Ok("plain".to_owned()));
        assert_eq!(render("<<range .X>>"), Err("range .X".to_owned()));
        assert_eq!(Template::parse("a <<.X"), Err(Unclosed));
    }

    #[test]
    fn finds_the_indexed_label() {
        for (action, label) in [
            (r#"index .LabelValuesByName "namespace""#, Some("namespace")),
            ("index  .LabelValuesByName  `queue` ", Some("queue")),
            (".LabelValuesByName.namespace", Some("namespace")),
            (".LabelValuesByName", None),
            (".LabelValuesByName.", None),
            ("index .LabelValuesByName queue", None),
            (".Series", None),
        ] {
            assert_eq!(indexed_label(action), label, "{action}");
        }
    }
}
