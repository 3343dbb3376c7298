//! The meaning of an observation for the bursts, and their outcomes.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::bursts::job_outcomes::LostJobs;

const POLL: Duration = Duration::from_millis(500);

fn at(s: u64) -> At {
    At(Duration::from_secs(s))
}

fn polled(s: u64) -> Observation {
    Observation::within(at(s), Provenance::Polled, POLL)
}

fn watched(s: u64) -> Observation {
    Observation::exact(at(s), Provenance::Watch)
}

fn id(text: &str) -> BurstId {
    text.parse().unwrap()
}

fn before() -> StateBefore {
    StateBefore {
        depth: Some(0.0),
        scraped: Some(0.0),
        metric: Some(0.0),
        desired: Some(1),
        spec_replicas: Some(1),
        ..StateBefore::default()
    }
}

/// The jobs of a burst have the IDs from 0.
fn accept(bursts: &mut Bursts, name: &str, accepted: u32, finished: bool) -> u32 {
    let known = bursts.get_mut(&id(name)).unwrap().accepted;
    bursts.progress(BurstProgress {
        id: id(name),
        size: 50,
        sent: accepted,
        accepted,
        failed: BTreeMap::new(),
        new_ids: (known..accepted).map(|n| Uuid::from_u128(n.into())).collect(),
        first_sent: Some(at(1)),
        first_accepted: (accepted > 0).then_some(at(1)),
        last_accepted: (accepted > 0).then_some(at(2)),
        waiting: None,
        finished,
    })
}

fn job(name: &str, kind: JobEventKind, n: u128) -> JobEvent {
    JobEvent {
        kind,
        id: Some(Uuid::from_u128(n)),
        burst: Some(id(name)),
        traceparent: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        redelivered: false,
        wait_ms: Some(100 * u64::try_from(n).unwrap()),
        work_ms: None,
        reason: None,
    }
}

fn ack(bursts: &mut Bursts, s: u64, name: &str, jobs: std::ops::Range<u128>) {
    for n in jobs {
        bursts.job(Observation::exact(at(s), Provenance::Log), &job(name, JobEventKind::Acked, n));
    }
}

#[test]
fn requests_go_through_the_stages_of_a_chain_without_a_queue() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, StateBefore { chain: BurstChain::Metric, ..before() });
    accept(&mut bursts, "a", 50, true);
    // Numbers of a queue say nothing here, and a share of the target up to 1 causes nothing.
    bursts.number(Stage::InBroker, polled(3), 50.0, false);
    bursts.depth(polled(3), 0, Duration::ZERO);
    bursts.share(polled(4), 1.0, false);
    bursts.share(polled(5), 1.5, false);
    bursts.desired(watched(6), 3, false);
    bursts.spec_replicas(watched(7), 3, false);
    for stage in [Stage::Scheduled, Stage::Started, Stage::PodReady] {
        bursts.worker(watched(9), at(8), stage);
    }
    assert!(bursts.running());
    bursts.at_min(watched(70), true);
    bursts.quiet(watched(70), PodTime::default(), Settled::Seen);
    let burst = bursts.newest().unwrap();
    assert!(burst.watch.is_over());
    let times: Vec<_> = burst.watch.stages().map(|stage| (stage, burst.watch.at(stage))).collect();
    let expected = [
        (Stage::KeyPress, 1),
        (Stage::FirstAccepted, 1),
        (Stage::LastAccepted, 2),
        (Stage::ExternalApi, 5),
        (Stage::Desired, 6),
        (Stage::Deployment, 7),
        (Stage::Scheduled, 9),
        (Stage::Started, 9),
        (Stage::PodReady, 9),
        (Stage::BackAtMin, 70),
    ];
    assert_eq!(times, expected.map(|(stage, s)| (stage, Some(at(s)))));
}

#[test]
fn a_burst_goes_through_its_stages() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    assert_eq!(accept(&mut bursts, "a", 20, false), 20);
    assert_eq!(accept(&mut bursts, "a", 50, true), 30);
    bursts.number(Stage::InBroker, polled(3), 50.0, false);
    bursts.depth(polled(3), 50, Duration::ZERO);
    bursts.number(Stage::Scraped, polled(4), 50.0, false);
    bursts.number(Stage::ExternalApi, polled(5), 50.0, true);
    bursts.desired(watched(6), 3, false);
    bursts.spec_replicas(watched(7), 3, false);
    bursts.worker(watched(8), at(0), Stage::Scheduled);
    bursts.worker(watched(9), at(9), Stage::Scheduled);
    bursts.worker(watched(10), at(9), Stage::Started);
    bursts.worker(watched(10), at(9), Stage::PodReady);
    ack(&mut bursts, 11, "a", 0..1);
    bursts.depth(polled(12), 3, Duration::ZERO);
    bursts.depth(polled(13), 0, Duration::ZERO);
    bursts.quiet(watched(14), PodTime::default(), Settled::Seen);
    let burst = bursts.newest().unwrap();
    let times: Vec<_> = Stage::ALL.into_iter().map(|stage| burst.watch.at(stage)).collect();
    assert_eq!(times, [1, 1, 2, 3, 4, 5, 6, 7, 9, 10, 10, 11, 13, 14].map(|s| Some(at(s))));
    let api = burst.watch.get(Stage::ExternalApi).seen().unwrap();
    assert_eq!((api.caveat, api.uncertainty), (Some(Caveat::Load), POLL));
    assert_eq!(burst.watch.get(Stage::InBroker).seen().unwrap().caveat, None);
    assert_eq!((burst.peak_depth, burst.peak_replicas), (50.0, 3));
    assert!(!bursts.running());
}

#[test]
fn early_steps_count_once_a_job_is_accepted() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    bursts.number(Stage::InBroker, polled(2), 7.0, false);
    assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker), "nothing was accepted yet");
    bursts.number(Stage::InBroker, polled(3), 9.0, false);
    accept(&mut bursts, "a", 20, false);
    assert_eq!(bursts.newest().unwrap().watch.at(Stage::InBroker), Some(at(2)));
}

#[test]
fn a_pod_event_may_precede_the_deployments() {
    for (pod, counts) in [(6, true), (2, false)] {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 50, before());
        accept(&mut bursts, "a", 50, true);
        bursts.worker(watched(pod), at(pod), Stage::Scheduled);
        assert!(!bursts.newest().unwrap().watch.has(Stage::Scheduled));
        bursts.spec_replicas(watched(7), 3, false);
        assert_eq!(bursts.newest().unwrap().watch.has(Stage::Scheduled), counts, "seen at {pod}");
    }
}

#[test]
fn the_last_job_ends_a_burst_in_a_full_queue() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 3, before());
    accept(&mut bursts, "a", 3, true);
    ack(&mut bursts, 5, "a", 0..2);
    bursts.depth(polled(6), 40, Duration::ZERO);
    assert!(!bursts.newest().unwrap().watch.has(Stage::Drained));
    bursts.job(Observation::exact(at(7), Provenance::Log), &job("a", JobEventKind::Failed, 2));
    let burst = bursts.newest().unwrap();
    let drained = burst.watch.get(Stage::Drained).seen().unwrap();
    assert_eq!((drained.at, drained.provenance, drained.caveat), (at(7), Provenance::Log, None));
    assert_eq!((burst.done(), burst.dead, burst.lost()), (2, 1, LostJobs::Jobs(0)));
    assert_eq!(burst.longest_wait, Some(Duration::from_millis(200)));
}

#[test]
fn jobs_that_end_before_the_answer_drain_the_burst() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 2, before());
    ack(&mut bursts, 2, "a", 0..2);
    accept(&mut bursts, "a", 2, true);
    assert_eq!(bursts.newest().unwrap().watch.at(Stage::Drained), Some(at(2)));
}

#[test]
fn unreported_jobs_are_lost_after_a_while() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    accept(&mut bursts, "a", 50, true);
    ack(&mut bursts, 3, "a", 0..48);
    bursts.depth(polled(4), 2, Duration::ZERO);
    bursts.depth(polled(10), 0, Duration::ZERO);
    assert_eq!(bursts.mark_missing(at(14)), []);
    assert!(bursts.unjudged());
    assert_eq!(bursts.mark_missing(at(15)), [(1, 2)]);
    assert_eq!(bursts.mark_missing(at(16)), [], "logged once");
    assert_eq!(bursts.newest().unwrap().lost(), LostJobs::Jobs(2));
    bursts.mark_missing(at(100));
    assert_eq!(bursts.newest().unwrap().job_tracker.ids(), 0);
    assert_eq!(bursts.newest().unwrap().lost(), LostJobs::Jobs(2));
}

#[test]
fn a_wholly_lost_burst_waits_for_no_ack() {
    for (acked, is_lost) in [(0, true), (1, false)] {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 3, before());
        accept(&mut bursts, "a", 3, true);
        bursts.depth(polled(4), 3, Duration::ZERO);
        bursts.depth(polled(10), 0, Duration::ZERO);
        if acked > 0 {
            ack(&mut bursts, 11, "a", 0..acked);
        }
        bursts.mark_missing(at(20));
        let burst = bursts.newest().unwrap();
        assert_eq!(
            burst.watch.get(Stage::FirstAck) == &StageTime::Never(MissingReason::Lost),
            is_lost,
            "{acked} acked"
        );
    }
}

#[test]
fn a_gap_in_a_log_makes_the_loss_unknown() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    accept(&mut bursts, "a", 50, true);
    bursts.gap(LogGap::Log, 0);
    bursts.depth(polled(10), 0, Duration::ZERO);
    assert_eq!(bursts.mark_missing(at(99)), []);
    assert_eq!(bursts.newest().unwrap().lost(), LostJobs::Unknown(LogGap::Log));
}

#[test]
fn a_stale_zero_is_no_end() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    accept(&mut bursts, "a", 50, true);
    bursts.number(Stage::InBroker, polled(3), 50.0, false);
    let stale = Duration::from_secs(5);
    bursts.depth(polled(4), 0, stale);
    assert!(!bursts.newest().unwrap().watch.has(Stage::Drained), "it may be from before the burst");
    bursts.depth(polled(8), 0, stale);
    assert!(bursts.newest().unwrap().watch.has(Stage::Drained));
}

#[test]
fn in_a_draining_queue_the_lowest_value_counts() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 10, StateBefore { depth: Some(30.0), ..before() });
    accept(&mut bursts, "a", 10, true);
    bursts.number(Stage::InBroker, polled(2), 12.0, false);
    assert!(!bursts.newest().unwrap().watch.has(Stage::InBroker));
    bursts.number(Stage::InBroker, polled(3), 22.0, false);
    assert!(bursts.newest().unwrap().watch.has(Stage::InBroker));
}

#[test]
fn a_burst_without_a_rescale_ends_too() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 1, before());
    bursts.blind(Source::Prometheus, "no right");
    accept(&mut bursts, "a", 1, true);
    ack(&mut bursts, 2, "a", 0..1);
    bursts.quiet(watched(3), PodTime::default(), Settled::Seen);
    assert!(bursts.running(), "the HPA may still see it");
    bursts.quiet(watched(60), PodTime::default(), Settled::Seen);
    assert!(!bursts.running());
    let watch = &bursts.newest().unwrap().watch;
    for (stage, why) in [
        (Stage::InBroker, MissingReason::BetweenPolls),
        (Stage::Scraped, MissingReason::Unread(Source::Prometheus, "no right".to_owned())),
        (Stage::ExternalApi, MissingReason::NotNeeded),
        (Stage::Desired, MissingReason::NotNeeded),
        (Stage::BackAtMin, MissingReason::NotNeeded),
    ] {
        assert_eq!(*watch.get(stage), StageTime::Never(why), "{stage:?}");
    }
}

#[test]
fn the_minimum_may_come_before_the_last_job() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 2, before());
    accept(&mut bursts, "a", 2, true);
    bursts.at_min(watched(2), true);
    bursts.spec_replicas(watched(3), 2, false);
    for (second, is_at_min) in [(3, false), (5, true), (6, false), (7, true), (8, true)] {
        bursts.at_min(watched(second), is_at_min);
    }
    ack(&mut bursts, 9, "a", 0..2);
    bursts.quiet(watched(10), PodTime::default(), Settled::Seen);
    let watch = &bursts.newest().unwrap().watch;
    assert_eq!((watch.at(Stage::BackAtMin), watch.at(Stage::Drained)), (Some(at(7)), Some(at(9))));
}

#[test]
fn a_step_says_which_burst_caused_it() {
    for (sizes, expected) in [
        // As large: the one that was fired first.
        ([50, 50], [None, Some(Caveat::OtherBurst(1))]),
        // Too small by itself: what it sees is the other's.
        ([10, 500], [Some(Caveat::OtherBurst(2)), None]),
        ([500, 10], [None, Some(Caveat::OtherBurst(1))]),
    ] {
        let mut bursts = Bursts::default();
        for (name, size) in ["a", "b"].into_iter().zip(sizes) {
            bursts.fire(at(1), id(name), size, before());
            accept(&mut bursts, name, size, true);
        }
        let total = f64::from(sizes[0] + sizes[1]);
        for (second, stage) in [(3, Stage::InBroker), (4, Stage::Scraped), (5, Stage::ExternalApi)] {
            bursts.number(stage, polled(second), total, false);
        }
        bursts.desired(watched(6), 5, false);
        bursts.spec_replicas(watched(7), 5, false);
        bursts.worker(watched(9), at(8), Stage::PodReady);
        for stage in [Stage::InBroker, Stage::Desired, Stage::Deployment, Stage::PodReady] {
            let caveats: Vec<_> = bursts.iter().map(|b| b.watch.get(stage).seen().unwrap().caveat).collect();
            assert_eq!(caveats, expected, "{sizes:?} {stage:?}");
        }
        let overlaps: Vec<Vec<u32>> = bursts.iter().map(|b| b.overlaps.iter().copied().collect()).collect();
        assert_eq!(overlaps, [[2], [1]]);
    }
}

#[test]
fn a_burst_that_has_not_come_so_far_is_no_cause() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    accept(&mut bursts, "a", 50, true);
    for (second, stage) in [(3, Stage::InBroker), (4, Stage::Scraped), (5, Stage::ExternalApi)] {
        bursts.number(stage, polled(second), 50.0, false);
    }
    // Larger, but no scrape has seen it.
    bursts.fire(at(6), id("b"), 500, before());
    accept(&mut bursts, "b", 500, true);
    bursts.desired(watched(7), 3, false);
    assert_eq!(bursts.get(1).unwrap().watch.get(Stage::Desired).seen().unwrap().caveat, None);
}

#[test]
fn a_burst_without_accepted_jobs_is_over() {
    let mut bursts = Bursts::default();
    bursts.fire(at(1), id("a"), 50, before());
    assert!(bursts.running());
    accept(&mut bursts, "a", 0, true);
    assert!(!bursts.running());
    let watch = &bursts.newest().unwrap().watch;
    assert_eq!(*watch.get(Stage::InBroker), StageTime::Never(MissingReason::NothingAccepted));
}

#[test]
fn the_number_of_bursts_and_ids_is_bounded() {
    let mut bursts = Bursts::default();
    for n in 0..2 * MAX_BURSTS {
        bursts.fire(at(1), id(&n.to_string()), 1_000, before());
        accept(&mut bursts, &n.to_string(), 1_000, true);
    }
    assert_eq!(bursts.iter().count(), MAX_BURSTS);
    assert_eq!(bursts.newest().unwrap().number, 2 * MAX_BURSTS as u32);
    assert!(bursts.iter().map(|burst| burst.job_tracker.ids()).sum::<usize>() <= MAX_IDS);
    assert_eq!(bursts.newest().unwrap().lost(), LostJobs::Unknown(LogGap::TooMany));
}

/// A burst of two jobs that adds one pod. The source `unseen` cannot be read until the burst is over, because
/// of "no right".
fn without(unseen: Source, quiet: Settled) -> Burst {
    let mut bursts = Bursts::default();
    let blind = BTreeMap::from([(unseen, "no right".to_owned())]);
    bursts.fire(at(1), id("a"), 2, StateBefore { blind, ..before() });
    accept(&mut bursts, "a", 2, true);
    let sees = |source| source != unseen;
    if sees(Source::Broker) {
        bursts.number(Stage::InBroker, polled(3), 2.0, false);
    }
    if sees(Source::Prometheus) {
        bursts.number(Stage::Scraped, polled(4), 2.0, false);
    }
    if sees(Source::ExternalMetric) {
        bursts.number(Stage::ExternalApi, polled(5), 2.0, false);
    }
    if sees(Source::Hpa) {
        bursts.desired(watched(6), 2, false);
    }
    if sees(Source::Workload) && sees(Source::Hpa) {
        bursts.spec_replicas(watched(7), 2, false);
    }
    if sees(Source::Pods) && sees(Source::Hpa) {
        for stage in [Stage::Scheduled, Stage::Started, Stage::PodReady] {
            bursts.worker(watched(8), at(8), stage);
        }
    }
    if sees(Source::Logs) && sees(Source::Pods) && sees(Source::Broker) {
        ack(&mut bursts, 9, "a", 0..2);
    }
    if sees(Source::Broker) {
        bursts.depth(polled(10), 0, Duration::ZERO);
    }
    bursts.quiet(watched(99), PodTime::default(), quiet);
    assert!(!bursts.running(), "without {unseen:?} it never ends");
    bursts.newest().unwrap().clone()
}

#[test]
fn every_unobserved_step_has_a_reason() {
    use Source::{Broker, ExternalMetric, Hpa, Logs, Pods, Prometheus, Workload};
    let pods = [Stage::Scheduled, Stage::Started, Stage::PodReady];
    let from_desired = [&[Stage::Desired, Stage::Deployment][..], &pods, &[Stage::BackAtMin]].concat();
    let after_pods = [&pods[..], &[Stage::FirstAck]].concat();
    let cases: [(Source, Settled, &[Stage]); 7] = [
        (Broker, Settled::Unread, &[Stage::InBroker, Stage::Drained]),
        (Prometheus, Settled::Seen, &[Stage::Scraped]),
        (ExternalMetric, Settled::Seen, &[Stage::ExternalApi]),
        (Hpa, Settled::Unseen, &from_desired),
        (Workload, Settled::Unseen, &[Stage::Deployment, Stage::BackAtMin]),
        (Pods, Settled::Seen, &after_pods),
        (Logs, Settled::Seen, &[Stage::FirstAck]),
    ];
    for (source, quiet, unseen) in cases {
        let burst = without(source, quiet);
        for stage in unseen {
            let expected = StageTime::Never(MissingReason::Unread(source, "no right".to_owned()));
            assert_eq!(*burst.watch.get(*stage), expected, "{source:?}: {stage:?}");
        }
        // Each other step has a time, or a reason of its own.
        for stage in Stage::ALL {
            assert_ne!(*burst.watch.get(stage), StageTime::NotYet, "{source:?}: {stage:?}");
        }
    }
}

#[test]
fn an_unlogged_first_ack_has_a_reason() {
    for (unsampled, why) in [(3, MissingReason::NotSampled), (0, MissingReason::LogGap)] {
        let mut bursts = Bursts::default();
        bursts.fire(at(1), id("a"), 2, before());
        accept(&mut bursts, "a", 2, true);
        bursts.gap(if unsampled > 0 { LogGap::NotSampled } else { LogGap::Log }, unsampled);
        bursts.number(Stage::InBroker, polled(3), 2.0, false);
        bursts.depth(polled(10), 0, Duration::ZERO);
        bursts.quiet(watched(99), PodTime::default(), Settled::Seen);
        assert_eq!(*bursts.newest().unwrap().watch.get(Stage::FirstAck), StageTime::Never(why));
    }
}

#[test]
fn without_workers_or_logs_no_job_is_lost() {
    for (source, gap) in [(Source::Logs, LogGap::Log), (Source::Pods, LogGap::Pods)] {
        let mut bursts = Bursts::default();
        let blind = BTreeMap::from([(source, "no right".to_owned())]);
        bursts.fire(at(1), id("a"), 2, StateBefore { blind, ..before() });
        accept(&mut bursts, "a", 2, true);
        bursts.depth(polled(10), 0, Duration::ZERO);
        assert_eq!(bursts.mark_missing(at(99)), []);
        assert_eq!(bursts.newest().unwrap().lost(), LostJobs::Unknown(gap));
    }
}
