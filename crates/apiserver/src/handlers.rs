//! The HTTP API: from a request to its response.

mod body;
mod call;
mod convert;
mod create;
pub(crate) mod delete;
mod forward;
mod logs;
mod negotiate;
mod patch;
mod protobuf;
mod proxy;
mod read;
mod request_info;
pub(crate) mod reviews;
mod strict_json;
mod subresources;
mod watch;
mod websocket;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::kind::StatusSubresource;
use crate::query::{Query, decode};
use crate::serve::Shutdown;
use crate::{ApiServer, Status, User};

pub(crate) use call::json_response;
pub use negotiate::wants_table;

use call::Call;
use request_info::RequestInfo;
use write::WriteScope;

/// Bytes of a request's path and query.
const MAX_URI: usize = 32 * 1024;

impl ApiServer {
    /// Returns the API without authentication, for clients in the same process.
    ///
    /// Upgrades (port-forward) need a connection, so they work only with [`crate::run`].
    pub fn router(&self) -> Router {
        let server = self.clone();
        Router::new().fallback(move |request: Request| handle(server.clone(), request))
    }
}

async fn handle(server: ApiServer, request: Request) -> Response {
    match route(server, request).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    }
}

/// The checks of `/readyz` and its kin. They pass whenever the server responds.
const CHECKS: [&str; 2] = ["ping", "log"];

/// Responds to `/readyz` or its kin: `ok`, or with `verbose` one line for each check.
fn health(name: &str, checks: &[&str], query: &Query) -> Response {
    match checks {
        [] => {}
        [check] if CHECKS.contains(check) => return text("ok"),
        _ => return no_page(),
    }
    if !query.flag("verbose") {
        return text("ok");
    }
    let excluded: Vec<&str> = query.all("exclude").collect();
    let lines = CHECKS.iter().map(|check| match excluded.contains(check) {
        true => format!("[+]{check} excluded: ok\n"),
        false => format!("[+]{check} ok\n"),
    });
    text(&format!("{}{name} check passed\n", lines.collect::<String>()))
}

fn text(body: &str) -> Response {
    let mut response = body.to_owned().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn route(server: ApiServer, request: Request) -> Result<Response, Status> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > MAX_URI {
        return Err(Status::new(414, "RequestURITooLong", "the request's path and query are too long"));
    }
    let segments: Vec<String> =
        uri.path().split('/').filter(|s| !s.is_empty()).map(|s| decode(s, false)).collect();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let may_read = readable(request.method());
    let read_only = || if may_read { Ok(()) } else { Err(Status::method_not_allowed()) };
    match words.as_slice() {
        [] => {
            read_only()?;
            let paths = [
                "/api",
                "/api/v1",
                "/apis",
                "/healthz",
                "/livez",
                "/openapi/v2",
                "/openapi/v3",
                "/readyz",
                "/version",
            ];
            Ok(json_response(200, json!({"paths": paths}).to_string()))
        }
        [name @ ("healthz" | "livez" | "readyz"), checks @ ..] => {
            read_only()?;
            Ok(health(name, checks, &Query::parse(request.uri().query().unwrap_or_default())))
        }
        ["version"] => read_only().map(|()| version(&server)),
        ["openapi", "v2"] => {
            read_only()?;
            let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
            Ok(server
                .openapi_v2(accept.unwrap_or_default())
                .unwrap_or_else(|| http::StatusCode::NOT_ACCEPTABLE.into_response()))
        }
        ["openapi", "v3"] => {
            read_only()?;
            Ok(json_response(200, server.openapi_index().to_string()))
        }
        ["openapi", "v3", "api", version] => {
            read_only()?;
            Ok(json_response(200, server.openapi_document("", version)?.to_string()))
        }
        ["openapi", "v3", "apis", group, version] => {
            read_only()?;
            Ok(json_response(200, server.openapi_document(group, version)?.to_string()))
        }
        ["api"] => {
            read_only()?;
            Ok(server.discover(request.headers(), true).await)
        }
        // The aggregator ignores the method here.
        ["apis"] => Ok(server.discover(request.headers(), false).await),
        ["apis", group] => {
            read_only()?;
            Ok(server.discover_group(group).await.unwrap_or_else(no_page))
        }
        ["api", version] => {
            read_only()?;
            server.discover_version("", version).await
        }
        ["apis", group, version] => {
            read_only()?;
            server.discover_version(group, version).await
        }
        ["api", version, ..] => {
            let version = (*version).to_owned();
            resource(server, request, "", &version, &segments[2..]).await
        }
        ["apis", group, version, ..] => {
            let (group, version) = ((*group).to_owned(), (*version).to_owned());
            let aggregated =
                server.aggregated().into_iter().find(|a| a.group == group && a.version == version);
            match aggregated {
                Some(api) => Ok(api.router.oneshot(request).await.unwrap_or_else(|never| match never {})),
                None => resource(server, request, &group, &version, &segments[3..]).await,
            }
        }
        _ => Ok(no_page()),
    }
}

fn readable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Returns the 404 of Go's multiplexer, for a path outside of the API.
fn no_page() -> Response {
    let mut response = (http::StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn version(server: &ApiServer) -> Response {
    let version = &server.inner.config.version;
    let minor: Option<u32> = version.minor.parse().ok();
    let previous = minor.map_or_else(|| version.minor.clone(), |minor| minor.saturating_sub(1).to_string());
    let shown = json!({
        "major": version.major, "minor": version.minor, "gitVersion": version.git_version,
        "emulationMajor": version.major, "emulationMinor": version.minor,
        "minCompatibilityMajor": version.major, "minCompatibilityMinor": previous,
        "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none", "compiler": "rustc", "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    });
    json_response(200, shown.to_string())
}

async fn resource(
    server: ApiServer,
    mut request: Request,
    group: &str,
    version: &str,
    segments: &[String],
) -> Result<Response, Status> {
    let info = RequestInfo::parse(segments).ok_or_else(Status::unknown_resource)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let user = request.extensions().get::<User>().cloned().unwrap_or_else(User::admin);
    let shutdown =
        request.extensions().get::<Shutdown>().map_or_else(CancellationToken::new, |s| s.0.clone());
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let limit = server.limits().body;

    if let Some(review) = reviews::find(group, version, &info.plural) {
        if *request.method() != Method::POST || info.name.is_some() {
            return Err(Status::method_not_allowed());
        }
        let headers = request.headers().clone();
        let bytes = body::read(request.into_body(), limit).await?;
        return review.create(&headers, &bytes, &user);
    }
    let registry = server.registry();
    let Some(resource) = registry.find(group, version, &info.plural) else {
        return if registry.has_group_version(group, version) {
            Err(Status::unknown_resource())
        } else {
            Ok(no_page())
        };
    };
    if info.namespace.is_some() != resource.kind.is_namespaced()
        && (info.namespace.is_some() || info.name.is_some())
    {
        return Err(Status::unknown_resource());
    }
    let method = request.method().clone();
    let headers = request.headers().clone();
    let is_proxy = info.subresource.as_deref() == Some("proxy");
    let takes_body =
        !is_proxy && matches!(method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    let uri_path = request.uri().path().to_owned();
    let (request, bytes) = if takes_body && upgrade.is_none() {
        let (parts, body) = request.into_parts();
        let bytes = body::read(body, limit).await?;
        (Request::from_parts(parts, axum::body::Body::empty()), bytes)
    } else {
        (request, Bytes::new())
    };
    let mut call = Call {
        server: &server,
        stored_as: resource.stored_as(),
        info,
        query: &query,
        headers: &headers,
        representation: negotiate::representation(&headers).or_else(|refused| {
            // Logs and proxies respond in the pod's own media type.
            if resource.kind.group.is_empty() { Ok(negotiate::Representation::Objects) } else { Err(refused) }
        })?,
        now: Timestamp::now(),
        shutdown,
        options: match method {
            Method::PUT => "UpdateOptions",
            Method::PATCH => "PatchOptions",
            _ => "CreateOptions",
        },
        repeated: Vec::new(),
        warnings: resource.kind.deprecated.iter().cloned().collect(),
        resource: Arc::clone(&resource),
        upgrade,
    };
    let Some(subresource) = call.info.subresource.clone() else {
        call.representation = negotiate::representation(&headers)?;
        return object(&mut call, &method, &bytes);
    };
    match (resource.kind.group.as_str(), resource.kind.plural.as_str(), subresource.as_str()) {
        ("", "pods", "log") if method == Method::GET => {
            negotiate::check_accepts_text(&headers)?;
            logs::logs(&mut call).await
        }
        ("", "pods", "exec" | "attach") if matches!(method, Method::GET | Method::POST) => {
            forward::reject_exec(&call, &subresource)
        }
        ("", "pods", "portforward") if matches!(method, Method::GET | Method::POST) => {
            forward::forward(&mut call)
        }
        ("", "pods" | "services", "proxy") => {
            if !uri_path.ends_with('/')
                && call.info.rest.is_empty()
                && matches!(method, Method::GET | Method::HEAD)
            {
                return Ok(proxy::with_slash(&uri_path));
            }
            proxy::proxy(&call, request).await
        }
        _ => self::subresource(&mut call, &method, &subresource, &bytes),
    }
}

/// Handles requests to collections and objects.
fn object(call: &mut Call<'_>, method: &Method, bytes: &[u8]) -> Result<Response, Status> {
    let is_watch = call.query.flag("watch");
    match (call.info.name.is_some(), method.as_str()) {
        (false, "GET") if is_watch => watch::watch(call),
        (false, "GET") => read::list(call),
        (true, "GET") => read::get(call),
        // Creates and deletes of namespaced objects need a namespace.
        (false, "POST" | "DELETE") if call.resource.kind.is_namespaced() && call.info.namespace.is_none() => {
            Err(Status::method_not_allowed())
        }
        (false, "POST") => create::create(call, bytes),
        (false, "DELETE") if call.resource.is_namespace() => Err(Status::method_not_allowed()),
        (false, "DELETE") => delete::delete_collection(call, bytes),
        (true, "PUT") => write::replace(call, bytes, WriteScope::Main),
        (true, "PATCH") => patch::patch(call, bytes, WriteScope::Main),
        (true, "DELETE") => delete::delete(call, bytes),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Handles requests to subresources that need no connection to a pod.
fn subresource(call: &mut Call<'_>, method: &Method, name: &str, bytes: &[u8]) -> Result<Response, Status> {
    let resource = Arc::clone(&call.resource);
    let kind = &resource.kind;
    let has_status = kind.status != StatusSubresource::None;
    match (name, method.as_str()) {
        ("status", "GET") if has_status => read::get(call),
        ("status", "PUT") if has_status => write::replace(call, bytes, WriteScope::Status),
        ("status", "PATCH") if has_status => patch::patch(call, bytes, WriteScope::Status),
        ("status", _) if has_status => Err(Status::method_not_allowed()),
        ("scale", _) => {
            let scale = kind.scale.as_ref().ok_or_else(Status::unknown_resource)?;
            match method.as_str() {
                "GET" => subresources::get_scale(call, scale),
                "PUT" => subresources::write_scale(call, scale, bytes, false),
                "PATCH" => subresources::write_scale(call, scale, bytes, true),
                _ => Err(Status::method_not_allowed()),
            }
        }
        ("binding", "POST") if kind.is("", "pods") => subresources::bind(call, bytes),
        ("eviction", "POST") if kind.is("", "pods") => subresources::evict(call, bytes),
        ("finalize", "PUT") if resource.is_namespace() => subresources::finalize(call, bytes),
        ("log" | "portforward" | "binding" | "eviction", _) if kind.is("", "pods") => {
            Err(Status::method_not_allowed())
        }
        _ => Err(Status::unknown_resource()),
    }
}
