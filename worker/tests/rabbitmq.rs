//! The worker against the real RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where and stop")]

mod scenarios;
mod soak;
#[path = "../../producer/tests/support/mod.rs"]
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
    scenarios!(
        broker,
        jobs_are_done_and_told,
        poison_goes_to_the_dead_letters,
        a_queue_deleted_under_the_consumer_comes_back,
        a_job_whose_connection_is_lost_comes_again,
        other_arguments_are_an_error_that_says_so,
        a_wrong_password_is_named_and_never_shown,
        the_first_signal_lets_the_job_end,
        the_second_signal_gives_the_job_back,
        without_a_broker_it_lives_and_says_so,
        a_restart_is_survived,
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server"]
async fn what_only_the_real_broker_can_do_is_understood() {
    let real = tokio::task::block_in_place(Real::start);
    scenarios!(
        &real,
        the_delivery_limit_of_a_quorum_queue_holds,
        a_channel_closed_under_a_job_is_named,
        poison_during_an_alarm_waits,
        a_silent_broker_is_noticed,
    );
}

/// The kernel ignores a signal to PID 1 that has no handler, so this is worth its own proof.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server, and root for a PID namespace"]
async fn as_pid_one_it_leaves_as_cleanly() {
    let real = tokio::task::block_in_place(Real::start);
    println!("as_pid_one_signals_work");
    scenarios::as_pid_one_signals_work(&real).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server; takes about a minute"]
async fn no_confirmed_job_is_lost_whoever_dies() {
    let real = tokio::task::block_in_place(Real::start);
    soak::soak(&real).await;
}
