//! Builders for the unit tests.

use observed::{Pod, PodPhase, Role};

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
        last_exit: None,
    }
}
