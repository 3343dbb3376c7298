//! The worker against the broker in memory: the same scenarios as against the real one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

mod scenarios;
#[path = "../../producer/tests/support/mod.rs"]
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
    jobs_are_done_and_told,
    poison_goes_to_the_dead_letters,
    a_queue_deleted_under_the_consumer_comes_back,
    a_job_whose_connection_is_lost_comes_again,
    a_job_whose_channel_is_closed_comes_again,
    other_arguments_are_an_error_that_says_so,
    a_wrong_password_is_named_and_never_shown,
    the_first_signal_lets_the_job_end,
    the_second_signal_gives_the_job_back,
    without_a_broker_it_lives_and_says_so,
    a_restart_is_survived,
    instant_jobs_do_not_starve_the_probes,
);
