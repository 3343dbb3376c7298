//! The dashboard on HPAs of every kind: each sync that it observes is reconstructed, and the next one predicted, as the real
//! controller decides it.
//!
//! The load follows the clock, so all HPAs scale up and down for as long as the test looks.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod judge;
mod keda;
mod objects;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashboard::clock::Clock;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, Client};
use serde_json::{Value, json};
use testkit::wait;
use tui::headless::Dashboard;

use super::doctor::{API, Site as Shell};
use crate::on_cluster::handles;
use judge::{Judge, Tally};
use objects::NAMESPACE;

/// The syncs that are compared at least.
const SYNCS: usize = 200;

/// Limit of the comparison.
const LIMIT: Duration = Duration::from_secs(12 * 60);

/// Limit for the metrics of all HPAs to be there.
const METRICS: Duration = Duration::from_secs(5 * 60);

const CUSTOM_API: &str = "v1beta1.custom.metrics.k8s.io";

#[test]
#[ignore = "needs a cluster with metrics-server and the adapter"]
fn every_kind_is_reconstructed_and_predicted() {
    let shell = Shell::found();
    let adapter = adapter(&shell);
    let served = shell.run("kubectl get apiservice v1beta1.metrics.k8s.io --ignore-not-found -o name");
    assert!(!served.is_empty(), "not run: it needs metrics-server, and no APIService serves metrics.k8s.io");
    let image = handles::perl_image();

    let _namespace = shell.namespace(NAMESPACE);
    let labels = shell.run("kubectl get servicemonitor rabbitmq -n NS -o 'jsonpath={.metadata.labels}'");
    for object in objects::monitored(&serde_json::from_str(&labels).unwrap()) {
        apply(&shell, &object);
    }
    let cases = objects::cases();
    for case in &cases {
        apply(&shell, &case.deployment(&image));
    }
    let (name, namespace) = &adapter;
    let deployment = shell.restored("deployment", name, namespace);
    let config = shell.run(&format!(
        "kubectl get deployment {name} -n {namespace} -o 'jsonpath={{.spec.template.spec.volumes[?(@.configMap)].configMap.name}}'"
    ));
    let _rules = shell.changed("configmap", &config, namespace, |map| {
        let entries = map["data"].as_object_mut().unwrap();
        let text = entries.values_mut().next().unwrap();
        let mut rules: Value = serde_saphyr::from_str(text.as_str().unwrap()).unwrap();
        objects::add_rules(&mut rules);
        *text = rules.to_string().into();
    });
    // The adapter reads its rules once.
    deployment.change(|deployment| {
        deployment["spec"]["template"]["metadata"]["annotations"]["surge-e2e"] = "any-hpa".into();
    });
    let is_served = !shell.run(&format!("kubectl get apiservice {CUSTOM_API} --ignore-not-found")).is_empty();
    let _api = (!is_served).then(|| shell.created("apiservice", CUSTOM_API, "", &custom_api(&adapter)));

    for case in &cases {
        apply(&shell, &case.hpa());
    }
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    let tally = observe(&names, SYNCS, || {});
    agrees_with_kubectl(&shell, &names);
    is_right(&tally, SYNCS);
}

/// Name and namespace of the adapter, if it serves the external metrics.
fn adapter(shell: &Shell) -> (String, String) {
    let service = shell.run(&format!(
        "kubectl get apiservice {API} --ignore-not-found -o 'jsonpath={{.spec.service.name}}/{{.spec.service.namespace}}'"
    ));
    let (name, namespace) = service.split_once('/').unwrap_or_default();
    assert!(name.contains("adapter"), "not run: it needs the adapter, and {API} is served by {service:?}");
    (name.to_owned(), namespace.to_owned())
}

fn custom_api((name, namespace): &(String, String)) -> Value {
    json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": CUSTOM_API},
        "spec": {"group": "custom.metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"name": name, "namespace": namespace}}})
}

fn apply(shell: &Shell, object: &Value) {
    let _output = shell.shell("kubectl apply --server-side -f -", &object.to_string());
}

/// Waits until each HPA has all its readings, then compares until enough syncs are seen. `act` is called once a second.
fn observe(names: &[&str], syncs: usize, mut act: impl FnMut()) -> Tally {
    let site = handles::cluster();
    let hpas: Api<HorizontalPodAutoscaler> = Api::namespaced(site.client.clone(), NAMESPACE);
    let judges: Vec<_> = names.iter().map(|name| site.run(look(&site.client, name))).collect();
    let began = Instant::now();
    // Each once: on a busy cluster, a reading may be missing again.
    let unread: Mutex<BTreeSet<&str>> = Mutex::new(names.iter().copied().collect());
    site.run(wait::until_within(METRICS, "the readings of all HPAs", async || {
        let listed = hpas.list(&Default::default()).await.ok()?;
        let mut unread = unread.lock().unwrap_or_else(PoisonError::into_inner);
        let read: Vec<String> =
            listed.iter().filter(|hpa| has_all_readings(hpa)).map(kube::ResourceExt::name_any).collect();
        unread.retain(|name| !read.iter().any(|read| read == name));
        (began.elapsed() > METRICS - Duration::from_secs(1))
            .then(|| println!("without a reading: {unread:?}"));
        unread.is_empty().then_some(())
    }));
    println!("all HPAs have readings after {:?}", began.elapsed());
    let tally = || {
        let mut all = Tally::default();
        for (_, judge) in &judges {
            all.add(judge.lock().unwrap_or_else(PoisonError::into_inner).tally.clone());
        }
        all
    };
    let began = Instant::now();
    while tally().comparable < syncs && began.elapsed() < LIMIT {
        act();
        std::thread::sleep(Duration::from_secs(1));
    }
    for (name, (_, judge)) in names.iter().zip(&judges) {
        println!("{name:<22} {}", judge.lock().unwrap_or_else(PoisonError::into_inner).tally);
    }
    let all = tally();
    println!("{:<22} {all}, in {:?}", "all", began.elapsed());
    for miss in all.not_reconstructed.iter().chain(&all.not_predicted) {
        println!("miss: {miss}");
    }
    all
}

/// Asserts that every last sync is reconstructed, and 95 of 100 next ones are predicted.
fn is_right(all: &Tally, syncs: usize) {
    assert!(all.comparable >= syncs, "only {} syncs could be compared", all.comparable);
    assert!(all.not_reconstructed.is_empty(), "{} syncs are not reconstructed", all.not_reconstructed.len());
    let predicted = all.comparable - all.not_predicted.len();
    assert!(predicted * 100 >= all.comparable * 95, "{predicted} of {} syncs are predicted", all.comparable);
}

/// Returns true if the status has a reading of every metric.
fn has_all_readings(hpa: &HorizontalPodAutoscaler) -> bool {
    let wanted = hpa.spec.as_ref().and_then(|spec| spec.metrics.as_ref()).map_or(0, Vec::len);
    let status = hpa.status.as_ref().and_then(|status| status.current_metrics.as_ref());
    status.is_some_and(|metrics| metrics.iter().filter(|metric| !metric.type_.is_empty()).count() == wanted)
}

/// Starts a dashboard on that HPA, and a judge of its syncs.
async fn look(client: &Client, name: &str) -> (Dashboard, Arc<Mutex<Judge>>) {
    let judge = Arc::new(Mutex::new(Judge::default()));
    let (kept, own) = (Arc::clone(&judge), name.to_owned());
    let dashboard = Dashboard::watch(client.clone(), Clock::start(), (NAMESPACE, name), move |model| {
        kept.lock().unwrap_or_else(PoisonError::into_inner).look(&own, model);
    });
    dashboard.ready().await;
    (dashboard, judge)
}

/// Asserts that `surge list` and `surge explain` agree with what kubectl prints at the same time.
fn agrees_with_kubectl(shell: &Shell, names: &[&str]) {
    let site = handles::cluster();
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    for name in names {
        site.wait(&format!("a row and an explanation of {name} that agree with its status"), || {
            let hpa = json(&shell.run(&format!("kubectl get hpa {name} -n {NAMESPACE} -o json")))?;
            let listed = json(&shell.surge(&["list", "-n", NAMESPACE, "-o", "json"]))?;
            let explained = json(&shell.surge(&["explain", name, "-n", NAMESPACE, "-o", "json"]))?;
            let row = listed["hpas"].as_array()?.iter().find(|row| row["name"] == *name)?;
            let status = &hpa["status"];
            let sizes = [&status["currentReplicas"], &status["desiredReplicas"]];
            let is_same = [&row["currentReplicas"], &row["desiredReplicas"]] == sizes
                && [&explained["currentReplicas"], &explained["nextReplicas"]] == sizes
                && explained["canScale"] == true;
            let metrics = row["metrics"].as_array()?.iter().zip(status["currentMetrics"].as_array()?);
            let winner = row["metrics"][usize::try_from(row["winner"].as_u64()?).ok()?]["name"].as_str()?;
            let is_winner = said(status, "ScalingActive").contains(metric_name(winner));
            (is_same && is_winner && metrics.into_iter().all(has_reading)).then_some(())
        });
    }
}

/// The message of a condition.
fn said<'a>(status: &'a Value, kind: &str) -> &'a str {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().find(|c| c["type"] == kind).and_then(|c| c["message"].as_str()).unwrap_or_default()
}

/// The name of a metric without its selector, object or container.
fn metric_name(name: &str) -> &str {
    name.split(['{', ' ']).next().unwrap_or_default()
}

/// Returns true if the reading in the list is the one in the status.
fn has_reading((metric, status): (&Value, &Value)) -> bool {
    let kind = status["type"].as_str().unwrap_or_default();
    let field = match kind {
        "ContainerResource" => "containerResource".to_owned(),
        kind => kind.to_lowercase(),
    };
    let current = &status[field]["current"];
    let quantity = |field: &str| -> Option<f64> {
        let quantity: hpa::Quantity = current[field].as_str()?.parse().ok()?;
        Some(quantity.milli().ok()? as f64 / 1_000.0)
    };
    let expected = match metric["reading"]["unit"].as_str() {
        Some("percent") => current["averageUtilization"].as_f64(),
        Some("per-pod") => quantity("averageValue"),
        _ => quantity("value"),
    };
    expected.is_some() && metric["reading"]["value"].as_f64() == expected
}
