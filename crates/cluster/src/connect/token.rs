//! Tokens that change while a client lives: from a token file, or from a credential plugin.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Request, header};
use jiff::{SignedDuration, Timestamp};
use tokio_util::task::AbortOnDropHandle;

use super::plugin::Plugin;
use crate::backoff::Backoff;

/// Time before its expiry at which a token is renewed.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// The source of a token.
#[derive(Clone)]
pub(super) struct TokenSource {
    /// Read again with each request: mounted tokens are replaced every few minutes.
    file: Option<PathBuf>,
    /// The last valid value.
    value: Arc<Mutex<Option<HeaderValue>>>,
    /// Renews the token of a plugin.
    _renewal: Option<Arc<AbortOnDropHandle<()>>>,
}

impl TokenSource {
    /// A token file.
    ///
    /// # Errors
    /// If the file is not readable or has no valid token.
    pub(super) fn file(path: PathBuf) -> Result<Self, String> {
        let value = read(&path)?;
        Ok(Self { file: Some(path), value: Arc::new(Mutex::new(Some(value))), _renewal: None })
    }

    /// A token of a plugin, renewed before it expires.
    ///
    /// # Errors
    /// If the token is not valid in a header.
    pub(super) fn plugin(plugin: Plugin, token: &str, expires: Option<Timestamp>) -> Result<Self, String> {
        let value = Arc::new(Mutex::new(Some(bearer(token)?)));
        let renewal = expires.map(|expires| {
            let task = tokio::spawn(renew(plugin, Arc::clone(&value), expires));
            Arc::new(AbortOnDropHandle::new(task))
        });
        Ok(Self { file: None, value, _renewal: renewal })
    }

    /// Sets the `Authorization` field. A file that is not readable any more keeps its last token, as in client-go.
    pub(super) fn authorize<B>(&self, mut request: Request<B>) -> Request<B> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(fresh)) = self.file.as_ref().map(read) {
            *value = Some(fresh);
        }
        if let Some(value) = value.as_ref() {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        request
    }
}

async fn renew(plugin: Plugin, value: Arc<Mutex<Option<HeaderValue>>>, mut expires: Timestamp) {
    let mut backoff = Backoff::default();
    loop {
        let left = expires.duration_since(Timestamp::now()) - RENEW_BEFORE;
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        let renewed = plugin.run().await.ok().and_then(|credentials| {
            Some((bearer(credentials.token.as_deref()?).ok()?, credentials.expiration_timestamp))
        });
        match renewed {
            Some((fresh, next)) => {
                *value.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
                let Some(next) = next else { return };
                expires = next;
                if expires.duration_since(Timestamp::now()) > RENEW_BEFORE {
                    backoff.reset();
                    continue;
                }
            }
            None => tracing::warn!("renewing the token with the credential plugin failed"),
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

/// Reads a token file. client-go trims it, too.
fn read(path: &PathBuf) -> Result<HeaderValue, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("tokenFile {} is not readable: {error}", path.display()))?;
    bearer(&text).map_err(|cause| format!("tokenFile {} {cause}", path.display()))
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    let token = token.trim();
    if token.is_empty() {
        return Err("has no token".to_owned());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_invalid| "has invalid characters".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
