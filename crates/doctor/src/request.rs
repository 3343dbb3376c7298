//! One request, one fact: a missing permission, a missing object and a failed request are different outcomes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use text::command::Command;

use cluster::endpoint::{Endpoint, Port};
use cluster::errors::{self, Failure};
use cluster::http::{HttpRequest, HttpResponse};
use cluster::persistent_connection::PersistentConnection;
use diagnosis::facts::{Fact, MetricResponse, Outcome, Readings, ServicePort};

/// Timeout of one request.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster, real or rehearsed.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// In a rehearsal: stands in for all tunnels.
    pub(crate) recorder: Option<Arc<Recorder>>,
}

/// Records requests instead of sending them through a tunnel.
pub(crate) struct Recorder {
    pub(crate) requests: Mutex<Vec<TunnelRequest>>,
    /// The body of the response to a path with its query.
    pub(crate) response: fn(&str) -> Bytes,
}

/// A request that a rehearsal did not send through a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TunnelRequest {
    /// Service and port.
    pub(crate) at: String,
    /// Path with its query.
    pub(crate) path: String,
}

/// A connection to a pod behind a Service.
pub(crate) struct Tunnel {
    connection: PersistentConnection,
    at: ServicePort,
    recorder: Option<Arc<Recorder>>,
}

impl Tunnel {
    pub(crate) fn new(cluster: &Cluster, endpoint: Endpoint) -> Self {
        let at = service_port(&endpoint);
        let connection = PersistentConnection::new(cluster.client.clone(), endpoint);
        Self { connection, at, recorder: cluster.recorder.clone() }
    }

    /// The Service and the port.
    pub(crate) fn at(&self) -> &ServicePort {
        &self.at
    }

    /// The response, or the outcome instead of one.
    pub(crate) async fn request<T>(&mut self, request: &HttpRequest) -> Result<HttpResponse, Outcome<T>> {
        if let Some(recorder) = &self.recorder {
            let path = request.uri().to_string();
            let body = (recorder.response)(&path);
            if let Ok(mut requests) = recorder.requests.lock() {
                requests.push(TunnelRequest { at: self.at.to_string(), path });
            }
            return Ok(HttpResponse { status: StatusCode::OK, headers: HeaderMap::new(), body });
        }
        self.connection.ask(request, REQUEST_TIMEOUT).await.map_err(|failure| match failure {
            Failure::Unavailable(sentence) => Outcome::NotPermitted(sentence),
            Failure::Lost(sentence) => Outcome::Failed(sentence),
        })
    }
}

/// The Service and the port of an endpoint.
pub(crate) fn service_port(endpoint: &Endpoint) -> ServicePort {
    let port = match endpoint.port {
        Port::Number(number) | Port::Named { number, .. } => number,
    };
    ServicePort { namespace: endpoint.namespace.clone(), service: endpoint.service.clone(), port }
}

/// `kubectl get --raw` of a path behind a Service, through the API server's proxy.
pub(crate) fn proxied(at: &ServicePort, path: &str) -> Command {
    let ServicePort { namespace, service, port } = at;
    raw(&format!("/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{path}"))
}

/// `kubectl get --raw PATH`.
pub(crate) fn raw(path: &str) -> Command {
    Command::kubectl(["get"]).flag("--raw", path)
}

/// `kubectl get KIND -n NAMESPACE`.
pub(crate) fn get(kind: &str, namespace: &str) -> Command {
    Command::kubectl(["get", kind]).namespace(namespace)
}

/// `kubectl get KIND NAME -n NAMESPACE`.
pub(crate) fn get_one(kind: &str, name: &str, namespace: &str) -> Command {
    Command::kubectl(["get"]).object(kind, name).namespace(namespace)
}

/// A list of the API, of which only the items matter.
#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

/// Reads an object.
pub(crate) async fn object<T: DeserializeOwned>(cluster: &Cluster, command: Command, path: &str) -> Fact<T> {
    let outcome = match request::<T>(cluster, path).await {
        Ok(object) => Outcome::Value(object),
        Err(error) => error.outcome(&command),
    };
    Fact::new(command, outcome)
}

/// Reads the items of a list.
pub(crate) async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    command: Command,
    path: &str,
) -> Fact<Vec<T>> {
    object::<List<T>>(cluster, command, path).await.map(|list| list.items)
}

/// Reads a text.
pub(crate) async fn text(cluster: &Cluster, command: Command, path: &str) -> Fact<String> {
    let request = match Request::get(path).body(Vec::new()) {
        Ok(request) => request,
        Err(error) => return Fact::new(command, Outcome::Failed(error.to_string())),
    };
    let outcome = match tokio::time::timeout(REQUEST_TIMEOUT, cluster.client.request_text(request)).await {
        Ok(Ok(text)) => Outcome::Value(text),
        Ok(Err(error)) => RequestError::Kube(Box::new(error)).outcome(&command),
        Err(_elapsed) => {
            RequestError::Other(format!("no answer within {REQUEST_TIMEOUT:?}")).outcome(&command)
        }
    };
    Fact::new(command, outcome)
}

/// Reads the items of a metrics API. An error of the API is an answer too.
pub(crate) async fn answer<T: DeserializeOwned>(
    cluster: &Cluster,
    command: Command,
    path: &str,
    turn: impl FnOnce(Vec<T>) -> Readings,
) -> Fact<Readings> {
    let outcome = match request::<List<T>>(cluster, path).await {
        Ok(list) => Outcome::Value(turn(list.items)),
        Err(RequestError::Kube(error)) => match *error {
            kube::Error::Api(status) if !matches!(status.code, 401 | 403) => {
                Outcome::Value(Readings::Error { code: status.code, message: status.message })
            }
            error => RequestError::Kube(Box::new(error)).outcome(&command),
        },
        Err(error) => error.outcome(&command),
    };
    Fact::new(command, outcome)
}

/// A part of a response: absent if the response lacks it.
pub(crate) fn part<T>(fact: Fact<Option<T>>) -> Fact<T> {
    let outcome = match fact.outcome {
        Outcome::Value(None) => Outcome::Absent,
        Outcome::Value(Some(value)) => Outcome::Value(value),
        Outcome::Absent => Outcome::Absent,
        Outcome::NotPermitted(sentence) => Outcome::NotPermitted(sentence),
        Outcome::Failed(sentence) => Outcome::Failed(sentence),
        Outcome::NotAsked(reason) => Outcome::NotAsked(reason),
    };
    Fact { command: fact.command, outcome }
}

enum RequestError {
    Kube(Box<kube::Error>),
    Other(String),
}

impl RequestError {
    fn outcome<T>(&self, command: &Command) -> Outcome<T> {
        match self {
            Self::Kube(error) if errors::is_missing(error) => Outcome::Absent,
            Self::Kube(error) if errors::is_forbidden(error) => Outcome::NotPermitted(errors::kube(error)),
            Self::Kube(error) => Outcome::Failed(format!("{command}: {}", errors::kube(error))),
            Self::Other(sentence) => Outcome::Failed(format!("{command}: {sentence}")),
        }
    }
}

async fn request<T: DeserializeOwned>(cluster: &Cluster, path: &str) -> Result<T, RequestError> {
    let request =
        Request::get(path).body(Vec::new()).map_err(|error| RequestError::Other(error.to_string()))?;
    match tokio::time::timeout(REQUEST_TIMEOUT, cluster.client.request::<T>(request)).await {
        Ok(response) => response.map_err(|error| RequestError::Kube(Box::new(error))),
        Err(_elapsed) => Err(RequestError::Other(format!("no answer within {REQUEST_TIMEOUT:?}"))),
    }
}

#[derive(Deserialize)]
struct MetricValue {
    value: hpa::quantity::Quantity,
}

/// Reads an external metric. An error of the API is a response too.
pub(crate) async fn metric(cluster: &Cluster, command: Command, path: &str) -> Fact<MetricResponse> {
    let outcome = match request::<List<MetricValue>>(cluster, path).await {
        Ok(list) => match list.items.iter().map(|item| item.value.milli()).collect() {
            Ok(values) => Outcome::Value(MetricResponse::Values(values)),
            Err(error) => Outcome::Failed(format!("{command}: {error}")),
        },
        Err(RequestError::Kube(error)) => match *error {
            kube::Error::Api(status) if !matches!(status.code, 401 | 403) => {
                Outcome::Value(MetricResponse::Error { code: status.code, message: status.message })
            }
            error => RequestError::Kube(Box::new(error)).outcome(&command),
        },
        Err(error) => error.outcome(&command),
    };
    Fact::new(command, outcome)
}
