//! A measured value and its time, and the mark that ends a series.

/// Milliseconds since the Unix epoch: the resolution of Prometheus' samples.
pub(crate) type Millis = i64;

/// One value at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) time: Millis,
    pub(crate) value: f64,
}

/// The one NaN that means "this series ended here". Prometheus' bit pattern (`model/value/value.go`), so that a
/// target's own NaN stays a value.
const STALE: u64 = 0x7ff0_0000_0000_0002;

impl Sample {
    /// The mark that ends a series at `time`.
    pub(crate) fn stale(time: Millis) -> Self {
        Self { time, value: f64::from_bits(STALE) }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.value.to_bits() == STALE
    }
}

/// The wall clock in milliseconds.
pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}

/// A value as Prometheus' API and text format write it.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// A value written in the text format or in a parameter; `None` where it is none.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    // A signed NaN is the one form that Rust takes and Prometheus does not.
    let signed_nan = text.len() == 4 && text.starts_with(['+', '-']) && text[1..].eq_ignore_ascii_case("nan");
    if signed_nan { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_targets_own_nan_is_not_the_stale_mark() {
        assert!(Sample::stale(1).is_stale());
        assert!(!Sample { time: 1, value: f64::NAN }.is_stale());
        assert!(Sample::stale(1).value.is_nan());
    }

    #[test]
    fn writes_numbers_as_prometheus_does() {
        for (value, text) in [
            (1.0, "1"),
            (0.25, "0.25"),
            (-0.0, "-0"),
            (1e21, "1000000000000000000000"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn reads_the_forms_of_the_text_format() {
        for text in ["1", "-1.5e3", "+Inf", "-Inf", "NaN", ".5", "1."] {
            assert!(parse_number(text).is_some(), "{text}");
        }
        for text in ["", "+NaN", "1_000", "0x1p-2", "one", "1 "] {
            assert!(parse_number(text).is_none(), "{text}");
        }
    }
}
