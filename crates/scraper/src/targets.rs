//! Runs one scraping task per target, and follows changes of the targets.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::discovery::{Discovered, Target};
use crate::labels::Labels;
use crate::scrape::{Scraper, SharedHealth};

/// The current targets, for the HTTP API.
#[derive(Debug, Default)]
pub(crate) struct TargetList {
    pub(crate) targets: Vec<(Arc<Target>, SharedHealth)>,
    /// Number of dropped candidates by pool.
    pub(crate) pools: BTreeMap<String, usize>,
}

/// The running tasks, by pool and labels.
pub(crate) struct Targets {
    scraper: Scraper,
    list: Arc<RwLock<TargetList>>,
    running: HashMap<(String, Labels), Running>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Running {
    target: Arc<Target>,
    health: SharedHealth,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Targets {
    pub(crate) fn new(scraper: Scraper, list: Arc<RwLock<TargetList>>, stop: CancellationToken) -> Self {
        Self { scraper, list, running: HashMap::new(), tasks: TaskTracker::new(), stop }
    }

    /// Starts new targets, stops removed ones, and replaces changed ones.
    pub(crate) fn follow(&mut self, found: Discovered) {
        let mut before = std::mem::take(&mut self.running);
        for target in found.targets {
            let key = (target.pool.clone(), target.labels.clone());
            let running = match before.remove(&key) {
                Some(running) if *running.target == target => running,
                Some(changed) => self.start(target, Some(changed)),
                None => self.start(target, None),
            };
            self.running.insert(key, running);
        }
        for gone in before.into_values() {
            gone.stop.cancel();
        }
        let mut targets: Vec<_> = self
            .running
            .values()
            .map(|running| (Arc::clone(&running.target), Arc::clone(&running.health)))
            .collect();
        targets.sort_by(|(a, _), (b, _)| (&a.pool, &a.labels).cmp(&(&b.pool, &b.labels)));
        *self.list.write().unwrap_or_else(PoisonError::into_inner) =
            TargetList { targets, pools: found.pools };
    }

    /// Waits until every task has ended its series, after the token of [`Self::new`] was cancelled.
    pub(crate) async fn ended(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Starts a target. One that replaces another with the same labels waits for its end: the old one's stale markers
    /// would end the new one's series.
    fn start(&self, target: Target, before: Option<Running>) -> Running {
        let (target, health, stop) = (Arc::new(target), SharedHealth::default(), self.stop.child_token());
        let scrape = self.scraper.clone().run(Arc::clone(&target), Arc::clone(&health), stop.clone());
        let task = self.tasks.spawn(async move {
            if let Some(before) = before {
                before.stop.cancel();
                let _ = before.task.await;
            }
            scrape.await;
        });
        Running { target, health, stop, task }
    }
}
