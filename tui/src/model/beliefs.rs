//! Who believes what about the queue, and who lags behind.

use std::time::Duration;

use crate::event::{At, DepthSample};
use crate::model::Data;

/// The places that a number passes on its way to the decision, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The broker itself.
    Broker,
    /// The sample in Prometheus.
    Prometheus,
    /// The external metrics API.
    ExternalApi,
    /// The HPA's status.
    Hpa,
}

impl Place {
    /// All of them, in the order of the way.
    pub const ALL: [Self; 4] = [Self::Broker, Self::Prometheus, Self::ExternalApi, Self::Hpa];
}

/// What one place says.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Belief {
    /// Messages in all; `None` when it has no reading.
    pub total: Option<f64>,
    /// How far the total may be off because it was computed back from a per-pod figure; zero where it was not.
    pub slack: f64,
    /// When it was heard.
    pub heard: At,
    /// When the place came to say this, if that is known.
    pub since: At,
    /// How old the number already was when it was heard, if the place tells.
    pub age: Option<Duration>,
    /// The greatest age seen lately: what is normal for this place.
    pub usual_age: Duration,
}

/// What every place says; `None` where nothing has been heard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beliefs {
    said: [Option<Belief>; Place::ALL.len()],
    /// Messages waiting for a worker, where the places behind the broker count only those.
    ready_only: Option<f64>,
    /// Which places cannot be read now: what they said last is no belief of theirs.
    unread: [bool; Place::ALL.len()],
}

impl Beliefs {
    /// A place said something.
    pub fn hear(&mut self, place: Place, at: At, total: Option<f64>, slack: f64, age: Option<Duration>) {
        let slot = &mut self.said[place as usize];
        let since = slot.filter(|old| old.total == total).map_or(at, |old| old.since);
        let usual_age = match (*slot, age) {
            (Some(old), Some(age)) if age < old.usual_age => {
                // Forgotten slowly, so that the figure stays still while the place works as usual.
                old.usual_age.mul_f64(0.995).max(age)
            }
            (_, Some(age)) => age,
            (old, None) => old.map_or(Duration::ZERO, |old| old.usual_age),
        };
        *slot = Some(Belief { total, slack, heard: at, since, age, usual_age });
        self.unread[place as usize] = false;
    }

    /// A place cannot be read now.
    pub fn unread(&mut self, place: Place) {
        self.unread[place as usize] = true;
    }

    /// The places behind the broker count only waiting messages, of which there are so many; `None` where they count all.
    pub fn counts_ready(&mut self, ready: Option<f64>) {
        self.ready_only = ready;
    }

    /// What a place says.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<Belief> {
        self.said[place as usize]
    }

    /// The first place on the way that says something else than the one before it: there the news is held up.
    #[must_use]
    pub fn laggard(&self) -> Option<Place> {
        let mut before: Option<f64> = None;
        for place in Place::ALL {
            let Some(belief) = self.get(place).filter(|_| !self.unread[place as usize]) else { continue };
            let agrees = |truth: f64, total: f64| (truth - total).abs() <= belief.slack + 0.5;
            match (before, belief.total) {
                (Some(_), Some(total)) if self.ready_only.is_some_and(|ready| agrees(ready, total)) => {
                    before = Some(total);
                }
                (Some(truth), Some(total)) if !agrees(truth, total) => return Some(place),
                (Some(_), None) => return Some(place),
                (_, total) => before = total.or(before),
            }
        }
        None
    }
}

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
        /// How long its status has said the same.
        lasts: Duration,
        /// Whether the number in the status was computed back from an average.
        is_estimate: bool,
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

/// Whether an HPA is KEDA's, by its metric `s0-rabbitmq-QUEUE` or by its name.
#[must_use]
pub fn is_keda(data: &Data) -> bool {
    let Some(hpa) = data.hpa.get() else { return false };
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
            (Place::Broker | Place::Prometheus, Some(says)) => {
                let belief = said(laggard).unwrap_or_default();
                Explanation::Scrape {
                    ago: belief.age.unwrap_or_default() + data.now.since(belief.heard),
                    usual: belief.usual_age,
                    numbers: (total(Place::Broker).unwrap_or_default(), says),
                    is_repeated: total(Place::ExternalApi) == Some(says),
                }
            }
            (Place::Broker | Place::Prometheus, None) => Explanation::NoSample,
            (Place::ExternalApi, Some(says)) => {
                let before = total(Place::Prometheus).or(total(Place::Broker)).unwrap_or_default();
                Explanation::Adapter { lasts: lasts(Place::ExternalApi), numbers: (before, says) }
            }
            (Place::ExternalApi, None) => Explanation::NoValue,
            (Place::Hpa, Some(_)) => Explanation::Sync {
                lasts: lasts(Place::Hpa),
                is_estimate: said(Place::Hpa).is_some_and(|belief| belief.slack > 0.0),
            },
            (Place::Hpa, None) => Explanation::NoReading(inactive(data)),
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn beliefs(totals: [Option<f64>; 4]) -> Beliefs {
        let mut beliefs = Beliefs::default();
        for (place, total) in Place::ALL.into_iter().zip(totals) {
            beliefs.hear(place, At::default(), total, if place == Place::Hpa { 3.0 } else { 0.0 }, None);
        }
        beliefs
    }

    #[test]
    fn the_laggard_is_where_the_news_is_held_up() {
        for (totals, laggard) in [
            ([Some(50.0), Some(50.0), Some(50.0), Some(50.0)], None),
            ([Some(50.0), Some(0.0), Some(0.0), Some(0.0)], Some(Place::Prometheus)),
            ([Some(50.0), Some(50.0), Some(0.0), Some(0.0)], Some(Place::ExternalApi)),
            ([Some(50.0), Some(50.0), Some(50.0), Some(0.0)], Some(Place::Hpa)),
            // A total that was computed back from an average is not exact.
            ([Some(50.0), Some(50.0), Some(50.0), Some(52.0)], None),
            // No reading is a disagreement too.
            ([Some(50.0), Some(50.0), None, Some(50.0)], Some(Place::ExternalApi)),
            ([None, Some(50.0), Some(50.0), Some(50.0)], None),
        ] {
            assert_eq!(beliefs(totals).laggard(), laggard, "{totals:?}");
        }
    }

    #[test]
    fn who_counts_waiting_messages_only_does_not_lag_for_it() {
        let mut beliefs = beliefs([Some(50.0), None, Some(40.0), Some(40.0)]);
        beliefs.said[Place::Prometheus as usize] = None;
        assert_eq!(beliefs.laggard(), Some(Place::ExternalApi));
        beliefs.counts_ready(Some(40.0));
        assert_eq!(beliefs.laggard(), None);
        beliefs.counts_ready(Some(45.0));
        assert_eq!(beliefs.laggard(), Some(Place::ExternalApi));
    }

    #[test]
    fn a_place_that_was_never_heard_is_passed_over() {
        let mut beliefs = Beliefs::default();
        beliefs.hear(Place::Broker, At::default(), Some(5.0), 0.0, None);
        beliefs.hear(Place::Hpa, At::default(), Some(0.0), 0.0, None);
        assert_eq!(beliefs.laggard(), Some(Place::Hpa));
        beliefs.unread(Place::Hpa);
        assert_eq!(beliefs.laggard(), None, "what cannot be read does not lag");
    }

    #[test]
    fn since_is_when_the_total_changed() {
        let mut beliefs = Beliefs::default();
        let at = |s| At(Duration::from_secs(s));
        beliefs.hear(Place::Broker, at(1), Some(5.0), 0.0, None);
        beliefs.hear(Place::Broker, at(2), Some(5.0), 0.0, None);
        assert_eq!(beliefs.get(Place::Broker).unwrap().since, at(1));
        beliefs.hear(Place::Broker, at(3), Some(6.0), 0.0, None);
        assert_eq!(beliefs.get(Place::Broker).unwrap().since, at(3));
    }
}
