//! Plans for clusters in every relevant state.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cluster_state::{ExistingObject, ExistingRelease, MetricsServer, RulesState};
use crate::owner;
use crate::request::{ChartSource, Profile};
use crate::stack_options::StackOptions;

pub(crate) fn request() -> Request {
    Request {
        flags: cluster::connect::ConnectFlags::default(),
        namespace: "demo".into(),
        profile: Profile::Plugin,
        values: Vec::new(),
        set: Vec::new(),
        stack: Stack::Install,
        stack_options: StackOptions::default(),
        charts: Vec::new(),
        images: Vec::new(),
        archives: None,
        timeout: Duration::from_secs(1),
        command_line: vec!["surge".into(), "up".into()],
    }
}

fn object(kind: &str, name: &str) -> Value {
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    object::set_namespace(&mut object, "demo");
    owner::mark(&mut object, "demo", "plugin");
    object
}

fn chart() -> Vec<Value> {
    [("Namespace", "demo"), ("Secret", "rabbitmq"), ("Deployment", "worker")]
        .map(|(k, n)| object(k, n))
        .into()
}

pub(crate) fn release(name: &str) -> Release {
    let source = ChartSource::Repository("https://h".into());
    let (chart, version) = (name.to_owned(), "1.0.0".to_owned());
    Release {
        name: name.into(),
        namespace: "monitoring".into(),
        chart,
        version,
        source,
        values: json!({"a": 1}),
    }
}

fn found(status: &str, ours: bool) -> ExistingRelease {
    ExistingRelease {
        name: "prometheus-adapter".into(),
        namespace: "monitoring".into(),
        status: status.into(),
        chart: "prometheus-adapter-1.0.0".into(),
        ours,
        values: json!({"a": 1}),
    }
}

fn served_by(namespace: &str, service: &str) -> ClusterState {
    ClusterState {
        metrics: MetricsServer::Service { namespace: namespace.into(), name: service.into() },
        ..ClusterState::default()
    }
}

fn planned(request: &Request, state: &ClusterState) -> Result<Plan, Failure> {
    let rules = json!({"kind": "ConfigMap", "metadata": {"name": "rules"}, "data": {"config.yaml": "externalRules: []"}});
    plan(request, state, chart(), vec![release("prometheus-adapter")], rules, Vec::new())
}

fn titles(request: &Request, plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.title(request)).collect()
}

fn skipping() -> Request {
    Request { stack: Stack::Skip, ..request() }
}

#[test]
fn an_empty_cluster_gets_stack_and_demo() {
    let plan = planned(&request(), &ClusterState::default()).unwrap();
    assert_eq!(
        titles(&request(), &plan),
        [
            "namespace monitoring",
            "prometheus-adapter 1.0.0 in namespace monitoring",
            "the demo in namespace demo",
            "pods of the demo",
            "external metric",
            "other parts of the stack"
        ]
    );
    let Step::Ready(workloads) = &plan.steps[3] else { panic!("{plan:?}") };
    assert_eq!(workloads.len(), 1);
}

#[test]
fn adapter_and_keda_exclude_each_other() {
    let keda = |stack| Request { profile: Profile::Keda, stack, ..request() };
    for (request, state, expected) in [
        (
            request(),
            served_by("keda", "keda-operator-metrics-apiserver"),
            "it is KEDA, and profile plugin needs",
        ),
        (skipping(), served_by("keda", "keda-metrics-apiserver"), "it is KEDA"),
        (
            keda(Stack::Install),
            served_by("monitoring", "prometheus-adapter"),
            "monitoring/prometheus-adapter serves",
        ),
        (keda(Stack::Skip), served_by("monitoring", "prometheus-adapter"), "it is not KEDA"),
        (
            request(),
            served_by("datadog", "cluster-agent"),
            "surge up did not install Service datadog/cluster-agent",
        ),
        (skipping(), ClusterState::default(), "has no external metrics"),
        (
            request(),
            ClusterState { metrics: MetricsServer::Unreadable, ..ClusterState::default() },
            "may not read APIService",
        ),
    ] {
        let failure = planned(&request, &state).unwrap_err();
        assert!(failure.what.contains(expected) && !failure.advice.is_empty(), "{failure:?}");
    }
    assert!(planned(&keda(Stack::Skip), &served_by("keda", "keda-metrics-apiserver")).is_ok());
    assert!(planned(&skipping(), &served_by("datadog", "cluster-agent")).is_ok());
    assert!(
        planned(&skipping(), &ClusterState { metrics: MetricsServer::Unreadable, ..ClusterState::default() })
            .is_ok()
    );
}

#[test]
fn releases_are_installed_upgraded_kept_or_refused() {
    let action = |found: Option<ExistingRelease>| {
        let state = ClusterState { releases: found.into_iter().collect(), ..ClusterState::default() };
        stack::action(&release("prometheus-adapter"), &state)
    };
    assert_eq!(action(None), Ok(Action::Install));
    assert_eq!(action(Some(found("deployed", true))), Ok(Action::Keep));
    assert_eq!(action(Some(found("failed", true))), Ok(Action::Upgrade));
    assert_eq!(
        action(Some(ExistingRelease { chart: "prometheus-adapter-0.9.0".into(), ..found("deployed", true) })),
        Ok(Action::Upgrade)
    );
    assert_eq!(
        action(Some(ExistingRelease { values: json!({}), ..found("deployed", true) })),
        Ok(Action::Upgrade)
    );
    let half = action(Some(found("pending-install", true))).unwrap_err();
    assert!(
        half.what.contains("is not finished") && half.advice.contains("helm uninstall prometheus-adapter")
    );
    for status in ["pending-upgrade", "pending-rollback"] {
        let half = action(Some(found(status, true))).unwrap_err();
        assert!(
            half.advice.contains("helm rollback prometheus-adapter"),
            "a rollback keeps the program: {half:?}"
        );
    }
    let foreign = action(Some(found("deployed", false))).unwrap_err();
    assert!(foreign.advice.contains("--skip-stack"), "{foreign:?}");
}

#[test]
fn foreign_objects_are_not_changed() {
    let existing = |ours, owner: Option<&str>| ExistingObject {
        ours,
        object: Value::Null,
        owner: owner.map(str::to_owned),
    };
    let with = |object: &Value, existing: ExistingObject| {
        let mut state = served_by("monitoring", "prometheus-adapter");
        state.rules = RulesState::Serving;
        state.namespaces.insert("demo".into(), Ownership::Foreign);
        state.existing.insert(Key::of(object), existing);
        planned(&skipping(), &state)
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
fn leftovers_are_deleted_autoscalers_first() {
    let mut state = served_by("monitoring", "prometheus-adapter");
    state.rules = RulesState::Serving;
    let stale = [
        ("ConfigMap", "old"),
        ("ScaledObject", "worker-scaler"),
        ("Service", "old"),
        ("Deployment", "worker"),
    ];
    state.marked = stale.map(|(kind, name)| Key::of(&object(kind, name))).into();
    // Never pruned, though the chart may not render them.
    state.marked.push(Key::of(&object("Namespace", "demo")));
    state.marked.push(secret::key("demo"));
    let plan = planned(&skipping(), &state).unwrap();
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
fn an_existing_stack_gets_rules_if_it_has_none() {
    let state = |rules| ClusterState { rules, ..served_by("monitoring", "prometheus-adapter") };
    let has_rules = |plan: &Plan| plan.steps.iter().any(|step| matches!(step, Step::Rules(_)));
    assert!(has_rules(&planned(&skipping(), &state(RulesState::Absent)).unwrap()));
    assert!(!has_rules(&planned(&skipping(), &state(RulesState::Serving)).unwrap()));
    let lacking = planned(&skipping(), &state(RulesState::Lacking)).unwrap_err();
    assert!(lacking.advice.contains("externalRules"), "{lacking:?}");
}

#[test]
fn a_missing_namespace_is_an_error() {
    let mut objects = chart();
    objects.remove(0);
    let state = served_by("datadog", "cluster-agent");
    let failure = plan(&skipping(), &state, objects, Vec::new(), Value::Null, Vec::new()).unwrap_err();
    assert!(failure.what.starts_with("there is no namespace demo"), "{failure:?}");
}
