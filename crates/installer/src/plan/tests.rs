//! Plans for clusters in every state that matters.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::owner;
use crate::request::{Place, Profile};
use crate::seen::{Existing, Found, Metrics, Rules};

pub(crate) fn request() -> Request {
    Request {
        flags: cluster::connect::ConnectFlags::default(),
        namespace: "demo".into(),
        profile: Profile::Plugin,
        values: Vec::new(),
        set: Vec::new(),
        stack: Stack::Install,
        charts: Vec::new(),
        images: Vec::new(),
        archives: None,
        timeout: Duration::from_secs(1),
        again: vec!["surge".into(), "up".into()],
    }
}

fn object(kind: &str, name: &str) -> Value {
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    object::complete(&mut object, "demo");
    owner::mark(&mut object, "demo", "plugin");
    object
}

fn chart() -> Vec<Value> {
    [("Namespace", "demo"), ("Secret", "rabbitmq"), ("Deployment", "worker")]
        .map(|(k, n)| object(k, n))
        .into()
}

fn release(name: &str) -> Release {
    let place = Place::Repository("https://h".into());
    let (chart, version) = (name.to_owned(), "1.0.0".to_owned());
    Release {
        name: name.into(),
        namespace: "monitoring".into(),
        chart,
        version,
        place,
        values: json!({"a": 1}),
    }
}

fn found(status: &str, ours: bool) -> Found {
    Found {
        name: "prometheus-adapter".into(),
        namespace: "monitoring".into(),
        status: status.into(),
        chart: "prometheus-adapter-1.0.0".into(),
        ours,
        values: json!({"a": 1}),
    }
}

fn served_by(namespace: &str, service: &str) -> Seen {
    Seen {
        metrics: Metrics::Service { namespace: namespace.into(), name: service.into() },
        ..Seen::default()
    }
}

fn planned(request: &Request, seen: &Seen) -> Result<Plan, Failure> {
    let rules = json!({"kind": "ConfigMap", "metadata": {"name": "rules"}, "data": {"config.yaml": "externalRules: []"}});
    plan(request, seen, chart(), vec![release("prometheus-adapter")], rules, Vec::new())
}

fn titles(request: &Request, plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.title(request)).collect()
}

fn skipping() -> Request {
    Request { stack: Stack::Skip, ..request() }
}

#[test]
fn an_empty_cluster_gets_everything() {
    let plan = planned(&request(), &Seen::default()).unwrap();
    assert_eq!(
        titles(&request(), &plan),
        [
            "namespace monitoring",
            "prometheus-adapter 1.0.0 in namespace monitoring",
            "the demo in namespace demo",
            "pods of the demo",
            "external metric"
        ]
    );
    let Step::Ready(workloads) = &plan.steps[3] else { panic!("{plan:?}") };
    assert_eq!(workloads.len(), 1);
}

#[test]
fn adapter_and_keda_exclude_each_other() {
    let keda = |stack| Request { profile: Profile::Keda, stack, ..request() };
    for (request, seen, expected) in [
        (request(), served_by("keda", "keda-operator-metrics-apiserver"), "KEDA serves the external metrics"),
        (skipping(), served_by("keda", "keda-metrics-apiserver"), "both want to be it"),
        (keda(Stack::Install), served_by("monitoring", "prometheus-adapter"), "prometheus-adapter serves"),
        (keda(Stack::Skip), served_by("monitoring", "prometheus-adapter"), "both want to be it"),
        (request(), served_by("datadog", "cluster-agent"), "surge up did not install it"),
        (skipping(), Seen::default(), "nobody serves external metrics"),
        (request(), Seen { metrics: Metrics::Hidden, ..Seen::default() }, "may not read APIService"),
    ] {
        let failure = planned(&request, &seen).unwrap_err();
        assert!(failure.what.contains(expected) && !failure.advice.is_empty(), "{failure:?}");
    }
    assert!(planned(&keda(Stack::Skip), &served_by("keda", "keda-metrics-apiserver")).is_ok());
    assert!(planned(&skipping(), &served_by("datadog", "cluster-agent")).is_ok());
    assert!(planned(&skipping(), &Seen { metrics: Metrics::Hidden, ..Seen::default() }).is_ok());
}

#[test]
fn releases_are_installed_upgraded_kept_or_refused() {
    let action = |found: Option<Found>| {
        let seen = Seen { releases: found.into_iter().collect(), ..Seen::default() };
        stack::action(&release("prometheus-adapter"), &seen)
    };
    assert_eq!(action(None), Ok(Action::Install));
    assert_eq!(action(Some(found("deployed", true))), Ok(Action::Keep));
    assert_eq!(action(Some(found("failed", true))), Ok(Action::Upgrade));
    assert_eq!(
        action(Some(Found { chart: "prometheus-adapter-0.9.0".into(), ..found("deployed", true) })),
        Ok(Action::Upgrade)
    );
    assert_eq!(action(Some(Found { values: json!({}), ..found("deployed", true) })), Ok(Action::Upgrade));
    let half = action(Some(found("pending-install", true))).unwrap_err();
    assert!(
        half.what.contains("half installed") && half.advice.contains("helm uninstall prometheus-adapter")
    );
    let foreign = action(Some(found("deployed", false))).unwrap_err();
    assert!(foreign.advice.contains("--skip-stack"), "{foreign:?}");
}

#[test]
fn what_others_made_is_not_touched() {
    let existing =
        |ours, owner: Option<&str>| Existing { ours, object: Value::Null, owner: owner.map(str::to_owned) };
    let with = |object: &Value, existing: Existing| {
        let mut seen = served_by("monitoring", "prometheus-adapter");
        seen.rules = Rules::Serve;
        seen.namespaces.insert("demo".into(), Whose::Others);
        seen.existing.insert(Key::of(object), existing);
        planned(&skipping(), &seen)
    };
    let foreign = with(&object("Deployment", "worker"), existing(false, None)).unwrap_err();
    assert!(foreign.what.ends_with("- Deployment worker in namespace demo"), "{foreign:?}");
    assert!(with(&object("Deployment", "worker"), existing(false, Some("ScaledObject"))).is_ok());

    let plan = with(&object("Secret", "rabbitmq"), existing(false, None)).unwrap();
    let Step::Apply(objects) = &plan.steps[0] else { panic!("{plan:?}") };
    assert_eq!(objects.iter().map(|object| Key::of(object).name).collect::<Vec<_>>(), ["worker"]);
    assert_eq!(plan.notes.len(), 2, "namespace and Secret: {:?}", plan.notes);
}

#[test]
fn what_is_no_longer_wanted_goes_autoscalers_first() {
    let mut seen = served_by("monitoring", "prometheus-adapter");
    seen.rules = Rules::Serve;
    let stale = [
        ("ConfigMap", "old"),
        ("ScaledObject", "worker-scaler"),
        ("Service", "old"),
        ("Deployment", "worker"),
    ];
    seen.marked = stale.map(|(kind, name)| Key::of(&object(kind, name))).into();
    // Never pruned, though the chart may not render them.
    seen.marked.push(Key::of(&object("Namespace", "demo")));
    seen.marked.push(secret::key("demo"));
    let plan = planned(&skipping(), &seen).unwrap();
    let names = |keys: &[Key]| keys.iter().map(|key| key.kind.clone()).collect::<Vec<_>>();
    let [Step::Clear(clear), Step::Apply(_), Step::Prune(prune), ..] = &plan.steps[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(
        (names(clear), names(prune)),
        (vec!["ScaledObject".into()], vec!["Service".into(), "ConfigMap".into()])
    );
}

#[test]
fn a_stack_that_is_there_gets_rules_only_where_it_has_none() {
    let seen = |rules| Seen { rules, ..served_by("monitoring", "prometheus-adapter") };
    let has_rules = |plan: &Plan| plan.steps.iter().any(|step| matches!(step, Step::Rules(_)));
    assert!(has_rules(&planned(&skipping(), &seen(Rules::Absent)).unwrap()));
    assert!(!has_rules(&planned(&skipping(), &seen(Rules::Serve)).unwrap()));
    let lacking = planned(&skipping(), &seen(Rules::Lack)).unwrap_err();
    assert!(lacking.advice.contains("externalRules"), "{lacking:?}");
}

#[test]
fn a_namespace_that_nobody_makes_is_told() {
    let mut objects = chart();
    objects.remove(0);
    let seen = served_by("datadog", "cluster-agent");
    let failure = plan(&skipping(), &seen, objects, Vec::new(), Value::Null, Vec::new()).unwrap_err();
    assert!(failure.what.starts_with("there is no namespace demo"), "{failure:?}");
}
