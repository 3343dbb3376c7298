//! An HPA's specification as the fields of a form: the user edits it to tune the real HPA or to choose a
//! shadow.

mod field;
mod text;

use crossterm::event::KeyCode;
use hpa::spec::Direction;

pub use self::field::Name;
pub use self::text::in_short;
use self::text::{kind, policies, read, window};
use crate::edits::{Edit, edit};
use crate::strings::sentences;

/// The longest text of a field.
const MAX_CHARS: usize = 60;

/// The effect of a key on the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormOutcome {
    /// No effect.
    Nothing,
    /// Another field is chosen.
    Moved,
    /// A text may have changed: earlier error messages about the edits no longer apply.
    Edited,
}

/// The form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The original specification, with defaults.
    spec: Box<hpa::Spec>,
    /// Index of the External metric; without one there is no target to edit.
    metric: Option<usize>,
    texts: [String; Name::ALL.len()],
    /// The field that receives keys.
    chosen: usize,
}

impl Form {
    /// The form of a specification.
    #[must_use]
    pub fn new(spec: hpa::Spec) -> Self {
        let metric = spec.metrics.iter().position(|metric| metric.external.is_some());
        let texts = Name::ALL.map(|name| read(&spec, metric, name));
        Self { spec: Box::new(spec), metric, texts, chosen: usize::from(metric.is_none()) * 2 }
    }

    /// The original specification.
    #[must_use]
    pub fn spec(&self) -> &hpa::Spec {
        &self.spec
    }

    /// The fields with their texts, whether each is chosen, and whether it differs from the specification.
    pub fn fields(&self) -> impl Iterator<Item = (Name, &str, bool, bool)> {
        Name::ALL.into_iter().zip(&self.texts).enumerate().map(|(index, (name, text))| {
            (name, text.as_str(), index == self.chosen, *text != read(&self.spec, self.metric, name))
        })
    }

    /// Handles a key.
    pub fn key(&mut self, code: KeyCode) -> FormOutcome {
        let count = Name::ALL.len();
        let name = Name::ALL[self.chosen];
        let text = &mut self.texts[self.chosen];
        match code {
            KeyCode::Up | KeyCode::BackTab => {
                self.chosen = (self.chosen + count - 1) % count;
                return FormOutcome::Moved;
            }
            KeyCode::Down | KeyCode::Tab => {
                self.chosen = (self.chosen + 1) % count;
                return FormOutcome::Moved;
            }
            KeyCode::Left | KeyCode::Right | KeyCode::Char(' ') if name == Name::Kind => {
                *text = kind(text).other().word().to_owned();
            }
            KeyCode::Backspace if name != Name::Kind => {
                text.pop();
            }
            KeyCode::Delete if name != Name::Kind => text.clear(),
            KeyCode::Char(c) if name != Name::Kind && is_text(c) && text.chars().count() < MAX_CHARS => {
                text.push(c);
            }
            _ => return FormOutcome::Nothing,
        }
        FormOutcome::Edited
    }

    /// The other target type.
    pub fn turn_type(&mut self) {
        if self.metric.is_some() {
            self.texts[0] = kind(&self.texts[0]).other().word().to_owned();
        }
    }

    /// Follows a change by another client: fields without edits take its values, edited fields keep theirs.
    pub fn rebase(&mut self, spec: hpa::Spec) {
        let metric = spec.metrics.iter().position(|metric| metric.external.is_some());
        for (name, text) in Name::ALL.into_iter().zip(&mut self.texts) {
            if *text == read(&self.spec, self.metric, name) {
                *text = read(&spec, metric, name);
            }
        }
        *self.spec = spec;
        self.metric = metric;
    }

    /// Returns the edits and the resulting specification.
    ///
    /// # Errors
    ///
    /// One sentence for each problem: a field that cannot be read, or else the API server's validation error.
    pub fn checked(&self, config: &hpa::Config) -> Result<(Vec<Edit>, hpa::Spec), Vec<String>> {
        let (mut edits, mut wrong) = (Vec::new(), Vec::new());
        for (name, text, _, differs) in self.fields() {
            if differs {
                match self.edit(name, text.trim()) {
                    Ok(edit) if edits.contains(&edit) => {}
                    Ok(edit) => edits.push(edit),
                    Err(sentence) if wrong.contains(&sentence) => {}
                    Err(sentence) => wrong.push(sentence),
                }
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let edited = serde_json::to_value(&self.spec)
            .and_then(|spec| serde_json::from_value::<hpa::Spec>(edit(&spec, &edits)));
        let mut edited = edited.map_err(|error| vec![error.to_string()])?;
        hpa::defaults::default_spec(&mut edited);
        let errors = hpa::validate::validate_update(&edited, &self.spec, config);
        if errors.is_empty() {
            Ok((edits, edited))
        } else {
            Err(errors.iter().map(ToString::to_string).collect())
        }
    }

    fn edit(&self, name: Name, text: &str) -> Result<Edit, String> {
        let whole = |path: &str| text.parse::<i32>().map_err(|_| sentences::not_a_whole_number(path, text));
        match name {
            Name::Min => Ok(Edit::Min(whole("spec.minReplicas")?)),
            Name::Max => Ok(Edit::Max(whole("spec.maxReplicas")?)),
            // One edit for both: the type selects the quantity's field.
            Name::Kind | Name::Target => {
                let Some(metric) = self.metric else {
                    return Err(sentences::NO_TARGET_TO_EDIT.to_owned());
                };
                let quantity = self.texts[1].trim().to_owned();
                if let Err(error) = quantity.parse::<hpa::Quantity>() {
                    return Err(format!("spec.metrics[{metric}].external.target: {error}"));
                }
                Ok(Edit::Target { metric, kind: kind(&self.texts[0]), quantity })
            }
            Name::UpWindow => window(Direction::Up, text),
            Name::DownWindow => window(Direction::Down, text),
            Name::UpPolicies => policies(Direction::Up, text),
            Name::DownPolicies => policies(Direction::Down, text),
        }
    }
}

fn is_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '+' | '/' | '%')
}

#[cfg(test)]
mod tests {
    use hpa::spec::Policy;

    use super::*;
    use crate::edits::TargetKind;

    fn spec(behavior: &serde_json::Value) -> hpa::Spec {
        let mut spec: hpa::Spec = serde_json::from_value(serde_json::json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "minReplicas": 1, "maxReplicas": 10, "behavior": behavior,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
        }))
        .unwrap();
        hpa::defaults::default_spec(&mut spec);
        spec
    }

    fn typed(form: &mut Form, name: Name, text: &str) {
        while Name::ALL[form.chosen] != name {
            form.key(KeyCode::Down);
        }
        form.key(KeyCode::Delete);
        text.chars().for_each(|c| assert_eq!(form.key(KeyCode::Char(c)), FormOutcome::Edited, "{c:?}"));
    }

    #[test]
    fn typed_text_becomes_edits() {
        let behavior = serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}});
        for (name, text, edits) in [
            (Name::Min, "2", vec![Edit::Min(2)]),
            (Name::Max, "10", vec![]),
            (
                Name::Target,
                "1500m",
                vec![Edit::Target {
                    metric: 0,
                    kind: TargetKind::AverageValue,
                    quantity: "1500m".to_owned(),
                }],
            ),
            (Name::DownWindow, "", vec![Edit::Window { direction: Direction::Down, seconds: None }]),
            (Name::UpWindow, "30s", vec![Edit::Window { direction: Direction::Up, seconds: Some(30) }]),
            (
                Name::UpPolicies,
                "1 pod/60s, 50%/30s, min",
                vec![Edit::Policies {
                    direction: Direction::Up,
                    select: "Min".to_owned(),
                    policies: vec![
                        Policy { type_: "Pods".to_owned(), value: 1, period_seconds: 60 },
                        Policy { type_: "Percent".to_owned(), value: 50, period_seconds: 30 },
                    ],
                }],
            ),
        ] {
            let mut form = Form::new(spec(&behavior));
            typed(&mut form, name, text);
            let checked = form.checked(&hpa::Config::default()).map(|(edits, _)| edits);
            assert_eq!(checked, Ok(edits), "{name:?} {text}");
        }
    }

    #[test]
    fn errors_read_like_those_of_an_api_server() {
        for (name, text, sentence) in [
            (Name::Max, "0", "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
            (
                Name::Min,
                "11",
                "spec.maxReplicas: Invalid value: 10: must be greater than or equal to `minReplicas`",
            ),
            (Name::Min, "", "spec.minReplicas: \"\" is not a whole number"),
            (Name::Target, "many", "spec.metrics[0].external.target: \"many\" is not a quantity"),
            (Name::DownWindow, "9999", "must be less than or equal to 3600"),
            (Name::UpPolicies, "fast", "spec.behavior.scaleUp.policies: \"fast\" is not like 4 pods/15s"),
            (Name::UpPolicies, "max", "must specify at least one Policy"),
        ] {
            let mut form = Form::new(spec(&serde_json::json!({})));
            typed(&mut form, name, text);
            let wrong = form.checked(&hpa::Config::default()).unwrap_err();
            assert!(wrong[0].contains(sentence), "{name:?} {text}: {wrong:?}");
        }
    }

    #[test]
    fn turning_the_type_keeps_the_quantity() {
        let mut form = Form::new(spec(&serde_json::Value::Null));
        assert_eq!(
            (form.key(KeyCode::Right), form.key(KeyCode::Char('x'))),
            (FormOutcome::Edited, FormOutcome::Nothing)
        );
        let (edits, edited) = form.checked(&hpa::Config::default()).unwrap();
        let quantity = "20".to_owned();
        assert_eq!(edits, [Edit::Target { metric: 0, kind: TargetKind::Value, quantity }]);
        assert_eq!(in_short(&edited), "20 in total, 1..10");
        form.key(KeyCode::Left);
        assert_eq!(form.checked(&hpa::Config::default()).unwrap().0, []);
    }

    #[test]
    fn another_clients_change_moves_unedited_fields() {
        let mut form = Form::new(spec(&serde_json::json!({})));
        typed(&mut form, Name::Max, "7");
        let mut theirs = spec(&serde_json::json!({}));
        (theirs.min_replicas, theirs.max_replicas) = (Some(2), 20);
        form.rebase(theirs);
        let texts: Vec<(Name, &str, bool)> = form
            .fields()
            .filter(|(.., differs)| *differs)
            .map(|(name, text, _, d)| (name, text, d))
            .collect();
        assert_eq!(texts, [(Name::Max, "7", true)]);
        assert_eq!(form.fields().nth(2).unwrap().1, "2");
    }
}
