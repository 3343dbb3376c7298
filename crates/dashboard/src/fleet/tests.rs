//! The list through a watch: listing, changes, order and filter.

use std::time::Duration;

use explain::fleet::{Amount, MetricRow, Verdict};

use super::*;

fn row(namespace: &str, name: &str, percent: i32, size: i32, verdict: Verdict) -> Row {
    Row {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        target: ("Deployment".to_owned(), name.to_owned()),
        metrics: vec![MetricRow {
            kind: "Resource".to_owned(),
            name: "cpu".to_owned(),
            short_name: "cpu".to_owned(),
            reading: Some(Amount::Percent(percent)),
            target: Some(Amount::Percent(80)),
            failed: false,
        }],
        winner: Some(0),
        current: Some(size),
        desired: Some(size),
        wants: None,
        min: 1,
        max: 10,
        last_scale: Timestamp::from_second(i64::from(percent)).ok(),
        created: None,
        scaled_object: None,
        verdict,
    }
}

fn three() -> Fleet {
    let mut fleet = Fleet::default();
    fleet.list(vec![
        row("shop", "web", 72, 3, Verdict::Steady),
        row("shop", "api", 130, 10, Verdict::AtMax),
        row("batch", "worker", 10, 1, Verdict::AtMin),
    ]);
    fleet
}

fn names(fleet: &Fleet, filter: &Filter) -> Vec<String> {
    fleet.visible(filter, Timestamp::UNIX_EPOCH).iter().map(|entry| entry.row.name.clone()).collect()
}

fn filter(text: &str) -> Filter {
    let mut filter = Filter::default();
    filter.add(text);
    filter
}

#[test]
fn each_order_puts_its_extreme_first() {
    let mut fleet = three();
    for (order, expected) in [
        (Order::Verdict, ["api", "worker", "web"]),
        (Order::Name, ["worker", "api", "web"]),
        (Order::Share, ["api", "web", "worker"]),
        (Order::Replicas, ["api", "web", "worker"]),
        (Order::LastScale, ["api", "web", "worker"]),
        (Order::Interval, ["worker", "api", "web"]),
    ] {
        fleet.order = order;
        assert_eq!(names(&fleet, &Filter::default()), expected, "{order:?}");
    }
}

#[test]
fn the_filter_matches_names_metrics_and_verdicts() {
    let fleet = three();
    for (text, expected) in [
        ("shop", &["api", "web"][..]),
        ("at max", &["api"]),
        ("deployment/w", &["worker", "web"]),
        ("cpu shop 72", &["web"]),
        ("nothing", &[]),
    ] {
        assert_eq!(names(&fleet, &filter(text)), expected, "{text}");
    }
}

#[test]
fn changes_keep_the_meter_and_a_new_spec_interrupts_it() {
    let mut fleet = three();
    let at = |seconds| At(Duration::from_secs(seconds));
    let interval = |fleet: &Fleet| fleet.entries[&("shop".to_owned(), "web".to_owned())].meter.interval();
    for (seconds, percent) in [(15, 73), (30, 74), (45, 75), (60, 76)] {
        fleet.apply(at(seconds), row("shop", "web", percent, 3, Verdict::Steady));
    }
    assert_eq!(interval(&fleet), Some(Interval::About(Duration::from_secs(15))));
    // The same row again is no write of the status.
    fleet.apply(at(61), row("shop", "web", 76, 3, Verdict::Steady));
    fleet.apply(at(75), row("shop", "web", 77, 3, Verdict::Steady));
    assert_eq!(interval(&fleet), Some(Interval::About(Duration::from_secs(15))));
    fleet.apply(at(77), Row { max: 12, ..row("shop", "web", 77, 3, Verdict::Steady) });
    fleet.apply(at(78), Row { max: 12, ..row("shop", "web", 79, 3, Verdict::Steady) });
    assert_eq!(interval(&fleet), Some(Interval::About(Duration::from_secs(15))));
}

#[test]
fn the_choice_follows_its_hpa_and_falls_back_to_the_first() {
    let mut fleet = three();
    fleet.chosen = Some(("shop".to_owned(), "web".to_owned()));
    let position = |fleet: &Fleet, text: &str| {
        let filter = filter(text);
        fleet.position(&fleet.visible(&filter, Timestamp::UNIX_EPOCH))
    };
    assert_eq!(position(&fleet, ""), 2);
    fleet.order = Order::Share;
    assert_eq!(position(&fleet, ""), 1);
    assert_eq!(position(&fleet, "api"), 0);
    fleet.remove(&("shop".to_owned(), "web".to_owned()));
    assert_eq!((position(&fleet, ""), fleet.len()), (0, 2));
}
