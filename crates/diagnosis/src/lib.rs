//! The metric chain, hop by hop: what was seen comes in as [`Facts`], what it means comes out as a [`Report`].
//!
//! Pure. `source::doctor` collects the facts; the command `surge doctor`, the screen Doctor and the tests show the report.
//! A hop only speaks for itself: a cause stands before its consequences, so the first failure is the one to mend.

mod adapter;
mod api;
mod autoscaler;
mod broker;
mod drill;
mod endpoint;
mod exporter;
pub mod facts;
mod flags;
mod intervals;
mod keda;
mod line;
mod metric;
mod monitors;
mod prometheus;
mod reach;
mod report;
mod rights;
mod rule;
mod select;
mod selection;
mod series;
mod services;
mod status;
mod targets;
#[cfg(test)]
mod tests;
mod upstream;
mod value;
mod words;
mod workloads;

pub use self::facts::{Facts, Flags};
pub use self::line::{Fix, Form, Hop, Line, Verdict};
pub use self::metric::{Metric, external};
pub use self::prometheus::SERIES;
pub use self::report::{Report, Timing};
pub use self::rule::{Rule, parse as parse_rules, rule_of};
pub use self::select::{monitor_covers, selects};
pub use self::status::disagrees;
pub use self::upstream::upstream;

use self::line::Pen;
use self::reach::Reached;

/// Whether KEDA answers for the external metrics API.
#[must_use]
pub fn is_keda(facts: &Facts) -> bool {
    api::is_keda(facts)
}

/// What the facts mean.
#[must_use]
pub fn examine(facts: &Facts) -> Report {
    let mut lines = Vec::new();
    let mut timing = None;
    let reached = reach::examine(facts, &mut Pen { hop: Hop::Cluster, lines: &mut lines });
    if reached == Reached::Server {
        rights::examine(facts, &mut Pen { hop: Hop::Rights, lines: &mut lines });
        workloads::examine(facts, &mut Pen { hop: Hop::Workloads, lines: &mut lines });
        services::examine(facts, &mut Pen { hop: Hop::Workloads, lines: &mut lines });
        broker::examine(facts, &mut Pen { hop: Hop::Broker, lines: &mut lines });
        endpoint::examine(facts, &mut Pen { hop: Hop::Endpoint, lines: &mut lines });
        prometheus::examine(facts, &mut Pen { hop: Hop::Prometheus, lines: &mut lines });
        api::examine(facts, &mut Pen { hop: Hop::Api, lines: &mut lines });
        autoscaler::examine(facts, &mut Pen { hop: Hop::Autoscaler, lines: &mut lines });
        timing = intervals::examine(facts, &mut Pen { hop: Hop::Intervals, lines: &mut lines });
    }
    let flags = &facts.place.flags;
    for line in &mut lines {
        line.how = flags.lead(&line.how);
        if let Some(fix) = &mut line.fix {
            fix.what = flags.lead(&fix.what);
            fix.text = flags.lead(&fix.text);
        }
    }
    Report {
        context: facts.place.context.clone(),
        namespace: facts.place.namespace.clone(),
        hpa: facts.place.hpa.clone(),
        is_reachable: reached != Reached::Not,
        lines,
        timing,
    }
}
