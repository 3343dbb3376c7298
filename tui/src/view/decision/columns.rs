//! The last and the next sync as columns of lines: what was read, the gates, and what came out.

use hpa::trace::Path;

use super::super::text::{coarse, milli};
use super::gates::{Gate, Known, Told, reason};
use super::said;
use super::screen::Screen;
use dashboard::autoscaler::estimate::{LastSync, MissingAt, Next, NextReading, Total};
use dashboard::clock::At;
use dashboard::reported::Source;
use observed::Hpa;

/// A sync as lines.
pub(super) struct Column {
    /// Which sync, and when.
    pub(super) head: String,
    /// Its lines, in their order.
    pub(super) lines: Vec<Gate>,
}

impl Column {
    /// The line of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Gate> {
        self.lines.iter().find(|gate| gate.name == name)
    }
}

impl Screen<'_> {
    fn clock(&self, at: At) -> String {
        self.data.day.time_of_day(at)
    }

    /// What the controller was seen to do.
    pub(super) fn last(&self, hpa: &Hpa) -> Column {
        let Some(last) = &self.data.estimate.last else {
            if !hpa.has_synced() {
                return Column { head: "Last sync  none yet".to_owned(), lines: Vec::new() };
            }
            let head = "Last sync  none seen: nothing new was written".to_owned();
            let wanted = hpa.wanted().map_or_else(|| "none".to_owned(), |wanted| wanted.to_string());
            let sizes = format!("{} found, {wanted} wanted", hpa.current_replicas);
            let mut lines =
                vec![Gate::new("reading", hpa.targets_column.clone()), Gate::new("replicas", sizes)];
            lines.push(Gate::new("final", format!("{wanted}  by its status")));
            return Column { head, lines };
        };
        let ago = coarse(self.data.now.since(last.at));
        let head = format!("Last sync  {}, {ago} ago", self.clock(last.at));
        let mut lines = vec![self.reading_then(hpa, last), replicas(last)];
        let clock = |at: At| self.clock(at);
        let told = Told {
            trace: &last.trace,
            now: last.at,
            held: None,
            knows_since: last.knows_since,
            clock: Some(&clock),
        };
        lines.extend(told.gates());
        let (desired, why) = (last.trace.desired, reason(&last.trace));
        let known = if last.trace.path == Path::Computed { Known::Estimated } else { Known::Seen };
        lines.push(Gate::by(known, "final", format!("{desired}  {why}")));
        Column { head, lines }
    }

    fn reading_then(&self, hpa: &Hpa, last: &LastSync) -> Gate {
        let column = &hpa.targets_column;
        match last.total {
            Total::Read(total) => Gate::new("reading", format!("{column}, {} in all", milli(total))),
            Total::Back(total) => {
                Gate::by(Known::Estimated, "reading", format!("{column}, about {} in all", milli(total)))
            }
            Total::None => Gate::by(Known::Doubtful, "reading", format!("{column}: none")),
        }
    }

    /// What it would do next.
    pub(super) fn next(&self) -> Column {
        let Some(next) = &self.data.estimate.next else {
            let why = match self.data.estimate.reading.missing().map(|gone| gone.at) {
                Some(MissingAt::Watch) => "not calculated: the HPA is not heard",
                Some(_) => "not calculated",
                None => said::awaited(self.data),
            };
            return Column { head: format!("Next sync  {why}"), lines: Vec::new() };
        };
        let trace = &next.decision.trace;
        let head = match next.due {
            Some(due) => {
                let left = coarse(due.since(self.data.now));
                format!("Next sync  {}, in about {left}", self.clock(due))
            }
            None => format!("Next sync  within {} s", next.period.0.as_secs_f64()),
        };
        let mut lines = vec![self.reading_now()];
        if let Some(workload) = self.data.workload.get() {
            let (asked, exist) = (workload.spec_replicas, workload.replicas);
            let text = format!("{asked} asked for, {exist} exist");
            lines.push(match self.data.failure(Source::Workload).and_then(|status| status.last_delivery) {
                Some(heard) => {
                    let age = coarse(self.data.now.since(heard));
                    Gate::by(Known::Doubtful, "replicas", format!("{text}, {age} old"))
                }
                None => Gate::new("replicas", text),
            });
        }
        let clock = |at: At| self.clock(at);
        let told = Told {
            trace,
            now: self.data.now,
            held: next.held,
            knows_since: next.knows_since,
            clock: Some(&clock),
        };
        lines.extend(told.gates());
        lines.push(Gate::by(Known::Estimated, "final", outcome(next)));
        Column { head, lines }
    }

    /// What the next sync would read, with where that is from and how old it is.
    fn reading_now(&self) -> Gate {
        let reading = &self.data.estimate.reading;
        match reading {
            NextReading::Served { total_milli, received } => {
                let (total, age) = (milli(*total_milli), coarse(self.data.now.since(*received)));
                let known =
                    if reading.too_old(self.data.now).is_some() { Known::Doubtful } else { Known::Seen };
                Gate::by(known, "reading", format!("{total} in all, from the metrics API {age} ago"))
            }
            NextReading::OfStatus(total) => {
                let total = total.milli().map_or_else(String::new, milli);
                Gate::by(Known::Estimated, "reading", format!("{total} in all, as the newest sync had it"))
            }
            NextReading::Missing(gone) => {
                Gate::by(Known::Doubtful, "reading", said::none_since(self.data, gone))
            }
            NextReading::Unknown => Gate::by(Known::Doubtful, "reading", "none yet".to_owned()),
        }
    }
}

fn outcome(next: &Next) -> String {
    let trace = &next.decision.trace;
    let why = reason(trace);
    match trace.desired.cmp(&trace.current) {
        _ if trace.path == Path::Failed => format!("{}  {why}", trace.current),
        std::cmp::Ordering::Equal => format!("{}  {why}", trace.desired),
        _ => format!("{} → {}  {why}", trace.current, trace.desired),
    }
}

fn replicas(last: &LastSync) -> Gate {
    let asked = last.reported.current;
    let exist = last.trace.winner().and_then(|metric| metric.measured).map(|measured| measured.replicas);
    match exist {
        Some(exist) if last.existed_seen => {
            Gate::new("replicas", format!("{asked} asked for, {exist} exist"))
        }
        Some(_) => Gate::by(Known::Estimated, "replicas", format!("{asked} asked for")),
        None => Gate::new("replicas", format!("{asked} asked for")),
    }
}
