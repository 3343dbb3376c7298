//! Runs side by side: each figure of each run, and the difference from the first one.

use dashboard::bursts::runs::Cell;
use maud::{Markup, html};

use super::figures::{figure, figure_name, outcome_word};
use crate::run::{Run, Total};
use crate::strings;

/// The table of the figures. A figure that no run has is left out.
pub(super) fn table(runs: &[Run]) -> Markup {
    let Some((first, others)) = runs.split_first() else { return html! {} };
    let totals = Total::all().filter(|total| runs.iter().any(|run| run.total(*total).is_some()));
    html! {
        section {
            h2 { (strings::COMPARISON) }
            p class="note" { (strings::FIGURES_NOTE) }
            div class="scroll" tabindex="0" role="region" aria-label=(strings::COMPARISON) {
                table class="comparison" {
                    thead {
                        tr {
                            th scope="col" { (strings::FIGURE) }
                            th scope="col" { (first.origin.name) }
                            @for run in others {
                                th scope="col" { (run.origin.name) }
                                th scope="col" { (strings::against(&first.origin.name)) }
                            }
                        }
                    }
                    tbody {
                        @if runs.iter().any(|run| run.results.is_some()) {
                            tr {
                                th scope="row" { (strings::VERDICT) }
                                td { (verdict(first)) }
                                @for run in others { td { (verdict(run)) } td {} }
                            }
                        }
                        tr {
                            th scope="row" { (strings::SETTINGS_ROW) }
                            td { (settings(first)) }
                            @for run in others {
                                td class=[(settings(run) != settings(first)).then_some("changed")] { (settings(run)) }
                                td {}
                            }
                        }
                        @for total in totals {
                            tr {
                                th scope="row" { (figure_name(total)) }
                                td { (figure(first, total)) }
                                @for run in others {
                                    td { (figure(run, total)) }
                                    (difference(first, run, total))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(run: &Run) -> &'static str {
    run.results.as_ref().map_or(strings::NO_FIGURE, |results| outcome_word(results.outcome()))
}

fn settings(run: &Run) -> String {
    run.story
        .settings()
        .last()
        .map_or_else(|| strings::NO_FIGURE.to_owned(), |(_, settings)| settings.words())
}

/// The difference from the first run. Less is better for all figures but the size and the length of a run.
fn difference(first: &Run, run: &Run, total: Total) -> Markup {
    let number = |run: &Run| run.total(total).and_then(Cell::number);
    let Some((then, now)) = number(first).zip(number(run)) else { return html! { td {} } };
    let text = total.unit().difference(now, then);
    let is_ranked = match total {
        Total::Length => false,
        Total::Bursts(figure) => figure.is_ranked(),
        Total::Rescales | Total::Lag(_) => true,
    };
    let is_same = total.unit().number(now) == total.unit().number(then);
    let class = match () {
        () if is_same || !is_ranked => "dim",
        () if now < then => "good",
        () => "bad",
    };
    html! { td class=(class) { (text) } }
}
