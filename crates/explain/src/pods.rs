//! The pods of a metric as a table: the part of each pod, its figures, and the controller's second pass.

use hpa::Input;
use hpa::pod_table::{Assumed, PodRow, assumed, rows};
use hpa::readiness::{Ignored, PodPart, Unready};
use hpa::trace::{Measured, PodCounts, TargetType, Trace};
use text::clean;

use crate::figure::{Unit, ratio};
use crate::strings;

/// One pod of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLine {
    /// Its name.
    pub name: String,
    /// Its part in the calculation.
    pub part: PodPart,
    /// The reason for its part, or an empty text.
    pub reason: String,
    /// Its usage.
    pub usage: Option<String>,
    /// Its request, for a utilization.
    pub request: Option<String>,
    /// Its usage as a share of its request, or of the target.
    pub share: Option<String>,
    /// The value that the second pass assumes for it.
    pub assumed: Option<String>,
    /// True if the selector matches it and another workload owns it.
    pub is_foreign: bool,
}

/// The pods of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodTable {
    /// The pods, in the order of the input.
    pub lines: Vec<PodLine>,
    /// The number of pods of each part.
    pub summary: String,
    /// The second pass, if there was one.
    pub second_pass: Option<String>,
    /// The truncation of the utilization, if it changed the figure.
    pub truncation: Option<String>,
    /// The first pod or container without a request.
    pub without_request: Option<String>,
}

/// The word for a pod's part.
#[must_use]
pub fn word(part: PodPart) -> &'static str {
    match part {
        PodPart::Counted => strings::COUNTED,
        PodPart::Unready(_) => strings::NOT_READY,
        PodPart::Missing => strings::NO_SAMPLE,
        PodPart::Ignored(_) => strings::IGNORED,
    }
}

/// The table of metric `index`; `None` for a metric that counts no pods. `is_foreign` tells the pods of other workloads.
#[must_use]
pub fn table(
    input: &Input<'_>,
    trace: &Trace,
    index: usize,
    is_foreign: impl Fn(&str) -> bool,
) -> Option<PodTable> {
    let metric = input.spec.metrics.get(index)?;
    let rows = rows(input, index)?;
    let measured = trace.metrics.get(index).and_then(|metric| metric.measured);
    let unit = Unit::of_samples(metric);
    let lines: Vec<PodLine> = rows
        .iter()
        .map(|row| PodLine { is_foreign: is_foreign(&row.name), ..line(row, measured.as_ref(), unit) })
        .collect();
    let count = |is: fn(&PodPart) -> bool| lines.iter().filter(|line| is(&line.part)).count();
    let counts = [
        (count(|part| *part == PodPart::Counted), strings::COUNTED),
        (count(|part| matches!(part, PodPart::Unready(_))), strings::NOT_READY),
        (count(|part| *part == PodPart::Missing), strings::NO_SAMPLE),
        (count(|part| matches!(part, PodPart::Ignored(_))), strings::IGNORED),
    ];
    let foreign = lines.iter().filter(|line| line.is_foreign).count();
    Some(PodTable {
        summary: strings::pod_counts(&counts, foreign),
        second_pass: measured.as_ref().and_then(second_pass),
        truncation: measured.as_ref().and_then(|measured| truncation(&rows, measured)),
        without_request: rows
            .iter()
            .find_map(|row| row.request_milli.clone()?.err())
            .map(|why| clean::text(&why)),
        lines,
    })
}

fn line(row: &PodRow, measured: Option<&Measured>, unit: Unit) -> PodLine {
    let request = row.request_milli.as_ref().and_then(|request| request.as_ref().ok()).copied();
    let per_pod_target = measured
        .filter(|measured| measured.target_type == TargetType::AverageValue)
        .map(|measured| measured.target);
    let base = request.or(per_pod_target).filter(|base| *base > 0);
    let share = row.usage_milli.zip(base).map(|(usage, base)| {
        // `as` saturates.
        strings::percent((usage as f64 * 100.0 / base as f64) as i64)
    });
    let assumed = measured.and_then(|measured| assumed(measured, row.part)).map(|assumed| match assumed {
        Assumed::Zero => strings::AS_ZERO.to_owned(),
        Assumed::Target => strings::AS_TARGET.to_owned(),
    });
    PodLine {
        name: row.name.clone(),
        part: row.part,
        reason: reason(row.part).to_owned(),
        usage: row.usage_milli.map(|usage| unit.format(usage)),
        request: row.request_milli.as_ref().map(|request| match request {
            Ok(request) => unit.format(*request),
            Err(_) => strings::NO_REQUEST.to_owned(),
        }),
        share,
        assumed,
        is_foreign: false,
    }
}

fn reason(part: PodPart) -> &'static str {
    match part {
        PodPart::Counted => "",
        PodPart::Missing => strings::API_HAS_NO_SAMPLE,
        PodPart::Unready(Unready::Pending) => strings::PENDING,
        PodPart::Unready(Unready::NoStatus) => strings::NO_CONDITION,
        PodPart::Unready(Unready::Starting) => strings::STARTING,
        PodPart::Unready(Unready::EarlySample) => strings::EARLY_SAMPLE,
        PodPart::Unready(Unready::NeverReady) => strings::NEVER_READY,
        PodPart::Ignored(Ignored::Deleted) => strings::DELETED,
        PodPart::Ignored(Ignored::Failed) => strings::FAILED,
        PodPart::Ignored(Ignored::Succeeded) => strings::SUCCEEDED,
    }
}

/// The conservative second pass: the values that the controller assumes for pods without a usable sample.
#[must_use]
pub fn second_pass(measured: &Measured) -> Option<String> {
    // A ratio of exactly 1 assumes nothing.
    let first = measured.ratio.filter(|ratio| *ratio != 1.0)?;
    let second = measured.assumed_ratio?;
    let PodCounts { unready, missing, .. } = measured.pods?;
    let mut parts = Vec::new();
    if missing > 0 {
        parts.push(strings::assumed_for(missing, strings::NO_SAMPLE, first > 1.0));
    }
    if unready > 0 && first > 1.0 {
        parts.push(strings::assumed_for(unready, strings::NOT_READY, true));
    }
    Some(strings::second_pass(&parts.join(", "), &ratio(first), &ratio(second)))
}

/// The exact utilization, if the controller's whole percent hides a part of it.
fn truncation(rows: &[PodRow], measured: &Measured) -> Option<String> {
    if measured.target_type != TargetType::Utilization {
        return None;
    }
    let (mut usage, mut requested) = (0_i128, 0_i128);
    for row in rows.iter().filter(|row| row.part == PodPart::Counted) {
        usage += i128::from(row.usage_milli?);
        requested += i128::from(*row.request_milli.as_ref()?.as_ref().ok()?);
    }
    if requested == 0 {
        return None;
    }
    let tenths = usage * 1_000 / requested;
    let is_whole = tenths % 10 == 0;
    (!is_whole && tenths / 10 == i128::from(measured.usage))
        .then(|| strings::truncated(&format!("{}.{}", tenths / 10, tenths % 10), measured.usage))
}
