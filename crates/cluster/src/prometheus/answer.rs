//! Prometheus' answer to the query for value and time.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use observed::ScrapedSample;
use promfmt::api::{Answer, QueryResult};
use text::clean;

/// Parses the answer. The element without labels is the value; the others are scrape times of its series. The sample is as
/// old as the oldest of them.
pub(super) fn sample(status: StatusCode, body: &[u8]) -> Result<ScrapedSample, String> {
    let answer: Answer<QueryResult> = serde_json::from_slice(body)
        .map_err(|error| format!("Prometheus answered {status} with invalid JSON: {error}"))?;
    let elements = match answer {
        Answer::Success { data } => data.into_vector().unwrap_or_default(),
        Answer::Error(error) => {
            return Err(format!("Prometheus answered {status}: {}", clean::text(&error.message)));
        }
    };
    let mut sample = ScrapedSample { value: None, scraped: None, age: None };
    let mut oldest: Option<(f64, f64)> = None;
    for element in elements.iter().filter(|element| element.value.value.is_finite()) {
        let (evaluated, value) = (element.value.time, element.value.value);
        if element.metric.is_empty() {
            sample.value = Some(value);
        } else if oldest.is_none_or(|(scraped, _)| value < scraped) {
            oldest = Some((value, evaluated));
        }
    }
    if let Some((scraped, evaluated)) = oldest {
        sample.scraped = Timestamp::from_millisecond((scraped * 1000.0) as i64).ok();
        sample.age = Duration::try_from_secs_f64((evaluated - scraped).max(0.0)).ok();
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(elements: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{elements}]}}}}"#)
    }

    #[test]
    fn value_and_oldest_time_are_read() {
        let body = vector(
            r#"{"metric":{},"value":[1700000010.5,"57"]},
               {"metric":{"pod":"a"},"value":[1700000010.5,"1700000009.25"]},
               {"metric":{"pod":"b"},"value":[1700000010.5,"1700000008.5"]}"#,
        );
        let sample = sample(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!(sample.value, Some(57.0));
        assert_eq!(sample.scraped, Timestamp::from_millisecond(1_700_000_008_500).ok());
        assert_eq!(sample.age, Some(Duration::from_secs(2)));
    }

    #[test]
    fn an_empty_vector_is_no_value() {
        let sample = sample(StatusCode::OK, vector("").as_bytes()).unwrap();
        assert_eq!(sample, ScrapedSample { value: None, scraped: None, age: None });
    }

    #[test]
    fn errors_are_reported() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"parse\u001b error"}"#;
        let error = sample(StatusCode::BAD_REQUEST, body).unwrap_err();
        assert_eq!(error, "Prometheus answered 400 Bad Request: parse error");
        assert!(sample(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err().contains("502"));
    }
}
