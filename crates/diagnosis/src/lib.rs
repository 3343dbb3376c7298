//! The metric chain, hop by hop: [`Facts`] come in, a [`Report`] comes out. Pure.
//!
//! The crate `doctor` collects the facts. `surge doctor` and the screen Doctor show the report. A cause comes before its
//! consequences, so the first failure is the one to fix.
//!
//! # Adding a check
//!
//! 1. **Fact.** If the facts lack the observation, add a field to `facts.rs` or to its file of the hop, and read it in the
//!    file of the same name in the crate `doctor`. A fact says the request and its outcome, without judgement.
//! 2. **Sentences.** Add the finding's sentences and the remedy (`fix_…`) to the file of the hop in `messages/`. They contain no commands.
//! 3. **Check.** In the file of its hop in `hops/`, write the finding with a `ReportWriter`: a fixed name for scripts, the
//!    sentence, the command of the fact as evidence, and a [`Fix`]. Build commands from [`text::command::Command`] and
//!    patches with `serde_json`; `fixes.rs` has the usual ones. A remedy of two hops belongs in `fixes.rs`, a question of
//!    two hops in `chain.rs`, since no hop uses another.
//! 4. **Test.** Copy a `Case` in `tests/` of the hop: what breaks, which check, which verdict, which words and which fix. The
//!    tables also run with hostile names, so an unquoted value fails. Then add a row to `tui/tests/doctor/audit.rs` with a test
//!    that breaks a sandbox in that way.

mod chain;
mod drill;
mod events;
pub mod facts;
mod finding;
mod fixes;
mod fmt;
mod hops;
mod log;
pub mod logs;
mod messages;
mod metric;
mod owner;
mod progress;
mod readings;
mod report;
mod rule;
mod scale_target;
mod scaled_object;
mod scrape;
mod select;
mod spec_metric;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use text::command::ClusterFlags;

pub use self::chain::{argument_of, is_keda};
pub use self::facts::Facts;
pub use self::finding::{Finding, Fix, Form, Hop, Verdict};
pub use self::hops::api::adapter_url::{PrometheusService, prometheus_service};
pub use self::hops::autoscaler::status::disagrees;
pub use self::hops::intervals::sync_period;
pub use self::metric::{Metric, externals};
pub use self::progress::{Asked, Part, Progress};
pub use self::readings::is_open;
pub use self::report::{Report, Timing};
pub use self::rule::{SERIES, parse as parse_rules, rules_for};
pub use self::select::{matches, selects_pod, selects_service};

use self::finding::ReportWriter;
use self::hops::api_server::Access;

/// The checks of one hop.
type Examine = fn(&Facts, &mut ReportWriter<'_>);

/// Judges the facts, hop by hop.
#[must_use]
pub fn examine(facts: &Facts) -> Report {
    examine_answered(facts, &BTreeSet::new())
}

/// Judges the hops whose facts are complete, while those parts are pending.
#[must_use]
pub fn examine_answered(facts: &Facts, pending: &BTreeSet<Part>) -> Report {
    let mut findings = Vec::new();
    let mut timing = None;
    let mut writer = ReportWriter { hop: Hop::Cluster, metric: None, findings: &mut findings };
    let access = hops::api_server::examine(facts, &mut writer);
    if access == Access::Granted {
        if Hop::Permissions.is_answered(pending) {
            writer.hop = Hop::Permissions;
            hops::permissions::examine(facts, &mut writer);
        }
        if Hop::Workloads.is_answered(pending) {
            writer.hop = Hop::Autoscaler;
            hops::api::keda::pause::examine(facts, &mut writer);
        }
        programs_and_broker(facts, &mut writer, pending);
        let hops: [(Hop, Examine); 5] = [
            (Hop::Endpoint, hops::endpoint::examine),
            (Hop::Prometheus, hops::prometheus::examine),
            (Hop::Api, hops::api::examine),
            (Hop::Metrics, hops::metrics::examine),
            (Hop::Autoscaler, hops::autoscaler::examine),
        ];
        let has_chain = has_chain(facts);
        for (hop, examine) in hops.into_iter().filter(|(hop, _)| hop.is_answered(pending)) {
            writer.hop = hop;
            if has_chain || !matches!(hop, Hop::Endpoint | Hop::Prometheus) {
                examine(facts, &mut writer);
            }
        }
        if Hop::Intervals.is_answered(pending) {
            writer.hop = Hop::Intervals;
            timing = hops::intervals::examine(facts, &mut writer);
        }
    }
    select_cluster(&mut findings, &facts.subject.flags);
    Report {
        context: facts.subject.context.clone(),
        namespace: facts.subject.namespace.clone(),
        hpa: facts.subject.hpa.clone(),
        is_reachable: access != Access::Unreachable,
        findings,
        timing,
        sync_period: hops::intervals::sync_period(facts),
    }
}

/// Returns whether a chain from a broker to an External metric may exist: the HPA has such a metric, or is unknown.
fn has_chain(facts: &Facts) -> bool {
    let is_external = |metric: &spec_metric::SpecMetric<'_>| metric.api() == Some(spec_metric::Api::External);
    facts.autoscaler.get().is_none_or(|hpa| spec_metric::all(hpa).iter().any(is_external))
}

/// Examines workloads and broker. Programs that the broker refuses follow its fault, if it has one.
fn programs_and_broker(facts: &Facts, writer: &mut ReportWriter<'_>, pending: &BTreeSet<Part>) {
    let mut refused = Vec::new();
    if Hop::Workloads.is_answered(pending) {
        writer.hop = Hop::Workloads;
        refused = hops::workloads::examine(facts, writer);
    }
    let after_workloads = writer.findings.len();
    if Hop::Broker.is_answered(pending) && has_chain(facts) {
        writer.hop = Hop::Broker;
        hops::broker::examine(facts, writer);
    }
    let is_broker_at_fault =
        writer.findings[after_workloads..].iter().any(|finding| finding.verdict == Verdict::Failure);
    let at = if is_broker_at_fault { writer.findings.len() } else { after_workloads };
    writer.findings.splice(at..at, refused);
}

/// Leads the commands of all findings to the cluster under examination.
fn select_cluster(findings: &mut [Finding], flags: &ClusterFlags) {
    for finding in findings {
        finding.evidence = finding.evidence.take().map(|command| command.on(flags));
        if let Some(fix) = &mut finding.fix {
            fix.command = fix.command.take().map(|command| command.on(flags));
        }
    }
}
