//! The outcome of one request, in words that can be counted.

use contract::{Accepted, Cause, Problem};
use http::StatusCode;
use uuid::Uuid;

use cluster::http::{HttpError, HttpResponse};

/// The outcome of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Jobs that the producer reported as confirmed.
    pub(super) confirmed: u32,
    /// Their IDs.
    pub(super) ids: Vec<Uuid>,
    /// The cause of a failure.
    pub(super) failure: Option<String>,
}

impl Outcome {
    /// The outcome of a request to the producer.
    pub(super) fn of(answer: Result<HttpResponse, HttpError>) -> Self {
        Self::by(answer, |answer| match answer.status {
            StatusCode::ACCEPTED => accepted(&answer.body),
            status => refused(status, &answer.body),
        })
    }

    /// The outcome of a request to any server.
    pub(super) fn by_status(answer: Result<HttpResponse, HttpError>) -> Self {
        Self::by(answer, |answer| match answer.status {
            status if status.is_success() => Self { confirmed: 1, ..Self::default() },
            status => Self::failed(&format!("answered {status}")),
        })
    }

    fn by(answer: Result<HttpResponse, HttpError>, judge: impl Fn(&HttpResponse) -> Self) -> Self {
        match answer {
            Ok(answer) => judge(&answer),
            // The full sentence, because such a job may be in the queue.
            Err(HttpError::Lost) => Self::failed("connection lost before the answer"),
            Err(HttpError::Slow(_)) => Self::failed("no answer in time"),
            Err(HttpError::Broken(_)) => Self::failed("the response was not HTTP"),
        }
    }

    pub(super) fn failed(cause: &str) -> Self {
        Self { failure: Some(cause.to_owned()), ..Self::default() }
    }
}

fn accepted(body: &[u8]) -> Outcome {
    match serde_json::from_slice::<Accepted>(body) {
        Ok(accepted) => Outcome { confirmed: accepted.confirmed, ids: accepted.ids, failure: None },
        Err(_) => Outcome::failed("accepted, but not by the producer"),
    }
}

fn refused(status: StatusCode, body: &[u8]) -> Outcome {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return Outcome::failed(&format!("answered {status}"));
    };
    let cause = problem.cause.map_or_else(|| format!("answered {status}"), |cause| words(cause).to_owned());
    Outcome { confirmed: problem.confirmed.unwrap_or(0), ids: problem.ids, failure: Some(cause) }
}

fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Disconnected => "broker away",
        Cause::ConnectionLost => "broker connection lost",
        Cause::Nacked => "refused by the broker (queue full)",
        Cause::Returned => "not routed to a queue",
        Cause::Blocked => "broker blocks publishers",
        Cause::Slow => "no confirm in time",
        Cause::Busy => "producer busy",
        Cause::ShuttingDown => "producer shutting down",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn of(status: u16, body: &'static str) -> (u32, Option<String>) {
        let answer = HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let outcome = Outcome::of(Ok(answer));
        (outcome.confirmed, outcome.failure)
    }

    #[test]
    fn only_the_producers_success_counts() {
        let ok = r#"{"confirmed":1,"ids":["01890a5d-ac96-774b-bcce-b302099a8057"],"broker_ms":0.5}"#;
        assert_eq!(of(202, ok), (1, None));
        assert_eq!(of(200, ok), (0, Some("answered 200 OK".to_owned())));
        assert_eq!(of(202, "ok").1.unwrap(), "accepted, but not by the producer");
        assert_eq!(of(502, "<html>"), (0, Some("answered 502 Bad Gateway".to_owned())));
        let away = r#"{"type":"about:blank","title":"t","status":503,"detail":"d","confirmed":0,"failed":1,"cause":"disconnected"}"#;
        assert_eq!(of(503, away), (0, Some("broker away".to_owned())));
        let half = r#"{"title":"t","status":503,"detail":"d","confirmed":3,"failed":1,"cause":"nacked"}"#;
        assert_eq!(of(503, half), (3, Some("refused by the broker (queue full)".to_owned())));
    }
}
