//! The subresource `pods/NAME/log`.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::call::Call;
use super::websocket;
use crate::{LogOptions, PodRef, Status, meta};

/// Returns the node's reference to a pod.
pub(crate) fn pod_ref(pod: &Value) -> PodRef {
    PodRef {
        namespace: meta::text(pod, "namespace").to_owned(),
        name: meta::text(pod, "name").to_owned(),
        uid: meta::text(pod, "uid").to_owned(),
    }
}

/// Handles GET of `pods/NAME/log`.
pub(crate) async fn logs(call: &mut Call<'_>) -> Result<Response, Status> {
    let pod = call.object()?;
    let options = options(call, &pod.value)?;
    if pod.value.pointer("/spec/nodeName").and_then(Value::as_str).is_none_or(str::is_empty) {
        // An unscheduled pod has no log.
        return Ok(http::StatusCode::NO_CONTENT.into_response());
    }
    let node = call.server.node()?;
    let follow = options.follow;
    let stream = node.logs(&pod_ref(&pod.value), options).await?;
    let shutdown = call.shutdown.clone();
    let stream = stream.take_until(async move { shutdown.cancelled().await });
    if let Some(upgrade) = call.take_websocket() {
        return websocket::send_log(call.headers, upgrade, stream);
    }
    let body = Body::from_stream(stream.map(Ok::<_, std::convert::Infallible>));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if follow {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    }
    Ok(response)
}

fn options(call: &Call<'_>, pod: &Value) -> Result<LogOptions, Status> {
    let query = call.query;
    let mut causes = Vec::new();
    let mut count = |name: &str, min: i64, why: &str| -> Result<Option<u64>, Status> {
        let number = query.number(name)?;
        if let Some(number) = number.filter(|number| *number < min) {
            causes.push(crate::Cause::invalid(name, &number.into(), why));
        }
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    };
    let tail_lines = count("tailLines", 0, "must be greater than or equal to 0")?;
    let limit_bytes = count("limitBytes", 1, "must be greater than 0")?;
    let since_seconds = count("sinceSeconds", 1, "must be greater than 0")?;
    let since_time = query.get("sinceTime").map(|text| {
        let refused = |error| Status::bad_request(format!("parsing time \"{text}\": {error}"));
        text.parse::<Timestamp>().map_err(refused)
    });
    let since_time = since_time.transpose()?;
    if since_seconds.is_some() && since_time.is_some() {
        causes.push(crate::Cause::forbidden(
            // The field has no name; Go formats that as `[]`.
            "[]",
            "at most one of `sinceTime` or `sinceSeconds` may be specified",
        ));
    }
    if query.get("stream").is_some() {
        causes.push(crate::Cause::forbidden("stream", "may not be specified"));
    }
    if !causes.is_empty() {
        return Err(Status::invalid("", "PodLogOptions", call.name(), causes));
    }
    let since = since_time.or_else(|| {
        let seconds = i64::try_from(since_seconds?).ok()?;
        call.now.checked_sub(SignedDuration::from_secs(seconds)).ok()
    });
    Ok(LogOptions {
        container: container(call, pod)?,
        follow: query.flag("follow"),
        tail_lines,
        since,
        timestamps: query.flag("timestamps"),
        previous: query.flag("previous"),
        limit_bytes,
    })
}

fn container(call: &Call<'_>, pod: &Value) -> Result<String, Status> {
    let names = |list: &str| -> Vec<&str> {
        let containers = pod["spec"][list].as_array();
        containers.into_iter().flatten().filter_map(|container| container["name"].as_str()).collect()
    };
    let (plain, init) = (names("containers"), names("initContainers"));
    match call.query.get("container") {
        Some(name) if plain.contains(&name) || init.contains(&name) => Ok(name.to_owned()),
        Some(name) => {
            Err(Status::bad_request(format!("container {name} is not valid for pod {}", call.name())))
        }
        None => match plain.as_slice() {
            [only] => Ok((*only).to_owned()),
            [] => Err(Status::bad_request(format!("pod {} has no containers", call.name()))),
            several => {
                let all: Vec<&str> = init.iter().chain(several).copied().collect();
                Err(Status::bad_request(format!(
                    "a container name must be specified for pod {}, choose one of: [{}]",
                    call.name(),
                    all.join(" ")
                )))
            }
        },
    }
}
