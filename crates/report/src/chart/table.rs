//! The chart's values as a table for readers, and as JSON for the script.

use dashboard::clock::DayClock;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::Chart;
use crate::strings;

/// Most rows of the table.
const ROWS: usize = 120;

/// The table: the value of each curve at the end of a column, for every column or every few of them.
pub(crate) fn table(chart: &Chart, day: &DayClock) -> Markup {
    let every = chart.count.div_ceil(ROWS).max(1);
    let rows = (0..chart.count).filter(|column| (column + 1).is_multiple_of(every));
    let seconds = chart.step.as_secs_f64() * every as f64;
    html! {
        details {
            summary { (strings::TABLE) }
            div class="scroll" tabindex="0" role="region" aria-label=(strings::TABLE) {
                table class="values" {
                    caption { (strings::table_caption(seconds)) }
                    thead {
                        tr {
                            th scope="col" { (strings::TIME) }
                            @for curve in chart.plots.iter().flat_map(|plot| &plot.curves) {
                                th scope="col" { (curve.name) }
                            }
                        }
                    }
                    tbody {
                        @for column in rows {
                            tr data-column=(column) {
                                th scope="row" { (day.moment(chart.end_of(column))) }
                                @for curve in chart.plots.iter().flat_map(|plot| &plot.curves) {
                                    td { (value(curve.columns[column].and_then(|column| column.last))) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A value with the digits that it has, at most three decimals.
fn value(value: Option<f32>) -> String {
    let Some(value) = value else { return strings::NO_VALUE.to_owned() };
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The values for the script. Nothing in it ends the element that holds it.
pub(crate) fn data(chart: &Chart, day: &DayClock) -> String {
    let round = |value: Option<f32>| value.map(|value| (f64::from(value) * 1_000.0).round() / 1_000.0);
    let curves: Vec<Value> = chart
        .plots
        .iter()
        .enumerate()
        .flat_map(|(plot, of)| of.curves.iter().enumerate().map(move |(number, curve)| (plot, number, curve)))
        .map(|(plot, number, curve)| {
            let values: Vec<Option<f64>> =
                curve.columns.iter().map(|column| round(column.and_then(|column| column.last))).collect();
            json!({"key": format!("{plot}-{number}"), "name": curve.name, "values": values})
        })
        .collect();
    let data = json!({
        "midnight": (day.since_midnight() + chart.from.0).as_secs_f64(),
        "step": chart.step.as_secs_f64(),
        "timeSteps": dashboard::chart::ticks::TIME_STEPS,
        "curves": curves,
    });
    data.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn values_have_the_digits_that_they_have() {
        let texts = [Some(3.0), Some(0.5), Some(1_234.567), Some(-0.0001), None].map(value);
        assert_eq!(texts, ["3", "0.5", "1234.567", "0", "none"]);
    }
}
