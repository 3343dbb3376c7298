//! A controller's work queue: each key at most once, now or at a later time, with back-off after failures.
//!
//! One task processes the keys, so it never works on a key twice at once. A change during that work queues the key
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

use crate::back_off::exponential;

/// Delay after the first failure of a key.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(5);
/// Longest delay after failures.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Keys of objects that a controller must reconcile.
pub(crate) struct Queue<K> {
    state: Mutex<QueueState<K>>,
    notify: Notify,
}

struct QueueState<K> {
    ready: VecDeque<K>,
    queued: HashSet<K>,
    later: BTreeSet<(Instant, K)>,
    due: HashMap<K, Instant>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Eq + Ord + Hash + Send + 'static> Queue<K> {
    pub(crate) fn new() -> Arc<Self> {
        let state = QueueState {
            ready: VecDeque::new(),
            queued: HashSet::new(),
            later: BTreeSet::new(),
            due: HashMap::new(),
            failures: HashMap::new(),
        };
        Arc::new(Self { state: Mutex::new(state), notify: Notify::new() })
    }

    /// Queues a key now.
    pub(crate) fn add(&self, key: K) {
        let mut state = self.lock();
        if state.queued.insert(key.clone()) {
            state.ready.push_back(key);
            drop(state);
            self.notify.notify_one();
        }
    }

    /// Queues a key after `delay`, unless it is already due earlier.
    pub(crate) fn add_after(&self, key: K, delay: Duration) {
        let at = Instant::now() + delay;
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

    /// Queues a key after a failure, with a longer delay each time.
    pub(crate) fn retry(&self, key: K) {
        let failures = {
            let mut state = self.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures += 1;
            *failures
        };
        self.add_after(key, retry_delay(failures));
    }

    /// Resets the key's count of failures.
    pub(crate) fn forget_failures(&self, key: &K) {
        self.lock().failures.remove(key);
    }

    /// Waits for the next key.
    pub(crate) async fn next(&self) -> K {
        loop {
            let due = {
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
            match due {
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

    fn lock(&self) -> MutexGuard<'_, QueueState<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processes the queue's keys forever. An error of `reconcile` queues the key again.
pub(crate) async fn process<K, F, Fut>(name: &'static str, queue: Arc<Queue<K>>, reconcile: F)
where
    K: Clone + Eq + Ord + Hash + Send + std::fmt::Debug + 'static,
    F: Fn(K) -> Fut,
    Fut: Future<Output = Result<(), kube::Error>>,
{
    loop {
        let key = queue.next().await;
        // A panic about one object must not end the work on all others.
        match AssertUnwindSafe(reconcile(key.clone())).catch_unwind().await {
            Ok(Ok(())) => queue.forget_failures(&key),
            Ok(Err(error)) => {
                tracing::debug!(controller = name, ?key, %error, "reconciling failed; retrying");
                queue.retry(key);
            }
            Err(_) => {
                tracing::error!(controller = name, ?key, "reconciling panicked; retrying");
                queue.retry(key);
            }
        }
    }
}

fn retry_delay(failures: u32) -> Duration {
    exponential(FIRST_RETRY_DELAY, MAX_RETRY_DELAY, failures.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_double_up_to_a_limit() {
        for (failures, expected) in
            [(1, 5), (2, 10), (3, 20), (10, 2560), (13, 20480), (14, 30000), (99, 30000)]
        {
            assert_eq!(retry_delay(failures), Duration::from_millis(expected), "{failures}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_returned_once_and_on_time() {
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
    async fn a_panic_about_one_key_does_not_stop_the_queue() {
        let queue = Queue::new();
        queue.add("bad");
        queue.add("good");
        let (done, mut reconciled) = tokio::sync::mpsc::unbounded_channel();
        let processing = process("test", Arc::clone(&queue), move |key| {
            let done = done.clone();
            async move {
                assert_ne!(key, "bad", "a panic on purpose");
                done.send(key).unwrap();
                Ok(())
            }
        });
        let worker = tokio::spawn(processing);
        assert_eq!(reconciled.recv().await, Some("good"));
        worker.abort();
    }
}
