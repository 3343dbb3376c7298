//! Resource and ContainerResource metrics: `metrics.k8s.io`, and the requests that a utilisation is computed from.

use std::collections::BTreeMap;

use hpa::quantity::{Format, format_milli};
use k8s_openapi::api::core::v1::{Container, Pod};
use text::command::Command;

use super::{reading, registration, take_out};
use crate::facts::{Facts, Readings};
use crate::finding::{Fix, ReportWriter};
use crate::spec_metric::SpecMetric;
use crate::{fixes, fmt, messages, scale_target};

/// The manifest of metrics-server's newest release.
const METRICS_SERVER: &str =
    "https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml";

pub(super) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>, metrics: &[SpecMetric<'_>]) {
    let install = || {
        let command = Command::kubectl(["apply", "-f", METRICS_SERVER]);
        let names = metrics.iter().map(|metric| metric.name());
        Fix::command(messages::fix_install_metrics_server(fmt::list(names)), command)
    };
    let api = &facts.pod_metrics.resource;
    let absent = messages::no_resource_api(fmt::list(metrics.iter().map(|metric| metric.name())));
    let answers = registration(writer, "resource-metrics", api, install, absent);
    for metric in metrics {
        requests(facts, writer, *metric);
        if answers {
            response(facts, writer, *metric);
        }
        reading(facts, writer, *metric);
    }
}

/// The containers of a pod that count: the regular ones, and the init containers that keep running.
fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    let spec = pod.spec.as_ref();
    let regular = spec.into_iter().flat_map(|spec| &spec.containers);
    let initial = spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten());
    regular.chain(initial.filter(|container| container.restart_policy.as_deref() == Some("Always")))
}

fn pod_name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

/// Reports containers without the request that a utilisation is a share of, and a container that no pod has.
fn requests(facts: &Facts, writer: &mut ReportWriter<'_>, metric: SpecMetric<'_>) {
    const CHECK: &str = "request";
    let Some(resource) = metric.resource() else { return };
    let Some(pods) = scale_target::selected_pods(facts).filter(|pods| !pods.is_empty()) else { return };
    let command = facts.pods.command.as_ref();
    if let Some(wanted) = metric.container() {
        let without = pods.iter().find(|pod| !containers(pod).any(|container| container.name == wanted));
        if let Some(pod) = without {
            let names = || containers(pod).map(|container| container.name.as_str());
            let detail = messages::container_missing(wanted, pod_name(pod), fmt::list(names()));
            let fix = match fmt::nearest(wanted, names()).or_else(|| only(names())) {
                Some(meant) => Fix::command(
                    messages::fix_rename_object(),
                    fixes::hpa::set(facts, metric, "containerResource/container", meant),
                ),
                None => take_out(facts, metric, &messages::fix_take_out()),
            };
            return writer.fail(CHECK, detail, command, fix);
        }
    }
    if metric.target().is_none_or(|target| target.average_utilization.is_none()) {
        return;
    }
    let has = |container: &Container| {
        let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        requests.is_some_and(|requests| requests.contains_key(resource))
    };
    let is_wanted = |container: &&Container| metric.container().is_none_or(|name| container.name == name);
    // A request of the pod as a whole replaces those of its containers.
    let of_pod = |pod: &&&Pod| {
        let whole = pod.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
        metric.container().is_none() && whole.is_some_and(|requests| requests.contains_key(resource))
    };
    let missing: Vec<(&Pod, &Container)> = pods
        .iter()
        .filter(|pod| !of_pod(pod))
        .flat_map(|pod| containers(pod).filter(is_wanted).filter(|c| !has(c)).map(move |c| (*pod, c)))
        .collect();
    let Some((first_pod, first)) = missing.first() else {
        return writer.ok(CHECK, messages::requests_complete(resource), command);
    };
    let shown: Vec<String> =
        missing.iter().map(|(pod, container)| format!("{}/{}", pod_name(pod), container.name)).collect();
    let detail = messages::request_missing(resource, fmt::list(shown.iter().map(String::as_str)));
    writer.fail(CHECK, detail, command, request(facts, metric, first_pod, &first.name));
}

fn only<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let first = names.next()?;
    names.next().is_none().then_some(first)
}

/// Setting the request of a container to its usage, if that is known, in the workload that owns the pod.
fn request(facts: &Facts, metric: SpecMetric<'_>, pod: &Pod, container: &str) -> Fix {
    let resource = metric.resource().unwrap_or_default();
    let usage = facts.pod_metrics.readings.get(&metric.index).and_then(|fact| fact.get());
    let most = match usage {
        Some(Readings::Containers(pods)) => pods.values().filter_map(|all| all.get(container)).max().copied(),
        _ => None,
    };
    let amount = most.map_or_else(|| "AMOUNT".to_owned(), |milli| rounded_up(resource, milli));
    let owner = crate::owner::of(facts, pod);
    let object = match owner {
        Some(owner) => format!("{}/{}", owner.kind.to_lowercase(), owner.name),
        None => format!("pod/{}", pod_name(pod)),
    };
    let set = Command::kubectl(["set".to_owned(), "resources".to_owned(), object])
        .flag("-c", container)
        .arg(format!("--requests={resource}={amount}"))
        .namespace(&facts.subject.namespace);
    let what = match most {
        Some(_) => messages::fix_request_from_usage(resource, container),
        None => messages::fix_request(resource, container),
    };
    Fix::command(what, set)
}

/// An amount, rounded up to ten millicores or a mebibyte.
fn rounded_up(resource: &str, milli: i64) -> String {
    const MEBIBYTE: i64 = 1_024 * 1_024 * 1_000;
    let up = |milli: i64, step: i64| (milli.max(1).saturating_add(step - 1) / step).saturating_mul(step);
    match resource {
        "cpu" => format_milli(up(milli, 10), Format::DecimalSi),
        _ => format_milli(up(milli, MEBIBYTE), Format::BinarySi),
    }
}

/// The API's response for the pods that the controller counts.
fn response(facts: &Facts, writer: &mut ReportWriter<'_>, metric: SpecMetric<'_>) {
    const CHECK: &str = "pod-metrics";
    let Some(fact) = facts.pod_metrics.readings.get(&metric.index) else { return };
    let command = fact.command.as_ref();
    let Ok(Some(readings)) = writer.require(CHECK, fact) else { return };
    let samples = match readings {
        Readings::Containers(samples) => samples,
        Readings::Error { code, message } => {
            let detail = messages::metrics_error(code, metric.title(), message);
            let fix = match facts.pod_metrics.resource.backend.get() {
                Some(backend) => {
                    let name = backend.metadata.name.as_deref().unwrap_or_default();
                    let namespace = backend.metadata.namespace.as_deref().unwrap_or_default();
                    Fix::command(messages::fix_api_log(), fixes::logs(name, namespace, 30))
                }
                None => fixes::look_again(facts),
            };
            return writer.fail(CHECK, detail, command, fix);
        }
        Readings::Objects(_) => return,
    };
    let Some(pods) = scale_target::selected_pods(facts) else { return };
    let runs = |pod: &&&Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
    };
    let running: Vec<&&Pod> = pods.iter().filter(runs).collect();
    let without: Vec<&str> =
        running.iter().filter(|pod| !is_sampled(samples, metric, pod)).map(|pod| pod_name(pod)).collect();
    if running.is_empty() {
        return writer.not_applicable(CHECK, messages::no_running_pods());
    }
    if without.is_empty() {
        return writer.ok(CHECK, messages::pods_sampled(running.len(), metric.title()), command);
    }
    let detail = messages::pods_unsampled(
        without.len(),
        running.len(),
        metric.title(),
        fmt::list(without.iter().copied()),
    );
    // The first sample of a pod takes a resolution of metrics-server, a minute at most.
    let fix = Fix::command(messages::fix_wait_for_sample(), fixes::doctor(facts));
    if without.len() == running.len() {
        writer.fail(CHECK, detail, command, fix);
    } else {
        writer.warn(CHECK, detail, command, fix);
    }
}

/// Returns whether the API has a sample of every container of the pod, or of the metric's container.
fn is_sampled(samples: &BTreeMap<String, BTreeMap<String, i64>>, metric: SpecMetric<'_>, pod: &Pod) -> bool {
    let Some(sampled) = samples.get(pod_name(pod)) else { return false };
    match metric.container() {
        Some(container) => sampled.contains_key(container),
        None => !sampled.is_empty(),
    }
}
