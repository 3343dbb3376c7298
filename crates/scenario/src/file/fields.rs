//! Tables of a TOML document with the line of each field, and the problems found in them.

use std::time::Duration;

use text::duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::strings::did_you_mean;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `steps[2].hold.rate`; empty if the file is no TOML.
    pub field: String,
    /// The mistake, and the right form.
    pub sentence: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, field, sentence } = self;
        if field.is_empty() {
            write!(f, "line {line}: {sentence}")
        } else {
            write!(f, "line {line}, {field}: {sentence}")
        }
    }
}

/// A table with its path, and the line at which it begins.
pub(super) struct Table<'a> {
    path: String,
    start: usize,
    fields: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The path of a field of it.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A field of it.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.fields.get(key)
    }
}

/// Reads fields and collects problems.
pub(super) struct Reader<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Reads a document.
    pub(super) fn new(text: &'a str) -> Result<(Self, Spanned<DeTable<'a>>), Vec<Problem>> {
        let reader = Self { text, problems: Vec::new() };
        match DeTable::parse(text) {
            Ok(root) => Ok((reader, root)),
            Err(error) => {
                let line = error.span().map_or(1, |span| reader.line(span.start));
                let sentence = error.message().lines().collect::<Vec<_>>().join("; ");
                Err(vec![Problem { line, field: String::new(), sentence }])
            }
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Notes a problem at an offset of the text.
    pub(super) fn problem(&mut self, offset: usize, field: String, sentence: impl Into<String>) {
        let line = self.line(offset);
        self.problems.push(Problem { line, field, sentence: sentence.into() });
    }

    /// Notes a problem with a field of a table, or with the table if the field is missing.
    pub(super) fn wrong(&mut self, table: &Table<'_>, key: &str, sentence: &str) {
        let offset = table.get(key).map_or(table.start, |value| value.span().start);
        self.problem(offset, table.path(key), sentence);
    }

    /// A table with these fields; others are problems.
    pub(super) fn table(
        &mut self,
        found: &'a Spanned<DeTable<'a>>,
        path: String,
        known: &[&'static str],
    ) -> Table<'a> {
        self.fields(found.get_ref(), found.span().start, path, known)
    }

    fn fields(
        &mut self,
        fields: &'a DeTable<'a>,
        start: usize,
        path: String,
        known: &[&'static str],
    ) -> Table<'a> {
        let table = Table { path, start, fields };
        for key in fields.keys() {
            let word = key.get_ref().as_ref();
            if !known.contains(&word) {
                let guess = did_you_mean(word, known.iter().copied());
                let sentence = match guess.is_empty() {
                    true => format!("there is no such field; it has {}", known.join(", ")),
                    false => format!("there is no such field{guess}"),
                };
                self.problem(key.span().start, table.path(word), sentence);
            }
        }
        table
    }

    /// A value as a table with these fields.
    pub(super) fn as_table(
        &mut self,
        value: &'a Spanned<DeValue<'a>>,
        path: String,
        known: &[&'static str],
    ) -> Option<Table<'a>> {
        match value.get_ref() {
            DeValue::Table(fields) => Some(self.fields(fields, value.span().start, path, known)),
            _ => {
                self.type_error(value, path, &format!("a table with {}", known.join(", ")));
                None
            }
        }
    }

    /// A field that is a table with these fields.
    pub(super) fn child(
        &mut self,
        table: &Table<'a>,
        key: &str,
        known: &[&'static str],
    ) -> Option<Table<'a>> {
        self.as_table(table.get(key)?, table.path(key), known)
    }

    fn type_error(&mut self, value: &Spanned<DeValue<'_>>, path: String, expected: &str) {
        let found = value.get_ref().type_str();
        self.problem(value.span().start, path, format!("it is {found}; it must be {expected}"));
    }

    /// A field that is text.
    pub(super) fn text(&mut self, table: &Table<'a>, key: &str) -> Option<&'a str> {
        let value = table.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.type_error(value, table.path(key), "text in quotes");
        }
        text
    }

    /// A field that is text of a form of its own.
    pub(super) fn parsed<T>(
        &mut self,
        table: &Table<'a>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(table, key)?;
        parse(text).map_err(|sentence| self.wrong(table, key, &sentence)).ok()
    }

    /// A field that is a duration.
    pub(super) fn duration(&mut self, table: &Table<'a>, key: &str) -> Option<Duration> {
        self.parsed(table, key, duration::parse)
    }

    /// A value that is a number within limits.
    pub(super) fn as_number(&mut self, value: &Spanned<DeValue<'_>>, path: String, most: f64) -> Option<f64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            _ => {
                self.type_error(value, path, "a number");
                return None;
            }
        };
        let number = number.filter(|number| (0.0..=most).contains(number));
        if number.is_none() {
            self.problem(value.span().start, path, format!("it must be from 0 to {most}"));
        }
        number
    }

    /// A field that is a number within limits.
    pub(super) fn number(&mut self, table: &Table<'a>, key: &str, most: f64) -> Option<f64> {
        self.as_number(table.get(key)?, table.path(key), most)
    }

    /// A field that is a whole number within limits.
    pub(super) fn integer(&mut self, table: &Table<'a>, key: &str, least: i64, most: i64) -> Option<i64> {
        let value = table.get(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.type_error(value, table.path(key), "a whole number");
            return None;
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(table, key, &format!("it must be from {least} to {most}"));
        }
        number
    }

    /// A field that must be there: notes a problem if it is missing.
    pub(super) fn need<T>(&mut self, table: &Table<'_>, key: &str, found: Option<T>) -> Option<T> {
        if table.get(key).is_none() {
            self.wrong(table, key, "it is missing");
        }
        found
    }

    /// A field that is a list.
    pub(super) fn list(&mut self, table: &Table<'a>, key: &str) -> Vec<&'a Spanned<DeValue<'a>>> {
        let Some(value) = table.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => {
                self.type_error(value, table.path(key), "a list in brackets");
                Vec::new()
            }
        }
    }

    /// A field that is a list of texts of a form of their own.
    pub(super) fn each_text<T>(
        &mut self,
        table: &Table<'a>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (index, value) in self.list(table, key).into_iter().enumerate() {
            let path = format!("{}[{}]", table.path(key), index + 1);
            let Some(text) = value.get_ref().as_str() else {
                self.type_error(value, path, "text in quotes");
                continue;
            };
            match parse(text) {
                Ok(parsed) => found.push(parsed),
                Err(sentence) => self.problem(value.span().start, path, sentence),
            }
        }
        found
    }

    /// The result, or all problems.
    pub(super) fn finish<T>(mut self, result: T) -> Result<T, Vec<Problem>> {
        self.problems.sort();
        if self.problems.is_empty() { Ok(result) } else { Err(self.problems) }
    }
}
