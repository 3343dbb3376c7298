//! The outcome of the bursts and their jobs: the requests' answers, and the workers' logs.

use std::time::Duration;

use contract::{BurstId, JobEvent, JobEventKind};

use super::lists::log_event;
use super::observed_at;
use crate::bursts::job_outcomes::LogGap;
use crate::bursts::jobs::AbortedWork;
use crate::chart::history::MarkKind;
use crate::clock::At;
use crate::data::Data;
use crate::model::Model;
use crate::reported::{BurstProgress, LogState, Source};
use crate::strings::entries;
use crate::ui::events::Severity;
use crate::workers::timelines::{CurrentJob, JobTag, WorkerState};

/// Handles the progress of a burst's requests.
pub(super) fn burst(model: &mut Model, at: At, progress: BurstProgress) {
    let (finished, id) = (progress.finished, progress.id.clone());
    let newly_accepted = model.data.bursts.progress(progress);
    // A request to another Service need not be a job.
    if model.data.load.to.is_none() {
        model.data.jobs.accepted(newly_accepted);
    }
    if !finished {
        return;
    }
    let Some(burst) = model.data.bursts.get_mut(&id) else { return };
    if burst.failures() > 0 {
        let entry = entries::burst_failures(burst.number, burst.accepted, burst.size, &burst.failed);
        model.data.history.mark(at, MarkKind::Error);
        log_event(model, at, Severity::Warning, entry);
    }
}

/// Handles a worker's log event about a job.
pub(super) fn job(model: &mut Model, at: At, pod: &str, event: &JobEvent) {
    observed_at::note_delivery(&mut model.data, at, Source::Logs);
    model.data.logs.job(at, pod, event);
    super::lists::keep_position(model, true);
    let seen = observed_at::from_log_line(&model.data, at, event.at);
    let written = observed_at::log_timestamp(&model.data, at, event.at);
    let data = &mut model.data;
    let aborted = data.jobs.record(written, pod, event);
    if event.kind == JobEventKind::Started && event.redelivered {
        data.history.mark(at, MarkKind::Redelivery);
        if let Some(burst) = event.burst.as_ref().and_then(|id| data.bursts.get_mut(id)) {
            burst.redelivered += 1;
        }
    }
    if event.kind == JobEventKind::Failed {
        data.history.mark(at, MarkKind::Error);
    }
    let work = of_worker(data, pod);
    data.lanes.job(written, pod, work, event.kind == JobEventKind::Acked);
    if let (JobEventKind::Acked, Some(work_ms)) = (event.kind, event.work_ms) {
        data.pace.job(work_ms);
    }
    data.bursts.job(seen, event);
    if let (Some(run), Some(waited)) = (&mut data.scenario, event.wait_ms) {
        run.before.longest_wait = run.before.longest_wait.max(Some(Duration::from_millis(waited)));
    }
    log_aborted(model, at, aborted);
}

/// Handles the state of reading a worker's log.
pub(super) fn log_state(model: &mut Model, at: At, pod: &str, state: LogState) {
    let aborted = match state {
        LogState::Ended => model.data.jobs.log_ended(pod, true),
        LogState::Gap(cause) => {
            let unsampled = model.data.sampling.unsampled();
            model.data.bursts.gap(LogGap::Log, unsampled);
            log_event(model, at, Severity::Warning, entries::log_gap(cause));
            model.data.jobs.log_ended(pod, false)
        }
    };
    log_aborted(model, at, aborted);
}

/// Logs and marks aborted work.
pub(super) fn log_aborted(model: &mut Model, at: At, aborted: impl IntoIterator<Item = AbortedWork>) {
    for AbortedWork { pod, at: when, work } in aborted {
        model.data.lanes.aborted(when, &pod);
        log_event(model, at, Severity::Warning, entries::aborted(&pod, work));
    }
}

/// Chooses the workers whose logs are read after the pods have changed.
pub(super) fn sample(data: &mut Data, at: At) {
    data.sampling.choose(&data.pods);
    let unsampled = data.sampling.unsampled();
    if unsampled > 0 {
        data.bursts.gap(LogGap::NotSampled, unsampled);
    }
    // A newly followed worker counts as idle until its log reports a job.
    let newly: Vec<String> = data
        .lanes
        .iter()
        .filter(|lane| lane.now() == WorkerState::NotSampled && data.sampling.is_followed(&lane.name))
        .map(|lane| lane.name.clone())
        .collect();
    for name in newly {
        data.lanes.job(at, &name, CurrentJob::Nothing, false);
    }
}

/// The job that a worker has in hand, from its log.
pub(super) fn of_worker(data: &Data, pod: &str) -> CurrentJob {
    match data.jobs.in_hand(pod) {
        Some(job) => {
            let tail = job.id.map_or(0, |id| {
                let bytes = id.into_bytes();
                u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]])
            });
            CurrentJob::Job(JobTag { burst: number(data, job.burst.as_ref()), tail })
        }
        None if data.sampling.is_followed(pod) => CurrentJob::Nothing,
        None => CurrentJob::NotSampled,
    }
}

fn number(data: &Data, id: Option<&BurstId>) -> u32 {
    let burst = id.and_then(|id| data.bursts.iter().rev().find(|burst| burst.id == *id));
    burst.map_or(0, |burst| burst.number)
}
