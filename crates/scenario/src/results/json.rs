//! JSON by `docs/schema/run.json`.

use serde_json::{Map, Value, json};

use super::Context;
use crate::figure::Known;
use crate::names::Name;
use crate::outcome::{Outcome, RunResult};

/// The result as a document.
#[must_use]
pub fn document(result: &RunResult, context: &Context) -> Value {
    let reason = match &result.outcome {
        Outcome::Stopped(reason) => Some(reason.clone()),
        Outcome::Failed => result.first_failure(),
        Outcome::Passed => None,
    };
    json!({
        "version": 1,
        "scenario": result.scenario,
        "description": result.description,
        "mode": context.mode.word(),
        "target": context.target,
        "surge": context.surge,
        "kubernetes": context.kubernetes,
        "startedMs": context.started_ms,
        "seconds": result.seconds,
        "outcome": result.outcome.word(),
        "reason": reason,
        "steps": result.steps.iter().map(|step| json!({
            "title": step.title,
            "caption": step.caption,
            "began": step.began,
            "took": step.took,
            "verdict": step.verdict.word(),
            "reason": step.verdict.reason(),
        })).collect::<Vec<_>>(),
        "expectations": result.expectations.iter().map(|one| json!({
            "expectation": one.condition.to_string(),
            "name": one.condition.name.word(),
            "function": one.condition.function.map(crate::figure::Function::word),
            "bound": one.condition.bound,
            "measured": one.measured.number(),
            "estimate": matches!(one.measured, Known::About(_)),
            "verdict": one.verdict.word(),
            "reason": one.verdict.reason(),
        })).collect::<Vec<_>>(),
        "figures": figures(&result.figures),
        "bursts": result.bursts.iter().map(|burst| json!({
            "number": burst.number,
            "figures": figures(&burst.values),
        })).collect::<Vec<_>>(),
        "rescales": result.rescales.iter().map(|rescale| json!({
            "at": rescale.at, "from": rescale.from, "to": rescale.to,
        })).collect::<Vec<_>>(),
        "marks": result.marks.iter().map(|(at, text)| json!({"at": at, "text": text})).collect::<Vec<_>>(),
        "notPutBack": result.left,
    })
}

/// The known numbers by name, each as its number or `null`.
fn figures(values: &[(Name, Known)]) -> Value {
    let pairs = values.iter().map(|(name, value)| (name.word().to_owned(), json!(value.number())));
    Value::Object(pairs.collect::<Map<_, _>>())
}
