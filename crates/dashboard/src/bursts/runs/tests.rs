//! The figures of runs, with the best and worst of them.

use std::time::Duration;

use contract::BurstId;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::autoscaler::hpa_settings::HpaSettings;
use crate::bursts::recent::{Settled, StateBefore};
use crate::bursts::stopwatch::{Observation, Provenance};
use crate::clock::At;
use crate::clock::DayClock;
use crate::model::Model;
use crate::reported::BurstProgress;
use crate::workers::timelines::PodTime;
use observed::ExternalTarget;

fn at(s: u64) -> At {
    At(Duration::from_secs(s))
}

fn before() -> StateBefore {
    StateBefore {
        depth: Some(0.0),
        spec_replicas: Some(1),
        tuning: Some(HpaSettings {
            target: Some(ExternalTarget::AverageValue(20_000)),
            min: 1,
            max: 10,
            windows: (Some(0), Some(60)),
        }),
        ..StateBefore::default()
    }
}

/// Bursts of one size, one after the other; each drains after `runs.0` seconds and scales to `runs.1`
/// replicas.
fn data(runs: &[(u64, i32)]) -> Data {
    let mut data = Model::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC), (80, 24)).data;
    for (index, (seconds, replicas)) in (0_u64..).zip(runs) {
        let start = 1_000 * index;
        let id: BurstId = format!("b{index}").parse().unwrap();
        data.bursts.fire(at(start), id.clone(), 50, before());
        data.bursts.progress(BurstProgress {
            id,
            size: 50,
            sent: 50,
            accepted: 50,
            failed: std::collections::BTreeMap::new(),
            new_ids: (0..50).map(uuid::Uuid::from_u128).collect(),
            first_sent: Some(at(start)),
            first_accepted: Some(at(start)),
            last_accepted: Some(at(start)),
            waiting: None,
            finished: true,
        });
        let polled = |s| Observation::within(at(start + s), Provenance::Polled, Duration::from_secs(1));
        data.bursts.number(Stage::InBroker, polled(1), 50.0, false);
        data.bursts.depth(polled(1), 50, Duration::ZERO);
        data.bursts.spec_replicas(Observation::exact(at(start + 2), Provenance::Watch), *replicas, false);
        data.bursts.depth(polled(*seconds), 0, Duration::ZERO);
        let time = PodTime {
            idle: Duration::from_secs(start + seconds),
            busy: Duration::from_secs(3 * (start + seconds)),
            ..PodTime::default()
        };
        data.bursts.quiet(
            Observation::exact(at(start + seconds + 9), Provenance::Watch),
            time,
            Settled::Seen,
        );
    }
    data
}

#[test]
fn the_lowest_comparable_figure_is_best() {
    let data = data(&[(30, 5), (20, 5), (40, 5)]);
    let extremes = Extremes::of(&data);
    let ranks = |figure| data.bursts.iter().map(|b| extremes.rank(&data, b, figure)).collect::<Vec<_>>();
    let drained = Figure::Reaction(Stage::Drained);
    assert_eq!(ranks(drained), [Rank::Plain, Rank::Best, Rank::Worst]);
    assert_eq!(ranks(Figure::Peak), [Rank::Plain; 3], "equal figures are no contest");
    assert_eq!(ranks(Figure::Size), [Rank::Plain; 3]);
}

#[test]
fn a_single_run_has_no_rank() {
    let data = data(&[(30, 5)]);
    let burst = data.bursts.newest().unwrap();
    let extremes = Extremes::of(&data);
    assert!(Figure::ALL.iter().all(|figure| extremes.rank(&data, burst, *figure) == Rank::Plain));
}

#[test]
fn figures_come_from_observations() {
    let data = data(&[(30, 5)]);
    let burst = data.bursts.newest().unwrap();
    for (figure, expected) in [
        (Figure::Size, Cell::Is(50.0)),
        (Figure::Reaction(Stage::InBroker), Cell::Is(1.0)),
        (Figure::Reaction(Stage::Scraped), Cell::Never("between two polls")),
        (Figure::Reaction(Stage::Drained), Cell::Is(30.0)),
        (Figure::Peak, Cell::Is(5.0)),
        // Fifty messages need three workers at twenty each.
        (Figure::Overshoot, Cell::About(2.0)),
        (Figure::PodSeconds, Cell::Is(120.0)),
        (Figure::Idle, Cell::Is(25.0)),
        (Figure::Redelivered, Cell::Is(0.0)),
        // There is no verdict yet.
        (Figure::Lost, Cell::Open),
    ] {
        assert_eq!(cell(&data, burst, figure), expected, "{figure:?}");
    }
}

#[test]
fn the_cursor_follows_the_newest_until_it_moves() {
    let mut chosen = Chosen::default();
    let three = data(&[(30, 5), (20, 5), (40, 5)]);
    let numbers = |chosen: &Chosen, data: &Data| {
        (chosen.burst(&data.bursts).map(|b| b.number), chosen.other(&data.bursts).map(|b| b.number))
    };
    assert_eq!(numbers(&chosen, &three), (Some(3), Some(2)), "against the one before");
    chosen.step(&three.bursts, false);
    assert_eq!(numbers(&chosen, &three), (Some(2), Some(1)));
    chosen.mark(&three.bursts);
    chosen.step(&three.bursts, false);
    assert_eq!(numbers(&chosen, &three), (Some(1), Some(2)));
    chosen.step(&three.bursts, false);
    assert_eq!(numbers(&chosen, &three).0, Some(1), "there is no older one");
    (0..9).for_each(|_| chosen.step(&three.bursts, true));
    let four = data(&[(30, 5), (20, 5), (40, 5), (10, 5)]);
    assert_eq!(numbers(&chosen, &four), (Some(4), Some(2)));
    chosen.step(&four.bursts, false);
    chosen.step(&four.bursts, false);
    chosen.mark(&four.bursts);
    assert_eq!(chosen.against, None, "a second time takes the choice back");
    assert_eq!(numbers(&Chosen::default(), &data(&[])), (None, None));
}
