//! A summary in Markdown, for the page of a CI job.

use text::duration;

use super::Context;
use crate::outcome::{Outcome, RunResult, Verdict};

/// The summary. It has at most a few kilobytes: a job's page at GitHub takes one megabyte.
#[must_use]
pub fn summary(result: &RunResult, context: &Context) -> String {
    let mut text = format!(
        "## {}: {}\n\n{} on {} ({}), surge {}\n",
        cell(&result.scenario),
        result.outcome.word(),
        duration::seconds(result.seconds),
        cell(&context.target),
        context.mode.word(),
        context.surge,
    );
    if let Outcome::Stopped(reason) = &result.outcome {
        text += &format!("\n**Stopped:** {}\n", cell(reason));
    }
    if !result.expectations.is_empty() {
        text += "\n| expectation | measured | verdict |\n| --- | --- | --- |\n";
        for one in &result.expectations {
            let (condition, measured) = (one.condition.to_string(), one.measured_text());
            text += &format!("| {} | {} | {} |\n", cell(&condition), cell(&measured), sign(&one.verdict));
        }
    }
    text += "\n| step | took | verdict |\n| --- | --- | --- |\n";
    for step in &result.steps {
        let reason = step.verdict.reason().map_or_else(String::new, |reason| format!(": {}", cell(reason)));
        let took = duration::seconds(step.took);
        text += &format!("| {} | {took} | {}{reason} |\n", cell(&step.title), sign(&step.verdict));
    }
    let known = result.figures.iter().filter_map(|(name, value)| Some((name, value.number()?)));
    text += "\n| figure | value |\n| --- | --- |\n";
    for (name, number) in known {
        text += &format!("| {} | {} |\n", name.word(), name.row().unit.text(number));
    }
    for sentence in &result.left {
        text += &format!("\n**Not put back:** {}\n", cell(sentence));
    }
    text
}

fn sign(verdict: &Verdict) -> String {
    let sign = if verdict.is_held() { "✅" } else { "❌" };
    format!("{sign} {}", verdict.word())
}

/// A text that ends no cell and begins no other markup.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' => {
                safe.push('\\');
                safe.push(c);
            }
            '\n' | '\r' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
