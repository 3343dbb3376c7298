//! One kept connection to a Service's pod, opened when it is needed and reopened when it is lost.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use kube::Client;

use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::http::{Connection, HttpResponse};
use crate::tunnel;

/// A connection through a tunnel that is kept between requests.
pub struct PersistentConnection {
    client: Client,
    endpoint: Endpoint,
    connection: Option<Connection>,
}

impl PersistentConnection {
    /// Opens nothing yet: the first request does.
    #[must_use]
    pub fn new(client: Client, endpoint: Endpoint) -> Self {
        Self { client, endpoint, connection: None }
    }

    /// The endpoint at the other end.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks over the kept connection; a lost one is opened anew once, because a pod may have been replaced or an idle
    /// tunnel closed since the last request.
    pub async fn ask(
        &mut self,
        request: &Request<Empty<Bytes>>,
        within: Duration,
    ) -> Result<HttpResponse, Failure> {
        if let Some(mut connection) = self.connection.take().filter(Connection::is_open)
            && let Ok(answer) = connection.send(request.clone(), within).await
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
        let lost = |error| Failure::Lost(format!("{} gave no answer: {error}", self.endpoint.service));
        let mut connection = Connection::over(stream).await.map_err(lost)?;
        let answer = connection.send(request.clone(), within).await.map_err(lost)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}
