//! Keeps the credentials of a plugin valid: a new run before they expire, and after the server rejects them.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::identity::Identity;
use super::plugin::Plugin;
use super::token::TokenSource;
use crate::backoff::Backoff;

/// Time before their expiry at which credentials are renewed.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// The credentials of a plugin in use.
pub(super) struct Renewal {
    pub(super) plugin: Plugin,
    pub(super) token: Option<TokenSource>,
    pub(super) identity: Option<Identity>,
    /// Notified when the server rejects the credentials.
    pub(super) rejected: Arc<Notify>,
}

impl Renewal {
    /// Renews credentials that expire at `expires`, without end.
    pub(super) async fn run(self, mut expires: Option<Timestamp>) {
        let mut backoff = Backoff::default();
        loop {
            tokio::select! {
                () = until(expires) => {}
                () = self.rejected.notified() => {}
            }
            match self.plugin.renew().await {
                Ok(fresh) => {
                    if let (Some(source), Some(token)) = (&self.token, &fresh.token) {
                        source.replace(token);
                    }
                    if let (Some(identity), Some((certificate, key))) = (&self.identity, fresh.certificate())
                    {
                        identity.replace(certificate, key);
                    }
                    expires = fresh.expiration_timestamp;
                }
                Err(error) => tracing::warn!(cause = %error.cause, "the credentials were not renewed"),
            }
            if expires.is_some_and(|expires| expires.duration_since(Timestamp::now()) > RENEW_BEFORE) {
                backoff.reset();
            }
            // A plugin that prints expired credentials, or rejected ones, does not run in a loop.
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }
}

async fn until(expires: Option<Timestamp>) {
    let Some(expires) = expires else { return std::future::pending().await };
    let left = expires.duration_since(Timestamp::now()) - RENEW_BEFORE;
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}
