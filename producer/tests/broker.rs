//! The producer against the broker in memory: the same scenarios as against the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

mod scenarios;
mod support;

use support::control::Ours;

/// A test for each scenario, with a broker of its own.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let broker = Ours::start().await;
                scenarios::$name(&broker).await;
            }
        )*
    };
}

scenarios!(
    jobs_arrive_as_the_contract_has_them,
    unroutable_jobs_are_told_and_the_queue_comes_back,
    a_full_queue_refuses_by_name_and_number,
    a_blocked_broker_is_told,
    a_slow_confirm_is_told,
    a_client_that_hangs_up_is_counted_to_the_end,
    a_closed_connection_comes_back,
    a_channel_that_is_closed_comes_back,
    other_arguments_are_an_error_that_says_so,
    a_wrong_password_is_named_and_never_shown,
    secrets_come_from_files_and_are_never_shown,
    the_first_signal_lets_requests_end,
    the_second_signal_ends_it_at_once,
    without_a_broker_it_lives_and_says_so,
    a_restart_under_load_loses_nothing_that_was_confirmed,
    malformed_requests_are_refused_and_counted_under_few_labels,
);
