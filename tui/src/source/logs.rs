//! The workers' logs: the only source of each job's outcome once a pod is gone.

mod follower;
mod line;

use std::collections::HashMap;
use std::time::Instant;

use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::follower::Follower;
use crate::source::event_sender::EventSender;

/// Follows the logs of a changing set of pods, each to its end.
pub(crate) struct Logs {
    client: Client,
    namespace: String,
    outbox: EventSender,
    began: Instant,
    /// True until the first pods are followed: those may have logged before the run began.
    is_new: bool,
    /// The followed pods, each with the token that reports the pod as gone.
    followed: HashMap<String, CancellationToken>,
    tasks: JoinSet<()>,
}

impl Logs {
    /// `began` is the start of the run: the last lines from before it are reported as such.
    pub(crate) fn new(client: Client, namespace: String, outbox: EventSender, began: Instant) -> Self {
        Self {
            client,
            namespace,
            outbox,
            began,
            is_new: true,
            followed: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Follows these pods from now on. A pod that is no longer listed is gone; the rest of its log is read first.
    pub(crate) fn follow(&mut self, pods: &[String]) {
        while self.tasks.try_join_next().is_some() {}
        let may_have_logged = self.is_new;
        self.is_new &= pods.is_empty();
        self.followed.retain(|pod, gone| {
            let wanted = pods.contains(pod);
            if !wanted {
                gone.cancel();
            }
            wanted
        });
        for pod in pods {
            if self.followed.contains_key(pod) {
                continue;
            }
            let gone = CancellationToken::new();
            self.followed.insert(pod.clone(), gone.clone());
            let api = Api::namespaced(self.client.clone(), &self.namespace);
            let follower = Follower::new(api, pod.clone(), self.outbox.clone(), gone);
            self.tasks.spawn(follower.run(self.began, may_have_logged));
        }
    }
}
