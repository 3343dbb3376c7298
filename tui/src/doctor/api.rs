//! The external metrics API: registered, by whom, alive, with a rule for the metric, and saying what Prometheus says.

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::facts::{Answer, Facts, ScaledObject, Seen};
use super::metric::{self, Metric, Target};
use super::reach::METRICS_API;
use super::report::{Fix, Pen};
use super::rule::{self, Namespaced, Rule};
use super::words;

/// Who answers for the external metrics API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// prometheus-adapter, or something else that goes by rules.
    Adapter,
    /// KEDA.
    Keda,
}

/// Whose the registration is, by the Service that it names.
pub(super) fn owner(service: &APIService) -> Option<Owner> {
    let at = service.spec.as_ref()?.service.as_ref()?;
    let names = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains("keda"));
    Some(if names(&at.name) || names(&at.namespace) { Owner::Keda } else { Owner::Adapter })
}

/// Whether KEDA answers for the API.
pub(super) fn is_keda(facts: &Facts) -> bool {
    facts.api.service.get().and_then(owner) == Some(Owner::Keda)
}

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let metric = facts.autoscaler.get().and_then(metric::external);
    let Some(metric) = metric else {
        if facts.autoscaler.get().is_some() {
            pen.not_applicable("metric", "the HPA reads no External metric");
            return;
        }
        registered(facts, pen, None);
        return;
    };
    let owner = registered(facts, pen, Some(&metric));
    scaled_objects(facts, pen);
    if owner != Some(Owner::Keda) {
        rules(facts, pen, &metric);
    }
    answered(facts, pen, &metric, owner);
}

/// `NAMESPACE/SERVICE` behind the registration.
fn behind(service: &APIService) -> (String, String) {
    let at = service.spec.as_ref().and_then(|spec| spec.service.clone()).unwrap_or_default();
    (at.namespace.unwrap_or_default(), at.name.unwrap_or_default())
}

fn registered(facts: &Facts, pen: &mut Pen<'_>, metric: Option<&Metric>) -> Option<Owner> {
    let fact = &facts.api.service;
    let service = match pen.seen("apiservice", fact) {
        Ok(Some(service)) => service,
        Ok(None) => {
            let saw = format!("there is no APIService {METRICS_API}: nothing serves external metrics");
            pen.fail("apiservice", saw, &fact.how, register(facts));
            return None;
        }
        Err(()) => return None,
    };
    let owner = owner(service);
    let (namespace, name) = behind(service);
    let available = service
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|c| c.type_ == "Available");
    if let Some(condition) = available.filter(|condition| condition.status != "True") {
        let reason = condition.reason.as_deref().unwrap_or_default();
        let message = condition.message.as_deref().unwrap_or_default();
        let saw = format!(
            "APIService {METRICS_API} ({namespace}/{name}) is not available: {reason}, {message}. Until it is, no namespace can be deleted either"
        );
        pen.fail("apiservice", saw, &fact.how, revive(facts, &namespace, &name));
        return owner;
    }
    let for_keda = metric.is_some_and(is_kedas);
    match owner {
        Some(Owner::Keda) if metric.is_some() && !for_keda => {
            let saw = format!(
                "KEDA ({namespace}/{name}) owns the external metrics API, and a plain HPA asks it: it answers for ScaledObjects only"
            );
            let fix = Fix::yaml("let KEDA make the HPA: delete this one, and apply", scaled_object(facts));
            pen.fail("apiservice-owner", saw, &fact.how, fix);
        }
        Some(Owner::Adapter) if for_keda => {
            let saw = format!(
                "{namespace}/{name} owns the external metrics API, and the HPA is KEDA's: KEDA and an adapter cannot share one cluster"
            );
            let fix = Fix::command(
                "remove the adapter; KEDA's operator takes the API back",
                format!(
                    "helm uninstall {name} -n {namespace} && kubectl delete apiservice {METRICS_API} && kubectl rollout restart deployment/keda-operator -n keda"
                ),
            );
            pen.fail("apiservice-owner", saw, &fact.how, fix);
        }
        _ => pen.ok(
            "apiservice",
            format!("APIService {METRICS_API} is available, served by {namespace}/{name}"),
            &fact.how,
        ),
    }
    owner
}

/// Whether the metric is one that KEDA serves: it tells them apart by this label.
fn is_kedas(metric: &Metric) -> bool {
    metric.query.contains("scaledobject.keda.sh/name")
}

/// How the API comes to be registered.
fn register(facts: &Facts) -> Fix {
    let place = &facts.place;
    let Some(backend) = facts.api.backend.get() else {
        return Fix::command(
            "install the standard stack, whose adapter serves it",
            format!("surge up --namespace {}", place.namespace),
        );
    };
    let (name, namespace) = (
        backend.metadata.name.as_deref().unwrap_or_default(),
        backend.metadata.namespace.as_deref().unwrap_or_default(),
    );
    Fix::yaml(
        format!("register the API again; {namespace}/{name} is there to serve it"),
        format!(
            "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata:\n  name: {METRICS_API}\nspec:\n  group: external.metrics.k8s.io\n  version: v1beta1\n  groupPriorityMinimum: 100\n  versionPriority: 100\n  insecureSkipTLSVerify: true\n  service:\n    name: {name}\n    namespace: {namespace}"
        ),
    )
}

/// What brings the backend back.
fn revive(facts: &Facts, namespace: &str, service: &str) -> Fix {
    match facts.api.backend.get() {
        Some(backend) if backend.spec.as_ref().and_then(|spec| spec.replicas) == Some(0) => Fix::command(
            "give it a replica again",
            format!(
                "kubectl scale deployment/{} --replicas=1 -n {namespace}",
                backend.metadata.name.as_deref().unwrap_or(service)
            ),
        ),
        Some(backend) => Fix::command(
            "read why it is not ready",
            format!(
                "kubectl logs deployment/{} -n {namespace} --tail=30",
                backend.metadata.name.as_deref().unwrap_or(service)
            ),
        ),
        None if facts.api.backend.is_absent() => Fix::command(
            "nothing is behind it: delete the registration, or install the adapter again",
            format!("kubectl delete apiservice {METRICS_API}"),
        ),
        None => Fix::command("see whether its pods are ready", format!("kubectl get pods -n {namespace}")),
    }
}

/// A ScaledObject that does what the HPA was meant to do.
fn scaled_object(facts: &Facts) -> String {
    let place = &facts.place;
    let spec = facts.autoscaler.get().and_then(|hpa| hpa.spec.clone()).unwrap_or_default();
    let metric = facts.autoscaler.get().and_then(metric::external);
    let queue = metric
        .as_ref()
        .and_then(|metric| metric.queue.clone())
        .unwrap_or_else(|| contract::queue::ORDERS.to_owned());
    let target = match metric.map(|metric| metric.target) {
        Some(Target::Average(milli) | Target::Value(milli)) => words::milli(milli),
        None => "20".to_owned(),
    };
    format!(
        "# kubectl delete hpa {hpa} -n {namespace}\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: {hpa}\n  namespace: {namespace}\nspec:\n  scaleTargetRef:\n    name: {name}\n  minReplicaCount: {min}\n  maxReplicaCount: {max}\n  advanced:\n    horizontalPodAutoscalerConfig:\n      name: {hpa}\n  triggers:\n  - type: rabbitmq\n    metadata:\n      protocol: amqp\n      mode: QueueLength\n      queueName: {queue}\n      value: \"{target}\"\n    authenticationRef:\n      name: rabbitmq",
        hpa = place.hpa,
        namespace = place.namespace,
        name = spec.scale_target_ref.name,
        min = spec.min_replicas.unwrap_or(1),
        max = spec.max_replicas,
    )
}

/// KEDA's side: what it says of its own objects, and the deletion that hangs when its operator went first.
fn scaled_objects(facts: &Facts, pen: &mut Pen<'_>) {
    let fact = &facts.api.scaled_objects;
    for object in fact.all() {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let namespace = &facts.place.namespace;
        let finalizers = object.metadata.finalizers.iter().flatten().count();
        if object.metadata.deletion_timestamp.is_some() && finalizers > 0 {
            let saw = format!(
                "ScaledObject {name} is being deleted and waits for KEDA's operator to let it go (a finalizer)"
            );
            let fix = Fix::command(
                "start the operator again; without it, let the object go by hand",
                format!(
                    "kubectl patch scaledobject {name} -n {namespace} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'"
                ),
            );
            pen.fail("scaled-object", saw, &fact.how, fix);
            continue;
        }
        let ready = object.status.conditions.iter().find(|condition| condition.r#type == "Ready");
        match ready {
            Some(condition) if condition.status == "False" => {
                let saw = format!("ScaledObject {name} is not ready: {}", condition.message);
                let fix = Fix::command(
                    "read what KEDA's operator says",
                    "kubectl logs deployment/keda-operator -n keda --tail=30",
                );
                pen.fail("scaled-object", saw, &fact.how, fix);
            }
            Some(condition) if condition.status == "True" => {
                pen.ok(
                    "scaled-object",
                    format!("ScaledObject {name} is ready{}", counts_ready_only(object)),
                    &fact.how,
                );
            }
            _ => {
                let saw = format!("ScaledObject {name} has no word from KEDA's operator yet");
                pen.warn(
                    "scaled-object",
                    saw,
                    &fact.how,
                    Fix::command("see whether it runs", "kubectl get pods -n keda"),
                );
            }
        }
    }
}

fn counts_ready_only(object: &ScaledObject) -> &'static str {
    let amqp = |trigger: &super::facts::Trigger| {
        trigger.r#type == "rabbitmq"
            && trigger.metadata.get("protocol").is_none_or(|protocol| protocol != "http")
    };
    if object.spec.triggers.iter().any(amqp) {
        " (its amqp trigger counts ready messages only, not those in work)"
    } else {
        ""
    }
}

/// The adapter's rules: one for the metric, and sound.
fn rules(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric) {
    let fact = &facts.api.rules;
    let at = &facts.api.rules_at;
    let text = match pen.seen("rule", fact) {
        Ok(Some(text)) => text,
        Ok(None) => {
            pen.not_applicable("rule", format!("there is no ConfigMap {at} with the adapter's rules"));
            return;
        }
        Err(()) => return,
    };
    let rules = match rule::parse(text) {
        Ok(rules) => rules,
        Err(sentence) => {
            pen.fail(
                "rule",
                format!("ConfigMap {at}: {sentence}"),
                &fact.how,
                Fix::yaml("the rule as the adapter takes it", our_rules(facts)),
            );
            return;
        }
    };
    let made = rule::rule_of(&rules, &metric.name);
    let [(rule, series), others @ ..] = made.as_slice() else {
        let saw = format!(
            "ConfigMap {at} has {} and none that makes {}",
            words::count(rules.len(), "rule", "rules"),
            metric.name
        );
        pen.fail(
            "rule",
            saw,
            &fact.how,
            Fix::yaml("add the rule to those that are there, then restart the adapter", our_rules(facts)),
        );
        return;
    };
    if let Some((_, other)) = others.iter().find(|(_, other)| other != series) {
        let saw = format!(
            "two rules make {}, of {series} and of {other}: one replaces the other at each relist",
            metric.name
        );
        pen.fail("rule-twice", saw, &fact.how, Fix::command("keep one of them", edit(at)));
        return;
    }
    if sound(facts, pen, rule, series) {
        pen.ok("rule", format!("a rule of {at} makes {} of {series}", metric.name), &fact.how);
    }
}

/// The demo's rules as they are installed, for the plugin's series and for the exporter's.
const RULES: [&str; 2] = [
    include_str!("../../../manifests/adapter/plugin.yaml"),
    include_str!("../../../manifests/adapter/exporter.yaml"),
];

/// The ConfigMap with the rule that fits what is scraped here, without the file's own comments.
fn our_rules(facts: &Facts) -> String {
    let through_exporter = facts.broker.endpoints.iter().any(|endpoint| endpoint.at.port == 9419);
    let lines = RULES[usize::from(through_exporter)].lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n")
}

/// The query of that rule.
fn our_query(facts: &Facts) -> String {
    let rules = our_rules(facts);
    rules.lines().find(|line| line.contains("metricsQuery:")).unwrap_or_default().trim_start().to_owned()
}

fn edit(at: &str) -> String {
    let (namespace, name) = at.split_once('/').unwrap_or(("", at));
    format!("kubectl edit configmap {name} -n {namespace}")
}

fn sound(facts: &Facts, pen: &mut Pen<'_>, rule: &Rule, series: &str) -> bool {
    let how = &facts.api.rules.how;
    let mut sound = true;
    if rule.namespaced == Namespaced::Unsaid {
        let saw = "the rule tells namespaces apart (the default) and says no label for them: each of its queries is an error";
        let fix = Fix::yaml(
            "name the label, then restart the adapter",
            "resources:\n  overrides:\n    namespace: {resource: namespace}",
        );
        pen.fail("rule-namespace", saw, how, fix);
        sound = false;
    }
    if let Namespaced::Label(label) = &rule.namespaced {
        let of_series: Vec<&str> = facts
            .prometheus
            .series
            .all()
            .iter()
            .filter(|sample| sample.label("__name__") == series)
            .map(|sample| sample.label(label))
            .collect();
        if !of_series.is_empty() && !of_series.contains(&facts.place.namespace.as_str()) {
            let saw = format!(
                "the rule asks for {label}=\"{}\", the HPA's namespace, and the series have {label} {} (that of what is scraped): the answer is empty",
                facts.place.namespace,
                words::list(of_series.iter().map(|value| if value.is_empty() { "none" } else { *value }))
            );
            let fix = Fix::yaml(
                "do not ask for the HPA's namespace; then restart the adapter",
                "resources:\n  namespaced: false",
            );
            pen.fail("rule-namespace", saw, how, fix);
            sound = false;
        }
    }
    if rule.has_constant_fallback() {
        let saw = "the rule ends in `or vector(0)`: while the broker cannot be scraped it says 0, and the autoscaler scales in during the outage";
        pen.warn(
            "rule-fallback",
            saw,
            how,
            Fix::yaml("answer 0 only while the broker is up", our_query(facts)),
        );
        sound = false;
    }
    if series == super::prometheus::SERIES[1] && rule.guards_by_up_alone() {
        let saw = "the rule answers 0 while `up` is 1, which an exporter stays when its broker is down: the autoscaler scales in during the outage";
        let fix = Fix::yaml("guard by what the exporter says of the broker", our_query(facts));
        pen.warn("rule-guard", saw, how, fix);
        sound = false;
    }
    if series.ends_with("_ready") {
        let saw = "the rule counts ready messages only: it says 0 while the last job is in work, and with minReplicas 0 its worker is taken away";
        let total = series.trim_end_matches("_ready");
        pen.warn(
            "rule-ready",
            saw,
            how,
            Fix::yaml(
                "count all messages",
                format!("seriesQuery: '{{__name__=\"{total}\",namespace!=\"\",queue!=\"\"}}'"),
            ),
        );
        sound = false;
    }
    sound
}

/// What the API answers for the HPA's metric.
fn answered(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric, owner: Option<Owner>) {
    let fact = &facts.api.answer;
    let Ok(answer) = pen.seen("value", fact) else { return };
    match answer {
        Some(Answer::Items(items)) if items.is_empty() => {
            let saw = format!(
                "the API has no value for {} with {}: the query finds nothing (nothing scraped, the wrong namespace, or no such queue and no guard); the autoscaler holds still",
                metric.name,
                selected(metric)
            );
            let fix = Fix::command("see what the query gives, step by step", ask_prometheus(facts, metric));
            pen.fail("value", saw, &fact.how, fix);
        }
        Some(Answer::Items(items)) => value(facts, pen, metric, items),
        Some(Answer::Refused { code, message }) => refused(facts, pen, metric, owner, *code, message),
        None => pen.not_applicable("value", "the API does not know such a request"),
    }
}

fn selected(metric: &Metric) -> String {
    if metric.query.is_empty() { "no selector".to_owned() } else { metric.query.clone() }
}

/// The query as a command, where the rule is known.
fn ask_prometheus(facts: &Facts, metric: &Metric) -> String {
    if !facts.prometheus.value.how.is_empty() {
        return facts.prometheus.value.how.clone();
    }
    format!(
        "kubectl get --raw '/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}'",
        facts.place.namespace, metric.name
    )
}

/// How far apart two answers may be: the queue moves between the two questions.
fn agree(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1.0 + 0.1 * a.abs().max(b.abs())
}

fn value(facts: &Facts, pen: &mut Pen<'_>, metric: &Metric, items: &[i64]) {
    let fact = &facts.api.answer;
    let total: i64 = items.iter().fold(0, |sum, item| sum.saturating_add(*item));
    let value = words::milli(total);
    let several =
        if items.len() > 1 { format!(", the sum of {} series", items.len()) } else { String::new() };
    let saw = format!("{} with {} is {value}{several}", metric.name, selected(metric));
    if let Some(series) = facts.prometheus.value.get() {
        let theirs: f64 = series.iter().map(|sample| sample.value).sum();
        if !series.is_empty() && !agree(theirs, total as f64 / 1_000.0) {
            let saw = format!(
                "{saw}, and the same query says {theirs} in Prometheus: either the queue moves, or the adapter asks another Prometheus or by other rules"
            );
            let fix = match facts.api.backend.get() {
                Some(backend) => Fix::command(
                    "let the adapter read its rules again; it reads them once",
                    format!(
                        "kubectl rollout restart deployment/{} -n {}",
                        backend.metadata.name.as_deref().unwrap_or_default(),
                        backend.metadata.namespace.as_deref().unwrap_or_default()
                    ),
                ),
                None => Fix::command("look again", "surge doctor"),
            };
            pen.warn("value", saw, &fact.how, fix);
            return;
        }
        if !series.is_empty() {
            pen.ok("value", format!("{saw}, as the same query says in Prometheus"), &fact.how);
            return;
        }
    }
    pen.ok("value", saw, &fact.how);
}

fn refused(
    facts: &Facts,
    pen: &mut Pen<'_>,
    metric: &Metric,
    owner: Option<Owner>,
    code: u16,
    message: &str,
) {
    let how = &facts.api.answer.how;
    // The adapter's own sentence ends in a word that nothing follows.
    let said = message.trim_end().trim_end_matches(" for");
    let saw = format!("asked for {}, the API answers {code}: {said}", metric.name);
    let (namespace, name) = match facts.api.service.get() {
        Some(service) => behind(service),
        None => (contract::names::MONITORING.to_owned(), "prometheus-adapter".to_owned()),
    };
    let restart = |what: &str| match facts.api.backend.get() {
        Some(backend) => {
            let name = backend.metadata.name.as_deref().unwrap_or(&name);
            Fix::command(what.to_owned(), format!("kubectl rollout restart deployment/{name} -n {namespace}"))
        }
        None => Fix::command("wait for the next relist, a minute at most, and look again", "surge doctor"),
    };
    if message.contains("scaledObject name is not specified") {
        pen.fail(
            "value",
            format!("{saw}; KEDA answers for ScaledObjects only"),
            how,
            Fix::yaml("let KEDA make the HPA", scaled_object(facts)),
        );
        return;
    }
    if code == 404 && facts.api.service.is_absent() {
        pen.fail("value", format!("{saw}; nothing serves external metrics"), how, register(facts));
        return;
    }
    if code == 503 {
        pen.fail(
            "value",
            format!("{saw}; its backend has no ready pod"),
            how,
            revive(facts, &namespace, &name),
        );
        return;
    }
    let has_series = !facts.prometheus.series.all().is_empty();
    match code {
        404 if owner == Some(Owner::Keda) => {
            pen.fail(
                "value",
                saw,
                how,
                Fix::command(
                    "see KEDA's ScaledObjects",
                    format!("kubectl get scaledobject -n {}", facts.place.namespace),
                ),
            );
        }
        404 if has_series => {
            let saw = format!(
                "{saw}; Prometheus has the series, so the adapter has not listed it since (a relist), reads other rules, or asks another Prometheus"
            );
            pen.fail("value", saw, how, restart("let the adapter list the series anew"));
        }
        404 => {
            let saw = format!("{saw}; the adapter has found no series to make it of within its max-age");
            let fix = Fix::command(
                "see whether Prometheus scrapes the broker",
                format!("kubectl get servicemonitor -n {} --show-labels", facts.place.namespace),
            );
            pen.fail("value", saw, how, fix);
        }
        _ if message.contains("unable to fetch metrics") => {
            let url =
                argument(facts, "--prometheus-url").unwrap_or_else(|| "its --prometheus-url".to_owned());
            let answers = matches!(facts.prometheus.pools.seen, Seen::Value(_));
            let (saw, fix) = if answers {
                let at = facts.prometheus.services.all().first();
                let right = at.map_or_else(
                    || "http://prometheus-operated.monitoring.svc".to_owned(),
                    |at| format!("http://{}.{}.svc", at.service, at.namespace),
                );
                (
                    format!("{saw}; Prometheus answers here, and not to the adapter at {url}"),
                    Fix::command(
                        "lead the adapter to the Prometheus that answers",
                        format!(
                            "helm upgrade {name} prometheus-community/prometheus-adapter -n {namespace} --reuse-values --set prometheus.url={right} --set prometheus.port={}",
                            at.map_or(9090, |at| at.port)
                        ),
                    ),
                )
            } else {
                (
                    format!("{saw}; the adapter cannot reach Prometheus at {url}"),
                    Fix::command(
                        "see whether Prometheus is ready",
                        format!("kubectl get pods -n {namespace}"),
                    ),
                )
            };
            pen.fail("value", saw, how, fix);
        }
        _ => {
            let fix = Fix::command(
                "read what the backend says",
                format!("kubectl logs deployment/{name} -n {namespace} --tail=30"),
            );
            pen.fail("value", saw, how, fix);
        }
    }
}

/// An argument of the backend, as `--name=value`.
pub(super) fn argument(facts: &Facts, name: &str) -> Option<String> {
    let containers = facts.api.backend.get()?.spec.as_ref()?.template.spec.as_ref()?.containers.as_slice();
    let mut arguments = containers
        .iter()
        .flat_map(|container| container.args.iter().flatten().chain(container.command.iter().flatten()));
    arguments.find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}
