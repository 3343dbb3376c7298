//! The cases of `suite` with this crate's broker, and tests of its own features: configurable limits, the control handle,
//! and the differences to RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod in_memory;
mod suite;

use suite::for_all_cases;

macro_rules! tests {
    ($($group:ident: [$($case:ident,)*],)*) => {
        $(mod $group {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (broker, _control, _guard) = crate::in_memory::start().await;
                crate::suite::$group::$case(&broker).await;
            })*
        })*
    };
}

for_all_cases!(tests);
