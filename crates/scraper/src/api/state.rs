//! The state that the handlers share.

use std::sync::{Arc, RwLock};
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::store::Store;
use crate::targets::TargetList;

/// The state of the server.
pub(crate) struct ServerState {
    pub(crate) config: Config,
    pub(crate) store: Arc<RwLock<Store>>,
    pub(crate) target_list: Arc<RwLock<TargetList>>,
    /// One permit for each concurrent query.
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) started: Instant,
}
