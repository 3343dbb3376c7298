//! From a request to its answer.

pub(crate) mod accept;
mod admit;
pub(crate) mod body;
pub(crate) mod call;
mod create;
pub(crate) mod delete;
mod json;
mod parts;
mod patch;
mod protobuf;
mod read;
pub(crate) mod reviews;
mod target;
mod watch;
pub(crate) mod write;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::auth::Tokens;
use crate::kind::StatusPart;
use crate::query::{Query, decode};
use crate::serve::Shutdown;
use crate::{ApiServer, Status, User, forward, logs, proxy};

use call::{Call, json_response};
use target::Target;
use write::Part;

/// Bytes of a request's path and query.
const MAX_URI: usize = 32 * 1024;

/// Answers a request.
pub(crate) async fn handle(server: ApiServer, request: Request) -> Response {
    match route(server, request).await {
        Ok(response) => response,
        Err(status) => status.into_response(),
    }
}

fn ok() -> Response {
    let mut response = "ok".into_response();
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
            let paths =
                ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
            Ok(json_response(200, json!({"paths": paths}).to_string()))
        }
        ["healthz" | "livez" | "readyz", ..] => read_only().map(|()| ok()),
        ["version"] => read_only().map(|()| version(&server)),
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
        ["api"] => read_only().map(|()| server.discover(request.headers(), true)),
        // The aggregator answers this one, whatever the method.
        ["apis"] => Ok(server.discover(request.headers(), false)),
        ["apis", group] => {
            read_only()?;
            Ok(server.discover_group(group).unwrap_or_else(no_page))
        }
        ["api", version] => read_only().and_then(|()| server.discover_version("", version)),
        ["apis", group, version] => read_only().and_then(|()| server.discover_version(group, version)),
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

/// A path that is not even a resource's gets what Go's multiplexer answers.
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
    let by_the_old_path = segments.first().is_some_and(|first| first == "watch");
    let mut target = Target::parse(if by_the_old_path { &segments[1..] } else { segments })
        .ok_or_else(Status::unknown_resource)?;
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let user = request.extensions().get::<User>().cloned().unwrap_or_else(User::admin);
    let tokens = request.extensions().get::<Tokens>().cloned();
    let shutdown =
        request.extensions().get::<Shutdown>().map_or_else(CancellationToken::new, |s| s.0.clone());
    let mut query = Query::parse(request.uri().query().unwrap_or_default());
    if by_the_old_path {
        // Deprecated since 1.11 in favour of the parameter, and still served.
        if !readable(request.method()) || target.subresource.is_some() {
            return Err(Status::method_not_allowed());
        }
        query.set("watch", "true");
        if let Some(name) = target.name.take() {
            query.set("fieldSelector", &format!("metadata.name={name}"));
        }
    }
    let limit = server.limits().body;

    if let Some(review) = reviews::find(group, version, &target.plural) {
        if *request.method() != Method::POST || target.name.is_some() {
            return Err(Status::method_not_allowed());
        }
        let headers = request.headers().clone();
        let bytes = body::read(request.into_body(), limit).await?;
        let asker = reviews::Asker { user: &user, tokens: tokens.as_ref() };
        return review.create(&headers, &bytes, &asker);
    }
    let inner = std::sync::Arc::clone(&server.inner);
    let Some(row) = inner.registry.find(group, version, &target.plural) else {
        return if inner.registry.has_group_version(group, version) {
            Err(Status::unknown_resource())
        } else {
            Ok(no_page())
        };
    };
    if target.namespace.is_some() != row.kind.is_namespaced()
        && (target.namespace.is_some() || target.name.is_some())
    {
        return Err(Status::unknown_resource());
    }
    let method = request.method().clone();
    let headers = request.headers().clone();
    let is_proxy = target.subresource.as_deref() == Some("proxy");
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
        row,
        storage: inner.registry.storage(row),
        target,
        query: &query,
        headers: &headers,
        form: accept::form(&headers).or_else(|refused| {
            // Logs and proxies answer in the pod's own form, whatever the client accepts.
            if row.kind.group.is_empty() { Ok(accept::Form::Objects) } else { Err(refused) }
        })?,
        now: Timestamp::now(),
        shutdown,
        options: match method {
            Method::PUT => "UpdateOptions",
            Method::PATCH => "PatchOptions",
            _ => "CreateOptions",
        },
        repeated: Vec::new(),
        warnings: row.kind.deprecated.map(str::to_owned).into_iter().collect(),
    };
    let subresource = call.target.subresource.clone();
    let Some(subresource) = subresource else {
        call.form = accept::form(&headers)?;
        return object(&mut call, &method, &bytes);
    };
    match (row.kind.group, row.kind.plural, subresource.as_str()) {
        ("", "pods", "log") if method == Method::GET => {
            accept::plain(&headers)?;
            logs::logs(&call).await
        }
        ("", "pods", "exec" | "attach") if matches!(method, Method::GET | Method::POST) => {
            forward::no_entry(&call, &subresource)
        }
        ("", "pods", "portforward") if matches!(method, Method::GET | Method::POST) => {
            forward::forward(&call, upgrade)
        }
        ("", "pods" | "services", "proxy") => {
            if !uri_path.ends_with('/')
                && call.target.rest.is_empty()
                && matches!(method, Method::GET | Method::HEAD)
            {
                return Ok(proxy::with_slash(&uri_path));
            }
            proxy::proxy(&call, request).await
        }
        _ => part(&mut call, &method, &subresource, &bytes),
    }
}

/// Requests to collections and objects.
fn object(call: &mut Call<'_>, method: &Method, bytes: &[u8]) -> Result<Response, Status> {
    let watches = call.query.flag("watch");
    match (call.target.name.is_some(), method.as_str()) {
        (false, "GET") if watches => watch::watch(call),
        (false, "GET") => read::list(call),
        (true, "GET") => read::get(call),
        // Objects in namespaces are made in one, not across all.
        (false, "POST" | "DELETE") if call.row.kind.is_namespaced() && call.target.namespace.is_none() => {
            Err(Status::method_not_allowed())
        }
        (false, "POST") => create::create(call, bytes),
        (false, "DELETE") if call.row.kind.plural == "namespaces" => Err(Status::method_not_allowed()),
        (false, "DELETE") => delete::delete_collection(call, bytes),
        (true, "PUT") => write::replace(call, bytes, Part::Main),
        (true, "PATCH") => patch::patch(call, bytes, Part::Main),
        (true, "DELETE") => delete::delete(call, bytes),
        _ => Err(Status::method_not_allowed()),
    }
}

/// Requests to subresources that need no connection to a pod.
fn part(call: &mut Call<'_>, method: &Method, name: &str, bytes: &[u8]) -> Result<Response, Status> {
    let kind = &call.row.kind;
    let has_status = kind.status != StatusPart::None;
    let core = |plural: &str| kind.group.is_empty() && kind.plural == plural;
    match (name, method.as_str()) {
        ("status", "GET") if has_status => read::get(call),
        ("status", "PUT") if has_status => write::replace(call, bytes, Part::Status),
        ("status", "PATCH") if has_status => patch::patch(call, bytes, Part::Status),
        ("status", _) if has_status => Err(Status::method_not_allowed()),
        ("scale", _) => {
            let scale = kind.scale.ok_or_else(Status::unknown_resource)?;
            match method.as_str() {
                "GET" => parts::get_scale(call, &scale),
                "PUT" => parts::write_scale(call, &scale, bytes, false),
                "PATCH" => parts::write_scale(call, &scale, bytes, true),
                _ => Err(Status::method_not_allowed()),
            }
        }
        ("binding", "POST") if core("pods") => parts::bind(call, bytes),
        ("eviction", "POST") if core("pods") => parts::evict(call, bytes),
        ("finalize", "PUT") if core("namespaces") => parts::finalize(call, bytes),
        ("log" | "portforward" | "binding" | "eviction", _) if core("pods") => {
            Err(Status::method_not_allowed())
        }
        _ => Err(Status::unknown_resource()),
    }
}
