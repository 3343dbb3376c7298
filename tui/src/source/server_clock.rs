//! The cluster's clock, from the `Date` of the API server's answers.
//!
//! `/version` is asked, because everybody may and it costs the server next to nothing: a few times at the start, just when
//! the server's clock is about to turn to its next second, and once a minute from then on.

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

/// How long an answer may take; a later one would bound the clock too loosely.
const WITHIN: Duration = Duration::from_secs(5);

/// Questions at the start.
const FIRST: u32 = 8;

/// Least time between those.
const APART: Duration = Duration::from_millis(400);

/// Time between later ones: clocks drift apart by less than a few milliseconds meanwhile.
const LATER: Duration = Duration::from_secs(60);

/// Asks as long as the run lasts. Where there is no answer or no `Date`, nothing is said: the screen tells that the clock has
/// not been compared.
pub(crate) async fn run(client: Client, outbox: EventSender) {
    let mut offset = Offset::default();
    let mut asked: u32 = 0;
    loop {
        if let Some(answer) = ask(&client, &outbox).await {
            offset.hear(answer);
            outbox.send(Event::Dated(answer)).await;
        }
        asked = asked.saturating_add(1);
        let least = if asked < FIRST { APART } else { LATER };
        tokio::time::sleep(offset.until_turn(outbox.now(), least)).await;
    }
}

async fn ask(client: &Client, outbox: &EventSender) -> Option<ServerTime> {
    let request = Request::get("/version").body(kube::client::Body::empty()).ok()?;
    let asked = outbox.now();
    let answer = tokio::time::timeout(WITHIN, client.send(request)).await.ok()?.ok()?;
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
