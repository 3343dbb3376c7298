//! Errors of the adapter's configuration and of its queries.

/// An error in the adapter's configuration file. The adapter ends at its start with such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not YAML, or has fields that the adapter does not know.
    #[error("the adapter's configuration is invalid: {0}")]
    Yaml(String),
    /// The file has the structure of the Helm chart's values.
    #[error(
        "the rules are under rules.external, as in the values of the adapter's chart; the adapter's own file has \
         them under externalRules"
    )]
    ChartValues,
    /// A rule is invalid.
    #[error("{list}[{index}]: {problem}")]
    Rule {
        /// `rules` or `externalRules`.
        list: &'static str,
        /// Index of the rule in its list.
        index: usize,
        /// The violated rule.
        problem: RuleProblem,
    },
}

/// A problem of one rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// A required field is missing or empty.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A regular expression is invalid.
    #[error("{field} {pattern:?} is not a regular expression: {error}")]
    Regex {
        /// The field, such as `name.matches`.
        field: &'static str,
        /// Its text.
        pattern: String,
        /// The reason.
        error: String,
    },
    /// A series filter has both `is` and `isNot`, or neither.
    #[error("seriesFilters: each filter needs either is or isNot")]
    Filter,
    /// `name.matches` has several groups and `name.as` does not say which one is the name.
    #[error("name.as is required when name.matches has several groups")]
    NameAs,
    /// A template has `<<` without `>>`.
    #[error("{0} has a << without >>")]
    Template(&'static str),
    /// A template has an `if` or a `range` without `end`, or an `end` or `else` without them.
    #[error("{0} has a block without its end, or an end without its block")]
    Block(&'static str),
}

/// An error when a rule is turned into a query. The adapter answers such a request with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The rule has neither an override for the resource nor a template.
    #[error("the rule names no label for the resource {resource}: resources needs an override or a template")]
    NoLabel {
        /// Plural name of the resource.
        resource: String,
    },
    /// The selector has an operator that Kubernetes does not know.
    #[error("the selector is invalid: {0}")]
    Selector(String),
    /// The selector has `in` or `notin` without values.
    #[error("the selector's requirement on the label {label} has no values")]
    NoValues {
        /// The label.
        label: String,
    },
    /// A template has an action that this crate does not know; the adapter may know it.
    #[error("Surge cannot render the template action <<{0}>>; prometheus-adapter may be able to")]
    Action(String),
    /// The template renders to nothing.
    #[error("the rule's metricsQuery is empty")]
    Empty,
}
