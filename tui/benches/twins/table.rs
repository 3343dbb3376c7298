//! The figures, as the tables of `BENCHMARKS.md`.

use std::time::Duration;

use dashboard::bursts::stopwatch::Stage;
use diagnosis::Timing;

use crate::side::Took;

/// Prints a row for each step: the bounds of the intervals, then mean and worst of each side.
pub(crate) fn stages(ours: &Took, theirs: Option<&Took>, sync: Duration) {
    println!(
        "\n| from the key press to | the intervals allow | sandbox: mean | worst | cluster: mean | worst |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let timing = theirs.and_then(|took| took.timing).or(ours.timing);
    for stage in &Stage::ALL[1..] {
        let theirs = theirs.map_or_else(|| "not measured | ".to_owned(), |took| cells(took, *stage));
        println!(
            "| {} | {} | {} | {theirs} |",
            stage.title(),
            allowed(*stage, timing, sync),
            cells(ours, *stage)
        );
    }
    for (name, took) in [("sandbox", Some(ours)), ("cluster", theirs)] {
        let Some(took) = took else { continue };
        let jobs: u32 = took.bursts.iter().map(|burst| burst.size).sum();
        let done: u32 = took.bursts.iter().map(dashboard::bursts::burst::Burst::done).sum();
        println!("{name}: {} bursts, {done} of {jobs} jobs done", took.bursts.len());
        // Shows how they scatter, and an outlier if there is one.
        for stage in [Stage::Scraped, Stage::Desired, Stage::PodReady, Stage::BackAtMin] {
            let each: Vec<String> = seconds(took, stage).iter().map(|s| format!("{s:.1}")).collect();
            println!("{name}: {} {}", stage.title(), each.join(" "));
        }
    }
}

/// A step's times in seconds since the key press, burst by burst.
fn seconds(took: &Took, stage: Stage) -> Vec<f64> {
    let of = |burst: &dashboard::bursts::burst::Burst| {
        Some(burst.watch.at(stage)?.since(burst.pressed).as_secs_f64())
    };
    took.bursts.iter().filter_map(of).collect()
}

/// Mean and worst, and how many bursts have none.
fn cells(took: &Took, stage: Stage) -> String {
    let seconds = seconds(took, stage);
    let missing = took.bursts.len() - seconds.len();
    let Some(worst) = seconds.iter().copied().max_by(f64::total_cmp) else { return "none | none".to_owned() };
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let without = if missing == 0 { String::new() } else { format!(", {missing} without") };
    format!("{} | {}{without}", span(mean), span(worst))
}

/// The bounds of a step by the intervals: minimum, mean and maximum. The broker's statistics and the scrape delay the sample,
/// the sync delays the decision. No interval delays the other steps.
fn allowed(stage: Stage, timing: Option<Timing>, sync: Duration) -> String {
    let Some(timing) = timing else { return "not known".to_owned() };
    let fresh = timing.worst_seconds - sync.as_secs_f64();
    let worst = match stage {
        Stage::Scraped | Stage::ExternalApi => fresh,
        Stage::Desired | Stage::Deployment => timing.worst_seconds,
        _ => return String::new(),
    };
    format!("0, {}, {}", span(worst / 2.0), span(worst))
}

/// Prints a row of starts.
pub(crate) fn starts(what: &str, took: &[Duration]) {
    let mut seconds: Vec<f64> = took.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    if let (Some(best), Some(worst)) = (seconds.first(), seconds.last()) {
        println!(
            "| {what} ({} times) | {} | {} | {} |",
            took.len(),
            span(*best),
            span(seconds[took.len() / 2]),
            span(*worst)
        );
    }
}

fn span(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1_000.0) } else { format!("{seconds:.1} s") }
}
