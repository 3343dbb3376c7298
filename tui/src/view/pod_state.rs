//! The looks of the states of pods and workers: symbol, word and ink.

use super::strings::workers as text;
use super::theme::Ink;
use dashboard::data::Data;
use dashboard::workers::pods::PodHistory;
use dashboard::workers::timelines::WorkerState;
use observed::{PodPhase, Role};

/// Symbol, word and ink of a worker's state.
pub(super) fn look(doing: WorkerState) -> (char, &'static str, Ink) {
    let (symbol, ink) = match doing {
        WorkerState::Pending => ('░', Ink::Pending),
        WorkerState::Starting => ('▒', Ink::Pending),
        WorkerState::Idle => ('─', Ink::Ready),
        WorkerState::Busy => ('▄', Ink::Ready),
        WorkerState::NotSampled => ('┄', Ink::Dim),
        WorkerState::Finishing => ('▓', Ink::Leaving),
        WorkerState::Terminating => ('·', Ink::Leaving),
        WorkerState::Failed => ('×', Ink::Error),
        WorkerState::Gone => (' ', Ink::Dim),
    };
    (symbol, doing.title(), ink)
}

/// Symbol, word and ink of a pod's state. A ready worker is idle or busy.
pub(super) fn pod_state(data: &Data, known: &PodHistory) -> (char, &'static str, Ink) {
    match known.pod.phase {
        PodPhase::Pending => ('□', text::PENDING, Ink::Pending),
        PodPhase::Starting if known.ready_at.is_some() => ('○', text::NOT_READY, Ink::Pending),
        PodPhase::Starting => ('○', text::STARTING, Ink::Pending),
        PodPhase::Ready if known.pod.role != Role::Worker || !data.has_queue() => {
            ('●', text::READY, Ink::Ready)
        }
        PodPhase::Ready if data.jobs.in_hand(&known.pod.name).is_some() => ('■', text::BUSY, Ink::Ready),
        PodPhase::Ready if !data.sampling.is_followed(&known.pod.name) => {
            ('▪', text::NOT_SAMPLED, Ink::Ready)
        }
        PodPhase::Ready => ('●', text::IDLE, Ink::Ready),
        PodPhase::Terminating => ('◦', text::TERMINATING, Ink::Leaving),
        PodPhase::Failed => ('×', text::FAILED, Ink::Error),
        PodPhase::Completed => ('·', text::COMPLETED, Ink::Dim),
    }
}
