//! How often each clock of the chain ticks, and what that makes of a burst at the least, on average and at worst.

use std::time::Duration;

use super::facts::{Facts, Seen};
use super::line::{Fix, Pen};
use super::report::Timing;
use super::{api, metric, series, words};

/// `collect_statistics_interval` of a RabbitMQ that is told nothing.
const STATISTICS: Duration = Duration::from_secs(5);
/// Between two figures of the management API, on top of the statistics.
const MANAGEMENT: Duration = Duration::from_secs(5);
/// `--horizontal-pod-autoscaler-sync-period` of a controller manager that is told nothing.
const SYNC: Duration = Duration::from_secs(15);
/// `pollingInterval` of a ScaledObject that says none.
const POLLING: u64 = 30;
/// `--metrics-relist-interval` of an adapter that is told nothing.
const RELIST: Duration = Duration::from_secs(600);

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) -> Option<Timing> {
    facts.autoscaler.get().and_then(metric::external)?;
    let sync = sync(facts, pen);
    if api::is_keda(facts) {
        return Some(keda(facts, pen, sync));
    }
    let statistics = statistics(facts, pen);
    let scrape = scrape(facts, pen);
    adapter(facts, pen, scrape);
    let Some(scrape) = scrape else {
        pen.not_applicable("burst-to-decision", "without a scrape there is no decision");
        return None;
    };
    let timing = Timing::of([statistics, scrape, sync]);
    told(
        pen,
        timing,
        &format!(
            "{} statistics + {} scrape + {} sync",
            words::span(statistics),
            words::span(scrape),
            words::span(sync)
        ),
    );
    Some(timing)
}

fn told(pen: &mut Pen<'_>, timing: Timing, sum: &str) {
    let saw = format!(
        "from a burst to the decision: {} at the least, {} on average, {} at worst ({sum}; computed, not measured)",
        words::seconds(timing.least_seconds),
        words::seconds(timing.mean_seconds),
        words::seconds(timing.worst_seconds)
    );
    pen.ok("burst-to-decision", saw, "");
}

fn keda(facts: &Facts, pen: &mut Pen<'_>, sync: Duration) -> Timing {
    let polling = super::keda::object(facts).map(|object| object.spec.polling_interval.unwrap_or(POLLING));
    if let Some(polling) = polling {
        let saw = format!(
            "pollingInterval is {polling} s: it counts from 0 to 1 replica only, above that the HPA's sync does"
        );
        pen.ok("polling", saw, &facts.keda.scaled_objects.how);
    }
    let timing = Timing::of([sync]);
    told(pen, timing, &format!("{} sync; KEDA asks the broker at each", words::span(sync)));
    timing
}

/// How old the broker's figures may be when they are scraped.
fn statistics(facts: &Facts, pen: &mut Pen<'_>) -> Duration {
    let through_exporter = facts.broker.endpoints.iter().any(|endpoint| endpoint.at.port == 9419);
    let extra = if through_exporter { MANAGEMENT } else { Duration::ZERO };
    let configured = facts.broker.settings.all().iter().find_map(|map| {
        let text = map.data.as_ref()?.values().find(|text| text.contains("collect_statistics_interval"))?;
        let line = text.lines().find(|line| line.trim_start().starts_with("collect_statistics_interval"))?;
        line.split_once('=')?.1.trim().parse::<u64>().ok().map(Duration::from_millis)
    });
    let stage = if through_exporter {
        ", and the management API's own five seconds, which the exporter reads"
    } else {
        ""
    };
    match configured {
        Some(interval) => {
            pen.ok(
                "statistics",
                format!("the broker renews its figures every {}{stage}", words::span(interval)),
                &facts.broker.settings.how,
            );
            interval + extra
        }
        None => {
            let why = match &facts.broker.settings.seen {
                Seen::NotPermitted(_) => "its settings may not be read",
                _ => "no collect_statistics_interval was found",
            };
            let saw = format!(
                "the broker renews its figures every {} (assumed: {why}){stage}",
                words::span(STATISTICS)
            );
            pen.ok("statistics", saw, &facts.broker.settings.how);
            STATISTICS + extra
        }
    }
}

fn scrape(facts: &Facts, pen: &mut Pen<'_>) -> Option<Duration> {
    let (seen, told) = (series::by_samples(facts), series::by_target(facts));
    let how = &facts.prometheus.tracks.how;
    match (seen, told) {
        (Some(seen), Some(told)) if seen.as_secs_f64() > 1.5 * told.as_secs_f64() + 0.5 => {
            let saw = format!(
                "the broker is scraped every {} by its samples, though every {} is asked for: scrapes are missed",
                words::span(seen),
                words::span(told)
            );
            let fix = Fix::command(
                "see how long a scrape takes and whether Prometheus is short of time",
                "surge doctor --output json",
            );
            pen.warn("scrape-interval", saw, how, fix);
        }
        (Some(seen), _) => pen.ok(
            "scrape-interval",
            format!("the broker is scraped every {}, by the spacing of its samples", words::span(seen)),
            how,
        ),
        (None, Some(told)) => pen.ok(
            "scrape-interval",
            format!("the broker is scraped every {}, as its target says", words::span(told)),
            &facts.prometheus.targets.how,
        ),
        (None, None) => {
            pen.not_applicable("scrape-interval", "no scrape was seen");
            return None;
        }
    }
    seen.or(told)
}

/// The adapter's two settings: how often it lists series, and how old a listed series may be.
fn adapter(facts: &Facts, pen: &mut Pen<'_>, scrape: Option<Duration>) {
    if facts.api.backend.get().is_none() {
        pen.not_applicable(
            "relist",
            "the adapter's settings cannot be read; a new metric waits for its next relist",
        );
        return;
    }
    let how = &facts.api.backend.how;
    let of = |name: &str| api::argument(facts, name).and_then(|text| words::duration(&text));
    let told = of("--metrics-relist-interval");
    let relist = told.unwrap_or(RELIST);
    let max_age = of("--metrics-max-age").unwrap_or(relist);
    let why = if told.is_some() { "" } else { " (its default)" };
    if let Some(scrape) = scrape.filter(|scrape| *scrape >= max_age) {
        let saw = format!(
            "the adapter forgets a series that is older than {} (--metrics-max-age), and the broker is scraped every {}: the metric comes and goes",
            words::span(max_age),
            words::span(scrape)
        );
        let fix = api::set_argument(
            facts,
            "let it look back further",
            "--metrics-max-age",
            "10m",
            "--set 'extraArguments={--metrics-max-age=10m}'",
        );
        pen.fail("max-age", saw, how, fix);
        return;
    }
    let saw = format!(
        "the adapter lists series every {}{why} and looks back {}: only a new metric waits for it",
        words::span(relist),
        words::span(max_age)
    );
    pen.ok("relist", saw, how);
}

/// The autoscaler's period: a flag of the controller manager. A cluster that runs it as a pod shows its arguments; where it
/// runs elsewhere, a ConfigMap may tell; else nothing does, and what Kubernetes does without the flag is assumed.
fn sync(facts: &Facts, pen: &mut Pen<'_>) -> Duration {
    let (arguments, settings) = (&facts.controller_arguments, &facts.controller_settings);
    let flag = format!("--{}=", contract::names::SYNC_PERIOD);
    if let Some(all) = arguments.get() {
        let told = all.iter().find_map(|argument| words::duration(argument.strip_prefix(&flag)?));
        let saw = match told {
            Some(period) => {
                format!("the autoscaler looks every {}, by the controller manager's flag", words::span(period))
            }
            None => "the autoscaler looks every 15 s: the controller manager's flag is not set, so the default holds"
                .to_owned(),
        };
        pen.ok("sync", saw, &arguments.how);
        return told.unwrap_or(SYNC);
    }
    let told = settings.get().and_then(|map| map.data.as_ref()?.get(contract::names::SYNC_PERIOD));
    if let Some(period) = told.and_then(|text| words::duration(text)) {
        let saw = format!(
            "the autoscaler looks every {}, by ConfigMap {} of kube-system",
            words::span(period),
            contract::names::CONTROLLER_SETTINGS
        );
        pen.ok("sync", saw, &settings.how);
        return period;
    }
    let why = match (&arguments.seen, &settings.seen) {
        (Seen::NotPermitted(_), _) | (_, Seen::NotPermitted(_)) => "its flag may not be read here",
        _ => "its flag cannot be read here",
    };
    pen.ok("sync", format!("the autoscaler looks every 15 s (assumed: {why})"), &arguments.how);
    SYNC
}
