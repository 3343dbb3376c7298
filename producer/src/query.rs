//! The query of `/generate`. The parser is strict: a mistyped count must not publish one job by default.

use contract::{BurstId, routes::MAX_COUNT};

/// Parameters of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Number of jobs to publish.
    pub count: u32,
    /// Burst of the jobs.
    pub burst: Option<BurstId>,
}

/// Reason why the query is invalid; the text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `count` is not a number within its limits.
    #[error("count must be a whole number from 1 to {MAX_COUNT}, in digits")]
    Count,
    /// `burst` is not a burst ID.
    #[error("burst: {0}")]
    Burst(#[from] contract::InvalidBurstId),
    /// A parameter occurs twice.
    #[error("{0} occurs twice")]
    Twice(&'static str),
    /// The query cannot be decoded.
    #[error("the query is not percent-encoded UTF-8")]
    Encoding,
}

/// Parses `count` (default 1) and `burst`; ignores other parameters.
///
/// # Errors
/// [`QueryError`] names the invalid parameter. The request must not publish anything then.
pub fn parse(query: &str) -> Result<Order, QueryError> {
    let mut count = None;
    let mut burst = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        match name.as_str() {
            "count" => set(&mut count, number(&value)?, "count")?,
            "burst" => set(&mut burst, value.parse()?, "burst")?,
            _ => {}
        }
    }
    Ok(Order { count: count.unwrap_or(1), burst })
}

fn set<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), QueryError> {
    place.replace(value).map_or(Ok(()), |_| Err(QueryError::Twice(name)))
}

fn number(text: &str) -> Result<u32, QueryError> {
    // Rust's parser would accept "+5".
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(QueryError::Count);
    }
    text.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count)).ok_or(QueryError::Count)
}

fn decode(text: &str) -> Result<String, QueryError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|c| char::from(c).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(QueryError::Encoding) };
                u8::try_from(high * 16 + low).map_err(|_| QueryError::Encoding)?
            }
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| QueryError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn queries() {
        let order =
            |count, burst: Option<&str>| Ok(Order { count, burst: burst.map(|b| b.parse().unwrap()) });
        let cases = [
            ("", order(1, None)),
            ("count=1", order(1, None)),
            ("count=10000&burst=b-1_Z", order(10_000, Some("b-1_Z"))),
            ("x=y&&burst=a", order(1, Some("a"))),
            ("c%6Funt=%37", order(7, None)),
            ("count=007", order(7, None)),
            ("count=0", Err(QueryError::Count)),
            ("count=10001", Err(QueryError::Count)),
            ("count=99999999999999999999", Err(QueryError::Count)),
            ("count=", Err(QueryError::Count)),
            ("count", Err(QueryError::Count)),
            ("count=+5", Err(QueryError::Count)),
            ("count=%2B5", Err(QueryError::Count)),
            ("count=-1", Err(QueryError::Count)),
            ("count=1.0", Err(QueryError::Count)),
            ("count=1e3", Err(QueryError::Count)),
            ("count=0x10", Err(QueryError::Count)),
            ("count=%D9%A3", Err(QueryError::Count)),
            ("count=1&count=1", Err(QueryError::Twice("count"))),
            ("burst=a&burst=b", Err(QueryError::Twice("burst"))),
            ("burst=", Err(QueryError::Burst(contract::InvalidBurstId))),
            ("burst=a%20b", Err(QueryError::Burst(contract::InvalidBurstId))),
            ("count=%", Err(QueryError::Encoding)),
            ("count=%1", Err(QueryError::Encoding)),
            ("x=%zz", Err(QueryError::Encoding)),
            ("x=%ff", Err(QueryError::Encoding)),
        ];
        for (query, expected) in cases {
            assert_eq!(parse(query), expected, "{query:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rejected_or_within_limits(query in any::<String>()) {
            if let Ok(order) = parse(&query) {
                prop_assert!((1..=MAX_COUNT).contains(&order.count));
            }
        }

        #[test]
        fn near_misses_are_rejected_or_within_limits(query in "(count|burst|%63ount)=[0-9a-zA-Z%+&=-]{0,12}") {
            if let Ok(order) = parse(&query) {
                prop_assert!((1..=MAX_COUNT).contains(&order.count));
            }
        }

        #[test]
        fn valid_queries_are_parsed(count in 1..=MAX_COUNT, burst in "[A-Za-z0-9_-]{1,64}") {
            let order = parse(&format!("burst={burst}&count={count}")).unwrap();
            prop_assert_eq!(order, Order { count, burst: Some(burst.parse().unwrap()) });
        }
    }
}
