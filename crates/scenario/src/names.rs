//! Every name that a condition or an expectation may use: one table.
//!
//! `surge run --list` prints it, and `docs/scenarios.md` repeats it.

use text::duration;

/// The unit of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Seconds; a condition writes them as a duration, such as `90s`.
    Seconds,
    /// Requests per second.
    PerSecond,
    /// Seconds that pods existed, summed; a plain number.
    PodSeconds,
    /// Hundredths.
    Percent,
    /// A multiple of the target: 1 is the target.
    Share,
}

impl Unit {
    /// The unit for the reader.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Seconds => "duration",
            Self::PerSecond => "per second",
            Self::PodSeconds => "pod-seconds",
            Self::Percent => "percent",
            Self::Share => "share",
        }
    }

    /// A number of this unit for the reader.
    #[must_use]
    pub fn text(self, number: f64) -> String {
        match self {
            Self::Seconds => duration::seconds(number),
            Self::Percent => format!("{}%", plain(number)),
            Self::Count | Self::PerSecond | Self::PodSeconds | Self::Share => plain(number),
        }
    }
}

/// A number with at most two digits after the point.
fn plain(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The scope of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The present value. Only a wait may use it.
    Now,
    /// One number for the run so far.
    Run,
    /// One number a burst.
    Burst,
}

impl Scope {
    /// The scope for the reader.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Run => "run",
            Self::Burst => "burst",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name.
    pub name: Name,
    /// Its word in a condition.
    pub word: &'static str,
    /// Its scope.
    pub scope: Scope,
    /// Its unit.
    pub unit: Unit,
    /// The component that reports it.
    pub source: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
}

macro_rules! names {
    ($(#[doc = $meaning:literal] $name:ident $word:literal $scope:ident $unit:ident $source:literal;)*) => {
        /// The names. The documentation of each is its meaning in the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = $meaning] $name,)*
        }

        /// The table, in the order of the documentation.
        pub const TABLE: &[Row] = &[
            $(Row {
                name: Name::$name,
                word: $word,
                scope: Scope::$scope,
                unit: Unit::$unit,
                source: $source,
                meaning: $meaning,
            },)*
        ];
    };
}

names! {
    /// messages in the queue, ready and unacked
    Depth "depth" Now Count "broker";
    /// unacked messages in the queue
    InWork "in_work" Now Count "broker";
    /// the external metric as its API serves it
    Metric "metric" Now Count "external metrics API";
    /// the largest metric divided by its target
    Share "share" Now Share "metrics APIs";
    /// status.desiredReplicas of the HPA
    Desired "desired" Now Count "HPA";
    /// spec.replicas of the scale target
    Size "size" Now Count "workload";
    /// status.replicas of the scale target
    Replicas "replicas" Now Count "workload";
    /// status.readyReplicas of the scale target
    Ready "ready" Now Count "workload";
    /// the rate of the continuous load
    Rate "rate" Now PerSecond "surge";
    /// the time since the run began
    Elapsed "elapsed" Now Seconds "surge";

    /// requests that were answered with a confirm
    Accepted "accepted" Run Count "producer";
    /// requests that failed
    Failed "failed" Run Count "producer";
    /// jobs that a worker finished
    Done "done" Run Count "worker logs";
    /// confirmed jobs that are neither done nor in the queue
    Lost "lost" Run Count "worker logs, broker";
    /// deliveries beyond the first
    Redelivered "redelivered" Run Count "worker logs";
    /// jobs that went to the dead-letter queue
    Dead "dead" Run Count "worker logs";
    /// jobs that a worker began and did not finish
    Aborted "aborted" Run Count "worker logs";
    /// the longest time of a job from enqueued to started
    LongestWait "longest_wait" Run Seconds "worker logs";
    /// changes of the size of the scale target
    Rescales "rescales" Run Count "workload";
    /// scale-ups after a scale-down: the removed pods were needed again
    Flaps "flaps" Run Count "workload";
    /// the largest size of the scale target
    PeakSize "peak_size" Run Count "workload";
    /// the most messages in the queue
    PeakDepth "peak_depth" Run Count "broker";
    /// the seconds that workers existed, summed
    PodSeconds "pod_seconds" Run PodSeconds "pods";

    /// from the burst to the first confirm
    FirstAccepted "first_accepted" Burst Seconds "producer";
    /// from the burst to the last confirm
    LastAccepted "last_accepted" Burst Seconds "producer";
    /// from the burst to a fuller queue at the broker
    InBroker "in_broker" Burst Seconds "broker";
    /// from the burst to a higher sample in Prometheus
    Scraped "scraped" Burst Seconds "Prometheus";
    /// from the burst to a higher metric in the metrics API
    InMetricsApi "in_metrics_api" Burst Seconds "metrics APIs";
    /// from the burst to a higher desired size of the HPA
    DesiredRaised "desired_raised" Burst Seconds "HPA";
    /// from the burst to a higher spec.replicas of the scale target
    SizeRaised "size_raised" Burst Seconds "workload";
    /// from the burst to the first new pod with a node
    FirstPodScheduled "first_pod_scheduled" Burst Seconds "pods";
    /// from the burst to the first new pod whose container runs
    FirstPodStarted "first_pod_started" Burst Seconds "pods";
    /// from the burst to the first new pod that is ready
    FirstPodReady "first_pod_ready" Burst Seconds "pods";
    /// from the burst to its first finished job
    FirstDone "first_done" Burst Seconds "worker logs";
    /// from the burst to its last finished job
    Drained "drained" Burst Seconds "worker logs, broker";
    /// from the burst to the minimum size, with an empty queue
    BackAtMin "back_at_min" Burst Seconds "workload";
    /// the largest size minus the size that the fullest queue needed
    Overshoot "overshoot" Burst Count "workload, broker";
    /// the share of the ready workers' time without a job
    Idle "idle" Burst Percent "worker logs";
}

impl Name {
    /// The row of the table.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// Finds the name of a word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.word == word).map(|row| row.name)
    }

    /// The word in a condition.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// All names of a scope.
    pub fn of(scope: Scope) -> impl Iterator<Item = Self> {
        TABLE.iter().filter(move |row| row.scope == scope).map(|row| row.name)
    }
}

/// The table as text, for `surge run --list`.
#[must_use]
pub fn text() -> String {
    let width = |of: fn(&Row) -> &'static str| TABLE.iter().map(|row| of(row).len()).max().unwrap_or(0);
    let (word, unit, source) = (width(|row| row.word), width(|row| row.unit.word()), width(|row| row.source));
    let line = |cells: [&str; 5]| {
        format!(
            "{:word$}  {:5}  {:unit$}  {:source$}  {}\n",
            cells[0], cells[1], cells[2], cells[3], cells[4]
        )
    };
    let mut text = line(["NAME", "SCOPE", "UNIT", "SOURCE", "MEANING"]);
    for row in TABLE {
        text += &line([row.word, row.scope.word(), row.unit.word(), row.source, row.meaning.trim()]);
    }
    text
}

/// The table in Markdown, as in `docs/scenarios.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| name | scope | unit | source | meaning |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for row in TABLE {
        let (scope, unit) = (row.scope.word(), row.unit.word());
        text += &format!("| `{}` | {scope} | {unit} | {} | {} |\n", row.word, row.source, row.meaning.trim());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_its_own_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.name as usize, index, "{}", row.word);
            assert_eq!(Name::find(row.word), Some(row.name));
        }
        assert_eq!(Name::find("nothing"), None);
    }

    #[test]
    fn numbers_have_their_unit() {
        for (unit, number, text) in [
            (Unit::Count, 3.0, "3"),
            (Unit::Seconds, 12.4, "12 s"),
            (Unit::Percent, 12.5, "12.5%"),
            (Unit::PodSeconds, 100.0, "100"),
        ] {
            assert_eq!(unit.text(number), text);
        }
    }
}
