//! Templates of prometheus-adapter: Go's `text/template` between `<<` and `>>`.
//!
//! Text, fields, `index`, variables, `range`, `if` and comparisons are rendered. Pipelines, `with`, `define` and other
//! functions are not.
//!
//! Source: Go's documentation of `text/template`; prometheus-adapter, pkg/naming/metrics_query.go (`queryTemplateArgs`).

use std::collections::BTreeMap;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    /// An action that prints a value, or one that sets a variable.
    Action(String),
    If {
        condition: String,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        header: String,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

/// A value of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(usize),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
}

/// The reason why a template does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParseError {
    /// A `<<` without its `>>`.
    Unclosed,
    /// A block without its `end`, or an `end` or `else` without its block.
    Unbalanced,
}

/// The fields that a template can read, such as `Series`.
pub(super) type Fields = BTreeMap<&'static str, Value>;

/// The variables of a rendering, and the value of the dot; `None` for the fields.
#[derive(Default)]
struct Scope {
    variables: Vec<(String, Value)>,
    dot: Option<Value>,
}

/// A token between `<<` and `>>`, or the text before it.
enum Token {
    Text(String),
    Action(String),
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        let mut tokens = tokens(text)?.into_iter();
        let (nodes, end) = block(&mut tokens)?;
        if end.is_some() { Err(ParseError::Unbalanced) } else { Ok(Self(nodes)) }
    }

    /// Renders the template.
    ///
    /// # Errors
    /// The first action that is not supported.
    pub(super) fn render(&self, fields: &Fields) -> Result<String, String> {
        let mut rendered = String::new();
        render(&self.0, fields, &mut Scope::default(), &mut rendered)?;
        Ok(rendered)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<") {
        let (action, behind) = after.split_once(">>").ok_or(ParseError::Unclosed)?;
        // A minus at either end trims the text there.
        let (action, before) = match action.strip_prefix("- ") {
            Some(action) => (action, before.trim_end()),
            None => (action, before),
        };
        let action = match action.strip_suffix(" -") {
            Some(action) => {
                rest = behind.trim_start();
                action
            }
            None => {
                rest = behind;
                action
            }
        };
        tokens.push(Token::Text(before.to_owned()));
        let action = action.trim();
        if !action.starts_with("/*") {
            tokens.push(Token::Action(action.to_owned()));
        }
    }
    tokens.push(Token::Text(rest.to_owned()));
    Ok(tokens)
}

/// The nodes up to the end of a block, and the action that ends it.
fn block(tokens: &mut impl Iterator<Item = Token>) -> Result<(Vec<Node>, Option<String>), ParseError> {
    let mut nodes = Vec::new();
    while let Some(token) = tokens.next() {
        let action = match token {
            Token::Text(text) => {
                if !text.is_empty() {
                    nodes.push(Node::Text(text));
                }
                continue;
            }
            Token::Action(action) => action,
        };
        match action.split_once(char::is_whitespace).unwrap_or((&action, "")) {
            ("end" | "else", _) => return Ok((nodes, Some(action))),
            ("if", condition) => {
                let (then, otherwise) = branches(tokens)?;
                nodes.push(Node::If { condition: condition.trim().to_owned(), then, otherwise });
            }
            ("range", header) => {
                let (body, otherwise) = branches(tokens)?;
                nodes.push(Node::Range { header: header.trim().to_owned(), body, otherwise });
            }
            _ => nodes.push(Node::Action(action)),
        }
    }
    Ok((nodes, None))
}

/// The two branches of a block.
fn branches(tokens: &mut impl Iterator<Item = Token>) -> Result<(Vec<Node>, Vec<Node>), ParseError> {
    let (then, end) = block(tokens)?;
    let end = end.ok_or(ParseError::Unbalanced)?;
    let Some(otherwise) = end.strip_prefix("else").map(str::trim) else { return Ok((then, Vec::new())) };
    // `else if` is an `if` within the `else` that shares its `end`.
    if let Some(condition) = otherwise.strip_prefix("if ") {
        let (inner, other) = branches(tokens)?;
        let nested = Node::If { condition: condition.trim().to_owned(), then: inner, otherwise: other };
        return Ok((then, vec![nested]));
    }
    match block(tokens)? {
        (otherwise, Some(end)) if end == "end" => Ok((then, otherwise)),
        _ => Err(ParseError::Unbalanced),
    }
}

fn render(nodes: &[Node], fields: &Fields, scope: &mut Scope, text: &mut String) -> Result<(), String> {
    for node in nodes {
        match node {
            Node::Text(part) => text.push_str(part),
            Node::Action(action) => match assignment(action) {
                Some((name, expression)) => {
                    let value = value(expression, fields, scope).ok_or_else(|| action.clone())?;
                    scope.variables.push((name.to_owned(), value));
                }
                None => text.push_str(&printed(action, fields, scope).ok_or_else(|| action.clone())?),
            },
            Node::If { condition, then, otherwise } => {
                let value = value(condition, fields, scope).ok_or_else(|| format!("if {condition}"))?;
                render(if is_true(&value) { then } else { otherwise }, fields, scope, text)?;
            }
            Node::Range { header, body, otherwise } => {
                let unsupported = || format!("range {header}");
                let (names, expression) = match header.split_once(":=") {
                    Some((names, expression)) => (names, expression.trim()),
                    None => ("", header.as_str()),
                };
                let names: Vec<&str> =
                    names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
                let items = items(value(expression, fields, scope).ok_or_else(unsupported)?);
                let items = items.ok_or_else(unsupported)?;
                if items.is_empty() {
                    render(otherwise, fields, scope, text)?;
                }
                for (key, item) in items {
                    let depth = scope.variables.len();
                    match names.as_slice() {
                        [] => {}
                        [item_name] => scope.variables.push(((*item_name).to_owned(), item.clone())),
                        [key_name, item_name, ..] => {
                            scope.variables.push(((*key_name).to_owned(), key));
                            scope.variables.push(((*item_name).to_owned(), item.clone()));
                        }
                    }
                    let outer = scope.dot.replace(item);
                    render(body, fields, scope, text)?;
                    scope.dot = outer;
                    scope.variables.truncate(depth);
                }
            }
        }
    }
    Ok(())
}

/// The name and the expression of `$name := expression`.
fn assignment(action: &str) -> Option<(&str, &str)> {
    let (name, expression) = action.split_once(":=").or_else(|| action.split_once(" = "))?;
    name.trim().starts_with('$').then_some((name.trim(), expression.trim()))
}

fn printed(expression: &str, fields: &Fields, scope: &Scope) -> Option<String> {
    match value(expression, fields, scope)? {
        Value::Text(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::List(items) => Some(format!("[{}]", items.join(" "))),
        Value::Map(_) => None,
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Text(text) => !text.is_empty(),
        Value::Number(number) => *number != 0,
        Value::List(items) => !items.is_empty(),
        Value::Map(map) => !map.is_empty(),
    }
}

/// The keys and the items of a list or a map, in the order of `range`.
fn items(value: Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::List(items) => Some(
            items.into_iter().enumerate().map(|(at, item)| (Value::Number(at), Value::Text(item))).collect(),
        ),
        Value::Map(map) => {
            Some(map.into_iter().map(|(key, item)| (Value::Text(key), Value::Text(item))).collect())
        }
        Value::Text(_) | Value::Number(_) => None,
    }
}

/// The value of an expression; `None` if it is not supported.
fn value(expression: &str, fields: &Fields, scope: &Scope) -> Option<Value> {
    let words = words(expression)?;
    let [first, arguments @ ..] = words.as_slice() else { return None };
    if arguments.is_empty() {
        return operand(first, fields, scope);
    }
    let values: Vec<Value> =
        arguments.iter().map(|argument| operand(argument, fields, scope)).collect::<Option<_>>()?;
    let truth = |truth: bool| Value::Number(usize::from(truth));
    match (first.as_str(), values.as_slice()) {
        // A missing key of a Go map of strings is the empty string.
        ("index", [Value::Map(map), Value::Text(key)]) => {
            Some(Value::Text(map.get(key).cloned().unwrap_or_default()))
        }
        ("index", [Value::List(items), Value::Number(at)]) => items.get(*at).cloned().map(Value::Text),
        ("len", [value]) => Some(Value::Number(match value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.len(),
            Value::Map(map) => map.len(),
            Value::Number(_) => return None,
        })),
        ("eq", [value, others @ ..]) if !others.is_empty() => Some(truth(others.contains(value))),
        ("ne", [a, b]) => Some(truth(a != b)),
        ("not", [value]) => Some(truth(!is_true(value))),
        ("and", [.., last]) => Some(values.iter().find(|value| !is_true(value)).unwrap_or(last).clone()),
        ("or", [.., last]) => Some(values.iter().find(|value| is_true(value)).unwrap_or(last).clone()),
        _ => None,
    }
}

fn operand(word: &str, fields: &Fields, scope: &Scope) -> Option<Value> {
    if let Some(quoted) = ['"', '`'].iter().find_map(|&quote| word.strip_prefix(quote)?.strip_suffix(quote)) {
        return Some(Value::Text(quoted.to_owned()));
    }
    if let Some(inner) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
        return value(inner, fields, scope);
    }
    if word.starts_with('$') && word.len() > 1 && !word.starts_with("$.") {
        let found = scope.variables.iter().rev().find(|(name, _)| name == word);
        return found.map(|(_, value)| value.clone());
    }
    if word == "." {
        return scope.dot.clone();
    }
    if let Ok(number) = word.parse() {
        return Some(Value::Number(number));
    }
    // Within a `range` the dot is an item, which has no fields; `$` is still the whole.
    let path = match word.strip_prefix("$.") {
        Some(path) => path,
        None if scope.dot.is_none() => word.strip_prefix('.')?,
        None => return None,
    };
    let (field, key) = path.split_once('.').map_or((path, None), |(field, key)| (field, Some(key)));
    match (fields.get(field)?, key) {
        (value, None) => Some(value.clone()),
        (Value::Map(map), Some(key)) if !key.is_empty() && !key.contains('.') => {
            Some(Value::Text(map.get(key).cloned().unwrap_or_default()))
        }
        _ => None,
    }
}

/// The words of an expression: operands, quoted texts and groups in parentheses. `None` for a pipeline.
fn words(expression: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut depth) = (String::new(), None, 0_usize);
    for c in expression.chars() {
        match (quote, c) {
            (Some(end), c) => {
                word.push(c);
                if c == end {
                    quote = None;
                }
            }
            (None, '"' | '`') => {
                word.push(c);
                quote = Some(c);
            }
            (None, '|') => return None,
            (None, c) if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (None, c) => {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                word.push(c);
            }
        }
    }
    if quote.is_some() || depth > 0 {
        return None;
    }
    words.extend((!word.is_empty()).then_some(word));
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let map = [("namespace", "demo"), ("queue", "Orders")];
        let map = map.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Fields::from([
            ("Series", Value::Text("depth".to_owned())),
            ("GroupBySlice", Value::List(vec!["pod".to_owned(), "node".to_owned()])),
            ("LabelValuesByName", Value::Map(map)),
            ("GroupBy", Value::Text(String::new())),
        ])
    }

    fn rendered(text: &str) -> Result<String, String> {
        Template::parse(text).expect(text).render(&fields())
    }

    #[test]
    fn templates_render_as_in_go() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a<<.Series>>b<< .Series >>", "adepthbdepth"),
            (r#"<<index .LabelValuesByName "queue">>"#, "Orders"),
            ("<<index  .LabelValuesByName  `none` >>.", "."),
            ("<<.LabelValuesByName.namespace>>", "demo"),
            (
                r#"<<range $label, $value := .LabelValuesByName>><<$label>>=~"<<$value>>",<<end>>v="/""#,
                r#"namespace=~"demo",queue=~"Orders",v="/""#,
            ),
            ("<<range .GroupBySlice>><<.>>,<<end>>", "pod,node,"),
            ("<<range $v := .LabelValuesByName>><<$v>> <<$.Series>>;<<end>>", "demo depth;Orders depth;"),
            ("<<if .GroupBy>>by<<else>>all<<end>>", "all"),
            ("<<if .GroupBy>>a<<else if eq .Series \"depth\">>b<<else>>c<<end>>", "b"),
            (r#"<<if (index .LabelValuesByName "queue")>>x<<end>>"#, "x"),
            (r#"<<if and .Series (not .GroupBy)>>x<<end>>"#, "x"),
            ("<<$s := .Series>><<$s>>", "depth"),
            ("<<len .GroupBySlice>>", "2"),
            ("a <<- .Series ->> b", "adepthb"),
            ("<</* a note */>>x", "x"),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_actions_are_named() {
        for (text, action) in [
            ("<<.Nothing>>", ".Nothing"),
            ("<<.Series | printf \"%s\">>", ".Series | printf \"%s\""),
            ("<<range .Series>><<end>>", "range .Series"),
            ("<<if .None>><<end>>", "if .None"),
            (".LabelValuesByName <<.LabelValuesByName>>", ".LabelValuesByName"),
            ("<<template \"x\">>", "template \"x\""),
        ] {
            assert_eq!(rendered(text), Err(action.to_owned()), "{text}");
        }
    }

    #[test]
    fn blocks_must_be_closed() {
        assert_eq!(Template::parse("a <<.X"), Err(ParseError::Unclosed));
        for text in
            ["<<if .X>>", "<<end>>", "<<else>>", "<<range .X>><<else>>", "<<if .X>><<else>>a<<else>><<end>>"]
        {
            assert_eq!(Template::parse(text), Err(ParseError::Unbalanced), "{text}");
        }
    }
}
