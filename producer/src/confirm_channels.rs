//! A pool of channels in confirm mode. A request has a channel for itself until the broker has answered all its messages,
//! so lapin attaches a returned message to a confirm of the same request.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use lapin::{Channel, options::ConfirmSelectOptions, types::ShortString};
use podkit::{Session, broker::rpc};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Number of channels, and so of requests that publish at the same time.
const CHANNELS: usize = 32;

/// The confirm channels of one session.
#[derive(Debug)]
pub(crate) struct ConfirmChannels {
    pub(crate) queue: ShortString,
    free: Mutex<Vec<Channel>>,
    permits: Arc<Semaphore>,
    /// Cancelled when the session is lost.
    pub(crate) lost: CancellationToken,
    /// Notified when the broker returns a message: the queue does not exist.
    pub(crate) unroutable: Notify,
}

impl ConfirmChannels {
    /// Opens the channels.
    ///
    /// # Errors
    /// A sentence that ends the session.
    pub(crate) async fn open(session: &Session, queue: &str) -> Result<Self, String> {
        let open = async || {
            let channel = session.channel().await?;
            let select = channel.confirm_select(ConfirmSelectOptions::default());
            rpc("enable publisher confirms", select).await?;
            Ok::<_, String>(channel)
        };
        let channels = futures::future::try_join_all((0..CHANNELS).map(|_| open())).await?;
        Ok(Self {
            queue: queue.into(),
            free: Mutex::new(channels),
            permits: Arc::new(Semaphore::new(CHANNELS)),
            lost: CancellationToken::new(),
            unroutable: Notify::new(),
        })
    }

    /// Waits for a free channel. Dropping the guard returns the channel to the pool.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Option<ChannelGuard> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        let channel = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(ChannelGuard { pool: self.clone(), channel, _permit: permit })
    }
}

/// A channel in exclusive use.
pub(crate) struct ChannelGuard {
    pub(crate) pool: Arc<ConfirmChannels>,
    channel: Channel,
    _permit: OwnedSemaphorePermit,
}

impl Deref for ChannelGuard {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl Drop for ChannelGuard {
    fn drop(&mut self) {
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.channel.clone());
    }
}
