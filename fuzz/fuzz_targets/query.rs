//! Parses any query of /generate: no panic, and no count out of range.

#![no_main]

use contract::routes::MAX_COUNT;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    match producer::query::parse(query) {
        Ok(request) => {
            assert!((1..=MAX_COUNT).contains(&request.count));
            let burst = request.burst.as_ref().map(|burst| format!("&burst={burst}")).unwrap_or_default();
            let again = producer::query::parse(&format!("count={}{burst}", request.count));
            assert_eq!(again, Ok(request));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
