//! OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` takes it.

use std::fmt::Write as _;

use super::Context;
use crate::names::Name;
use crate::outcome::RunResult;

/// The values over time as gauges, and the numbers of the run as gauges at its end. The text ends with `# EOF`.
#[must_use]
pub fn text(result: &RunResult, context: &Context) -> String {
    let labels = format!("scenario=\"{}\",mode=\"{}\"", escaped(&result.scenario), context.mode.word());
    let start = context.started_ms as f64 / 1_000.0;
    let mut text = String::new();
    let mut family = |name: Name, values: &mut dyn Iterator<Item = (f64, f64)>| {
        let metric = format!("surge_run_{}", name.word());
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        // Writing to a text cannot fail.
        let _ =
            writeln!(text, "# TYPE {metric} gauge\n# HELP {metric} {}", escaped(name.row().meaning.trim()));
        for (at, number) in values {
            let _ = writeln!(text, "{metric}{{{labels}}} {number} {:.3}", start + at);
        }
    };
    for (index, name) in RunResult::SERIES.into_iter().enumerate() {
        let samples = result.samples.iter();
        let mut values = samples.filter_map(|sample| Some((sample.at, f64::from(sample.values[index]?))));
        family(name, &mut values);
    }
    for (name, value) in &result.figures {
        family(*name, &mut value.number().map(|number| (result.seconds, number)).into_iter());
    }
    text + "# EOF\n"
}

/// A label's value by the OpenMetrics specification.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
