//! A controller's work queue: each key at most once, now or at an instant, with back-off for what failed.
//!
//! One task takes keys out, so a key is never worked on twice at once, and what changes meanwhile makes the key come
//! again.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// First wait after a failure; doubles.
const RETRY_BASE: Duration = Duration::from_millis(5);
/// Longest wait after failures.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Keys of objects that want to be looked at.
pub(crate) struct Queue<K> {
    state: Mutex<State<K>>,
    notify: Notify,
}

struct State<K> {
    ready: VecDeque<K>,
    queued: HashSet<K>,
    later: BTreeSet<(Instant, K)>,
    due: HashMap<K, Instant>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Eq + Ord + Hash + Send + 'static> Queue<K> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            queued: HashSet::new(),
            later: BTreeSet::new(),
            due: HashMap::new(),
            failures: HashMap::new(),
        };
        Arc::new(Self { state: Mutex::new(state), notify: Notify::new() })
    }

    /// Asks for a look at once.
    pub(crate) fn add(&self, key: K) {
        let mut state = self.lock();
        if state.queued.insert(key.clone()) {
            state.ready.push_back(key);
            drop(state);
            self.notify.notify_one();
        }
    }

    /// Asks for a look after `wait`, or earlier if that was asked before.
    pub(crate) fn add_after(&self, key: K, wait: Duration) {
        let at = Instant::now() + wait;
        let mut state = self.lock();
        match state.due.get(&key) {
            Some(due) if *due <= at => return,
            Some(due) => {
                let due = *due;
                state.later.remove(&(due, key.clone()));
            }
            None => {}
        }
        state.due.insert(key.clone(), at);
        state.later.insert((at, key));
        drop(state);
        self.notify.notify_one();
    }

    /// Asks for another look after a failure, later each time.
    pub(crate) fn retry(&self, key: K) {
        let failures = {
            let mut state = self.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures += 1;
            *failures
        };
        self.add_after(key, back_off(failures));
    }

    /// The work on a key went well: its next failure is its first.
    pub(crate) fn succeeded(&self, key: &K) {
        self.lock().failures.remove(key);
    }

    /// The next key; waits for one.
    pub(crate) async fn next(&self) -> K {
        loop {
            let wait = {
                let mut state = self.lock();
                let now = Instant::now();
                while let Some((at, key)) = state.later.first().cloned() {
                    if at > now {
                        break;
                    }
                    state.later.pop_first();
                    state.due.remove(&key);
                    if state.queued.insert(key.clone()) {
                        state.ready.push_back(key);
                    }
                }
                if let Some(key) = state.ready.pop_front() {
                    state.queued.remove(&key);
                    return key;
                }
                state.later.first().map(|(at, _)| *at)
            };
            match wait {
                Some(at) => {
                    tokio::select! {
                        () = self.notify.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.notify.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works through a queue for ever: `reconcile` says by an error that a key must come again.
pub(crate) async fn work<K, F, Fut>(name: &'static str, queue: Arc<Queue<K>>, reconcile: F)
where
    K: Clone + Eq + Ord + Hash + Send + std::fmt::Debug + 'static,
    F: Fn(K) -> Fut,
    Fut: Future<Output = Result<(), kube::Error>>,
{
    loop {
        let key = queue.next().await;
        // A mistake that shows with one object must not end the work on all others.
        match AssertUnwindSafe(reconcile(key.clone())).catch_unwind().await {
            Ok(Ok(())) => queue.succeeded(&key),
            Ok(Err(error)) => {
                tracing::debug!(controller = name, ?key, %error, "will try again");
                queue.retry(key);
            }
            Err(_) => {
                tracing::error!(controller = name, ?key, "a look at an object panicked; will try again");
                queue.retry(key);
            }
        }
    }
}

fn back_off(failures: u32) -> Duration {
    RETRY_BASE
        .saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX))
        .min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_longer_each_time_up_to_a_bound() {
        for (failures, expected) in
            [(1, 5), (2, 10), (3, 20), (10, 2560), (13, 20480), (14, 30000), (99, 30000)]
        {
            assert_eq!(back_off(failures), Duration::from_millis(expected), "{failures}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_once_and_in_its_time() {
        let queue = Queue::new();
        queue.add_after("later", Duration::from_secs(5));
        queue.add_after("later", Duration::from_secs(9));
        queue.add("now");
        queue.add("now");
        let start = Instant::now();
        assert_eq!(queue.next().await, "now");
        assert_eq!(queue.next().await, "later");
        assert_eq!(start.elapsed().as_secs(), 5);
        queue.add_after("sooner", Duration::from_secs(9));
        queue.add_after("sooner", Duration::from_secs(1));
        assert_eq!(queue.next().await, "sooner");
        assert_eq!(start.elapsed().as_secs(), 6);
        assert!(tokio::time::timeout(Duration::from_secs(60), queue.next()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_about_one_key_does_not_end_the_work() {
        let queue = Queue::new();
        queue.add("bad");
        queue.add("good");
        let (done, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let working = work("test", Arc::clone(&queue), move |key| {
            let done = done.clone();
            async move {
                assert_ne!(key, "bad", "as this test wants it");
                done.send(key).unwrap();
                Ok(())
            }
        });
        let worker = tokio::spawn(working);
        assert_eq!(heard.recv().await, Some("good"));
        worker.abort();
    }
}
