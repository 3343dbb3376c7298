//! An HPA's specification as the fields of a form: the user edits it to tune the real HPA or to choose a
//! shadow.

mod field;
mod text;

use crossterm::event::KeyCode;
use hpa::spec::{Direction, Metric};

pub use self::field::Name;
pub use self::text::in_short;
use self::text::{kind, policies, read, window};
use crate::edits::{Edit, TargetKind, edit};
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

/// The effect of a character on the chosen field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typing {
    /// It replaces the text, as in a field that is selected.
    Replaces,
    /// It is added at the end.
    Adds,
}

/// The form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The original specification, with defaults.
    spec: Box<hpa::Spec>,
    /// Index of the metric whose target type can be chosen.
    metric: Option<usize>,
    /// The fields and their texts.
    fields: Vec<(Name, String)>,
    /// The field that receives keys.
    chosen: usize,
    typing: Typing,
}

/// The first External metric, else the first Object metric: their targets have two types.
fn typed(spec: &hpa::Spec) -> Option<usize> {
    let external = spec.metrics.iter().position(|metric| metric.external.is_some());
    external.or_else(|| spec.metrics.iter().position(|metric| metric.object.is_some()))
}

/// The fields of a specification: the typed metric first, then the others.
fn names(spec: &hpa::Spec, metric: Option<usize>) -> Vec<Name> {
    let first = metric.into_iter().flat_map(|index| [Name::Kind, Name::Target(index)]);
    let others = (0..spec.metrics.len()).filter(|index| Some(*index) != metric).map(Name::Target);
    first.chain(others).chain(Name::AFTER_METRICS).collect()
}

impl Form {
    /// The form of a specification.
    #[must_use]
    pub fn new(spec: hpa::Spec) -> Self {
        let metric = typed(&spec);
        let fields = names(&spec, metric).into_iter().map(|name| (name, read(&spec, metric, name))).collect();
        Self { spec: Box::new(spec), metric, fields, chosen: 0, typing: Typing::Replaces }
    }

    /// The original specification.
    #[must_use]
    pub fn spec(&self) -> &hpa::Spec {
        &self.spec
    }

    /// The fields with their texts, whether each is chosen, and whether it differs from the specification.
    pub fn fields(&self) -> impl Iterator<Item = (Name, &str, bool, bool)> {
        self.fields.iter().enumerate().map(|(index, (name, text))| {
            (*name, text.as_str(), index == self.chosen, *text != read(&self.spec, self.metric, *name))
        })
    }

    /// The title of a field. With several metrics, a target has the name of its metric.
    #[must_use]
    pub fn title(&self, name: Name) -> String {
        match name {
            Name::Target(index) if self.spec.metrics.len() > 1 => {
                self.spec.metrics.get(index).map(explain::metric::name).unwrap_or_default()
            }
            name => name.title().to_owned(),
        }
    }

    fn text(&self, name: Name) -> &str {
        self.fields.iter().find(|(field, _)| *field == name).map_or("", |(_, text)| text)
    }

    /// Handles a key.
    pub fn key(&mut self, code: KeyCode) -> FormOutcome {
        let count = self.fields.len();
        let Some((name, text)) = self.fields.get_mut(self.chosen) else { return FormOutcome::Nothing };
        let name = *name;
        match code {
            KeyCode::Up | KeyCode::BackTab => {
                self.chosen = (self.chosen + count - 1) % count;
                self.typing = Typing::Replaces;
                return FormOutcome::Moved;
            }
            KeyCode::Down | KeyCode::Tab => {
                self.chosen = (self.chosen + 1) % count;
                self.typing = Typing::Replaces;
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
                if self.typing == Typing::Replaces {
                    text.clear();
                }
                text.push(c);
            }
            _ => return FormOutcome::Nothing,
        }
        self.typing = Typing::Adds;
        FormOutcome::Edited
    }

    /// Returns true if the next character replaces the text of the chosen field.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.typing == Typing::Replaces
    }

    /// The other target type.
    pub fn turn_type(&mut self) {
        if let Some((_, text)) = self.fields.iter_mut().find(|(name, _)| *name == Name::Kind) {
            *text = kind(text).other().word().to_owned();
        }
    }

    /// Follows a change by another client: fields without edits take its values, edited fields keep theirs.
    pub fn rebase(&mut self, spec: hpa::Spec) {
        let metric = typed(&spec);
        let kept = |name: Name| {
            let text = self.text(name);
            let is_edited = self.fields.iter().any(|(field, _)| *field == name)
                && text != read(&self.spec, self.metric, name);
            if is_edited { text.to_owned() } else { read(&spec, metric, name) }
        };
        self.fields = names(&spec, metric).into_iter().map(|name| (name, kept(name))).collect();
        self.chosen = self.chosen.min(self.fields.len().saturating_sub(1));
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
            Name::Kind => match self.metric {
                Some(metric) => self.target(metric, self.text(Name::Target(metric)).trim()),
                None => Err(sentences::NO_TARGET_TO_EDIT.to_owned()),
            },
            Name::Target(metric) => self.target(metric, text),
            Name::UpWindow => window(Direction::Up, text),
            Name::DownWindow => window(Direction::Down, text),
            Name::UpPolicies => policies(Direction::Up, text),
            Name::DownPolicies => policies(Direction::Down, text),
        }
    }
}

impl Form {
    /// The edit of a target: of the typed metric in the chosen type, of the others in the type that the text has.
    fn target(&self, metric: usize, text: &str) -> Result<Edit, String> {
        let Some(source) = self.spec.metrics.get(metric) else {
            return Err(sentences::NO_TARGET_TO_EDIT.to_owned());
        };
        let is_resource = source.resource.is_some() || source.container_resource.is_some();
        let percent = text.strip_suffix('%').map(str::trim_end).filter(|_| is_resource);
        let path = || format!("spec.metrics[{metric}].{}.target", field_of(source));
        if let Some(percent) = percent {
            let Ok(percent) = percent.parse::<i32>() else {
                return Err(sentences::not_a_whole_number(&path(), percent));
            };
            let quantity = percent.to_string();
            return Ok(Edit::Target { metric, kind: TargetKind::Utilization, quantity });
        }
        if let Err(error) = text.parse::<hpa::Quantity>() {
            return Err(format!("{}: {error}", path()));
        }
        let kind = match () {
            () if Some(metric) == self.metric => kind(self.text(Name::Kind)),
            () if source.target().is_some_and(|target| target.value.is_some()) => TargetKind::Value,
            () => TargetKind::AverageValue,
        };
        Ok(Edit::Target { metric, kind, quantity: text.to_owned() })
    }
}

/// The field of a metric's source.
fn field_of(metric: &Metric) -> &'static str {
    match metric {
        Metric { external: Some(_), .. } => "external",
        Metric { object: Some(_), .. } => "object",
        Metric { pods: Some(_), .. } => "pods",
        Metric { resource: Some(_), .. } => "resource",
        _ => "containerResource",
    }
}

fn is_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '+' | '/' | '%')
}

#[cfg(test)]
mod tests {
    use hpa::spec::Policy;

    use super::*;

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

    fn type_in(form: &mut Form, name: Name, text: &str) {
        while form.fields[form.chosen].0 != name {
            form.key(KeyCode::Down);
        }
        form.key(KeyCode::Delete);
        text.chars().for_each(|c| assert_eq!(form.key(KeyCode::Char(c)), FormOutcome::Edited, "{c:?}"));
    }

    #[test]
    fn the_first_character_replaces_a_value() {
        let mut form = Form::new(spec(&serde_json::json!({})));
        form.key(KeyCode::Down);
        let target = |form: &Form| form.text(Name::Target(0)).to_owned();
        for (code, shown, replaces) in [
            (KeyCode::Char('1'), "1", false),
            (KeyCode::Char('0'), "10", false),
            (KeyCode::Backspace, "1", false),
            (KeyCode::Up, "1", true),
            (KeyCode::Down, "1", true),
            // The end of a value can still be edited.
            (KeyCode::Backspace, "", false),
            (KeyCode::Char('7'), "7", false),
        ] {
            form.key(code);
            assert_eq!((target(&form).as_str(), form.replaces()), (shown, replaces), "{code:?}");
        }
    }

    #[test]
    fn typed_text_becomes_edits() {
        let behavior = serde_json::json!({"scaleDown": {"stabilizationWindowSeconds": 60}});
        for (name, text, edits) in [
            (Name::Min, "2", vec![Edit::Min(2)]),
            (Name::Max, "10", vec![]),
            (
                Name::Target(0),
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
            type_in(&mut form, name, text);
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
            (Name::Target(0), "many", "spec.metrics[0].external.target: \"many\" is not a quantity"),
            (Name::DownWindow, "9999", "must be less than or equal to 3600"),
            (Name::UpPolicies, "fast", "spec.behavior.scaleUp.policies: \"fast\" is not like 4 pods/15s"),
            (Name::UpPolicies, "max", "must specify at least one Policy"),
        ] {
            let mut form = Form::new(spec(&serde_json::json!({})));
            type_in(&mut form, name, text);
            let wrong = form.checked(&hpa::Config::default()).unwrap_err();
            assert!(wrong[0].contains(sentence), "{name:?} {text}: {wrong:?}");
        }
    }

    #[test]
    fn every_metric_has_a_target_to_edit() {
        let mut spec = spec(&serde_json::json!({}));
        let cpu = serde_json::json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        spec.metrics.extend(serde_json::from_value::<Vec<Metric>>(cpu).unwrap());
        let mut form = Form::new(spec);
        let shown: Vec<_> = form.fields().take(3).map(|(name, text, ..)| (form.title(name), text)).collect();
        let title = |title: &str| title.to_owned();
        let expected =
            [(title("target type"), "AverageValue"), (title("depth"), "20"), (title("cpu"), "80%")];
        assert_eq!(shown, expected);
        for (text, kind, quantity) in
            [("70%", TargetKind::Utilization, "70"), ("250m", TargetKind::AverageValue, "250m")]
        {
            type_in(&mut form, Name::Target(1), text);
            let edits = form.checked(&hpa::Config::default()).unwrap().0;
            assert_eq!(edits, [Edit::Target { metric: 1, kind, quantity: quantity.to_owned() }], "{text}");
        }
        type_in(&mut form, Name::Target(1), "x%");
        let wrong = form.checked(&hpa::Config::default()).unwrap_err();
        assert_eq!(wrong, ["spec.metrics[1].resource.target: \"x\" is not a whole number"]);
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
        type_in(&mut form, Name::Max, "7");
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
