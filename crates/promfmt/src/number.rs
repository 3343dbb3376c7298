//! Sample values, as the text format, the HTTP API and PromQL write them.

/// Parses a sample value; `None` for anything that Prometheus does not accept as one.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    // Rust accepts a signed NaN, Prometheus does not.
    let signed_nan = text.len() == 4 && text.starts_with(['+', '-']) && text[1..].eq_ignore_ascii_case("nan");
    if signed_nan { None } else { text.parse().ok() }
}

/// Formats a sample value: `1`, `0.25`, `NaN`, `+Inf`, `-Inf`.
#[must_use]
pub fn format(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_like_prometheus() {
        for (value, text) in [
            (1.0, "1"),
            (0.25, "0.25"),
            (-0.0, "-0"),
            (1e21, "1000000000000000000000"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(format(value), text);
        }
    }

    #[test]
    fn parses_the_forms_of_the_text_format() {
        for text in ["1", "-1.5e3", "+Inf", "-Inf", "NaN", ".5", "1."] {
            assert!(parse(text).is_some(), "{text}");
        }
        for text in ["", "+NaN", "1_000", "0x1p-2", "one", "1 ", "1ä0"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
