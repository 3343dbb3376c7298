//! The facts of an examination in progress: each part says when it is asked and when it has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use diagnosis::facts::Facts;
use diagnosis::{Asked, Part, Progress, examine_answered};

/// The receiver of the progress.
pub type Observer = Box<dyn Fn(Progress) + Send + Sync>;

/// The facts so far, and the parts that have not answered.
pub(crate) struct Board {
    start: Instant,
    state: Mutex<State>,
    observer: Option<Observer>,
}

struct State {
    facts: Facts,
    /// The parts without an answer, and when each was asked.
    pending: BTreeMap<Part, Option<Instant>>,
}

impl Board {
    /// A board of which no part has been asked.
    pub(crate) fn new(facts: Facts, observer: Option<Observer>) -> Self {
        let state = State { facts, pending: Part::ALL.map(|part| (part, None)).into() };
        Self { start: Instant::now(), state: Mutex::new(state), observer }
    }

    /// Awaits a part, and puts its answer into the facts.
    pub(crate) async fn part<T>(
        &self,
        part: Part,
        answer: impl Future<Output = T>,
        put: impl FnOnce(&mut Facts, T),
    ) {
        self.asked(part);
        let answer = answer.await;
        self.answered(part, |facts| put(facts, answer));
    }

    /// Notes that a part is asked.
    pub(crate) fn asked(&self, part: Part) {
        self.state().pending.insert(part, Some(Instant::now()));
        self.report();
    }

    /// Notes that a part has answered.
    pub(crate) fn answered(&self, part: Part, put: impl FnOnce(&mut Facts)) {
        let mut state = self.state();
        put(&mut state.facts);
        state.pending.remove(&part);
        drop(state);
        self.report();
    }

    /// The facts so far.
    pub(crate) fn facts(&self) -> Facts {
        self.state().facts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) {
        let Some(observer) = &self.observer else { return };
        let state = self.state();
        let open: BTreeSet<Part> = state.pending.keys().copied().collect();
        let asked = state.pending.iter().filter_map(|(part, since)| {
            Some(Asked { part: *part, after: since.as_ref()?.duration_since(self.start) })
        });
        let progress = Progress { report: examine_answered(&state.facts, &open), asked: asked.collect() };
        drop(state);
        observer(progress);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use diagnosis::facts::{Fact, Outcome};

    #[tokio::test]
    async fn findings_appear_as_parts_answer() {
        let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let observer: Observer = {
            let seen = Arc::clone(&seen);
            Box::new(move |progress| seen.lock().unwrap().push(progress))
        };
        let board = Board::new(Facts::not_asked("not asked yet"), Some(observer));
        board.asked(Part::Prometheus);
        let version =
            async { Fact { command: None, outcome: Outcome::Value("Kubernetes v1.34".to_owned()) } };
        board.part(Part::Server, version, |facts, version| facts.version = version).await;
        let seen = seen.lock().unwrap();
        let last = seen.last().unwrap();
        assert_eq!(last.asked.iter().map(|asked| asked.part).collect::<Vec<_>>(), [Part::Prometheus]);
        let hops: BTreeSet<&str> = last.report.findings.iter().map(|finding| finding.hop.title()).collect();
        assert_eq!(hops, ["cluster"].into(), "the other hops have no answer yet");
    }
}
