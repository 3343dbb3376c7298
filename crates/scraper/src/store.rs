//! The samples of the last minutes, in bounded memory.
//!
//! Labels identify a series. A scraper keeps the [`SeriesId`] of each series, so that a scrape of unchanged series
//! looks up numbers and compares no labels.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use promfmt::exposition::{self, About, NAME};
use promql_parser::label::{MatchOp, Matcher};
use serde::Serialize;

use crate::labels::Labels;
use crate::sample::{Millis, Sample};

/// The number of a series. No number is used twice, so a number kept past the end of its series finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeriesId(u64);

/// The store holds its maximum number of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server holds {0} series already, its limit")]
pub(crate) struct Full(pub(crate) usize);

/// The result of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    Kept,
    /// The sample is not newer than the newest of the series; the first value of a time wins.
    OutOfOrder,
    /// The series is gone; the caller needs a new number.
    Unknown,
}

/// Type and description of a metric, as its target gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Metadata {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// The series and their samples.
#[derive(Debug)]
pub(crate) struct Store {
    series: HashMap<SeriesId, Series>,
    ids: HashMap<Labels, SeriesId>,
    by_name: HashMap<Arc<str>, Vec<SeriesId>>,
    next: u64,
    samples: usize,
    max_series: usize,
    max_samples: usize,
    retention: Millis,
    /// Type and description of metrics, by name.
    metadata: BTreeMap<String, Metadata>,
}

/// One series of the store.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    samples: VecDeque<Sample>,
}

impl Store {
    pub(crate) fn new(max_series: usize, max_samples: usize, retention: Duration) -> Self {
        Self {
            series: HashMap::new(),
            ids: HashMap::new(),
            by_name: HashMap::new(),
            metadata: BTreeMap::new(),
            next: 0,
            samples: 0,
            max_series,
            max_samples,
            retention: Millis::try_from(retention.as_millis()).unwrap_or(Millis::MAX),
        }
    }

    /// The number of the series with these labels, which is created if necessary.
    pub(crate) fn series_id(&mut self, labels: &Labels) -> Result<SeriesId, Full> {
        if let Some(id) = self.ids.get(labels) {
            return Ok(*id);
        }
        if self.series.len() >= self.max_series {
            return Err(Full(self.max_series));
        }
        let id = SeriesId(self.next);
        self.next += 1;
        self.ids.insert(labels.clone(), id);
        self.by_name.entry(Arc::from(labels.get(NAME))).or_default().push(id);
        self.series.insert(id, Series { labels: labels.clone(), samples: VecDeque::new() });
        Ok(id)
    }

    /// Adds a sample to a series, and drops its oldest samples past the retention or past the limit on samples.
    pub(crate) fn append(&mut self, id: SeriesId, sample: Sample) -> Appended {
        let Some(series) = self.series.get_mut(&id) else { return Appended::Unknown };
        if series.samples.back().is_some_and(|newest| newest.time >= sample.time) {
            return Appended::OutOfOrder;
        }
        let oldest = sample.time.saturating_sub(self.retention);
        while series.samples.front().is_some_and(|first| first.time < oldest)
            || (self.samples >= self.max_samples && !series.samples.is_empty())
        {
            series.samples.pop_front();
            self.samples -= 1;
        }
        series.samples.push_back(sample);
        self.samples += 1;
        Appended::Kept
    }

    /// Drops the series whose newest sample is past the retention at `now`.
    pub(crate) fn expire(&mut self, now: Millis) {
        let oldest = now.saturating_sub(self.retention);
        let gone: Vec<SeriesId> = self
            .series
            .iter()
            .filter(|(_, series)| series.samples.back().is_none_or(|newest| newest.time < oldest))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            let Some(series) = self.series.remove(&id) else { continue };
            self.samples -= series.samples.len();
            self.ids.remove(&series.labels);
            if let Some(ids) = self.by_name.get_mut(series.labels.get(NAME)) {
                ids.retain(|known| *known != id);
                if ids.is_empty() {
                    self.by_name.remove(series.labels.get(NAME));
                }
            }
        }
    }

    /// The series that match every matcher, in the order of their labels.
    pub(crate) fn select<'a>(&'a self, matchers: &[Matcher]) -> Vec<&'a Series> {
        let name = matchers.iter().find(|m| m.name == NAME && matches!(m.op, MatchOp::Equal));
        let fits = |series: &&Series| matchers.iter().all(|m| m.is_match(series.labels.get(&m.name)));
        let mut found: Vec<&Series> = match name {
            Some(name) => {
                let ids = self.by_name.get(name.value.as_str()).map_or(&[][..], Vec::as_slice);
                ids.iter().filter_map(|id| self.series.get(id)).filter(fits).collect()
            }
            None => self.series.values().filter(fits).collect(),
        };
        found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    /// Notes the types and descriptions in the body of a scrape. No more metrics are noted than there may be series.
    pub(crate) fn describe(&mut self, body: &str) {
        for (name, about) in exposition::comments(body) {
            if !self.metadata.contains_key(name) && self.metadata.len() >= self.max_series {
                return;
            }
            let known = self.metadata.entry(name.to_owned()).or_default();
            match about {
                About::Help(text) => text.clone_into(&mut known.help),
                About::Type(kind) => kind.clone_into(&mut known.kind),
            }
        }
    }

    pub(crate) fn metadata(&self) -> &BTreeMap<String, Metadata> {
        &self.metadata
    }

    pub(crate) fn series_count(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn sample_count(&self) -> usize {
        self.samples
    }
}

impl Series {
    /// The newest sample at `time`, unless it is older than `lookback` or a stale marker.
    pub(crate) fn at(&self, time: Millis, lookback: Millis) -> Option<Sample> {
        let after = self.samples.partition_point(|sample| sample.time <= time);
        let sample = *self.samples.get(after.checked_sub(1)?)?;
        let fresh = sample.time > time.saturating_sub(lookback);
        (fresh && !sample.is_stale()).then_some(sample)
    }

    /// The samples after `start` up to `end`, without stale markers.
    pub(crate) fn between(&self, start: Millis, end: Millis) -> impl Iterator<Item = Sample> + '_ {
        let from = self.samples.partition_point(|sample| sample.time <= start);
        let to = self.samples.partition_point(|sample| sample.time <= end).max(from);
        self.samples.range(from..to).copied().filter(|sample| !sample.is_stale())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn store() -> Store {
        Store::new(3, 6, Duration::from_secs(120))
    }

    fn fill(store: &mut Store, labels: &Labels, samples: &[(Millis, f64)]) -> SeriesId {
        let id = store.series_id(labels).expect("room");
        for (time, value) in samples {
            assert_eq!(store.append(id, Sample { time: *time, value: *value }), Appended::Kept);
        }
        id
    }

    fn named(name: &str) -> Labels {
        Labels::new([(NAME, name)])
    }

    fn only<'a>(store: &'a Store, name: &str) -> &'a Series {
        let found = store.select(&[Matcher::new(MatchOp::Equal, NAME, name)]);
        assert_eq!(found.len(), 1, "{name}");
        found[0]
    }

    #[test]
    fn the_newest_sample_within_lookback_counts() {
        let mut store = store();
        fill(&mut store, &named("a"), &[(1_000, 1.0), (2_000, 2.0)]);
        let series = only(&store, "a");
        let value = |time| series.at(time, MINUTE).map(|sample| sample.value);
        assert_eq!(
            [value(999), value(1_000), value(1_999), value(2_000), value(61_999), value(62_000)],
            [None, Some(1.0), Some(1.0), Some(2.0), Some(2.0), None]
        );
    }

    #[test]
    fn a_stale_marker_ends_a_series() {
        let mut store = store();
        let id = fill(&mut store, &named("a"), &[(1_000, 1.0)]);
        store.append(id, Sample::stale(2_000));
        store.append(id, Sample { time: 3_000, value: 3.0 });
        let series = only(&store, "a");
        let value = |time| series.at(time, MINUTE).map(|sample| sample.value);
        assert_eq!([value(1_999), value(2_000), value(3_000)], [Some(1.0), None, Some(3.0)]);
        let times: Vec<_> = series.between(0, 9_000).map(|sample| sample.time).collect();
        assert_eq!(times, [1_000, 3_000]);
    }

    #[test]
    fn samples_must_be_newer() {
        let mut store = store();
        let id = fill(&mut store, &named("a"), &[(1_000, 1.0)]);
        for time in [999, 1_000] {
            assert_eq!(store.append(id, Sample { time, value: 9.0 }), Appended::OutOfOrder);
        }
        assert_eq!(only(&store, "a").at(1_000, MINUTE).map(|sample| sample.value), Some(1.0));
    }

    #[test]
    fn the_number_of_series_is_limited() {
        let mut store = store();
        for name in ["a", "b", "c"] {
            fill(&mut store, &named(name), &[(1_000, 1.0)]);
        }
        assert_eq!(store.series_id(&named("d")), Err(Full(3)));
        assert!(store.series_id(&named("a")).is_ok(), "a known series still has its number");
    }

    #[test]
    fn the_number_of_samples_is_limited() {
        let mut store = store();
        fill(&mut store, &named("a"), &[(1, 1.0), (2, 2.0), (3, 3.0)]);
        fill(&mut store, &named("b"), &[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0)]);
        assert_eq!(store.sample_count(), 6);
        let times: Vec<_> = only(&store, "b").between(0, 9).map(|sample| sample.time).collect();
        assert_eq!(times, [3, 4, 5], "the series that grows pays");
        fill(&mut store, &named("c"), &[(5, 5.0), (6, 6.0)]);
        assert_eq!(store.sample_count(), 7, "a new series has one sample even so");
    }

    #[test]
    fn samples_past_retention_are_dropped() {
        let mut store = store();
        let id = fill(&mut store, &named("a"), &[(0, 1.0), (MINUTE, 2.0), (3 * MINUTE, 3.0)]);
        assert_eq!(store.sample_count(), 2, "the sample of minute 0 made room");
        store.expire(5 * MINUTE);
        assert_eq!(store.series_count(), 1);
        store.expire(5 * MINUTE + 1);
        assert_eq!((store.series_count(), store.sample_count()), (0, 0));
        assert_eq!(store.append(id, Sample { time: 6 * MINUTE, value: 1.0 }), Appended::Unknown);
        assert_ne!(store.series_id(&named("a")).expect("room"), id);
    }

    #[test]
    fn every_kind_of_matcher_selects() {
        let mut store = store();
        for labels in [
            Labels::new([(NAME, "a"), ("queue", "Orders")]),
            Labels::new([(NAME, "a"), ("queue", "Orders.dead")]),
            Labels::new([(NAME, "b")]),
        ] {
            fill(&mut store, &labels, &[(1, 1.0)]);
        }
        let count = |selector: &str| match promql_parser::parser::parse(selector) {
            Ok(promql_parser::parser::Expr::VectorSelector(mut selector)) => {
                if let Some(name) = selector.name.take() {
                    selector.matchers.matchers.push(Matcher::new(MatchOp::Equal, NAME, &name));
                }
                store.select(&selector.matchers.matchers).len()
            }
            other => panic!("{selector}: {other:?}"),
        };
        for (selector, expected) in [
            ("a", 2),
            ("missing", 0),
            (r#"a{queue="Orders"}"#, 1),
            (r#"a{queue!="Orders"}"#, 1),
            (r#"a{queue=~"Ord"}"#, 0),
            (r#"{queue=~"Ord.+"}"#, 2),
            (r#"{__name__=~".+",queue!~"Orders.*"}"#, 1),
            (r#"{__name__=~"a|b",queue=""}"#, 1),
        ] {
            assert_eq!(count(selector), expected, "{selector}");
        }
    }
}
