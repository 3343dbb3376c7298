//! The queue's series in Prometheus: there, fresh, counted once, and how far apart its samples are.

use std::collections::BTreeSet;
use std::time::Duration;

use super::facts::{Facts, Sample, Target};
use super::line::{Fix, Pen};
use super::{api, endpoint, metric, monitors, rule, words};

/// The queue's series: there, whose, how old, and from how many places.
pub(super) fn series(facts: &Facts, pen: &mut Pen<'_>) {
    let prometheus = &facts.prometheus;
    // Exporters of other namespaces are others' affair; one without a namespace may be anybody's.
    let is_ours = |sample: &&Sample| {
        matches!(sample.label("namespace"), "") || sample.label("namespace") == facts.place.namespace
    };
    let down = prometheus.exporter_up.all().iter().filter(is_ours).filter(|sample| sample.value == 0.0);
    for up in down {
        let service = if up.label("service").is_empty() { up.label("job") } else { up.label("service") };
        let saw = format!("rabbitmq_up of {service} is 0: the exporter answers and cannot read the broker");
        endpoint::exporter_fails(facts, pen, &saw, &prometheus.exporter_up.how, service);
    }
    let Ok(Some(all)) = pen.seen("series", &prometheus.series) else { return };
    let how = &prometheus.series.how;
    let metric = facts.autoscaler.get().and_then(metric::external);
    let queue = metric.as_ref().and_then(|metric| metric.queue.as_deref());
    let wanted = ours(facts, all, queue);
    let Some(first) = wanted.first() else {
        no_series(facts, pen, all, queue);
        return;
    };
    if let Some(metric) = metric.as_ref().filter(|_| !api::is_keda(facts)) {
        selected(facts, pen, metric, &wanted, how);
    }
    let age = prometheus.age.get().copied().flatten();
    let old = age.map(|age| format!(", {} old", words::seconds(age))).unwrap_or_default();
    let labels: Vec<String> = ["namespace", "vhost", "job"]
        .into_iter()
        .filter(|label| !first.label(label).is_empty())
        .map(|label| format!("{label}={}", first.label(label)))
        .collect();
    let subject = queue.map_or_else(|| "the queues".to_owned(), |queue| format!("queue {queue}"));
    let saw =
        format!("{} of {subject} is {} ({}){old}", first.label("__name__"), first.value, labels.join(", "));
    let interval = scrape_interval(facts);
    match (age, interval) {
        (Some(age), Some(interval)) if age > 3.0 * interval.as_secs_f64() + 5.0 => {
            let saw = format!("{saw}: older than three scrapes of {}", words::span(interval));
            let fix = Fix::command("see why the target is not scraped", "surge doctor --output json");
            pen.fail("series", saw, how, fix);
        }
        _ => pen.ok("series", saw, how),
    }
    if !api::is_keda(facts) {
        counted_once(facts, pen, &wanted, how);
    }
}

/// A label of the HPA's selector that none of the queue's series has: the query finds nothing, and the guard of a rule then
/// answers 0 for ever.
fn selected(facts: &Facts, pen: &mut Pen<'_>, metric: &metric::Metric, wanted: &[&Sample], how: &str) {
    let asked = metric.selector.match_labels.iter().flatten();
    let missed =
        asked.filter(|(label, value)| wanted.iter().all(|sample| sample.label(label) != value.as_str()));
    for (label, value) in missed {
        let saw = format!(
            "no series of the queue has {label}={value}, which the HPA's selector asks for: it matches nothing, and the metric may well say 0 all the same"
        );
        let place = &facts.place;
        let fix = Fix::command(
            "ask without it",
            format!(
                "kubectl patch hpa {} -n {} --type json -p '[{{\"op\":\"remove\",\"path\":\"/spec/metrics/{}/external/metric/selector/matchLabels/{}\"}}]'",
                place.hpa,
                place.namespace,
                metric.index,
                label.replace('~', "~0").replace('/', "~1")
            ),
        );
        pen.fail("selector", saw, how, fix);
    }
}

/// The series of the queue, or of any queue, that the autoscaler's metric is made of: another namespace may have a queue of
/// the same name.
fn ours<'a>(facts: &Facts, all: &'a [Sample], queue: Option<&str>) -> Vec<&'a Sample> {
    let of_queue: Vec<&Sample> = all
        .iter()
        .filter(|sample| !sample.label("queue").is_empty())
        .filter(|sample| queue.is_none_or(|queue| sample.label("queue") == queue))
        .collect();
    let Some(label) = namespace_label(facts) else { return of_queue };
    let here = of_queue.iter().copied().filter(|sample| sample.label(&label) == facts.place.namespace);
    match here.collect::<Vec<_>>() {
        none if none.is_empty() => of_queue,
        here => here,
    }
}

/// The label by which the metric's rule tells namespaces apart; without a rule, the one that every monitor gives.
fn namespace_label(facts: &Facts) -> Option<String> {
    let rules = facts.api.rules.get().and_then(|text| rule::parse(text).ok()).unwrap_or_default();
    let name =
        facts.autoscaler.get().and_then(metric::external).map(|metric| metric.name).unwrap_or_default();
    match rule::rule_of(&rules, &name).first() {
        Some((rule, _)) => rule.namespace_label().map(str::to_owned),
        None => Some("namespace".to_owned()),
    }
}

fn no_series(facts: &Facts, pen: &mut Pen<'_>, all: &[Sample], queue: Option<&str>) {
    let how = &facts.prometheus.series.how;
    let target_up = facts
        .prometheus
        .targets
        .get()
        .is_some_and(|targets| targets.active_targets.iter().any(|t| t.health == "up"));
    let namespace = &facts.place.namespace;
    if all.is_empty() {
        if api::is_keda(facts) {
            pen.not_applicable("series", "Prometheus has no queue series, and KEDA needs none");
            return;
        }
        let saw = "Prometheus has no series of any queue".to_owned();
        let fix = if target_up {
            Fix::command(
                "see what the broker's endpoint is asked for",
                format!("kubectl get servicemonitor -n {namespace} -o yaml"),
            )
        } else {
            Fix::command(
                "see which targets Prometheus has for the broker",
                format!("kubectl get servicemonitor,service -n {namespace} --show-labels"),
            )
        };
        pen.fail("series", saw, how, fix);
        return;
    }
    let queue = queue.unwrap_or_default();
    let names = words::list(all.iter().map(|sample| sample.label("queue")).filter(|name| !name.is_empty()));
    let saw = format!("Prometheus has no series of queue {queue}; it has those of {names}");
    let index = facts.autoscaler.get().and_then(metric::external).map_or(0, |metric| metric.index);
    let meant = words::nearest(queue, all.iter().map(|sample| sample.label("queue")));
    let meant =
        meant.or_else(|| all.iter().map(|sample| sample.label("queue")).find(|name| !name.is_empty()));
    pen.fail(
        "series",
        saw,
        how,
        super::broker::rename(facts, index, meant.unwrap_or(contract::queue::ORDERS)),
    );
}

/// One queue from several places is added up by a rule that does not choose.
fn counted_once(facts: &Facts, pen: &mut Pen<'_>, wanted: &[&Sample], how: &str) {
    let rules = facts.api.rules.get().and_then(|text| rule::parse(text).ok()).unwrap_or_default();
    let name =
        facts.autoscaler.get().and_then(metric::external).map(|metric| metric.name).unwrap_or_default();
    let made = rule::rule_of(&rules, &name);
    let rule = made.first();
    // Brokers of other namespaces are not added up: the rule asks for the HPA's namespace and finds none of them.
    let foreign = |sample: &&Sample, label: &str| {
        !matches!(sample.label(label), "") && sample.label(label) != facts.place.namespace
    };
    if namespace_label(facts).is_some_and(|label| wanted.iter().all(|sample| foreign(sample, &label))) {
        return;
    }
    // Only the series that the rule is about are added up; where the rule cannot be read, each is looked at by itself.
    let names: BTreeSet<&str> = match rule {
        Some((_, series)) => BTreeSet::from([series.as_str()]),
        None => wanted.iter().map(|sample| sample.label("__name__")).collect(),
    };
    for series in names {
        let of_it: Vec<&&Sample> =
            wanted.iter().filter(|sample| sample.label("__name__") == series).collect();
        let vhosts: BTreeSet<&str> = of_it.iter().map(|sample| sample.label("vhost")).collect();
        let places: BTreeSet<(&str, &str)> =
            of_it.iter().map(|sample| (sample.label("job"), sample.label("instance"))).collect();
        if vhosts.len() > 1 && !rule.is_some_and(|(rule, _)| rule.pins_vhost()) {
            let saw = format!(
                "{series} has the queue in several virtual hosts ({}), and the rule adds them up",
                words::list(vhosts)
            );
            let fix = Fix::yaml(
                "pin the virtual host in the rule",
                "metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>,vhost=\"/\"})'",
            );
            pen.warn("series-vhost", saw, how, fix);
            continue;
        }
        if places.len() > 1 {
            let jobs = words::list(places.iter().map(|(job, _)| *job));
            let saw = format!("{series} of the queue is scraped from {} places (jobs {jobs})", places.len());
            if rule.is_some_and(|(rule, _)| rule.pins_job()) {
                pen.ok("counted-once", format!("{saw}, and the rule takes one of them"), how);
                continue;
            }
            let job = places.iter().next().map_or("", |(job, _)| *job);
            let saw = format!(
                "{saw}, and the rule adds them up: the autoscaler reads {} times the queue",
                places.len()
            );
            let fix = Fix::yaml(
                "take one of them in the adapter's rule, then restart the adapter; or scrape one place only",
                format!("metricsQuery: 'max(<<.Series>>{{<<.LabelMatchers>>,vhost=\"/\",job=\"{job}\"}})'"),
            );
            pen.fail("counted-once", saw, how, fix);
        } else {
            pen.ok("counted-once", format!("{series} of the queue comes from one place"), how);
        }
    }
}

/// The time between two scrapes, by the samples themselves, else as the target says.
pub(super) fn scrape_interval(facts: &Facts) -> Option<Duration> {
    by_samples(facts).or_else(|| by_target(facts))
}

/// The median of the spaces between the samples of the queue's series.
pub(super) fn by_samples(facts: &Facts) -> Option<Duration> {
    let track = facts.prometheus.tracks.all().iter().max_by_key(|track| track.times.len())?;
    let mut spaces: Vec<f64> =
        track.times.windows(2).map(|pair| pair[1] - pair[0]).filter(|space| *space > 0.0).collect();
    if spaces.is_empty() {
        return None;
    }
    spaces.sort_by(f64::total_cmp);
    Duration::try_from_secs_f64(spaces[spaces.len() / 2]).ok()
}

/// As the target of the queue's series says.
pub(super) fn by_target(facts: &Facts) -> Option<Duration> {
    let monitors = monitors::candidates(facts);
    let ours = |target: &&Target| {
        monitors.iter().any(|monitor| {
            target.scrape_pool.starts_with(&format!(
                "serviceMonitor/{}/{}/",
                monitor.namespace(),
                monitor.name()
            ))
        })
    };
    let targets = facts.prometheus.targets.get()?;
    let target = targets.active_targets.iter().find(ours)?;
    words::duration(&target.scrape_interval)
}
