//! From the text of one scrape to samples in the store.
//!
//! A target remembers the series of its last scrape by the very text in which they came, so an unchanged series costs one
//! look-up. What was there in the last scrape and is not in this one ends at once, with Prometheus' stale mark;
//! so does everything when a scrape fails or the target goes away.

use std::collections::HashMap;

use crate::exposition;
use crate::labels::{Labels, NAME};
use crate::relabel::relabel;
use crate::sample::{Millis, Sample};
use crate::store::{Appended, SeriesId, Store};

use super::discovery::Target;

/// The series that a target has now.
#[derive(Debug, Default)]
pub(crate) struct Ingest {
    known: HashMap<Box<str>, Known>,
    /// Counts scrapes; an entry that bears an older number was not seen in the newest.
    round: u64,
}

#[derive(Debug)]
struct Known {
    /// `None` where metric relabelling drops the series.
    series: Option<(SeriesId, Labels)>,
    round: u64,
    /// The target gave a time of its own; such a series is never ended by a mark, as in Prometheus.
    timed: bool,
}

/// What one scrape brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// In the answer.
    pub(crate) scraped: usize,
    /// Left after metric relabelling.
    pub(crate) kept: usize,
    /// Series that were not there before.
    pub(crate) added: usize,
}

impl Ingest {
    /// Takes the body of a scrape made at `time`. All or nothing: an error leaves the store as it was.
    ///
    /// # Errors
    /// Why the body is refused.
    pub(crate) fn take(
        &mut self,
        store: &mut Store,
        target: &Target,
        body: &str,
        time: Millis,
    ) -> Result<Counts, String> {
        self.round += 1;
        let mut counts = Counts::default();
        let mut samples: Vec<(SeriesId, Sample)> = Vec::with_capacity(self.known.len());
        for line in exposition::lines(body) {
            let line = line.map_err(|error| error.to_string())?;
            counts.scraped += 1;
            let own = line.time.filter(|_| target.endpoint.honor_timestamps);
            if !self.known.contains_key(line.series) {
                let scraped = exposition::labels(line.series).map_err(|problem| {
                    let text: String = line.series.chars().take(80).collect();
                    format!("{text:?} is not a series of Prometheus' text format: {problem}")
                })?;
                let labels = relabel(merged(&scraped, target), &target.endpoint.metric_relabelings)
                    .filter(|labels| !labels.get(NAME).is_empty());
                let series = match labels {
                    None => None,
                    Some(labels) => {
                        Some((store.series_id(&labels).map_err(|full| full.to_string())?, labels))
                    }
                };
                counts.added += usize::from(series.is_some());
                self.known
                    .insert(line.series.into(), Known { series, round: self.round, timed: own.is_some() });
            }
            let Some(known) = self.known.get_mut(line.series) else { continue };
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
            samples.push((id, Sample { time: own.unwrap_or(time), value: line.value }));
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

    /// A series that the store forgot, because nothing was appended for longer than retention, is made again.
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

impl Known {
    fn end(&self, store: &mut Store, time: Millis) {
        if let Some((id, _)) = &self.series
            && !self.timed
        {
            store.append(*id, Sample::stale(time));
        }
    }
}

/// What the server itself knows of a scrape, as series of the target.
pub(crate) fn report(store: &mut Store, target: &Target, time: Millis, values: &[(&str, f64)]) {
    for (name, value) in values {
        if let Ok(id) = store.series_id(&target.labels.with(NAME, name)) {
            store.append(id, Sample { time, value: *value });
        }
    }
}

/// The labels of a scraped series on its target. Where both bear a label, the target's wins and the scraped one
/// is kept as `exported_…`; with `honorLabels` the scraped one wins.
fn merged(scraped: &Labels, target: &Target) -> Labels {
    if target.endpoint.honor_labels {
        let missing = target.labels.iter().filter(|(name, _)| scraped.get(name).is_empty());
        return Labels::new(scraped.iter().chain(missing));
    }
    let mut labels = scraped.clone();
    for (name, value) in target.labels.iter() {
        let exported = scraped.get(name);
        if !exported.is_empty() {
            let mut renamed = format!("exported_{name}");
            while !scraped.get(&renamed).is_empty() || !target.labels.get(&renamed).is_empty() {
                renamed.insert_str(0, "exported_");
            }
            labels = labels.with(&renamed, exported);
        }
        labels = labels.with(name, value);
    }
    labels
}

#[cfg(test)]
mod tests;
