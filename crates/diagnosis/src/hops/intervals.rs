//! The periods of the chain, and the time from a burst to a decision that they add up to.

use std::time::Duration;

use text::duration::{seconds, span};

use crate::chain::{self, Chain};
use crate::facts::{Facts, Outcome};
use crate::finding::{Fix, ReportWriter};
use crate::report::Timing;
use crate::{fixes, fmt, messages, metric, scaled_object, scrape};

/// RabbitMQ's default `collect_statistics_interval`.
const STATISTICS: Duration = Duration::from_secs(5);
/// The delay that the management API adds.
const MANAGEMENT: Duration = Duration::from_secs(5);
/// The controller manager's default `--horizontal-pod-autoscaler-sync-period`.
const SYNC: Duration = Duration::from_secs(15);
/// KEDA's default `pollingInterval`, in seconds.
const POLLING: u64 = 30;
/// The adapter's default `--metrics-relist-interval`.
const RELIST: Duration = Duration::from_secs(600);

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) -> Option<Timing> {
    metric::first(facts)?;
    let sync = sync(facts, writer);
    if chain::is_keda(facts) {
        return Some(keda(facts, writer, sync));
    }
    let chains = chain::all(facts);
    let statistics = chains.iter().any(Chain::is_queue).then(|| statistics(facts, writer));
    let mut timing = None;
    let mut longest: Option<Duration> = None;
    chain::each(facts, writer, |chain, writer| {
        let scrape = scrape(facts, writer, chain);
        longest = longest.into_iter().chain(scrape).max();
        let Some(scrape) = scrape else {
            return writer.not_applicable("burst-to-decision", messages::no_scrape_no_decision());
        };
        let statistics = statistics.filter(|_| chain.is_queue());
        let sum = match statistics {
            Some(statistics) => messages::sum_of_adapter(span(statistics), span(scrape), span(sync)),
            None => messages::sum_without_statistics(span(scrape), span(sync)),
        };
        let found = Timing::new(statistics.into_iter().chain([scrape, sync]));
        total(writer, found, &sum);
        timing.get_or_insert(found);
    });
    adapter(facts, writer, longest);
    timing
}

fn total(writer: &mut ReportWriter<'_>, timing: Timing, sum: &str) {
    let Timing { least_seconds, mean_seconds, worst_seconds } = timing;
    let detail = messages::burst_to_decision(
        seconds(least_seconds),
        seconds(mean_seconds),
        seconds(worst_seconds),
        sum,
    );
    writer.ok("burst-to-decision", detail, None);
}

fn keda(facts: &Facts, writer: &mut ReportWriter<'_>, sync: Duration) -> Timing {
    if let Some(object) = scaled_object::owner(facts) {
        let interval = object.spec.polling_interval.unwrap_or(POLLING);
        let command = facts.keda.scaled_objects.command.as_ref();
        writer.ok("polling", messages::polling_interval(interval), command);
    }
    let timing = Timing::new([sync]);
    total(writer, timing, &messages::sum_of_keda(span(sync)));
    timing
}

/// The age that the broker's statistics can have at a scrape.
fn statistics(facts: &Facts, writer: &mut ReportWriter<'_>) -> Duration {
    const CHECK: &str = "statistics";
    let settings = &facts.broker.settings;
    let command = settings.command.as_ref();
    let configured = settings.all().iter().find_map(|map| {
        let lines = map.data.as_ref()?.values().flat_map(|text| text.lines());
        let mut values = lines.filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "collect_statistics_interval").then(|| value.trim().parse::<u64>().ok())?
        });
        values.next().map(Duration::from_millis)
    });
    let (extra, note) = if scrape::has_exporter(facts) {
        (MANAGEMENT, messages::through_exporter())
    } else {
        (Duration::ZERO, String::new())
    };
    if let Some(interval) = configured {
        writer.ok(CHECK, messages::statistics_interval(span(interval), note), command);
        return interval + extra;
    }
    let reason = match &settings.outcome {
        Outcome::NotPermitted(_) => messages::settings_hidden(),
        _ => messages::settings_missing(),
    };
    writer.ok(CHECK, messages::statistics_assumed(span(STATISTICS), reason, note), command);
    STATISTICS + extra
}

/// The scrape interval of a metric's own series.
fn scrape(facts: &Facts, writer: &mut ReportWriter<'_>, chain: &Chain<'_>) -> Option<Duration> {
    const CHECK: &str = "scrape-interval";
    let (actual, wanted) = (scrape::interval_of_samples(chain), scrape::interval_of_target(facts, chain));
    let command = chain.observed.history.command.as_ref();
    match (actual, wanted) {
        (Some(actual), Some(wanted)) if actual.as_secs_f64() > 1.5 * wanted.as_secs_f64() + 0.5 => {
            let report = fixes::doctor(facts).flag("--output", "json");
            let fix = Fix::command(messages::fix_scrapes_missed(), report);
            writer.warn(CHECK, messages::scrapes_missed(span(actual), span(wanted)), command, fix);
        }
        (Some(actual), _) => {
            writer.ok(CHECK, messages::scrape_by_samples(subject(chain), span(actual)), command);
        }
        (None, Some(wanted)) => {
            let command = facts.prometheus.targets.command.as_ref();
            writer.ok(CHECK, messages::scrape_by_target(subject(chain), span(wanted)), command);
        }
        (None, None) => writer.not_applicable(CHECK, messages::no_scrape()),
    }
    actual.or(wanted)
}

/// The source of a chain's series, in words.
fn subject(chain: &Chain<'_>) -> String {
    if chain.is_queue() { messages::the_broker() } else { chain.metric.name.clone() }
}

/// The adapter's relist interval and max-age.
fn adapter(facts: &Facts, writer: &mut ReportWriter<'_>, scrape: Option<Duration>) {
    if facts.api.backend.get().is_none() {
        return writer.not_applicable("relist", messages::relist_unknown());
    }
    let command = facts.api.backend.command.as_ref();
    let argument = |name: &str| fmt::parse_duration(&chain::adapter_argument(facts, name)?);
    let given = argument("--metrics-relist-interval");
    let relist = given.unwrap_or(RELIST);
    let max_age = argument("--metrics-max-age").unwrap_or(relist);
    if let Some(scrape) = scrape.filter(|scrape| *scrape >= max_age) {
        let fix = fixes::set_adapter_argument(
            facts,
            &messages::fix_max_age(),
            "--metrics-max-age",
            "10m",
            &["extraArguments={--metrics-max-age=10m}".to_owned()],
        );
        let detail = messages::max_age_short(span(max_age), span(scrape));
        return writer.fail("max-age", detail, command, fix);
    }
    let default = if given.is_some() { String::new() } else { messages::by_default() };
    writer.ok("relist", messages::relist(span(relist), default, span(max_age)), command);
}

/// The HPA's sync period, if it can be read: a flag of the controller manager, or its ConfigMap. A controller manager without the
/// flag has the default of Kubernetes.
#[must_use]
pub fn sync_period(facts: &Facts) -> Option<Duration> {
    match facts.controller_arguments.get() {
        Some(arguments) => Some(by_flag(arguments).unwrap_or(SYNC)),
        None => by_config_map(facts),
    }
}

fn by_flag(arguments: &[String]) -> Option<Duration> {
    let flag = format!("--{}=", contract::names::SYNC_PERIOD);
    arguments.iter().find_map(|argument| fmt::parse_duration(argument.strip_prefix(&flag)?))
}

fn by_config_map(facts: &Facts) -> Option<Duration> {
    let map = facts.controller_settings.get()?;
    fmt::parse_duration(map.data.as_ref()?.get(contract::names::SYNC_PERIOD)?)
}

/// The HPA's sync period: that of the controller manager's flag if it runs as a pod; if it runs elsewhere, that of its
/// ConfigMap. Otherwise the default of Kubernetes is assumed.
fn sync(facts: &Facts, writer: &mut ReportWriter<'_>) -> Duration {
    const CHECK: &str = "sync";
    let (arguments, settings) = (&facts.controller_arguments, &facts.controller_settings);
    let command = arguments.command.as_ref();
    if let Some(all) = arguments.get() {
        let period = by_flag(all);
        let detail = match period {
            Some(period) => messages::sync_by_flag(span(period)),
            None => messages::sync_by_default(),
        };
        writer.ok(CHECK, detail, command);
        return period.unwrap_or(SYNC);
    }
    if let Some(period) = by_config_map(facts) {
        let detail = messages::sync_by_config_map(span(period), contract::names::CONTROLLER_SETTINGS);
        writer.ok(CHECK, detail, settings.command.as_ref());
        return period;
    }
    let reason = match (&arguments.outcome, &settings.outcome) {
        (Outcome::NotPermitted(_), _) | (_, Outcome::NotPermitted(_)) => messages::flag_hidden(),
        _ => messages::flag_unknown(),
    };
    writer.ok(CHECK, messages::sync_assumed(reason), command);
    SYNC
}
