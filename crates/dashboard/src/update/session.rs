//! The recorder's reports, and the position of a replay. Neither changes the data of a live run.

use crate::clock::At;
use crate::model::Model;
use crate::reported::RecorderEvent;
use crate::session::{ReplayEvent, Session};
use crate::strings::sentences;
use crate::ui::state::{Notice, Tone, View};

/// Handles a report of the recorder.
pub(super) fn recorder(model: &mut Model, at: At, report: RecorderEvent) {
    let Session::Live(recorder) = &mut model.session else { return };
    let is_new = *recorder == crate::session::Recorder::Off;
    *recorder = std::mem::take(recorder).after(&report);
    let text = match report {
        RecorderEvent::Wrote { file, .. } if is_new => Some(sentences::recording_to(&file)),
        RecorderEvent::Wrote { .. } => None,
        RecorderEvent::Ended { file, bytes } => Some(sentences::recorded(&file, bytes)),
        RecorderEvent::Saved { file, bytes } => Some(sentences::saved(&file, bytes)),
        RecorderEvent::NotSaved(sentence) => Some(sentence),
        RecorderEvent::Failed(sentence) => Some(sentences::recorder_failed(&sentence)),
    };
    if let Some(text) = text {
        model.ui.notice = Some(Notice { at, text, tone: Tone::State });
    }
    model.ui.changed = true;
}

/// Handles a move of the replay. After a jump the view follows the data again.
pub(super) fn replay(model: &mut Model, report: ReplayEvent) {
    let replay = match report {
        ReplayEvent::Moved(replay) => replay,
        ReplayEvent::Jumped(replay, data) => {
            model.data = *data;
            model.ui.view = View::Live;
            model.ui.notice = None;
            replay
        }
    };
    model.session = Session::Replay(replay);
    model.ui.changed = true;
}
