//! The sections of one run.

use dashboard::bursts::burst::Burst;
use dashboard::bursts::job_outcomes::LostJobs;
use dashboard::bursts::runs::Figure;
use dashboard::bursts::stopwatch::{Stage, StageTime};
use dashboard::chain::beliefs::ChainHop;
use dashboard::chart::history::MarkKind;
use dashboard::clock::At;
use dashboard::strings::steps;
use dashboard::workers::timelines::WorkerState;
use diagnosis::Verdict;
use maud::{Markup, PreEscaped, html};
use text::clean;
use text::figures::{coarse, count, measured};

use super::figures::{figure, figure_name, outcome_word};
use crate::chart::svg::{self, bar, sample};
use crate::chart::{Chart, table};
use crate::run::{Outcome, Run, Total};
use crate::story::WorstLag;
use crate::strings;

/// All sections of a run. `index` makes its IDs unique.
pub(super) fn run(run: &Run, index: usize) -> Markup {
    html! {
        article id=(format!("run-{index}")) {
            (head(run))
            (verdict(run))
            (chart(run, index))
            (figures(run))
            (bursts(run))
            (decisions(run))
            (hops(run))
            (jobs(run))
            (settings(run))
            (doctor(run))
            (missing(run))
        }
    }
}

fn head(run: &Run) -> Markup {
    let (data, origin) = (&run.data, &run.origin);
    let target = data.watched.target.as_ref();
    html! {
        h2 class="run" { (origin.name) }
        dl class="facts" {
            @if let Some(hpa) = data.hpa.get() {
                dt { (strings::HPA) }
                dd { @if let Some(target) = target { (target.namespace) "/" } (hpa.name) }
                dt { (strings::TARGET) }
                dd { (hpa.scale_target.0) "/" (hpa.scale_target.1) }
            }
            @if let Some(target) = target {
                dt { (strings::CLUSTER) }
                dd { (target.title) @if origin.is_redacted { " (" (strings::REDACTED) ")" } }
            }
            dt { (strings::STARTED) }
            dd { time datetime=(origin.started) { (origin.started.strftime("%Y-%m-%d %H:%M:%S UTC")) } }
            dt { (strings::LENGTH) }
            dd { (coarse(run.length())) }
            dt { (strings::VERSIONS) }
            dd { (strings::versions(&origin.program, origin.kubernetes.as_deref())) }
        }
    }
}

fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "good",
        Outcome::Failed => "bad",
        Outcome::Unknown => "warning",
    }
}

fn verdict(run: &Run) -> Markup {
    let (class, word) = match &run.results {
        Some(results) => (outcome_class(results.outcome()), outcome_word(results.outcome())),
        None => ("plain", strings::OBSERVED),
    };
    html! {
        section class=(format!("verdict {class}")) {
            h3 { (word) }
            @match &run.results {
                Some(results) => {
                    p { (strings::held(&results.scenario, results.count(Outcome::Held), results.checks.len())) }
                    div class="scroll" {
                        table {
                            thead {
                                tr {
                                    th scope="col" { (strings::RESULT) }
                                    th scope="col" { (strings::EXPECTATION) }
                                    th scope="col" { (strings::MEASURED) }
                                }
                            }
                            tbody {
                                @for check in &results.checks {
                                    tr {
                                        td class=(outcome_class(check.outcome)) {
                                            (match check.outcome {
                                                Outcome::Held => strings::HELD,
                                                Outcome::Failed => strings::NOT_HELD,
                                                Outcome::Unknown => strings::NOT_DECIDED,
                                            })
                                        }
                                        td { code { (check.expectation) } }
                                        td { (check.measured) }
                                    }
                                }
                            }
                        }
                    }
                }
                None => p { (strings::NO_EXPECTATIONS) },
            }
            ul {
                @for sentence in summary(run) { li { (sentence) } }
            }
        }
    }
}

/// The run in a few sentences.
fn summary(run: &Run) -> Vec<String> {
    let data = &run.data;
    let mut sentences = Vec::new();
    if data.hpa.get().is_none() {
        sentences.push(strings::NO_HPA.to_owned());
    }
    let bursts: Vec<&Burst> = run.bursts().collect();
    let accepted: u64 = bursts.iter().map(|burst| u64::from(burst.accepted)).sum();
    sentences.push(strings::bursts(bursts.len(), &count(accepted as f64)));
    let rescales = run.story.rescales();
    let sizes = || rescales.iter().flat_map(|rescale| [rescale.from, rescale.to]);
    if data.hpa.get().is_some() {
        let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
        sentences.push(strings::rescales(rescales.len(), least, most));
    }
    let worst = ChainHop::ALL.into_iter().filter_map(|hop| Some((hop, run.story.worst_lag(hop)?)));
    if let Some((hop, worst)) = worst.max_by_key(|(_, worst)| worst.lag.by) {
        let clock = data.day.moment(worst.at);
        sentences.push(strings::slowest(hop.title(), &measured(worst.lag.by), &clock));
    }
    if accepted > 0 {
        let lost: Vec<LostJobs> =
            bursts.iter().filter(|burst| burst.accepted > 0).map(|burst| burst.lost()).collect();
        let known = lost.iter().map(|lost| if let LostJobs::Jobs(jobs) = lost { *jobs } else { 0 });
        sentences.push(match known.sum::<u32>() {
            0 if lost.iter().any(|lost| !matches!(lost, LostJobs::Jobs(_))) => {
                strings::LOST_UNKNOWN.to_owned()
            }
            0 => strings::NONE_LOST.to_owned(),
            jobs => strings::lost(&count(jobs.into())),
        });
    }
    sentences
}

fn chart(run: &Run, index: usize) -> Markup {
    let chart = Chart::of(&run.data, run.origin.begins);
    let day = &run.data.day;
    if chart.plots.is_empty() {
        return html! { section { h3 { (strings::CHART) } p { (strings::NO_CHART) } } };
    }
    let id = format!("chart-{index}");
    let titles: Vec<&str> = chart.plots.iter().map(|plot| plot.title.as_str()).collect();
    let (from, to) = (day.moment(run.origin.begins), day.moment(run.data.now));
    let description = strings::chart_description(&titles, &from, &to, run.story.rescales().len());
    let name = strings::chart_name(&run.origin.name);
    let kinds: Vec<MarkKind> =
        MarkKind::ALL.into_iter().filter(|kind| chart.marks.iter().any(|mark| mark.kind == *kind)).collect();
    html! {
        section class="chart-box" {
            h3 { (strings::CHART) }
            div class="tools" hidden {
                button type="button" data-zoom="in" title=(strings::ZOOM_IN) aria-label=(strings::ZOOM_IN) { "+" }
                button type="button" data-zoom="out" title=(strings::ZOOM_OUT) aria-label=(strings::ZOOM_OUT) { "−" }
                button type="button" data-zoom="all" { (strings::WHOLE) }
                span class="note" { (strings::CHART_HELP) }
            }
            @for (number, plot) in chart.plots.iter().enumerate() {
                ul class="legend" aria-label=(plot.title) {
                    @for (curve_number, curve) in plot.curves.iter().enumerate() {
                        @let key = format!("{number}-{curve_number}");
                        li {
                            label {
                                input type="checkbox" checked hidden data-curve=(key);
                                (sample(curve)) " " (curve.name) " "
                                output class="reading" data-curve=(key) {}
                            }
                        }
                    }
                }
            }
            p class="readout" aria-live="polite" hidden {}
            div class="scroll" {
                (svg::svg(&chart, day, &id, &name, &description))
            }
            p class="note" {
                (strings::SIGNS) ": "
                @for (number, kind) in kinds.iter().enumerate() {
                    @if number > 0 { " · " }
                    span class="symbol" { (kind.symbol()) } " " (kind.title())
                }
                @if !chart.drills.is_empty() { ". " (strings::DRILL_SHADE) }
            }
            @if !chart.lanes.is_empty() { (lane_legend(&chart)) }
            (table::table(&chart, day))
            script type="application/json" class="chart-data" { (PreEscaped(table::data(&chart, day))) }
        }
    }
}

/// The bars of the states that occur.
fn lane_legend(chart: &Chart) -> Markup {
    let states = [
        WorkerState::Pending,
        WorkerState::Starting,
        WorkerState::Idle,
        WorkerState::Busy,
        WorkerState::NotSampled,
        WorkerState::Finishing,
        WorkerState::Terminating,
        WorkerState::Failed,
    ];
    let occurs = |doing: &WorkerState| {
        chart.lanes.iter().flat_map(|lane| &lane.states).any(|(_, _, seen)| seen == doing)
    };
    html! {
        ul class="legend" aria-label=(strings::WORKER_STATES) {
            @for doing in states.into_iter().filter(occurs) {
                @let (class, height) = bar(doing);
                li {
                    svg class="sample" viewBox="0 0 28 12" aria-hidden="true" {
                        g class="lane" { rect class=(class) x="0" width="28" y=((12.0 - height) / 2.0) height=(height) {} }
                    }
                    " " (doing.title())
                }
            }
        }
    }
}

fn figures(run: &Run) -> Markup {
    let totals: Vec<Total> = Total::all().filter(|total| run.total(*total).is_some()).collect();
    html! {
        section {
            h3 { (strings::FIGURES) }
            p class="note" { (strings::FIGURES_NOTE) }
            dl class="figures" {
                @for total in totals {
                    div {
                        dt { (figure_name(total)) }
                        dd class=[is_bad(run, total).then_some("bad")] { (figure(run, total)) }
                    }
                }
            }
        }
    }
}

/// Returns true for a figure that must be zero and is not: lost jobs.
fn is_bad(run: &Run, total: Total) -> bool {
    total == Total::Bursts(Figure::Lost)
        && run.total(total).and_then(dashboard::bursts::runs::Cell::number).is_some_and(|lost| lost > 0.0)
}

fn bursts(run: &Run) -> Markup {
    html! {
        section {
            h3 { (strings::BURSTS) }
            @if run.bursts().next().is_none() { p { (strings::NO_BURST) } }
            @for burst in run.bursts() { (stopwatch(run, burst)) }
            @if run.bursts().next().is_some() { p class="note" { (steps::NOTE) } }
        }
    }
}

/// The outcome of a burst in a few words.
fn facts(burst: &Burst) -> Vec<String> {
    let size = count(burst.size.into());
    let mut facts = vec![strings::outcome(&count(burst.accepted.into()), &size, &count(burst.done().into()))];
    if burst.failures() > 0 {
        facts.push(strings::requests_failed(&count(burst.failures().into())));
    }
    match burst.lost() {
        LostJobs::Jobs(jobs @ 1..) => facts.push(strings::jobs_lost(&count(jobs.into()))),
        LostJobs::Unknown(gap) if !burst.is_in_flight() => facts.push(strings::lost_unknown(gap.words())),
        _ => {}
    }
    if burst.redelivered > 0 {
        facts.push(strings::redelivered(&count(burst.redelivered.into())));
    }
    if burst.dead > 0 {
        facts.push(strings::dead(&count(burst.dead.into())));
    }
    let others = burst.overlaps.iter().map(|number| format!("#{number}"));
    let others: Vec<String> = others.chain(burst.with_load.then(|| strings::WITH_LOAD.to_owned())).collect();
    if !others.is_empty() {
        facts.push(strings::overlaps(&others.join(", ")));
    }
    facts.extend(burst.tuning().map(|settings| strings::settings_then(&settings.words())));
    facts
}

fn stopwatch(run: &Run, burst: &Burst) -> Markup {
    let day = &run.data.day;
    let (size, clock) = (count(burst.size.into()), day.moment(burst.pressed));
    let order = burst.watch.in_order();
    let above = order.iter().scan(burst.pressed, |at, stage| {
        let above = *at;
        *at = burst.watch.at(*stage).unwrap_or(above);
        Some(above)
    });
    html! {
        h4 { (strings::burst(burst.number, &size, &clock)) }
        p { (facts(burst).join("; ")) }
        div class="scroll" {
            table class="stopwatch" {
                thead {
                    tr {
                        th scope="col" { (strings::STEP) }
                        th scope="col" class="number" { (strings::SINCE_PRESS) }
                        th scope="col" class="number" { (strings::SINCE_BEFORE) }
                        th scope="col" class="number" { (strings::MARGIN) }
                        th scope="col" { (strings::SOURCE) }
                    }
                }
                tbody {
                    @for (stage, above) in order.iter().zip(above) { (step(run, burst, *stage, above)) }
                }
            }
        }
    }
}

/// A row of the stopwatch; the row above it is at `above`.
fn step(run: &Run, burst: &Burst, stage: Stage, above: At) -> Markup {
    let source = steps::source(&burst.watch, stage, &run.data.day).map(|[full, _]| full);
    html! {
        tr {
            th scope="row" { (stage.title()) }
            @if let StageTime::Seen(seen) = burst.watch.get(stage) {
                td class="number" {
                    @if seen.caveat.is_some() { "≈" }
                    (measured(seen.at.since(burst.pressed)))
                }
                td class="number" {
                    @if stage != Stage::KeyPress { (steps::since_above(seen, above)) }
                }
                td class="number" {
                    @match seen.caveat.filter(|caveat| caveat.is_other_cause()) {
                        Some(other) => (other.short()),
                        None => (steps::margin(seen)),
                    }
                }
            } @else {
                td {} td {} td {}
            }
            td class="dim" { (source.unwrap_or_else(|| strings::NOT_YET.to_owned())) }
        }
    }
}

fn decisions(run: &Run) -> Markup {
    let rescales = run.story.rescales();
    html! {
        section {
            h3 { (strings::DECISIONS) }
            @if rescales.is_empty() {
                p { (strings::NO_DECISION) }
            } @else {
                p class="note" { (strings::DECISIONS_NOTE) }
                div class="scroll" {
                    table class="decisions" {
                        thead {
                            tr {
                                th scope="col" { (strings::TIME) }
                                th scope="col" { (strings::SIZE) }
                                th scope="col" class="number" { (strings::WANTED) }
                                th scope="col" { (strings::READING) }
                                th scope="col" { (strings::REASONS) }
                            }
                        }
                        tbody {
                            @for rescale in rescales {
                                tr {
                                    th scope="row" { (run.data.day.moment(rescale.at)) }
                                    td class="size" { (strings::change(rescale.from, rescale.to)) }
                                    td class="number" {
                                        (rescale.wanted.map_or_else(|| strings::UNKNOWN.to_owned(), |size| size.to_string()))
                                    }
                                    td { (rescale.targets) }
                                    td { @for reason in &rescale.reasons { div { (reason) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The beliefs of each hop about the queue; without a queue, those about each metric.
fn hops(run: &Run) -> Markup {
    let data = &run.data;
    let rows = if data.has_queue() { queue_hops(run) } else { metric_hops(run) };
    let (head, note) = match data.has_queue() {
        true => (
            [strings::HOP, strings::LAST_VALUE, strings::WORST_LAG, strings::AT].as_slice(),
            strings::HOPS_NOTE,
        ),
        false => (strings::METRIC_HEAD.as_slice(), strings::METRIC_HOPS_NOTE),
    };
    html! {
        section {
            h3 { (strings::HOPS) }
            @if rows.is_empty() {
                p { (strings::NO_HOPS) }
            } @else {
                p class="note" { (note) }
                div class="scroll" {
                    table {
                        thead {
                            tr {
                                th scope="col" { (head[0]) }
                                @for title in &head[1..] { th scope="col" class="number" { (title) } }
                            }
                        }
                        tbody {
                            @for (name, cells) in rows {
                                tr {
                                    th scope="row" { (name) }
                                    @for cell in cells { td class="number" { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Hop, its last value, its worst lag, and the time of that.
fn queue_hops(run: &Run) -> Vec<(String, Vec<String>)> {
    let data = &run.data;
    let rows = data.hops().into_iter().filter_map(|hop| {
        let belief = data.beliefs.get(hop)?;
        let value = belief.total.map_or_else(|| strings::NO_VALUE.to_owned(), count);
        let [lag, at] = match hop {
            ChainHop::Broker => [strings::REFERENCE.to_owned(), String::new()],
            hop => worst_lag(run, run.story.worst_lag(hop)),
        };
        Some((hop.title().to_owned(), vec![value, lag, at]))
    });
    rows.collect()
}

/// Metric, the last figures of the metrics API and of the HPA's status, the worst lag of the status, and the time of that.
fn metric_hops(run: &Run) -> Vec<(String, Vec<String>)> {
    let data = &run.data;
    let metrics = data.hpa.get().and_then(|hpa| hpa.spec.as_ref()).map_or(&[][..], |spec| &spec.metrics);
    let rows = metrics.iter().enumerate().filter_map(|(index, metric)| {
        let belief = data.metric_beliefs.get(index)?;
        let figure = |current: Option<_>| {
            let figure = current.and_then(|current| explain::metric::current(metric, current));
            figure.unwrap_or_else(|| strings::NO_VALUE.to_owned())
        };
        let [lag, at] = worst_lag(run, run.story.worst_metric_lag(index));
        let figures = [figure(belief.served.as_ref()), figure(belief.reported.as_ref()), lag, at];
        Some((explain::metric::name(metric), figures.into()))
    });
    rows.collect()
}

/// A lag, and the time of it.
fn worst_lag(run: &Run, worst: Option<WorstLag>) -> [String; 2] {
    let Some(WorstLag { lag, at }) = worst else { return [strings::NO_LAG.to_owned(), String::new()] };
    let bound = if lag.is_lower_bound { "≥ " } else { "" };
    [format!("{bound}{}", measured(lag.by)), run.data.day.moment(at)]
}

fn jobs(run: &Run) -> Markup {
    let jobs = &run.data.jobs;
    let counts = [jobs.acked, jobs.redelivered, jobs.dead, jobs.aborted, jobs.lost];
    html! {
        section {
            h3 { (strings::JOBS) }
            @if counts == [0; 5] {
                p { (strings::NO_JOBS) }
            } @else {
                dl class="figures" {
                    @for (name, number) in strings::JOB_ROWS.into_iter().zip(counts) {
                        div {
                            dt { (name) }
                            dd class=[(number > 0 && name == strings::JOB_ROWS[4]).then_some("bad")] {
                                (count(number as f64))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn settings(run: &Run) -> Markup {
    let data = &run.data;
    let metrics = data.hpa.get().and_then(|hpa| hpa.spec.as_ref()).map_or(&[][..], |spec| &spec.metrics);
    html! {
        section {
            h3 { (strings::SETTINGS) }
            div class="scroll" {
                table {
                    thead { tr { th scope="col" { (strings::FROM) } th scope="col" { (strings::IN_FORCE) } } }
                    tbody {
                        @for (at, settings) in run.story.settings() {
                            tr { th scope="row" { (data.day.moment(*at)) } td { (settings.words()) } }
                        }
                    }
                }
            }
            @if !metrics.is_empty() {
                div class="scroll" {
                    table {
                        thead { tr { th scope="col" { (strings::METRIC) } th scope="col" { (strings::TARGET_OF) } } }
                        tbody {
                            @for metric in metrics {
                                tr {
                                    th scope="row" { (explain::metric::name(metric)) }
                                    td { (explain::metric::target(metric)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn doctor(run: &Run) -> Markup {
    let day = &run.data.day;
    html! {
        section {
            h3 { (strings::DOCTOR) }
            @match run.data.doctor.found() {
                None => p { (strings::NO_DOCTOR) },
                Some(found) => {
                    p { (strings::doctor_at(&day.moment(found.at), &found.report.summary())) }
                    div class="scroll" {
                        table class="doctor" {
                            thead {
                                tr {
                                    th scope="col" { (strings::HOP) }
                                    th scope="col" { (strings::RESULT) }
                                    th scope="col" { (strings::FINDING) }
                                }
                            }
                            tbody {
                                @for finding in &found.report.findings {
                                    tr {
                                        td { (finding.hop.title()) }
                                        td class=(verdict_class(finding.verdict)) { (finding.verdict.word()) }
                                        td { (finding.detail) }
                                    }
                                }
                            }
                        }
                    }
                    @if let Some((finding, fix)) = found.report.fix() {
                        p { strong { (strings::FIRST_FIX) ": " } (fix.what) " (" (finding.hop.title()) ")" }
                        @let command = fix.command.as_ref().map(ToString::to_string);
                        @for part in command.iter().chain(&fix.yaml) {
                            pre { (part.lines().map(clean::text).collect::<Vec<_>>().join("\n")) }
                        }
                    }
                }
            }
        }
    }
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "good",
        Verdict::Warning => "warning",
        Verdict::Failure => "bad",
        Verdict::NotApplicable | Verdict::NotPermitted => "dim",
    }
}

fn missing(run: &Run) -> Markup {
    html! {
        @if !run.origin.missing.is_empty() {
            section {
                h3 { (strings::MISSING) }
                ul { @for sentence in &run.origin.missing { li { (sentence) } } }
            }
        }
    }
}
