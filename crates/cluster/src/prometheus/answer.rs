//! Prometheus' answer to an instant query.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use promfmt::api::{Answer, Element, QueryResult};

use observed::ScrapedSample;
use text::clean;

/// Reads the answer: the element without labels is the value, those with labels are the times of its parts. A sum is
/// as old as its oldest part.
pub(super) fn sample(status: StatusCode, body: &[u8]) -> Result<ScrapedSample, String> {
    let answer: Answer<QueryResult> = serde_json::from_slice(body)
        .map_err(|error| format!("Prometheus answered {status} and an unknown body: {error}"))?;
    let result = answer
        .into_result()
        .map_err(|error| format!("Prometheus answered {status}: {}", clean::text(&error.message)))?;
    let mut sample = ScrapedSample { value: None, scraped: None, age: None };
    let mut oldest: Option<(f64, f64)> = None;
    for Element { metric, value: point } in result.into_vector().unwrap_or_default() {
        let (evaluated, value) = (point.time, point.value);
        if !value.is_finite() {
            continue;
        }
        if metric.is_empty() {
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
    fn value_and_the_oldest_time_are_read() {
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
    fn nothing_found_is_no_value() {
        let sample = sample(StatusCode::OK, vector("").as_bytes()).unwrap();
        assert_eq!(sample, ScrapedSample { value: None, scraped: None, age: None });
    }

    #[test]
    fn errors_are_told() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"parse\u001b error"}"#;
        let error = sample(StatusCode::BAD_REQUEST, body).unwrap_err();
        assert_eq!(error, "Prometheus answered 400 Bad Request: parse error");
        assert!(sample(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err().contains("502"));
    }
}
