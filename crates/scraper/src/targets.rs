//! Keeps one scraping task a target, as targets come and go.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::discovery::{Discovered, Target};
use crate::labels::Labels;
use crate::scrape::{Scraper, SharedHealth};

/// What is scraped now, for who asks.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) targets: Vec<(Arc<Target>, SharedHealth)>,
    /// Pools and how many candidates each dropped.
    pub(crate) pools: BTreeMap<String, usize>,
}

/// The tasks, by pool and labels.
pub(crate) struct Targets {
    scraper: Scraper,
    view: Arc<RwLock<View>>,
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
    pub(crate) fn new(scraper: Scraper, view: Arc<RwLock<View>>, stop: CancellationToken) -> Self {
        Self { scraper, view, running: HashMap::new(), tasks: TaskTracker::new(), stop }
    }

    /// Starts what is new, stops what is gone, and replaces what has changed.
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
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = View { targets, pools: found.pools };
    }

    /// Waits until every task has ended its series; they were told by the token that `new` was given.
    pub(crate) async fn ended(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A target that replaces one with the same labels starts when that one has ended, lest the old one's stale
    /// marks end the new one's series.
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
