//! The timelines, their states and the sum of the times.

use std::time::Duration;

use super::*;
use crate::testing::pod;

const JOB: JobTag = JobTag { burst: 1, tail: 0x0002_abcd };

fn at(s: u64) -> At {
    At(Duration::from_secs(s))
}

#[test]
fn a_timeline_has_states_and_a_sum_of_times() {
    let mut lanes = Timelines::default();
    lanes.pod(at(1), &pod("a", PodPhase::Pending), CurrentJob::Nothing);
    lanes.pod(at(2), &pod("a", PodPhase::Starting), CurrentJob::Nothing);
    lanes.pod(at(3), &pod("a", PodPhase::Ready), CurrentJob::Nothing);
    lanes.job(at(4), "a", CurrentJob::Job(JOB), false);
    lanes.job(at(9), "a", CurrentJob::Nothing, true);
    lanes.job(at(9), "a", CurrentJob::Job(JOB), false);
    lanes.pod(at(10), &pod("a", PodPhase::Terminating), CurrentJob::Job(JOB));
    lanes.job(at(11), "a", CurrentJob::Nothing, true);
    lanes.deleted(at(12), "a");
    let lane = lanes.iter().next().unwrap();
    let seen: Vec<_> = (0..13).map(|s| lane.at(at(s))).collect();
    use WorkerState::*;
    let expected =
        [Pending, Starting, Idle, Busy, Busy, Busy, Busy, Busy, Busy, Finishing, Terminating, Gone];
    assert_eq!(seen[0], None);
    assert_eq!(seen[1..].iter().flatten().copied().collect::<Vec<_>>(), expected);
    assert_eq!((lane.done, lane.since(), lane.marks().count()), (2, at(12), 0));
    assert_eq!((lane.job_at(at(5)), lane.job_at(at(3))), (Some(JOB), None));
    assert_eq!(JOB.to_string(), "#1·abcd");
    let time = lanes.time(at(99));
    let seconds = [time.idle, time.busy, time.other, time.total()].map(|t| t.as_secs());
    assert_eq!(seconds, [1, 7, 3, 11]);
    assert_eq!(time.idle_share(), Some(1.0 / 8.0));
}

#[test]
fn the_current_state_counts_until_now() {
    let mut lanes = Timelines::default();
    lanes.pod(at(0), &pod("a", PodPhase::Ready), CurrentJob::NotSampled);
    assert_eq!(lanes.time(at(5)).not_sampled, Duration::from_secs(5));
    lanes.job(at(5), "a", CurrentJob::Nothing, false);
    let time = lanes.time(at(8));
    assert_eq!((time.not_sampled.as_secs(), time.idle.as_secs()), (5, 3));
    assert_eq!(time.since(&lanes.time(at(6))).idle, Duration::from_secs(2));
}

#[test]
fn a_deletion_without_termination_is_a_kill() {
    let mut lanes = Timelines::default();
    lanes.pod(at(0), &pod("a", PodPhase::Ready), CurrentJob::Job(JOB));
    lanes.restarted(at(1), "a", 1);
    lanes.deleted(at(2), "a");
    lanes.aborted(at(4), "a");
    let lane = lanes.iter().next().unwrap();
    let marks: Vec<_> = lane.marks().collect();
    let expected = [(at(1), LaneMark::Restarted), (at(2), LaneMark::Killed), (at(4), LaneMark::Aborted)];
    assert_eq!((marks.as_slice(), lane.aborted, lane.restarts), (expected.as_slice(), 1, 1));
}

#[test]
fn timelines_of_existing_workers_stay_longest() {
    let mut lanes = Timelines::default();
    for n in 0..MAX_LANES {
        lanes.pod(at(1), &pod(&format!("p{n}"), PodPhase::Ready), CurrentJob::Nothing);
    }
    lanes.deleted(at(2), "p7");
    lanes.pod(at(3), &pod("new", PodPhase::Pending), CurrentJob::Nothing);
    assert_eq!(lanes.iter().count(), MAX_LANES);
    assert!(lanes.iter().all(|lane| lane.name != "p7"));
    assert_eq!(lanes.dropped(), 0);
    lanes.pod(at(3), &pod("newer", PodPhase::Pending), CurrentJob::Nothing);
    assert_eq!(lanes.dropped(), 1);
}

#[test]
fn a_failed_worker_has_no_job_in_hand() {
    let mut lanes = Timelines::default();
    for (second, phase, job) in [
        (0, PodPhase::Ready, Some(JOB)),
        (1, PodPhase::Failed, None),
        (2, PodPhase::Starting, None),
        (3, PodPhase::Terminating, Some(JOB)),
    ] {
        lanes.pod(at(second), &pod("a", phase), CurrentJob::Job(JOB));
        assert_eq!(lanes.iter().next().unwrap().job(), job, "{phase:?}");
    }
}
