//! `lifecycle.preStop`: what happens before a container is asked to end.

use std::time::Duration;

use k8s_openapi::api::core::v1::LifecycleHandler;

use super::probe::{self, Answer, Place};

/// Longer than any grace that makes sense: the grace itself ends a hook.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs a hook to its end.
///
/// # Errors
/// What went wrong, or that this kind of hook is not offered.
pub(super) async fn run(hook: &LifecycleHandler, place: &Place) -> Result<(), String> {
    if let Some(sleep) = &hook.sleep {
        tokio::time::sleep(Duration::from_secs(u64::try_from(sleep.seconds).unwrap_or(0))).await;
        return Ok(());
    }
    let Some(get) = &hook.http_get else {
        return Err(
            "only hooks of kind sleep and httpGet are offered here: pods are processes of this machine and \
                    have no container to enter"
                .to_owned(),
        );
    };
    match probe::http(LIMIT, place, get).await {
        Answer::Success => Ok(()),
        Answer::Failure(problem) | Answer::Error(problem) => Err(problem),
    }
}
