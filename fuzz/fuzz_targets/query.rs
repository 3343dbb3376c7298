//! Whatever stands behind the question mark of /generate, reading it neither panics nor takes a count out of bounds.

#![no_main]

use contract::routes::MAX_COUNT;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    match producer::query::parse(query) {
        Ok(order) => {
            assert!((1..=MAX_COUNT).contains(&order.count));
            let burst = order.burst.as_ref().map(|burst| format!("&burst={burst}")).unwrap_or_default();
            let again = producer::query::parse(&format!("count={}{burst}", order.count));
            assert_eq!(again, Ok(order));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
