//! Builders for the unit tests.

use std::sync::Arc;

use hpa::input::Ready;
use observed::{Pod, PodPhase, Role};

/// The part of a pod that the autoscaler calculates with.
pub(crate) fn calculated(name: &str, phase: PodPhase) -> hpa::Pod {
    let phase_text = match phase {
        PodPhase::Pending => "Pending",
        PodPhase::Completed => "Succeeded",
        PodPhase::Failed => "Failed",
        PodPhase::Starting | PodPhase::Ready | PodPhase::Terminating => "Running",
    };
    hpa::Pod {
        name: name.to_owned(),
        phase: phase_text.to_owned(),
        deleted: phase == PodPhase::Terminating,
        ready: Some(Ready { status: (phase == PodPhase::Ready).into(), since: hpa::Time(0) }),
        started_at: Some(hpa::Time(0)),
        ..hpa::Pod::default()
    }
}

/// A worker whose uid is its name.
pub(crate) fn pod(name: &str, phase: PodPhase) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: name.to_owned(),
        role: Role::Worker,
        status: "Running".to_owned(),
        phase,
        restarts: 0,
        created: None,
        scheduled: None,
        started: None,
        ready_since: None,
        calculated: Arc::new(calculated(name, phase)),
        ..Pod::default()
    }
}
