//! A request's label selector as PromQL matchers.

use std::collections::BTreeMap;

use apiserver::{LabelSelector, Requirement};

/// Matchers in the selector's order, and what each label is asked to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matchers {
    pub(super) text: Vec<String>,
    pub(super) values: BTreeMap<String, String>,
}

impl Matchers {
    /// An error names the operator that series cannot be picked by.
    pub(super) fn new(selector: &LabelSelector) -> Result<Self, String> {
        let mut matchers = Self::default();
        for requirement in selector.requirements() {
            match requirement {
                Requirement::In(label, values) => matchers.add(label, ["=", "=~"], values),
                Requirement::NotIn(label, values) => matchers.add(label, ["!=", "!~"], values),
                Requirement::Exists(label) => matchers.add(label, ["!=", "!="], &[]),
                Requirement::Absent(label) => matchers.add(label, ["=", "="], &[]),
                Requirement::Greater(label, _) | Requirement::Less(label, _) => {
                    return Err(format!(
                        "the label {label} cannot be compared: use =, !=, in, notin or its name"
                    ));
                }
            }
        }
        Ok(matchers)
    }

    /// One more matcher for equality.
    pub(super) fn equal(&mut self, label: &str, value: &str) {
        self.add(label, ["=", "=~"], &[value.to_owned()]);
    }

    fn add(&mut self, label: &str, [one, several]: [&str; 2], values: &[String]) {
        let mut values = values.to_vec();
        values.sort();
        let operator = if values.len() > 1 { several } else { one };
        let value = values.join("|");
        self.text.push(format!("{label}{operator}{value:?}"));
        self.values.insert(label.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_become_matchers() {
        for (selector, expected) in [
            ("", ""),
            ("queue=Orders", r#"queue="Orders""#),
            ("queue!=Orders", r#"queue!="Orders""#),
            ("queue in (b,a)", r#"queue=~"a|b""#),
            ("queue notin (a,b),vhost", r#"queue!~"a|b",vhost!="""#),
            ("!vhost", r#"vhost="""#),
        ] {
            let selector = LabelSelector::parse(selector).unwrap();
            assert_eq!(Matchers::new(&selector).unwrap().text.join(","), expected);
        }
        assert!(Matchers::new(&LabelSelector::parse("a>3").unwrap()).is_err());
    }

    #[test]
    fn values_are_known_by_label() {
        let mut matchers = Matchers::new(&LabelSelector::parse("queue in (b,a)").unwrap()).unwrap();
        matchers.equal("namespace", "demo");
        assert_eq!(matchers.values["queue"], "a|b");
        assert_eq!(matchers.text, [r#"queue=~"a|b""#, r#"namespace="demo""#]);
    }
}
