//! The external metrics API: registered, served by an adapter or by KEDA, and with a value for the HPA's metric.

pub(crate) mod adapter_url;
pub(crate) mod keda;
mod rules;
mod value;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use text::command::Command;

use crate::chain::{self, Chain, METRICS_API};
use crate::facts::Facts;
use crate::finding::{Fix, ReportWriter};
use crate::metric::{self, Metric, externals};
use crate::{fixes, messages, select};

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let metric = metric::first(facts);
    if metric.is_none() && facts.autoscaler.get().is_some() {
        return writer.not_applicable("metric", messages::no_external_metric());
    }
    registration(facts, writer, metric.as_ref());
    // Without an HPA, KEDA's objects show why it did not create one.
    keda::examine(facts, writer);
    if metric.is_none() {
        return;
    }
    if !chain::is_keda(facts) {
        adapter_url::examine(facts, writer);
        rules::examine(facts, writer);
    }
    chain::each(facts, writer, |chain, writer| {
        valid_selector(facts, writer, chain);
        value::examine(facts, writer, chain);
    });
}

fn registration(facts: &Facts, writer: &mut ReportWriter<'_>, metric: Option<&Metric>) {
    let fact = &facts.api.registration;
    let command = fact.command.as_ref();
    let registration = match writer.require("apiservice", fact) {
        Ok(Some(registration)) => registration,
        Ok(None) => {
            let detail = messages::no_registration(METRICS_API);
            return writer.fail("apiservice", detail, command, fixes::register_api(facts));
        }
        Err(()) => return,
    };
    let (namespace, name) = chain::service_of(registration);
    let service = format!("{namespace}/{name}");
    let conditions = registration.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut unavailable = conditions.filter(|c| c.type_ == "Available" && c.status != "True");
    if let Some(condition) = unavailable.next() {
        let reason = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        let detail = messages::registration_unavailable(METRICS_API, service, reason, message);
        let fix = fixes::revive_backend(facts, &namespace, &name);
        return writer.fail("apiservice", detail, command, fix);
    }
    let is_kedas_hpa = facts
        .autoscaler
        .get()
        .is_some_and(|hpa| observed::keda::owns(&hpa.metadata, metric.map(|metric| &metric.selector)));
    match chain::is_keda(facts) {
        true if metric.is_some() && !is_kedas_hpa => {
            let detail = messages::keda_serves_plain_hpa(service);
            writer.fail("apiservice-owner", detail, command, fixes::keda::replace_hpa(facts));
        }
        false if is_kedas_hpa => {
            let remove = Command::helm(["uninstall"])
                .namespace(&namespace)
                .operands([&name])
                .and(fixes::delete_registration())
                .and(fixes::restart("deployment", fixes::keda::OPERATOR, fixes::keda::namespace(facts)));
            let fix = Fix::command(messages::fix_remove_adapter(), remove);
            writer.fail("apiservice-owner", messages::adapter_serves_keda(service), command, fix);
        }
        _ => writer.ok("apiservice", messages::registration_available(METRICS_API, service), command),
    }
}

/// Reports a selector with an invalid label value, which the metrics API and the controller refuse. It comes before the API's
/// response, which it causes.
fn valid_selector(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) {
    let Some((label, value)) = select::invalid_value(&chain.metric.selector) else { return };
    let command = facts.autoscaler.command.as_ref();
    let detail = messages::selector_invalid(label, format_args!("{value:?}"));
    let remove =
        fixes::selector::remove_label(facts, &chain.metric, label, &messages::fix_selector_invalid());
    // The rule must select the value first: without the label the HPA reads all that the rule reads.
    let fix = match (&chain.rule, remove.command.clone()) {
        (Some(made), Some(command)) if !is_selected(chain, label, value) => {
            let shown = format_args!("{value:?}");
            if is_shared(facts, chain) {
                let name = own_name(&chain.metric.name, value);
                let what = messages::fix_selector_into_own_rule(label, shown, &name);
                let read = fixes::selector::read_without_label(facts, &chain.metric, label, &name);
                let add = fixes::rules::add_pinned(facts, made, (label, value), &name, &what);
                add.map_or(remove, |add| add.then(read))
            } else {
                let what = messages::fix_selector_into_rule(label, shown);
                fixes::rules::pin(facts, made, label, value, &what).map_or(remove, |pin| pin.then(command))
            }
        }
        _ => remove,
    };
    writer.fail("selector", detail, command, fix);
}

/// Returns whether another metric of an HPA in the namespace has the name of the chain's metric, so that a pinned rule would
/// change its value.
fn is_shared(facts: &Facts, chain: &Chain<'_>) -> bool {
    let own = |hpa: &HorizontalPodAutoscaler| hpa.metadata.name.as_ref() == Some(&facts.subject.hpa);
    facts.autoscalers.all().iter().any(|hpa| {
        let mut metrics = externals(hpa).into_iter();
        metrics.any(|metric| {
            metric.name == chain.metric.name && !(own(hpa) && metric.index == chain.metric.index)
        })
    })
}

/// The name of a metric of its own for one value of a label.
fn own_name(metric: &str, value: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("{metric}_{}", value.chars().map(plain).collect::<String>())
}

/// Returns whether the rule's own matchers, or the series themselves, leave no other value than the one of the selector.
fn is_selected(chain: &Chain<'_>, label: &str, value: &str) -> bool {
    let Some(query) = chain.query() else { return false };
    let is_own = |matcher: &&promfmt::matcher::Matcher| {
        matcher.label == label
            && matcher.operator == promfmt::matcher::Operator::Equal
            && matcher.value == value
            && !chain.asked.contains(matcher)
    };
    query.measured().all(|selector| selector.matchers.iter().any(|matcher| is_own(&matcher)))
}
