//! The numbers along a chain, and the neighbours that disagree.
//!
//! Each hop reports the messages of the same queues. The queue changes while the doctor looks, so a hop's number is a range: the
//! lowest and the highest of all looks, and of Prometheus' samples in the last seconds. Two neighbours disagree if their ranges
//! are apart, and if the doctor has looked for longer than the later one may lag.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::chain::{self, Chain};
use crate::facts::{ExternalMetric, Facts, MetricResponse, Queue, Sample};
use crate::{messages, scaled_object, scrape};

/// A hop that reports a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The broker's management API.
    Broker,
    /// The metrics endpoint.
    Endpoint,
    /// The series that Prometheus stored.
    Prometheus,
    /// The result of the rule's query in Prometheus.
    Query,
    /// The external metrics API.
    Api,
}

impl Source {
    const ALL: [Self; 5] = [Self::Broker, Self::Endpoint, Self::Prometheus, Self::Query, Self::Api];
}

/// The lowest and the highest number that a hop reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Range {
    fn one(value: f64) -> Self {
        Self { low: value, high: value }
    }

    fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Returns whether both ranges have a number in common. The API rounds to thousandths.
    fn meets(self, other: Self) -> bool {
        let error = 0.001_f64.max(1e-9 * self.high.abs());
        self.low <= other.high + error && other.low <= self.high + error
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: f64| (number * 1_000.0).round() / 1_000.0;
        if self.low >= self.high {
            return write!(f, "{}", shown(self.low));
        }
        f.write_str(&messages::from_to(shown(self.low), shown(self.high)))
    }
}

/// Two neighbours that disagree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gap {
    pub(crate) from: Source,
    pub(crate) to: Source,
    /// The number of the hop before.
    pub(crate) before: Range,
    /// The number of the hop behind.
    pub(crate) behind: Range,
}

/// Time that RabbitMQ's statistics may lag: its default interval.
pub(crate) const STATISTICS: Duration = Duration::from_secs(5);

/// Margin for the requests themselves.
const MARGIN: Duration = Duration::from_secs(2);

/// Interval of the scrapes where it is unknown: Prometheus' default.
const SCRAPE: Duration = Duration::from_secs(60);

/// Time that the doctor looks at most.
const PATIENCE: Duration = Duration::from_secs(40);

/// The numbers of a chain by hop; a hop without one is left out.
pub(crate) fn all(facts: &Facts, chain: &Chain<'_>) -> Vec<(Source, Range)> {
    let first_endpoints: Vec<&[Sample]> =
        facts.broker.endpoints.iter().map(|endpoint| endpoint.samples.all()).collect();
    let mut ranges = look(facts, chain, facts.broker.queues.get(), &first_endpoints, chain.observed);
    for later in &facts.looks {
        let endpoints: Vec<&[Sample]> = later.endpoints.iter().map(crate::facts::Fact::all).collect();
        let metric = later.metrics.iter().find(|metric| metric.index == chain.metric.index);
        let Some(metric) = metric else { continue };
        let numbers = look(facts, chain, later.queues.get(), &endpoints, metric);
        for (range, number) in ranges.iter_mut().zip(numbers) {
            *range = match (*range, number) {
                (Some(range), Some(number)) => Some(range.and(number)),
                (range, number) => range.or(number),
            };
        }
    }
    Source::ALL.into_iter().zip(ranges).filter_map(|(source, range)| Some((source, range?))).collect()
}

/// The neighbours that disagree in all looks, for longer than the later one may lag.
pub(crate) fn gaps(facts: &Facts, chain: &Chain<'_>) -> Vec<Gap> {
    let looked = looked(facts);
    open_gaps(facts, chain).into_iter().filter(|gap| lag(facts, chain, *gap) <= looked).collect()
}

/// The gap in front of a hop.
pub(crate) fn gap_before(facts: &Facts, chain: &Chain<'_>, source: Source) -> Option<Gap> {
    gaps(facts, chain).into_iter().find(|gap| gap.to == source)
}

/// The neighbour of a hop that has another number, and that may only be ahead of it.
pub(crate) fn lag_before(facts: &Facts, chain: &Chain<'_>, source: Source) -> Option<Gap> {
    open_gaps(facts, chain).into_iter().find(|gap| gap.to == source)
}

/// Returns whether a later look can show if two neighbours disagree or only lag.
#[must_use]
pub fn is_open(facts: &Facts) -> bool {
    let looked = looked(facts);
    looked < PATIENCE
        && chain::all(facts).iter().any(|chain| {
            open_gaps(facts, chain).into_iter().any(|gap| lag(facts, chain, gap).min(PATIENCE) > looked)
        })
}

fn looked(facts: &Facts) -> Duration {
    facts.looks.last().map_or(Duration::ZERO, |look| look.after)
}

/// The neighbours that disagree in all looks so far.
fn open_gaps(facts: &Facts, chain: &Chain<'_>) -> Vec<Gap> {
    let ranges = all(facts, chain);
    let is_compared = |from: Source, to: Source| {
        // The result of a query that computes with the series is another quantity.
        let computes = chain.query().is_some_and(|query| query.computes);
        !(computes && from < Source::Query && to >= Source::Query)
    };
    let pairs = ranges.windows(2).filter_map(|pair| {
        let [(from, before), (to, behind)] = *pair else { return None };
        let is_chosen = to == Source::Query && is_chosen(facts, chain, behind);
        (is_compared(from, to) && !before.meets(behind) && !is_chosen).then_some(Gap {
            from,
            to,
            before,
            behind,
        })
    });
    pairs.collect()
}

/// Time after which the hop behind must have the number of the hop before.
fn lag(facts: &Facts, chain: &Chain<'_>, gap: Gap) -> Duration {
    let scrape = || scrape::interval(facts, chain).unwrap_or(SCRAPE) + MARGIN;
    let statistics = if scrape::has_exporter(facts) { 2 * STATISTICS } else { STATISTICS } + MARGIN;
    let lag = match (gap.from, gap.to) {
        (Source::Broker, Source::Endpoint) => statistics,
        (Source::Broker, _) if chain::is_keda(facts) => MARGIN,
        (Source::Broker, _) => statistics + scrape(),
        (Source::Endpoint, _) | (_, Source::Api) => scrape(),
        // Both are evaluated at one instant.
        _ => Duration::ZERO,
    };
    lag.min(PATIENCE)
}

/// The numbers of one look.
fn look(
    facts: &Facts,
    chain: &Chain<'_>,
    queues: Option<&Vec<Queue>>,
    endpoints: &[&[Sample]],
    observed: &ExternalMetric,
) -> [Option<Range>; 5] {
    let api = match observed.response.get() {
        Some(MetricResponse::Values(values)) if !values.is_empty() => {
            let total = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
            Some(Range::one(total as f64 / 1_000.0))
        }
        _ => None,
    };
    if chain::is_keda(facts) {
        return [queues.and_then(|queues| by_trigger(facts, chain, queues)), None, None, None, api];
    }
    let results = observed.rule_result.all();
    let query = (!results.is_empty()).then(|| Range::one(results.iter().map(|sample| sample.value).sum()));
    if !chain.is_queue() {
        return [None, None, None, query, api];
    }
    let wanted = wanted(chain);
    let is_wanted = |vhost: &str, queue: &str| {
        wanted.iter().any(|(known, name)| name == queue && (known.is_empty() || known == vhost))
    };
    let broker = queues.and_then(|queues| {
        let found: Vec<&Queue> = queues.iter().filter(|queue| is_wanted(&queue.vhost, &queue.name)).collect();
        let depths: Option<Vec<u64>> = found.iter().map(|queue| chain.depth(queue)).collect();
        let sum = depths?.into_iter().sum::<u64>() as f64;
        let covers = |vhost: &str, name: &str| {
            found.iter().any(|queue| queue.name == name && (vhost.is_empty() || queue.vhost == vhost))
        };
        is_complete(&wanted, covers).then_some(Range::one(sum))
    });
    let series = chain.rule.as_ref().map_or("", |made| made.series.as_str());
    let exposed = endpoints.iter().flat_map(|samples| samples.iter()).filter(|sample| {
        sample.label("__name__") == series && is_wanted(chain.vhost_of(sample), chain.queue_of(sample))
    });
    let exposed: BTreeMap<(&str, &str), f64> = exposed.fold(BTreeMap::new(), |mut all, sample| {
        let value = all.entry((chain.vhost_of(sample), chain.queue_of(sample))).or_insert(sample.value);
        *value = value.max(sample.value);
        all
    });
    // One node of a broker exposes its own queues only.
    let covers = |vhost: &str, name: &str| {
        exposed.keys().any(|(known, queue)| *queue == name && (vhost.is_empty() || *known == vhost))
    };
    let endpoint = is_complete(&wanted, covers).then(|| Range::one(exposed.values().sum()));
    [broker, endpoint, stored(facts, chain, observed), query, api]
}

/// Returns whether all wanted queues are there.
fn is_complete(wanted: &[(String, String)], covers: impl Fn(&str, &str) -> bool) -> bool {
    !wanted.is_empty() && wanted.iter().all(|(vhost, queue)| covers(vhost, queue))
}

/// The virtual hosts and the queues that the metric counts. An empty virtual host stands for all.
pub(crate) fn wanted(chain: &Chain<'_>) -> Vec<(String, String)> {
    let of = |samples: Vec<&Sample>| -> Vec<(String, String)> {
        let pairs = samples
            .into_iter()
            .map(|sample| (chain.vhost_of(sample).to_owned(), chain.queue_of(sample).to_owned()));
        pairs.filter(|(_, queue)| !queue.is_empty()).collect()
    };
    let counted = of(chain.counted_series());
    if !counted.is_empty() {
        return counted;
    }
    let asked = of(chain.asked_series());
    if !asked.is_empty() {
        return asked;
    }
    chain.queues.iter().map(|queue| (String::new(), queue.clone())).collect()
}

/// The stored number: each queue once, however often it is scraped.
fn stored(facts: &Facts, chain: &Chain<'_>, observed: &ExternalMetric) -> Option<Range> {
    let queues = stored_queues(facts, chain, observed);
    queues.into_iter().reduce(|a, b| Range { low: a.low + b.low, high: a.high + b.high })
}

/// The stored numbers of the queues.
fn stored_queues(facts: &Facts, chain: &Chain<'_>, observed: &ExternalMetric) -> Vec<Range> {
    let counts = |sample: &&Sample| {
        promfmt::matcher::accept(&chain.asked, &sample.labels)
            && chain
                .query()
                .is_none_or(|query| query.measured().any(|selector| chain::selects(selector, &sample.labels)))
    };
    let mut queues: BTreeMap<BTreeMap<&str, &str>, Range> = BTreeMap::new();
    for sample in observed.series.all().iter().filter(counts) {
        let value = recent(facts, chain, observed, sample);
        let range = queues.entry(chain::identity(sample)).or_insert(value);
        *range = range.and(value);
    }
    queues.into_values().collect()
}

/// Returns whether the rule chooses one of the stored numbers, such as the largest, and the result is one of them.
fn is_chosen(facts: &Facts, chain: &Chain<'_>, result: Range) -> bool {
    let chooses = |query: &promfmt::query::Query| {
        query.measured().all(|selector| selector.role == promfmt::query::Role::Chosen)
    };
    chain.query().is_some_and(chooses)
        && stored_queues(facts, chain, chain.observed).into_iter().any(|stored| stored.meets(result))
}

/// The numbers of a series in the last scrapes. They show whether the queue moves.
fn recent(facts: &Facts, chain: &Chain<'_>, observed: &ExternalMetric, sample: &Sample) -> Range {
    let now = Range::one(sample.value);
    let history = observed.history.all().iter().find(|history| history.labels == sample.labels);
    let Some(history) = history else { return now };
    let Some((newest, _)) = history.points.last() else { return now };
    let interval = scrape::interval(facts, chain).unwrap_or(SCRAPE);
    let since = newest - (interval + MARGIN).as_secs_f64();
    let points = history.points.iter().filter(|(time, value)| *time >= since && value.is_finite());
    points.fold(now, |range, (_, value)| range.and(Range::one(*value)))
}

/// The messages that KEDA's trigger counts: of one queue, ready ones only over AMQP.
fn by_trigger(facts: &Facts, chain: &Chain<'_>, queues: &[Queue]) -> Option<Range> {
    let (_, _, trigger) = scaled_object::trigger(facts, &chain.metric)?;
    let given = |key: &str| trigger.metadata.get(key).map(String::as_str);
    let is_plain = trigger.r#type == "rabbitmq"
        && given("mode").is_none_or(|mode| mode == "QueueLength")
        && given("useRegex").is_none_or(|regex| regex == "false");
    let queue = given("queueName").filter(|_| is_plain)?;
    let vhost = given("vhostName");
    let named: Vec<&Queue> = queues
        .iter()
        .filter(|known| known.name == queue && vhost.is_none_or(|vhost| vhost == known.vhost))
        .collect();
    let [queue] = named.as_slice() else { return None };
    let ready = queue.messages_ready?;
    let counts_all = given("protocol") == Some("http")
        && given("excludeUnacknowledged").is_none_or(|excluded| excluded == "false");
    let unacked = if counts_all { queue.messages_unacknowledged? } else { 0 };
    Some(Range::one((ready + unacked) as f64))
}
