//! One question, one fact: what may not be seen, what is not there and what gave no answer are told apart here.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use cluster::errors::Failure;
use cluster::persistent_connection::PersistentConnection;
use cluster::{errors, http as plain};
use diagnosis::facts::{Answer, Fact, Seen};

/// How long one answer may take.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

/// A list of the API, of which only the items matter.
#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

/// An object of the API.
pub(super) async fn object<T: DeserializeOwned>(client: &Client, how: String, path: &str) -> Fact<T> {
    let seen = match request::<T>(client, path).await {
        Ok(thing) => Seen::Value(thing),
        Err(Trouble::Kube(error)) => refused(&how, &error),
        Err(Trouble::Other(sentence)) => Seen::Failed(format!("{how}: {sentence}")),
    };
    Fact { how, seen }
}

/// The items of a list.
pub(super) async fn list<T: DeserializeOwned>(client: &Client, how: String, path: &str) -> Fact<Vec<T>> {
    object::<List<T>>(client, how, path).await.map(|list| list.items)
}

/// Something that was looked for in an answer: not to be found is to be absent.
pub(super) fn some<T>(fact: Fact<Option<T>>) -> Fact<T> {
    let seen = match fact.seen {
        Seen::Value(Some(thing)) => Seen::Value(thing),
        Seen::Value(None) | Seen::Absent => Seen::Absent,
        Seen::NotPermitted(sentence) => Seen::NotPermitted(sentence),
        Seen::Failed(sentence) => Seen::Failed(sentence),
        Seen::NotAsked(why) => Seen::NotAsked(why),
    };
    Fact { how: fact.how, seen }
}

enum Trouble {
    Kube(Box<kube::Error>),
    Other(String),
}

async fn request<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Trouble> {
    let request = Request::get(path).body(Vec::new()).map_err(|error| Trouble::Other(error.to_string()))?;
    match tokio::time::timeout(WITHIN, client.request::<T>(request)).await {
        Ok(answer) => answer.map_err(|error| Trouble::Kube(Box::new(error))),
        Err(_late) => Err(Trouble::Other(format!("no answer within {WITHIN:?}"))),
    }
}

fn refused<T>(how: &str, error: &kube::Error) -> Seen<T> {
    if errors::is_missing(error) {
        Seen::Absent
    } else if errors::is_forbidden(error) {
        Seen::NotPermitted(errors::kube(error))
    } else {
        Seen::Failed(format!("{how}: {}", errors::kube(error)))
    }
}

#[derive(Deserialize)]
struct Item {
    value: hpa::quantity::Quantity,
}

/// The value of an external metric; what the API refuses is an answer too.
pub(super) async fn metric(client: &Client, how: String, path: &str) -> Fact<Answer> {
    let seen = match request::<List<Item>>(client, path).await {
        Ok(list) => match list.items.iter().map(|item| item.value.milli()).collect() {
            Ok(items) => Seen::Value(Answer::Items(items)),
            Err(error) => Seen::Failed(format!("{how}: {error}")),
        },
        Err(Trouble::Kube(error)) => match *error {
            kube::Error::Api(status) if !matches!(status.code, 401 | 403) => {
                Seen::Value(Answer::Refused { code: status.code, message: status.message })
            }
            error => refused(&how, &error),
        },
        Err(Trouble::Other(sentence)) => Seen::Failed(format!("{how}: {sentence}")),
    };
    Fact { how, seen }
}

/// Asks a pod over a tunnel; `Err` is what to say instead of an answer.
pub(super) async fn pod<T>(
    kept: &mut PersistentConnection,
    request: &Request<Empty<Bytes>>,
) -> Result<plain::HttpResponse, Seen<T>> {
    kept.ask(request, WITHIN).await.map_err(|failure| match failure {
        Failure::Unavailable(sentence) => Seen::NotPermitted(sentence),
        Failure::Lost(sentence) => Seen::Failed(sentence),
    })
}
