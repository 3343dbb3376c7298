//! The matchers of a rule's query: those of the HPA's request must be in it, and its own must not contradict them.

use promfmt::adapter::edit;
use promfmt::matcher::{Matcher, Operator};
use promfmt::query::SeriesSelector;

use crate::chain::{self, Chain, Made};
use crate::facts::{Facts, Sample};
use crate::finding::ReportWriter;
use crate::fixes::rules::{LABEL_MATCHERS, changed_query, pinned, set_query, set_series_query};
use crate::{fixes, fmt, messages};

/// Checks the matchers. Returns whether they are sound.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, made: &Made) -> bool {
    let Ok(query) = &made.query else { return true };
    let measured: Vec<&SeriesSelector> = query.measured().collect();
    if measured.is_empty() {
        writer.fail(
            "rule-matchers",
            messages::rule_measures_nothing(),
            facts.api.rules.command.as_ref(),
            fixes::rules::edit_by_hand(facts, &messages::fix_measure()),
        );
        return false;
    }
    !(ignores_selector(facts, writer, chain, made, &measured)
        || contradicts(facts, writer, chain, made, &measured)
        || is_unlisted(facts, writer, chain, made))
}

/// Returns whether a matcher of the selector implies the asked one. A template may write the asked value as an expression.
fn implies(own: &Matcher, asked: &Matcher) -> bool {
    let values = || own.value.split('|').all(|value| asked.accepts(value));
    own.label == asked.label
        && match own.operator {
            _ if own == asked => true,
            Operator::Equal => asked.accepts(&own.value),
            Operator::Matches => {
                own.value == asked.value || (!own.value.contains(['*', '+', '?', '(', '[']) && values())
            }
            Operator::NotEqual | Operator::MatchesNot => false,
        }
}

/// Returns whether no value satisfies both matchers.
fn excludes(own: &Matcher, asked: &Matcher) -> bool {
    own.label == asked.label
        && match (own.operator, asked.operator) {
            (_, Operator::Equal) => !own.accepts(&asked.value),
            (Operator::Equal, _) => !asked.accepts(&own.value),
            _ => false,
        }
}

/// Reports a query without the matchers of the HPA's request: it reads series that the HPA does not ask for.
fn ignores_selector(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    made: &Made,
    measured: &[&SeriesSelector],
) -> bool {
    let is_lacked = |asked: &&Matcher| {
        measured.iter().any(|selector| !selector.matchers.iter().any(|own| implies(own, asked)))
    };
    let lacked: Vec<&Matcher> = chain.asked.iter().filter(is_lacked).collect();
    // Series of other namespaces than the HPA's are a fault only where there are some.
    let namespace = made.rule.namespace_label().ok().flatten();
    let foreign = chain.picked_series().into_iter().any(|sample| {
        lacked
            .iter()
            .any(|asked| Some(&asked.label) == namespace.as_ref() && !asked.accepts_labels(&sample.labels))
    });
    let lacked: Vec<&Matcher> =
        lacked.into_iter().filter(|asked| Some(&asked.label) != namespace.as_ref() || foreign).collect();
    if lacked.is_empty() {
        return false;
    }
    let asked = lacked.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let stored: f64 = sum_of(&chain.asked_series());
    let results = chain.observed.rule_result.all();
    let result: f64 = results.iter().map(|sample| sample.value).sum();
    let detail = if results.is_empty() {
        messages::rule_ignores_selector(asked)
    } else {
        messages::rule_ignores_selector_with(asked, stored, result)
    };
    // The rule's own matchers stay unless they contradict the request.
    let query = changed_query(made, |mut parts| {
        parts.retain(|part| {
            let label = edit::label_of(part);
            !chain.asked.iter().any(|asked| {
                label == Some(&asked.label)
                    && measured.iter().any(|selector| {
                        selector.matchers.iter().any(|own| own.label == asked.label && excludes(own, asked))
                    })
            })
        });
        if !parts.iter().any(|part| part == LABEL_MATCHERS) {
            parts.insert(0, LABEL_MATCHERS.to_owned());
        }
        parts
    });
    let fix = set_query(facts, made, query.as_deref(), &messages::fix_label_matchers());
    writer.fail("rule-matchers", detail, facts.api.rules.command.as_ref(), fix);
    true
}

fn sum_of(series: &[&Sample]) -> f64 {
    let mut seen = std::collections::BTreeMap::new();
    for sample in series {
        let value = seen.entry(chain::identity(sample)).or_insert(sample.value);
        *value = value.max(sample.value);
    }
    seen.values().sum()
}

/// Reports own matchers of the rule that exclude every series that the HPA asks for.
fn contradicts(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    chain: &Chain<'_>,
    made: &Made,
    measured: &[&SeriesSelector],
) -> bool {
    let command = facts.api.rules.command.as_ref();
    let own = |selector: &&SeriesSelector| -> Vec<Matcher> {
        selector.matchers.iter().filter(|matcher| !chain.asked.contains(matcher)).cloned().collect()
    };
    // All selectors must exclude the series: one of several may be of another source.
    let all: Vec<Vec<Matcher>> = measured.iter().map(own).collect();
    let excluded = all.first().into_iter().flatten().find_map(|own| {
        let asked = chain.asked.iter().find(|asked| excludes(own, asked))?;
        let is_everywhere = all.iter().all(|matchers| matchers.iter().any(|own| excludes(own, asked)));
        is_everywhere.then_some((own, asked))
    });
    if let Some((own, asked)) = excluded {
        let with = |value: &str| {
            let mut sum = 0.0;
            for sample in chain.observed.series.all() {
                if sample.label(&own.label) == value {
                    sum += sample.value;
                }
            }
            messages::candidate(value, sum)
        };
        let detail = messages::rule_contradicts(own, asked);
        let is_asked_in_selector = promfmt::adapter::label_matchers(&chain.metric.selector)
            .is_ok_and(|selector| selector.contains(asked));
        // A rule whose series query has the same value is made for that value.
        let is_for_value = promfmt::query::Query::parse(&made.rule.series_query)
            .is_ok_and(|query| query.selectors.iter().any(|selector| selector.matchers.contains(own)));
        let fix = if is_for_value && is_asked_in_selector {
            let what = messages::fix_selector_of_rule(with(&own.value), own, with(&asked.value));
            fixes::selector::remove_label(facts, &chain.metric, &asked.label, &what)
        } else {
            let query = changed_query(made, |mut parts| {
                parts.retain(|part| edit::label_of(part) != Some(&own.label));
                parts
            });
            let what = messages::fix_rule_of_selector(own, with(&asked.value), with(&own.value));
            set_query(facts, made, query.as_deref(), &what)
        };
        writer.fail("rule-pins", detail, command, fix);
        return true;
    }
    let asked = chain.asked_series();
    if asked.is_empty() || !chain.counted_series().is_empty() {
        return false;
    }
    // The first own matcher that none of the asked series satisfies.
    let culprit =
        all.iter().flatten().find(|own| !asked.iter().any(|sample| own.accepts_labels(&sample.labels)));
    let Some(own) = culprit else { return false };
    let mut values: Vec<&str> =
        asked.iter().map(|sample| sample.label(&own.label)).filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    let detail = messages::rule_excludes(own, fmt::list(values.iter().copied()));
    let fix = match values.first() {
        Some(value) => {
            let numbers: Vec<String> = values
                .iter()
                .map(|value| {
                    let of_value: Vec<&Sample> =
                        asked.iter().filter(|sample| sample.label(&own.label) == *value).copied().collect();
                    messages::candidate(value, sum_of(&of_value))
                })
                .collect();
            let query = pinned(made, &own.label, value);
            let what = messages::fix_rule_value(&own.label, value, numbers.join(", "));
            set_query(facts, made, query.as_deref(), &what)
        }
        None => {
            let query = changed_query(made, |mut parts| {
                parts.retain(|part| edit::label_of(part) != Some(&own.label));
                parts
            });
            set_query(facts, made, query.as_deref(), &messages::fix_drop_matcher(own))
        }
    };
    writer.fail("rule-pins", detail, command, fix);
    true
}

/// Reports a series query that selects none of the series: the adapter then does not list the metric.
fn is_unlisted(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>, made: &Made) -> bool {
    let Ok(query) = promfmt::query::Query::parse(&made.rule.series_query) else { return false };
    let [selector] = query.selectors.as_slice() else { return false };
    let all: Vec<&Sample> =
        chain.observed.series.all().iter().filter(|sample| sample.label("__name__") == made.series).collect();
    if all.is_empty() || all.iter().any(|sample| chain::selects(selector, &sample.labels)) {
        return false;
    }
    let culprit =
        selector.matchers.iter().find(|own| !all.iter().any(|sample| own.accepts_labels(&sample.labels)));
    let Some(own) = culprit else { return false };
    let series_query = edit::change_matchers(&made.rule.series_query, |_, mut parts| {
        parts.retain(|part| edit::label_of(part) != Some(&own.label));
        parts
    });
    let detail = messages::rule_lists_nothing(own);
    let fix = set_series_query(facts, made, &series_query);
    writer.fail("rule-series", detail, facts.api.rules.command.as_ref(), fix);
    true
}
