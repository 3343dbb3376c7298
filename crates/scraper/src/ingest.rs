//! Turns the text of one scrape into samples in the store.
//!
//! Each target keeps the series of its last scrape under their text, so an unchanged series costs one look-up. A
//! series that is missing from a scrape ends at once, with Prometheus' stale marker; so do all series when a scrape
//! fails or the target disappears.

use std::collections::HashMap;

use promfmt::exposition::{self, NAME};
use promfmt::relabel::{merged, relabel};

use crate::discovery::Target;
use crate::labels::Labels;
use crate::sample::{Millis, Sample};
use crate::store::{Appended, SeriesId, Store};

/// The series of a target.
#[derive(Debug, Default)]
pub(crate) struct Ingest {
    known: HashMap<Box<str>, KnownSeries>,
    /// Number of the current scrape; a series with an older number is missing from it.
    round: u64,
}

#[derive(Debug)]
struct KnownSeries {
    /// `None` if metric relabelling drops the series.
    series: Option<(SeriesId, Labels)>,
    round: u64,
    /// The target gives timestamps. Such a series never gets a stale marker, as in Prometheus.
    timed: bool,
}

/// Numbers of one scrape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples in the answer.
    pub(crate) scraped: usize,
    /// Samples left after metric relabelling.
    pub(crate) kept: usize,
    /// New series.
    pub(crate) added: usize,
}

impl Ingest {
    /// Stores the body of a scrape made at `time`. All or nothing: an error leaves the store unchanged.
    ///
    /// # Errors
    /// The reason for the refusal of the body.
    pub(crate) fn store_body(
        &mut self,
        store: &mut Store,
        target: &Target,
        body: &str,
        time: Millis,
    ) -> Result<Counts, String> {
        self.round += 1;
        let mut counts = Counts::default();
        let mut samples: Vec<(SeriesId, Sample)> = Vec::with_capacity(self.known.len());
        for scraped in exposition::samples(body) {
            let scraped = scraped.map_err(|error| error.to_string())?;
            counts.scraped += 1;
            let own = scraped.timestamp.filter(|_| target.endpoint.honor_timestamps);
            if !self.known.contains_key(scraped.series) {
                let labels = exposition::labels(scraped.series).map_err(|problem| {
                    let text: String = scraped.series.chars().take(80).collect();
                    format!("{text:?} is not a series in Prometheus' text format: {problem}")
                })?;
                let endpoint = &target.endpoint;
                let labels = Labels::new(labels).to_map();
                let labels = merged(labels, &target.labels.to_map(), endpoint.honor_labels);
                let labels = relabel(labels, &endpoint.metric_relabelings)
                    .map(Labels::new)
                    .filter(|labels| !labels.get(NAME).is_empty());
                let series = match labels {
                    None => None,
                    Some(labels) => {
                        Some((store.series_id(&labels).map_err(|full| full.to_string())?, labels))
                    }
                };
                counts.added += usize::from(series.is_some());
                let known = KnownSeries { series, round: self.round, timed: own.is_some() };
                self.known.insert(scraped.series.into(), known);
            }
            let Some(known) = self.known.get_mut(scraped.series) else { continue };
            known.round = self.round;
            known.timed = own.is_some();
            let Some((id, _)) = known.series else { continue };
            counts.kept += 1;
            if counts.kept > target.sample_limit {
                return Err(format!(
                    "the answer has more than {} samples, the limit of its monitor",
                    target.sample_limit
                ));
            }
            samples.push((id, Sample { time: own.unwrap_or(time), value: scraped.value }));
        }
        if counts.added > 0 {
            store.describe(body);
        }
        for (id, sample) in samples {
            if store.append(id, sample) == Appended::Unknown {
                self.revive(store, id, sample);
            }
        }
        let round = self.round;
        self.known.retain(|_, known| {
            let stays = known.round == round;
            if !stays {
                known.end(store, time);
            }
            stays
        });
        Ok(counts)
    }

    /// Ends every series at `time`: the target is down or gone.
    pub(crate) fn end(&mut self, store: &mut Store, time: Millis) {
        for (_, known) in self.known.drain() {
            known.end(store, time);
        }
    }

    /// Creates a series again that the store dropped, because no sample came for longer than the retention.
    fn revive(&mut self, store: &mut Store, gone: SeriesId, sample: Sample) {
        let entry =
            self.known.values_mut().find_map(|known| known.series.as_mut().filter(|(id, _)| *id == gone));
        if let Some((id, labels)) = entry
            && let Ok(fresh) = store.series_id(labels)
        {
            *id = fresh;
            store.append(fresh, sample);
        }
    }
}

impl KnownSeries {
    fn end(&self, store: &mut Store, time: Millis) {
        if let Some((id, _)) = &self.series
            && !self.timed
        {
            store.append(*id, Sample::stale(time));
        }
    }
}

/// Stores the server's own series about a scrape, such as `up`.
pub(crate) fn report(store: &mut Store, target: &Target, time: Millis, values: &[(&str, f64)]) {
    for (name, value) in values {
        if let Ok(id) = store.series_id(&target.labels.with(NAME, name)) {
            store.append(id, Sample { time, value: *value });
        }
    }
}

#[cfg(test)]
mod tests;
