//! The test of an installation: it sends one job through the running producer and waits until a worker has acknowledged it.
//!
//! RabbitMQ reports no acknowledgement to others. The job is done once the queue is empty after the broker's confirm, with no
//! unacknowledged message, and the dead-letter queue has not grown.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{queue, routes};
use podkit::BrokerArgs;
use podkit::probe_client::{Answer, exchange};
use serde_json::Value;

/// Time limit for the job; workers may be busy with others.
const TIME_LIMIT: Duration = Duration::from_secs(240);
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The queues of the default virtual host with current totals.
const QUEUES: &str = "/api/queues/%2F?disable_stats=true&enable_queue_totals=true";

/// The numbers of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Depth {
    waiting: u64,
    dead: u64,
}

/// Sends the job and waits. Returns a sentence with its ID.
pub(crate) fn run(
    broker: &BrokerArgs,
    queue: &str,
    producer: &str,
    management: &str,
) -> Result<String, String> {
    let address = broker.address().map_err(|error| error.to_string())?;
    let (user, password) = address.credentials();
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    let authorization = format!("authorization: Basic {credentials}\r\n");
    let management = resolve(management)?;
    let depth = || depth(&exchange(management, "GET", QUEUES, &authorization)?, queue);

    let dead_before = depth()?.dead;
    let id = send(&exchange(resolve(producer)?, "POST", routes::GENERATE, "")?)?;
    let began = Instant::now();
    loop {
        let Depth { waiting, dead } = depth()?;
        if dead > dead_before {
            return Err(format!(
                "job {id}: {} has a new message: a worker could not process it",
                queue::ORDERS_DEAD
            ));
        }
        if waiting == 0 {
            return Ok(format!(
                "job {id}: confirmed by the broker, done after {:.1} s",
                began.elapsed().as_secs_f64()
            ));
        }
        if began.elapsed() >= TIME_LIMIT {
            return Err(format!(
                "job {id}: {queue} still has {waiting} messages after {} s",
                TIME_LIMIT.as_secs()
            ));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let mut found = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
    found.next().ok_or_else(|| format!("{address} has no address"))
}

/// The ID in the producer's answer.
fn send(answer: &Answer) -> Result<String, String> {
    let id = serde_json::from_str(&answer.body)
        .ok()
        .and_then(|body: Value| body["ids"][0].as_str().map(str::to_owned));
    match (answer.status, id) {
        (202, Some(id)) => Ok(id),
        (status, _) => Err(format!("the producer answers {status}: {}", answer.body.trim())),
    }
}

fn depth(answer: &Answer, queue: &str) -> Result<Depth, String> {
    if answer.status != 200 {
        return Err(format!("the management API answers {}: {}", answer.status, answer.body.trim()));
    }
    let queues: Vec<Value> = serde_json::from_str(&answer.body)
        .map_err(|error| format!("the management API answers no list of queues: {error}"))?;
    let messages = |name: &str| {
        queues.iter().find(|queue| queue["name"] == name).map(|queue| queue["messages"].as_u64())
    };
    Ok(Depth {
        waiting: messages(queue)
            .flatten()
            .ok_or_else(|| format!("the broker reports no messages of {queue}"))?,
        dead: messages(queue::ORDERS_DEAD).flatten().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.to_owned() }
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(send(&answer(202, r#"{"confirmed":1,"ids":["a"]}"#)), Ok("a".to_owned()));
        assert_eq!(
            send(&answer(503, "{\"cause\": \"blocked\"}\n")),
            Err("the producer answers 503: {\"cause\": \"blocked\"}".to_owned())
        );
        let queues = r#"[{"name":"Orders","messages":3},{"name":"Orders.dead","messages":1},{"name":"x"}]"#;
        assert_eq!(depth(&answer(200, queues), "Orders"), Ok(Depth { waiting: 3, dead: 1 }));
        for (queues, expected) in [("[]", "no messages of Orders"), ("{}", "no list of queues")] {
            assert!(depth(&answer(200, queues), "Orders").unwrap_err().contains(expected), "{queues}");
        }
        assert!(depth(&answer(401, "no"), "Orders").unwrap_err().contains("answers 401: no"));
    }
}
