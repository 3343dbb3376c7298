//! The metrics of pods and objects: each metric of the HPA that is no External one, the API that serves it, and its reading.

mod custom;
mod resource;

use text::command::Command;

use crate::facts::{AggregatedApi, Facts};
use crate::finding::{Fix, ReportWriter};
use crate::spec_metric::{self, Api, SpecMetric};
use crate::{fixes, messages};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let Some(hpa) = facts.autoscaler.get() else { return };
    let metrics = spec_metric::all(hpa);
    let of = |api: Api| metrics.iter().copied().filter(move |metric| metric.api() == Some(api));
    if of(Api::Resource).next().is_some() {
        resource::examine(facts, writer, &of(Api::Resource).collect::<Vec<_>>());
    }
    if of(Api::Custom).next().is_some() {
        custom::examine(facts, writer, &of(Api::Custom).collect::<Vec<_>>());
    }
    for metric in metrics.iter().filter(|metric| metric.api().is_none()) {
        let detail = messages::metric_type_unknown(&metric.spec.type_);
        let fix = take_out(facts, *metric, &messages::fix_take_out());
        writer.fail("metric", detail, facts.autoscaler.command.as_ref(), fix);
    }
}

/// The registration of an aggregated API and its availability. Returns whether it can answer.
fn registration(
    writer: &mut ReportWriter<'_>,
    check: &'static str,
    api: &AggregatedApi,
    install: impl FnOnce() -> Fix,
    absent: String,
) -> bool {
    let command = api.registration.command.as_ref();
    let registration = match writer.require(check, &api.registration) {
        Ok(Some(registration)) => registration,
        Ok(None) => {
            writer.fail(check, absent, command, install());
            return false;
        }
        Err(()) => return true,
    };
    let service = registration.spec.as_ref().and_then(|spec| spec.service.clone()).unwrap_or_default();
    let (namespace, name) = (service.namespace.unwrap_or_default(), service.name.unwrap_or_default());
    let at = format!("{namespace}/{name}");
    let conditions = registration.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let unavailable = { conditions }.find(|c| c.type_ == "Available" && c.status != "True");
    let Some(condition) = unavailable else {
        writer.ok(check, messages::registration_available(&api.name, at), command);
        return true;
    };
    let reason = condition.reason.as_deref().unwrap_or_default();
    let message = condition.message.as_deref().unwrap_or_default();
    let detail = messages::registration_unavailable(&api.name, at, reason, message);
    writer.fail(check, detail, command, revive(api, &namespace, &name));
    false
}

/// Bringing back the server of an aggregated API.
fn revive(api: &AggregatedApi, namespace: &str, service: &str) -> Fix {
    match api.backend.get() {
        Some(backend) => {
            let name = backend.metadata.name.as_deref().unwrap_or(service);
            if backend.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) {
                Fix::command(messages::fix_start(), fixes::scale_to_one("deployment", name, namespace))
            } else {
                Fix::command(messages::fix_backend_log(), fixes::logs(name, namespace, 30))
            }
        }
        None if api.backend.is_absent() => {
            let delete = Command::kubectl(["delete"]).object("apiservice", &api.name);
            Fix::command(messages::fix_delete_dead_api(), delete)
        }
        None => Fix::command(messages::fix_list_pods(), fixes::get("pods", namespace)),
    }
}

/// Removing a metric from the HPA, or from KEDA's object that makes it.
fn take_out(facts: &Facts, metric: SpecMetric<'_>, what: &str) -> Fix {
    Fix::command(what, fixes::hpa::take_out_metric(facts, metric))
}

/// The HPA's reading of a metric that its API can serve, or the lack of one.
fn reading(facts: &Facts, writer: &mut ReportWriter<'_>, metric: SpecMetric<'_>) {
    let hpa = facts.looks.last().and_then(|look| look.autoscaler.get());
    let Some(hpa) = hpa.or(facts.autoscaler.get()) else { return };
    if let Some(reading) = metric.reading(hpa) {
        let detail = messages::metric_reading(metric.title(), reading);
        writer.ok("metric-reading", detail, facts.autoscaler.command.as_ref());
    }
}
