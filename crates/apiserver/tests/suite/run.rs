//! Sends the requests of the suite to a server.

use std::collections::HashMap;

use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use http::{Request, header};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::plain::plain;
use super::step::{Answer, Step};

/// The namespace of the suite.
pub(crate) const NAMESPACE: &str = "golden";

/// Sends all steps one after another. `image` contains a shell and Perl.
pub(crate) async fn run(client: &Client, image: &str, steps: &[Step]) -> Vec<Answer> {
    let mut kept = HashMap::from([("IMAGE".to_owned(), image.to_owned())]);
    let mut answers = Vec::with_capacity(steps.len());
    for step in steps {
        let ask = async || {
            let (status, warnings, raw) = tokio::time::timeout(wait::DEADLINE, send(client, step, &kept))
                .await
                .unwrap_or_else(|_| panic!("{}: no response in {:?}", step.name, wait::DEADLINE));
            let arrived = match &step.until {
                Some((pointer, wanted)) => raw.pointer(pointer) == Some(wanted),
                None => true,
            };
            arrived.then_some((status, warnings, raw))
        };
        let (status, warnings, raw) = wait::until(&step.name, ask).await;
        for (name, pointer) in &step.keep {
            let found = raw.pointer(pointer.as_str().unwrap()).and_then(Value::as_str);
            kept.insert(name.clone(), found.unwrap_or("absent").to_owned());
        }
        let body = plain(raw, &step.ignore, step.accept.as_deref().unwrap_or_default());
        answers.push(Answer { status, warnings, body });
    }
    answers
}

/// Sends the body to a port of a pod and reads until the end of the stream.
async fn tunnel(client: &Client, step: &Step) -> (u16, Vec<String>, Value) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let (pod, port) = step.path.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let mut tunnel = match pods.portforward(pod, &[port]).await {
        Ok(tunnel) => tunnel,
        Err(error) => return (0, Vec::new(), json!({"refused": refusal(&error)})),
    };
    let mut stream = tunnel.take_stream(port).unwrap();
    // The other side can have closed already.
    let _ended = stream.write_all(step.body.as_ref().and_then(Value::as_str).unwrap().as_bytes()).await;
    let mut received = String::new();
    let _ended = stream.read_to_string(&mut received).await;
    drop(stream);
    let error = tunnel.take_error(port).unwrap();
    drop(tunnel);
    let error = error.await;
    (101, Vec::new(), json!({"received": received, "error": error}))
}

fn refusal(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} {}", status.code, status.message),
        other => other.to_string(),
    }
}

fn filled(text: &str, kept: &HashMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

async fn send(client: &Client, step: &Step, kept: &HashMap<String, String>) -> (u16, Vec<String>, Value) {
    if step.method == "TUNNEL" {
        return tunnel(client, step).await;
    }
    let mut request = Request::builder().method(step.method.as_str()).uri(filled(&step.path, kept));
    request = request.header(header::USER_AGENT, "cmp/1.0");
    if let Some(media) = &step.content_type {
        request = request.header(header::CONTENT_TYPE, media);
    }
    if let Some(accept) = &step.accept {
        request = request.header(header::ACCEPT, accept);
    }
    let body = match &step.body {
        None => Body::empty(),
        Some(Value::String(text)) => Body::from(filled(text, kept).into_bytes()),
        Some(value) => Body::from(filled(&value.to_string(), kept).into_bytes()),
    };
    let response = match client.send(request.body(body).unwrap()).await {
        Ok(response) => response,
        // A closed connection is a response too.
        Err(error) => return (0, Vec::new(), json!({"refused": refusal(&error)})),
    };
    let status = response.status().as_u16();
    let warnings = response
        .headers()
        .get_all(header::WARNING)
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect();
    let body = response.into_body();
    let value = match step.lines {
        None => {
            let bytes = body.collect().await.unwrap().to_bytes();
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into())
        }
        Some(count) => {
            let mut lines = body.into_data_stream().map_err(std::io::Error::other).into_async_read().lines();
            let mut read = Vec::new();
            while read.len() < count {
                let Some(line) = lines.try_next().await.unwrap() else { break };
                read.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
            Value::Array(read)
        }
    };
    (status, warnings, value)
}
