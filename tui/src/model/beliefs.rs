//! Who believes what about the queue, and who lags behind.

use std::time::Duration;

use crate::event::At;

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
            let Some(belief) = self.get(place) else { continue };
            match (before, belief.total) {
                (Some(truth), Some(total)) if (truth - total).abs() > belief.slack + 0.5 => {
                    return Some(place);
                }
                (Some(_), None) => return Some(place),
                (_, total) => before = total.or(before),
            }
        }
        None
    }
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
    fn a_place_that_was_never_heard_is_passed_over() {
        let mut beliefs = Beliefs::default();
        beliefs.hear(Place::Broker, At::default(), Some(5.0), 0.0, None);
        beliefs.hear(Place::Hpa, At::default(), Some(0.0), 0.0, None);
        assert_eq!(beliefs.laggard(), Some(Place::Hpa));
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
