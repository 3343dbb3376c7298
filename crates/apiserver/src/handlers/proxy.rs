//! The proxy to pods and Services: `pods/[SCHEME:]NAME[:PORT]/proxy/PATH`.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::call::Call;
use super::logs::pod_ref;
use crate::select::LabelSelector;
use crate::{PodRef, Status};

/// Time limit for the response header of a pod.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Headers of a single connection, which the proxy removes.
const HOP_BY_HOP: [header::HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// The target of a proxy request: `[SCHEME:]NAME[:PORT]`.
#[derive(Debug, PartialEq, Eq)]
struct ProxyTarget<'a> {
    name: &'a str,
    port: &'a str,
}

impl<'a> ProxyTarget<'a> {
    /// Parses a target; HTTPS is not supported.
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            [name] => Some(Self { name, port: "" }),
            [name, port] | ["http" | "", name, port] => Some(Self { name, port }),
            _ => None,
        }
    }
}

/// Forwards a request.
pub(crate) async fn proxy(call: &Call<'_>, request: Request<Body>) -> Result<Response, Status> {
    let target = ProxyTarget::parse(call.name()).ok_or_else(|| {
        Status::bad_request(format!("invalid {} request \"{}\"", call.resource.kind.singular, call.name()))
    })?;
    let (pod, port) = match call.resource.kind.plural.as_str() {
        "pods" => pod_port(call, &target)?,
        "services" => service_port(call, &target)?,
        _ => return Err(Status::unknown_resource()),
    };
    let address = pod.pointer("/status/podIP").and_then(Value::as_str).unwrap_or(target.name).to_owned();
    let pod = pod_ref(&pod);
    let node = call.server.node()?;
    let unreachable = |why: &dyn std::fmt::Display| {
        Status::unavailable(format!(
            "error trying to reach service: dial tcp {address}:{port}: connect: {why}"
        ))
    };
    let stream = node.connect(&pod, port).await.map_err(|error| unreachable(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(&error))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a proxy connection ended");
        }
    });
    let outgoing = outgoing(request, &pod, port)?;
    let answer = tokio::time::timeout(RESPONSE_TIMEOUT, sender.send_request(outgoing)).await;
    let answer = answer
        .map_err(|_| {
            Status::new(
                504,
                "Timeout",
                format!("no response from the pod within {} s", RESPONSE_TIMEOUT.as_secs()),
            )
        })?
        .map_err(|error| unreachable(&error))?;
    let (mut parts, body) = answer.into_parts();
    for name in HOP_BY_HOP {
        parts.headers.remove(name);
    }
    Ok(Response::from_parts(parts, Body::new(body)))
}

fn outgoing(request: Request<Body>, pod: &PodRef, port: u16) -> Result<Request<Body>, Status> {
    let (mut parts, body) = request.into_parts();
    // The path after `/proxy`, in the client's encoding.
    let whole = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let (path, query) =
        whole.split_once('?').map_or((whole.as_str(), None), |(path, query)| (path, Some(query)));
    let rest = path.split_once("/proxy").map_or("", |(_, rest)| rest);
    let rest = if rest.starts_with('/') { rest } else { "/" };
    let target = match query {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    parts.uri =
        target.parse().map_err(|error| Status::bad_request(format!("invalid path {target}: {error}")))?;
    parts.version = http::Version::HTTP_11;
    for name in HOP_BY_HOP {
        parts.headers.remove(name);
    }
    // The bearer token is for this server only.
    parts.headers.remove(header::AUTHORIZATION);
    let host = format!("{}:{port}", pod.name);
    let host = HeaderValue::from_str(&host).map_err(Status::internal)?;
    parts.headers.insert(header::HOST, host);
    Ok(Request::from_parts(parts, body))
}

fn named_port(pod: &Value, name: &str) -> Option<u16> {
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports = containers.iter().flat_map(|container| container["ports"].as_array()).flatten();
    ports.find(|port| port["name"] == name)?["containerPort"].as_u64()?.try_into().ok()
}

fn pod_port(call: &Call<'_>, target: &ProxyTarget<'_>) -> Result<(Value, u16), Status> {
    let key = (call.namespace().to_owned(), target.name.to_owned());
    let pod = call.resource.objects.get(&key);
    let pod = pod.ok_or_else(|| Status::not_found("", "pods", target.name))?;
    let first = || {
        let containers = pod.value["spec"]["containers"].as_array()?;
        containers
            .iter()
            .find_map(|container| container["ports"][0]["containerPort"].as_u64())?
            .try_into()
            .ok()
    };
    let port = match target.port {
        "" => first().or(Some(80)),
        text => text.parse().ok().or_else(|| named_port(&pod.value, text)),
    };
    let port = port.ok_or_else(|| {
        Status::bad_request(format!("pod \"{}\" has no port \"{}\"", target.name, target.port))
    })?;
    Ok((pod.value.clone(), port))
}

/// Returns a ready pod behind a Service, and its port for the Service's port.
fn service_port(call: &Call<'_>, target: &ProxyTarget<'_>) -> Result<(Value, u16), Status> {
    let key = (call.namespace().to_owned(), target.name.to_owned());
    let service = call.resource.objects.get(&key);
    let service = service.ok_or_else(|| Status::not_found("", "services", target.name))?;
    let ports = service.value["spec"]["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Kubernetes looks up a number in the Service, and a name (or none) in the ports of its endpoints.
    let port = match target.port.parse::<u64>() {
        Ok(number) => {
            Some(ports.iter().find(|port| port["port"].as_u64() == Some(number)).ok_or_else(|| {
                Status::unavailable(format!("no service port {number} found for service \"{}\"", target.name))
            })?)
        }
        Err(_) => ports.iter().find(|port| port["name"].as_str().unwrap_or_default() == target.port),
    };
    let none = || Status::unavailable(format!("no endpoints available for service \"{}\"", target.name));
    let selector = &service.value["spec"]["selector"];
    let registry = call.server.registry();
    let pods = registry.stored_as("", "pods").filter(|_| !selector.is_null()).ok_or_else(none)?;
    let wanted = LabelSelector::from_object(selector);
    let (pods, _) = pods.objects.list(Some(call.namespace()));
    let ready: Vec<_> =
        pods.iter().filter(|pod| wanted.matches(&pod.record.labels) && is_ready(&pod.value)).collect();
    if ready.is_empty() {
        return Err(none());
    }
    let port = port.ok_or_else(none)?;
    let pod = ready[fastrand::usize(..ready.len())];
    let number = match &port["targetPort"] {
        Value::String(name) => named_port(&pod.value, name),
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        _ => port["port"].as_u64().and_then(|number| number.try_into().ok()),
    };
    Ok((pod.value.clone(), number.ok_or_else(none)?))
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = |c: &&Value| c["type"] == "Ready" && c["status"] == "True";
    !crate::meta::is_terminating(pod) && conditions.is_some_and(|list| list.iter().any(|c| ready(&c)))
}

/// Redirects a GET of `.../proxy` to the path with a final slash, because relative links need it.
pub(crate) fn with_slash(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(&format!("{path}/")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_targets_are_parsed() {
        assert_eq!(ProxyTarget::parse("a"), Some(ProxyTarget { name: "a", port: "" }));
        assert_eq!(ProxyTarget::parse("a:8080"), Some(ProxyTarget { name: "a", port: "8080" }));
        assert_eq!(ProxyTarget::parse("http:a:web"), Some(ProxyTarget { name: "a", port: "web" }));
        assert_eq!(ProxyTarget::parse("https:a:web"), None);
    }
}
