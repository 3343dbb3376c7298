//! The cluster's clock, from the `Date` header of the API server's responses.
//!
//! The requests go to `/version`, which everyone may read at almost no cost: a few at the start, just before the server's clock
//! turns to its next second, and one a minute after that.

use std::time::Duration;

use http::header::DATE;
use http::{HeaderMap, Request};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use kube::Client;

use crate::source::event_sender::EventSender;
use dashboard::chain::clock_offset::Offset;
use dashboard::message::Event;
use dashboard::reported::ServerTime;

/// Limit of one request; a later answer would bound the clock too loosely.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Requests at the start.
const FIRST: u32 = 8;

/// Shortest time between those.
const APART: Duration = Duration::from_millis(400);

/// Time between later ones: clocks drift by less than a few milliseconds in that time.
const LATER: Duration = Duration::from_secs(60);

/// Polls until the run ends. Without an answer or a `Date` it reports nothing, and the screen shows the clock as not compared.
pub(crate) async fn run(client: Client, outbox: EventSender) {
    let mut offset = Offset::default();
    let mut asked: u32 = 0;
    loop {
        if let Some(answer) = ask(&client, &outbox).await {
            offset.add(answer);
            outbox.send(Event::ServerTime(answer)).await;
        }
        asked = asked.saturating_add(1);
        let least = if asked < FIRST { APART } else { LATER };
        tokio::time::sleep(offset.until_turn(outbox.now(), least)).await;
    }
}

async fn ask(client: &Client, outbox: &EventSender) -> Option<ServerTime> {
    let request = Request::get("/version").body(kube::client::Body::empty()).ok()?;
    let asked = outbox.now();
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, client.send(request)).await.ok()?.ok()?;
    let answered = outbox.now();
    Some(ServerTime { asked, answered, date: date(answer.headers())? })
}

/// The `Date`, in the one form that servers write (RFC 9110, section 5.6.7).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    PARSER.parse_timestamp(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        for (text, expected) in
            [("Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z")), ("yesterday", None), ("", None)]
        {
            let headers = HeaderMap::from_iter([(DATE, text.parse().unwrap())]);
            assert_eq!(date(&headers), expected.map(|text| text.parse().unwrap()), "{text}");
        }
        assert_eq!(date(&HeaderMap::new()), None);
    }
}
