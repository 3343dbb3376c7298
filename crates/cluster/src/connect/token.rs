//! Tokens that change while a client lives: from a token file, or from a credential plugin.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Request, header};

/// The source of a token. Clones share it.
#[derive(Clone)]
pub(super) struct TokenSource {
    /// Read again with each request: mounted tokens are replaced every few minutes.
    file: Option<PathBuf>,
    /// The last valid value.
    value: Arc<Mutex<HeaderValue>>,
}

impl TokenSource {
    /// A token file.
    ///
    /// # Errors
    /// If the file is not readable or has no valid token.
    pub(super) fn file(path: PathBuf) -> Result<Self, String> {
        let value = Arc::new(Mutex::new(read(&path)?));
        Ok(Self { file: Some(path), value })
    }

    /// A token of a plugin.
    ///
    /// # Errors
    /// If the token is not valid in a header.
    pub(super) fn fixed(token: &str) -> Result<Self, String> {
        Ok(Self { file: None, value: Arc::new(Mutex::new(bearer(token)?)) })
    }

    /// Replaces the token. An invalid one changes nothing.
    pub(super) fn replace(&self, token: &str) {
        match bearer(token) {
            Ok(fresh) => *self.value.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(cause) => tracing::warn!("the renewed token {cause}"),
        }
    }

    /// Sets the `Authorization` field. A file that is not readable any more keeps its last token, as in client-go.
    pub(super) fn authorize<B>(&self, mut request: Request<B>) -> Request<B> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(fresh)) = self.file.as_ref().map(read) {
            *value = fresh;
        }
        request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        request
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
