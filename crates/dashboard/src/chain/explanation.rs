//! The reasons why the hops disagree, as far as they are visible from outside.

use std::time::Duration;

use observed::{DepthSample, keda};

use crate::chain::beliefs::ChainHop;
use crate::chain::lag::Lag;
use crate::chain::sources::SourceHealth;
use crate::clock::At;
use crate::data::Data;

/// The reason why a hop differs from the one before it, as far as it is visible from outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Explanation {
    /// The last sample is from before the change.
    Scrape {
        /// The time since the last scrape.
        ago: Duration,
        /// The highest recent age: about the scrape interval.
        usual: Duration,
        /// The figures of the broker and of the sample.
        numbers: (f64, f64),
        /// The lag of the sample.
        lag: Lag,
        /// True if the external metrics API repeats the old number with a new timestamp.
        is_repeated: bool,
    },
    /// Prometheus answers and has no sample of the queue.
    NoSample,
    /// The external metrics API differs from Prometheus.
    Adapter {
        /// The time since the API has served this value.
        lasts: Duration,
        /// The figures of Prometheus and of the API.
        numbers: (f64, f64),
    },
    /// The external metrics API has no value although the hop before it has one.
    NoValue,
    /// The HPA has not read the new number yet.
    Sync {
        /// The lag of its status.
        lag: Lag,
        /// The sync period.
        period: Duration,
    },
    /// The metric did not exist at the HPA's syncs so far; the time until the next one, if known.
    NotReadYet(Option<Duration>),
    /// The HPA has no reading; the reason from its condition, if there is one.
    NoReading(Option<String>),
    /// KEDA's scaler counts only ready messages.
    ReadyOnly {
        /// Messages delivered and not acknowledged.
        unacked: u64,
    },
    /// The broker's own figure may be this old.
    Statistics(Duration),
}

/// Returns true if KEDA owns the HPA and its RabbitMQ scaler reads the queue; the metric is then
/// `s0-rabbitmq-QUEUE` after the trigger's index. The name alone is no proof: any metric may have it.
#[must_use]
pub fn is_keda(data: &Data) -> bool {
    let Some(hpa) = data.hpa.get().filter(|hpa| hpa.scaled_object.is_some()) else { return false };
    hpa.metric.as_ref().is_some_and(|metric| keda::is_rabbitmq_metric(&metric.name))
}

/// The explanations of the disagreement, the laggard's first. Without a laggard, that of the hop that is furthest behind in the
/// usual way.
#[must_use]
pub fn explain(data: &Data) -> Vec<Explanation> {
    let beliefs = &data.beliefs;
    let belief_of = |hop| beliefs.get(hop);
    let total = |hop| belief_of(hop).and_then(|belief| belief.total);
    let lasts = |hop| belief_of(hop).map_or(Duration::ZERO, |belief| data.now.since(belief.since));
    let mut all = Vec::new();
    if let Some(laggard) = beliefs.laggard().or_else(|| usually_behind(data)) {
        all.push(match (laggard, total(laggard)) {
            (ChainHop::Broker | ChainHop::Prometheus, Some(says)) => {
                let belief = belief_of(laggard).unwrap_or_default();
                Explanation::Scrape {
                    ago: belief.age.unwrap_or_default() + data.now.since(belief.received),
                    usual: belief.interval.or(belief.age).unwrap_or_default(),
                    lag: beliefs.lag(laggard, data.now).unwrap_or_default(),
                    numbers: (total(ChainHop::Broker).unwrap_or_default(), says),
                    is_repeated: total(ChainHop::ExternalApi) == Some(says),
                }
            }
            (ChainHop::Broker | ChainHop::Prometheus, None) => Explanation::NoSample,
            (ChainHop::ExternalApi, Some(says)) => {
                let before = total(ChainHop::Prometheus).or(total(ChainHop::Broker)).unwrap_or_default();
                Explanation::Adapter { lasts: lasts(ChainHop::ExternalApi), numbers: (before, says) }
            }
            (ChainHop::ExternalApi, None) => Explanation::NoValue,
            (ChainHop::Hpa, Some(_)) => Explanation::Sync {
                lag: beliefs.lag(ChainHop::Hpa, data.now).unwrap_or_default(),
                period: data.estimate.schedule().period().0,
            },
            (ChainHop::Hpa, None) => no_reading(data),
        });
    }
    if beliefs.laggard() != Some(ChainHop::Hpa)
        && belief_of(ChainHop::Hpa).is_some_and(|hpa| hpa.total.is_none())
    {
        all.push(no_reading(data));
    }
    if let Some(DepthSample { unacked: unacked @ 1.., ready, .. }) = data.depth.filter(|_| is_keda(data)) {
        // Over HTTP the scaler counts all messages: the API's value is then nearer to the total.
        let counts_ready = total(ChainHop::ExternalApi)
            .is_none_or(|api| (api - ready as f64).abs() < (api - (ready + unacked) as f64).abs());
        if counts_ready {
            all.push(Explanation::ReadyOnly { unacked });
        }
    }
    if let Some(depth) = data.depth.filter(|depth| !depth.staleness.is_zero()) {
        all.push(Explanation::Statistics(depth.staleness));
    }
    all
}

/// Returns true while the HPA has never read the metric, and the API serves it by now: the next sync reads it.
#[must_use]
pub fn awaits_first_reading(data: &Data) -> bool {
    let belief = |hop| data.beliefs.get(hop);
    let serves = belief(ChainHop::ExternalApi).is_some_and(|api| api.total.is_some());
    serves && belief(ChainHop::Hpa).is_some_and(|hpa| hpa.total.is_none() && hpa.had.is_none())
}

fn no_reading(data: &Data) -> Explanation {
    if awaits_first_reading(data) {
        let due = data.estimate.next.as_ref().and_then(|next| next.due);
        return Explanation::NotReadYet(due.map(|due| due.since(data.now)));
    }
    Explanation::NoReading(inactive(data))
}

/// The hop that is furthest behind in the usual way, while every hop can be read.
fn usually_behind(data: &Data) -> Option<ChainHop> {
    let is_read = |hop: &ChainHop| data.health(hop.source()).failure().is_none();
    let hop = data.beliefs.most_behind(data.now)?;
    let has_reading = data.beliefs.get(hop).is_some_and(|belief| belief.total.is_some());
    (has_reading && data.hops().iter().all(is_read)).then_some(hop)
}

/// The state of the chain as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainState {
    /// This hop reported before and does not now. Those behind it cannot know better.
    Stopped {
        /// The hop.
        hop: ChainHop,
        /// The time of its last report.
        since: At,
    },
    /// This hop lags more than the intervals explain.
    Lags(ChainHop),
    /// A hop has never been read, or has no value.
    Unknown,
    /// The hops differ by no more than their intervals explain.
    Usual,
    /// All hops have the same figure.
    Agrees,
}

/// Returns the state of the chain: the cause before its consequences.
#[must_use]
pub fn state(data: &Data) -> ChainState {
    let hops = data.hops();
    let stopped = hops.iter().find_map(|hop| match data.health(hop.source()) {
        SourceHealth::Stale { last_delivery, .. } => Some((*hop, last_delivery)),
        _ => None,
    });
    let has_value = |hop: &ChainHop| {
        let belief = data.beliefs.get(*hop);
        let is_read = data.health(hop.source()).failure().is_none();
        belief.is_none_or(|belief| belief.total.is_some() && is_read)
    };
    match (stopped, data.beliefs.laggard()) {
        (Some((hop, since)), _) => ChainState::Stopped { hop, since },
        (None, Some(hop)) => ChainState::Lags(hop),
        (None, None) if data.beliefs.get(ChainHop::Hpa).is_none() || !hops.iter().all(has_value) => {
            ChainState::Unknown
        }
        (None, None) if data.beliefs.differ(data.now) => ChainState::Usual,
        (None, None) => ChainState::Agrees,
    }
}

/// The HPA's reason why it cannot scale, if it reports one.
fn inactive(data: &Data) -> Option<String> {
    let conditions = &data.hpa.get()?.conditions;
    let active = conditions
        .iter()
        .find(|condition| condition.kind == "ScalingActive" && condition.status != "True")?;
    Some(format!("{}: {}", active.reason, active.message))
}
