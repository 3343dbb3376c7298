//! The producer against the real RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

mod scenarios;
mod support;

use support::control::{Control, Real};

/// Runs scenarios one after another on one node, and tells which one failed.
macro_rules! scenarios {
    ($broker:expr, $($name:ident),* $(,)?) => {
        $(
            println!("{}", stringify!($name));
            scenarios::$name($broker).await;
        )*
    };
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server"]
async fn the_suite_holds() {
    let real = tokio::task::block_in_place(Real::start);
    let broker: &dyn Control = &real;
    println!("a_closed_channel_comes_back");
    scenarios::a_closed_channel_comes_back(&real).await;
    scenarios!(
        broker,
        jobs_arrive_as_the_contract_has_them,
        unroutable_jobs_are_told_and_the_queue_comes_back,
        a_full_queue_refuses_by_name_and_number,
        a_blocked_broker_is_told,
        a_slow_confirm_is_told,
        a_client_that_hangs_up_is_counted_to_the_end,
        a_closed_connection_comes_back,
        other_arguments_are_an_error_that_says_so,
        a_wrong_password_is_named_and_never_shown,
        secrets_come_from_files_and_are_never_shown,
        the_first_signal_lets_requests_end,
        the_second_signal_ends_it_at_once,
        without_a_broker_it_lives_and_says_so,
        malformed_requests_are_refused_and_counted_under_few_labels,
        a_restart_under_load_loses_nothing_that_was_confirmed,
    );
}
