//! A connection to a Service's pod that is reused between requests.

use std::time::Duration;

use kube::Client;

use crate::endpoint::Endpoint;
use crate::errors::Failure;
use crate::http::{Connection, HttpRequest, HttpResponse};
use crate::tunnel;

/// A connection through a tunnel that is reused between requests.
pub struct PersistentConnection {
    client: Client,
    endpoint: Endpoint,
    connection: Option<Connection>,
}

impl PersistentConnection {
    /// A closed connection; the first request opens it.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint) -> Self {
        Self { client, endpoint, connection: None }
    }

    /// The endpoint at the other end.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request. A broken connection is opened again once: the pod may have been replaced or an idle tunnel closed.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] without the right to open a tunnel, else [`Failure::Lost`].
    pub async fn ask(&mut self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, Failure> {
        if let Some(mut connection) = self.connection.take().filter(Connection::is_open)
            && let Ok(answer) = connection.send(request.clone(), timeout).await
        {
            self.connection = Some(connection);
            return Ok(answer);
        }
        let stream = tunnel::open(&self.client, &self.endpoint, fastrand::f64()).await.map_err(|error| {
            if error.is_forbidden() {
                Failure::Unavailable(error.to_string())
            } else {
                Failure::Lost(error.to_string())
            }
        })?;
        let lost =
            |error| Failure::Lost(format!("no answer from Service {}: {error}", self.endpoint.service));
        let mut connection = Connection::over(stream).await.map_err(lost)?;
        let answer = connection.send(request.clone(), timeout).await.map_err(lost)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}
