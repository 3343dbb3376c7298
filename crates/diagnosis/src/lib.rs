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
pub mod facts;
mod finding;
mod fixes;
mod fmt;
mod hops;
mod messages;
mod metric;
mod readings;
mod report;
mod rule;
mod scaled_object;
mod scrape;
mod select;
#[cfg(test)]
mod tests;

use text::command::ClusterFlags;

pub use self::chain::{argument_of, is_keda};
pub use self::facts::Facts;
pub use self::finding::{Finding, Fix, Form, Hop, Verdict};
pub use self::hops::api::adapter_url::{PrometheusService, prometheus_service};
pub use self::hops::autoscaler::status::disagrees;
pub use self::metric::{Metric, externals};
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
    let mut findings = Vec::new();
    let mut timing = None;
    let mut writer = ReportWriter { hop: Hop::Cluster, metric: None, findings: &mut findings };
    let access = hops::api_server::examine(facts, &mut writer);
    if access == Access::Granted {
        let hops: [(Hop, Examine); 7] = [
            (Hop::Permissions, hops::permissions::examine),
            (Hop::Workloads, hops::workloads::examine),
            (Hop::Broker, hops::broker::examine),
            (Hop::Endpoint, hops::endpoint::examine),
            (Hop::Prometheus, hops::prometheus::examine),
            (Hop::Api, hops::api::examine),
            (Hop::Autoscaler, hops::autoscaler::examine),
        ];
        for (hop, examine) in hops {
            writer.hop = hop;
            examine(facts, &mut writer);
        }
        writer.hop = Hop::Intervals;
        timing = hops::intervals::examine(facts, &mut writer);
    }
    select_cluster(&mut findings, &facts.subject.flags);
    Report {
        context: facts.subject.context.clone(),
        namespace: facts.subject.namespace.clone(),
        hpa: facts.subject.hpa.clone(),
        is_reachable: access != Access::Unreachable,
        findings,
        timing,
    }
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
