//! Tables, and properties that hold for any numbers.

use proptest::prelude::*;

use super::*;
use crate::clock::At;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_queue_is_drained_in_rounds() {
    for (depth, pods, arriving, expected) in [
        (0, 0, 0.0, Drained::Already),
        (1, 0, 0.0, Drained::Never),
        (1, 10, 0.0, Drained::In(secs(5))),
        (10, 10, 0.0, Drained::In(secs(5))),
        (11, 10, 0.0, Drained::In(secs(10))),
        (200, 10, 0.0, Drained::In(secs(100))),
        // Two jobs a second arrive, and ten workers finish two a second.
        (200, 10, 2.0, Drained::Never),
        (200, 20, 2.0, Drained::In(secs(100))),
        (1, 20, 2.0, Drained::In(secs(5))),
    ] {
        assert_eq!(drained(depth, pods, secs(5), arriving), expected, "{depth} {pods} {arriving}");
    }
}

#[test]
fn the_fewest_pods_for_a_time() {
    for (depth, time, arriving, expected) in [
        (0, 1, 0.0, Some(0)),
        (200, 4, 0.0, None),
        (200, 5, 0.0, Some(200)),
        (200, 60, 0.0, Some(17)),
        (200, 100, 0.0, Some(10)),
        (200, 100, 2.0, Some(20)),
        (1, 600, 0.0, Some(1)),
    ] {
        assert_eq!(fewest(depth, secs(time), secs(5), arriving), expected, "{depth} {time} {arriving}");
    }
}

proptest! {
    #[test]
    fn the_fewest_are_enough_and_one_less_is_not(
        depth in 1..50_000_u64, time in 1..5_000_u64, work in 1..60_000_u64,
    ) {
        let (time, work) = (secs(time), Duration::from_millis(work));
        let within = |pods| matches!(drained(depth, pods, work, 0.0), Drained::In(took) if took <= time);
        match fewest(depth, time, work, 0.0) {
            Some(pods) => {
                prop_assert!(within(pods));
                prop_assert!(pods == 1 || !within(pods - 1));
            }
            None => prop_assert!(!within(u32::MAX)),
        }
    }

    #[test]
    fn more_pods_are_never_slower(depth in 0..9_000_u64, pods in 0..500_u32, arriving in 0.0..50.0_f64) {
        let order = |pods| match drained(depth, pods, secs(3), arriving) {
            Drained::Already => 0.0,
            Drained::In(time) => time.as_secs_f64(),
            Drained::Never => f64::INFINITY,
        };
        prop_assert!(order(pods + 1) <= order(pods) + 1e-9);
    }
}

#[test]
fn the_work_time_is_from_the_logs_or_the_decline() {
    let mut pace = Pace::default();
    assert_eq!(pace.work(), None);
    // Four workers do four jobs in two seconds.
    for step in 0..10_u64 {
        pace.depth(At(secs(2 * step)), 100 - 4 * step, 4, false);
    }
    assert_eq!(pace.work(), Some(JobDuration { time: secs(2), basis: PaceBasis::Drain }));
    // While jobs arrive the decline shows nothing.
    let before = pace.clone().work();
    pace.depth(At(secs(30)), 500, 4, true);
    pace.depth(At(secs(32)), 400, 4, false);
    assert_eq!(pace.work(), before);
    for work_ms in [900, 5_000, 5_100] {
        pace.job(work_ms);
    }
    assert_eq!(pace.work(), Some(JobDuration { time: secs(5), basis: PaceBasis::Logs(3) }));
}

#[test]
fn idle_workers_are_not_slow_workers() {
    let mut pace = Pace::default();
    for step in 0..200_u64 {
        pace.depth(At(secs(step)), 0, 4, false);
    }
    assert_eq!(pace.work(), None);
}
