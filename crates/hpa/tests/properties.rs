//! Properties for any input: no panic, sizes in range, deterministic decisions, bounded memory.

use hpa::memory::{MAX_ENTRIES, Memory, Recommendation, change_since};
use hpa::quantity::Quantity;
use hpa::simulate::Simulator;
use hpa::spec::{
    Behavior, ExternalMetric, Metric, MetricIdentifier, ObjectMetric, PodsMetric, Policy, ResourceMetric,
    ScalingRules, Target, TargetRef,
};
use hpa::status::{Condition, ConditionStatus};
use hpa::trace::Path;
use hpa::{Config, Gates, Input, Pod, Reading, Release, Scale, Spec, Status, Time, after_scale, decide};
use proptest::prelude::*;

/// Small numbers and all numbers; edge cases lie in both.
fn milli() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -100_000i64..10_000_000,
        1 => any::<i64>(),
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
        1 => Just(0),
    ]
}

fn size() -> impl Strategy<Value = i32> {
    prop_oneof![6 => 0i32..50, 1 => any::<i32>(), 1 => Just(i32::MAX)]
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        6 => (0i64..10_000_000).prop_map(Time),
        1 => any::<i64>().prop_map(Time),
    ]
}

fn quantity() -> impl Strategy<Value = Quantity> {
    milli().prop_map(Quantity::from_milli)
}

fn positive() -> impl Strategy<Value = Quantity> {
    prop_oneof![4 => 1i64..1_000_000, 1 => 1..=i64::MAX].prop_map(Quantity::from_milli)
}

fn target(quantity: impl Strategy<Value = Quantity>) -> impl Strategy<Value = Target> {
    let percent = prop_oneof![4 => 1i32..200, 1 => 1..=i32::MAX];
    (0..3, quantity, percent).prop_map(|(form, quantity, percent)| match form {
        0 => Target { type_: "AverageValue".to_owned(), average_value: Some(quantity), ..Target::default() },
        1 => Target { type_: "Value".to_owned(), value: Some(quantity), ..Target::default() },
        _ => Target {
            type_: "Utilization".to_owned(),
            average_utilization: Some(percent),
            ..Target::default()
        },
    })
}

/// A metric of any type with any target; many combinations give errors.
fn metric(quantity: impl Strategy<Value = Quantity>) -> impl Strategy<Value = Metric> {
    (0..6, target(quantity)).prop_map(|(type_, target)| {
        let metric = MetricIdentifier { name: "m".to_owned(), selector: None };
        let mut made = Metric::default();
        let name = match type_ {
            0 | 1 => {
                made.external = Some(ExternalMetric { metric, target });
                "External"
            }
            2 => {
                made.object = Some(ObjectMetric { metric, target, ..ObjectMetric::default() });
                "Object"
            }
            3 => {
                made.pods = Some(PodsMetric { metric, target });
                "Pods"
            }
            4 => {
                made.resource = Some(ResourceMetric { name: "cpu".to_owned(), target });
                "Resource"
            }
            _ => "Nonsense",
        };
        name.clone_into(&mut made.type_);
        made
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let value = prop_oneof![4 => 1i32..200, 1 => 1..=i32::MAX];
    (any::<bool>(), value, 1i32..=1800).prop_map(|(pods, value, period_seconds)| Policy {
        type_: if pods { "Pods" } else { "Percent" }.to_owned(),
        value,
        period_seconds,
    })
}

/// Any rules that pass validation.
fn rules() -> impl Strategy<Value = ScalingRules> {
    let select = prop::option::of(prop::sample::select(vec!["Max", "Min", "Disabled"]));
    let policies = prop::option::of(prop::collection::vec(policy(), 1..4));
    let tolerance = prop::option::of((0i64..2000).prop_map(Quantity::from_milli));
    (prop::option::of(0i32..=3600), select, policies, tolerance).prop_map(
        |(window, select, policies, tolerance)| ScalingRules {
            stabilization_window_seconds: window,
            select_policy: select.map(str::to_owned),
            policies,
            tolerance,
        },
    )
}

fn behavior() -> impl Strategy<Value = Option<Behavior>> {
    prop::option::of(
        (prop::option::of(rules()), prop::option::of(rules()))
            .prop_map(|(scale_up, scale_down)| Behavior { scale_up, scale_down }),
    )
}

fn config() -> impl Strategy<Value = Config> {
    (30u16..=38, any::<[bool; 3]>()).prop_map(|(minor, [zero, tolerance, pod_level])| Config {
        gates: Gates {
            scale_to_zero: zero,
            configurable_tolerance: tolerance,
            pod_level_resources: pod_level,
            generation: true,
        },
        ..Config::release(Release(minor))
    })
}

prop_compose! {
    /// Any specification, including nonsensical sizes and targets.
    fn any_spec()(
        min in prop::option::of(size()),
        max in size(),
        metrics in prop::collection::vec(metric(quantity()), 0..4),
        behavior in behavior(),
    ) -> Spec {
        Spec {
            scale_target_ref: TargetRef { api_version: Some("apps/v1".to_owned()), kind: "D".to_owned(), name: "d".to_owned() },
            min_replicas: min,
            max_replicas: max,
            metrics,
            behavior,
        }
    }
}

prop_compose! {
    /// A specification that passes validation, with External metrics.
    fn valid_spec()(
        min in 0i32..20,
        more in prop_oneof![4 => 1i32..50, 1 => 1..i32::MAX - 20],
        targets in prop::collection::vec((any::<bool>(), positive()), 1..3),
        behavior in behavior(),
    ) -> Spec {
        let metric = |(average, quantity): (bool, Quantity)| {
            let target = if average {
                Target { type_: "AverageValue".to_owned(), average_value: Some(quantity), ..Target::default() }
            } else {
                Target { type_: "Value".to_owned(), value: Some(quantity), ..Target::default() }
            };
            let metric = MetricIdentifier { name: "m".to_owned(), selector: None };
            let external = Some(ExternalMetric { metric, target });
            Metric { type_: "External".to_owned(), external, ..Metric::default() }
        };
        let mut spec = Spec {
            scale_target_ref: TargetRef { api_version: Some("apps/v1".to_owned()), kind: "D".to_owned(), name: "d".to_owned() },
            min_replicas: Some(min),
            max_replicas: min + more,
            metrics: targets.into_iter().map(metric).collect(),
            behavior,
        };
        hpa::defaults::default_spec(&mut spec);
        spec
    }
}

fn pods() -> impl Strategy<Value = Vec<Pod>> {
    let pod = (0usize..6, any::<[bool; 3]>(), time(), time(), prop::option::of(milli())).prop_map(
        |(phase, [deleted, ready, sure], since, started, request)| Pod {
            phase: ["Running", "Running", "Running", "Pending", "Failed", "Succeeded"][phase].to_owned(),
            deleted,
            ready: sure.then(|| hpa::input::Ready { status: ready.into(), since }),
            started_at: sure.then_some(started),
            containers: vec![hpa::input::Container {
                name: "c".to_owned(),
                requests_milli: request.into_iter().map(|r| ("cpu".to_owned(), r)).collect(),
            }],
            ..Pod::default()
        },
    );
    prop::collection::vec(pod, 0..6).prop_map(|mut pods| {
        for (i, pod) in pods.iter_mut().enumerate() {
            pod.name = format!("p{i}");
        }
        pods
    })
}

fn reading() -> impl Strategy<Value = Reading> {
    let of_pods = || prop::collection::vec((0usize..8, milli(), time(), -100i64..1000), 0..6);
    prop_oneof![
        prop::collection::vec(milli(), 0..4).prop_map(Reading::External),
        milli().prop_map(Reading::Object),
        of_pods().prop_map(|list| Reading::Pods(
            list.into_iter()
                .map(|(i, milli, at, window_seconds)| hpa::input::PodReading {
                    pod: format!("p{i}"),
                    milli,
                    at,
                    window_seconds
                })
                .collect()
        )),
        of_pods().prop_map(|list| Reading::Resource(
            list.into_iter()
                .map(|(i, milli, at, window_seconds)| hpa::input::PodUsage {
                    pod: format!("p{i}"),
                    at,
                    window_seconds,
                    containers: vec![hpa::input::ContainerUsage {
                        name: "c".to_owned(),
                        milli: [("cpu".to_owned(), milli)].into(),
                    }],
                })
                .collect()
        )),
        Just(Reading::Failed("boom".to_owned())),
    ]
}

/// One sync of a run.
#[derive(Debug, Clone)]
struct Turn {
    now: Time,
    scale: Scale,
    pods: Vec<Pod>,
    readings: Vec<Reading>,
    write_fails: bool,
}

prop_compose! {
    fn turn()(
        now in time(),
        spec_replicas in size(),
        status_replicas in size(),
        selector in prop_oneof![8 => Just("app=x"), 1 => Just(""), 1 => Just("what is this")],
        pods in pods(),
        readings in prop::collection::vec(reading(), 0..4),
        write_fails in any::<bool>(),
    ) -> Turn {
        let scale = Scale { spec_replicas, status_replicas, selector: selector.to_owned() };
        Turn { now, scale, pods, readings, write_fails }
    }
}

fn zeroed(yes: bool) -> Status {
    let condition = Condition {
        type_: "ScaledToZero".into(),
        status: ConditionStatus::from(yes),
        reason: "".into(),
        message: "".into(),
        last_transition_time: None,
    };
    Status { conditions: vec![condition], ..Status::default() }
}

fn input<'a>(turn: &'a Turn, spec: &'a Spec, status: &'a Status, config: &'a Config) -> Input<'a> {
    Input {
        now: turn.now,
        namespace: "n",
        generation: Some(1),
        spec,
        status,
        scale: Ok(&turn.scale),
        pods: &turn.pods,
        selected_by: &[],
        readings: &turn.readings,
        config,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Any inputs with times in any order cause no panic, equal decisions and printable traces.
    #[test]
    fn decisions_are_deterministic(
        spec in any_spec(),
        config in config(),
        was_zeroed in any::<bool>(),
        turns in prop::collection::vec(turn(), 1..8),
    ) {
        let mut status = zeroed(was_zeroed);
        let mut memory = Memory::default();
        for turn in &turns {
            let input = input(turn, &spec, &status, &config);
            let mut twin = memory.clone();
            let (mut one, mut other) = (decide(&input, &mut memory), decide(&input, &mut twin));
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(&memory, &twin);
            let written = if turn.write_fails { Err("no") } else { Ok(()) };
            after_scale(&input, &mut one, written, turn.now, &mut memory);
            after_scale(&input, &mut other, written, turn.now, &mut twin);
            prop_assert_eq!(&one, &other);
            prop_assert_eq!(&memory, &twin);
            prop_assert!(!one.trace.to_string().is_empty());
            let _ = (one.trace.hold(), one.trace.next_change_at());
            let text = serde_json::to_string(&memory).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Memory>(&text).unwrap(), &memory);
            let text = serde_json::to_string(&one).unwrap();
            prop_assert!(serde_json::from_str::<hpa::Decision>(&text).is_ok());
            status = one.status;
        }
    }

    /// With a valid specification the size stays in its range, except a size of 0 on a paused HPA.
    #[test]
    fn sizes_stay_in_range(
        spec in valid_spec(),
        config in config(),
        was_zeroed in any::<bool>(),
        turns in prop::collection::vec(turn(), 1..8),
    ) {
        let mut status = zeroed(was_zeroed);
        let mut memory = Memory::default();
        for turn in &turns {
            let mut turn = turn.clone();
            turn.scale.spec_replicas = turn.scale.spec_replicas.max(0);
            let input = input(&turn, &spec, &status, &config);
            let mut decision = decide(&input, &mut memory);
            let trace = &decision.trace;
            let range = spec.min()..=spec.max_replicas;
            match trace.path {
                Path::Computed | Path::AboveMax | Path::BelowMin => {
                    prop_assert!(range.contains(&trace.desired), "{} is not in {:?}", trace.desired, range);
                    prop_assert_eq!(decision.new_size.unwrap_or(turn.scale.spec_replicas), trace.desired);
                }
                Path::Paused => prop_assert_eq!((turn.scale.spec_replicas, decision.new_size), (0, None)),
                Path::Failed | Path::NoScale => prop_assert_eq!(decision.new_size, None),
            }
            if let (Some(raw), Some(stabilised)) = (trace.raw, trace.stabilised) {
                let (low, high) = (raw.min(trace.current), raw.max(trace.current));
                if spec.behavior.is_some() {
                    prop_assert!((low..=high).contains(&stabilised.replicas), "behavior never overshoots");
                } else {
                    prop_assert!(stabilised.replicas >= raw, "without behavior only shrinking is held back");
                }
            }
            after_scale(&input, &mut decision, Ok(()), turn.now, &mut memory);
            status = decision.status;
        }
    }

    /// Quantities keep their value as text, and no text causes a panic.
    #[test]
    fn quantities_round_trip(milli in any::<i64>(), text in "[-+]?[0-9.]{0,30}[a-zA-Z]{0,3}-?[0-9]{0,4}") {
        let quantity = Quantity::from_milli(milli);
        let again: Quantity = quantity.to_string().parse().unwrap();
        prop_assert_eq!((again, again.milli()), (quantity, Ok(milli)));
        if let Ok(quantity) = text.parse::<Quantity>() {
            let again: Quantity = quantity.to_string().parse().unwrap();
            prop_assert_eq!(again, quantity, "{} became {}", text, quantity);
            let _ = (quantity.milli(), quantity.to_f64());
        }
    }

    /// Validation accepts any input, and a valid specification can be simulated.
    #[test]
    fn validation_accepts_any_input(spec in any_spec(), config in config()) {
        let mut defaulted = spec.clone();
        hpa::defaults::default_spec(&mut defaulted);
        let errors = hpa::validate::validate(&defaulted, &config);
        prop_assert_eq!(Simulator::new(spec, config, 1).is_ok(), errors.is_empty(), "{:?}", errors);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// With exact periods the list has as many entries as the window has syncs.
    #[test]
    fn memory_is_bounded_by_the_windows(
        spec in valid_spec(),
        period in 1i64..120,
        loads in prop::collection::vec(0i64..5_000_000, 20),
    ) {
        let mut spec = spec;
        spec.max_replicas = spec.min() + 30;
        let rules = spec.behavior.iter().flat_map(|b| [&b.scale_up, &b.scale_down]).flatten();
        let mut longest = (300, 0);
        for rules in rules {
            let window = rules.stabilization_window_seconds.unwrap_or(300);
            let periods = rules.policies.iter().flatten().map(|p| p.period_seconds);
            longest = (longest.0.max(window), longest.1.max(periods.max().unwrap_or(15)));
        }
        let most = |seconds: i32| usize::try_from(i64::from(seconds) / period + 3).unwrap();
        let config = Config { sync_period_seconds: period, ..Config::default() };
        let mut simulator = Simulator::new(spec, config, 1).unwrap();
        for (i, load) in (0..).zip(loads.iter().cycle().take(600)) {
            let readings = vec![Reading::External(vec![*load]); 2];
            let _ = simulator.sync(Time::from_secs(i * period), &readings, None);
        }
        let memory = simulator.memory();
        let log = memory.recommendations.as_ref().map_or(0, Vec::len);
        prop_assert!(log <= most(longest.0), "{log} recommendations in {} s", longest.0);
        for events in [&memory.up_events, &memory.down_events] {
            prop_assert!(events.len() <= most(longest.1), "{} events in {} s", events.len(), longest.1);
        }
    }
}

/// Even if time stops or runs backwards the lists stay bounded, and decisions equal those of unbounded lists.
#[test]
fn memory_is_bounded_when_time_stops() {
    for step in [0, 1, -1] {
        let mut list = Vec::new();
        let mut unbounded: Vec<Recommendation> = Vec::new();
        let (mut seed, window) = (1u32, 300);
        for i in 0..MAX_ENTRIES + 600 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let desired = i32::try_from(seed >> 26).unwrap();
            let now = Time(1_000_000 + step * i64::try_from(i).unwrap());
            let held = hpa::limits::legacy::stabilise(&mut list, desired, window, now);
            if i % 97 == 0 {
                let cutoff = now.minus_secs(window);
                let best = unbounded.iter().filter(|r| r.at >= cutoff).map(|r| r.replicas).max();
                assert_eq!(held.replicas, best.unwrap_or(desired).max(desired), "sync {i} by {step} ms");
            }
            unbounded.push(Recommendation { replicas: desired, at: now });
            assert!(list.len() <= MAX_ENTRIES);
        }
    }
    let mut memory = Memory::default();
    for i in 0..MAX_ENTRIES + 600 {
        memory.store_event(hpa::spec::Direction::Up, 1, Time(i64::try_from(i).unwrap()), 1800);
        assert!(memory.up_events.len() <= MAX_ENTRIES);
        let sum = change_since(&memory.up_events, Time(-1));
        assert_eq!(sum, i64::try_from(i).unwrap() + 1, "no change is lost");
    }
}
