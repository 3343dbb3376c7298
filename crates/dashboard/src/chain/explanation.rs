//! Why the hops disagree, as far as it can be seen from outside.

use std::time::Duration;

use observed::DepthSample;

use crate::chain::beliefs::ChainHop;
use crate::chain::lag::Lag;
use crate::data::Data;

/// Why a place says something else than the one before it, as far as can be told from outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Explanation {
    /// The last sample is from before the change.
    Scrape {
        /// How long ago Prometheus last scraped.
        ago: Duration,
        /// The greatest such age lately: about how often it scrapes.
        usual: Duration,
        /// What the broker has and what the sample says.
        numbers: (f64, f64),
        /// How far the sample is behind.
        lag: Lag,
        /// Whether the external metrics API repeats the old number, under a fresh time stamp.
        is_repeated: bool,
    },
    /// Prometheus answers and has no sample of the queue.
    NoSample,
    /// The external metrics API says something else than Prometheus, since so long.
    Adapter {
        /// How long the API has said this.
        lasts: Duration,
        /// What Prometheus and the API say.
        numbers: (f64, f64),
    },
    /// The external metrics API has no value though the place before it has one.
    NoValue,
    /// The HPA has not read the new number yet.
    Sync {
        /// How far its status is behind.
        lag: Lag,
        /// The furthest that it was behind lately.
        worst: Duration,
    },
    /// The HPA has no reading; its condition says why, if it does.
    NoReading(Option<String>),
    /// KEDA's scaler counts only waiting messages: so many more are in work.
    ReadyOnly {
        /// Messages delivered and not acknowledged.
        unacked: u64,
    },
    /// The broker's own figure may be so old.
    Statistics(Duration),
}

/// Whether the HPA is KEDA's and reads a queue by its scaler for RabbitMQ, whose metric is called `s0-rabbitmq-QUEUE` after
/// the trigger's place. Its name alone says nothing: any metric may be called so.
#[must_use]
pub fn is_keda(data: &Data) -> bool {
    let Some(hpa) = data.hpa.get().filter(|hpa| hpa.scaled_object.is_some()) else { return false };
    let is_scaler = |metric: &str| {
        let Some((index, rest)) = metric.strip_prefix('s').and_then(|rest| rest.split_once('-')) else {
            return false;
        };
        !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with("rabbitmq")
    };
    hpa.metric.as_ref().is_some_and(|metric| is_scaler(&metric.name))
}

/// What there is to say about the places' disagreement, the laggard first.
#[must_use]
pub fn explain(data: &Data) -> Vec<Explanation> {
    let beliefs = &data.beliefs;
    let said = |place| beliefs.get(place);
    let total = |place| said(place).and_then(|belief| belief.total);
    let lasts = |place| said(place).map_or(Duration::ZERO, |belief| data.now.since(belief.since));
    let mut all = Vec::new();
    if let Some(laggard) = beliefs.laggard() {
        all.push(match (laggard, total(laggard)) {
            (ChainHop::Broker | ChainHop::Prometheus, Some(says)) => {
                let belief = said(laggard).unwrap_or_default();
                Explanation::Scrape {
                    ago: belief.age.unwrap_or_default() + data.now.since(belief.heard),
                    usual: belief.usual_age,
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
                worst: beliefs.worst_lag(ChainHop::Hpa),
            },
            (ChainHop::Hpa, None) => Explanation::NoReading(inactive(data)),
        });
    }
    if beliefs.laggard() != Some(ChainHop::Hpa) && said(ChainHop::Hpa).is_some_and(|hpa| hpa.total.is_none())
    {
        all.push(Explanation::NoReading(inactive(data)));
    }
    if let Some(DepthSample { unacked: unacked @ 1.., .. }) = data.depth.filter(|_| is_keda(data)) {
        all.push(Explanation::ReadyOnly { unacked });
    }
    if let Some(depth) = data.depth.filter(|depth| !depth.staleness.is_zero()) {
        all.push(Explanation::Statistics(depth.staleness));
    }
    all
}

/// Why the HPA says that it cannot scale, if it does.
fn inactive(data: &Data) -> Option<String> {
    let conditions = &data.hpa.get()?.conditions;
    let active = conditions
        .iter()
        .find(|condition| condition.kind == "ScalingActive" && condition.status != "True")?;
    Some(format!("{}: {}", active.reason, active.message))
}
