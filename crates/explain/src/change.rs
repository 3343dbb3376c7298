//! The changes that would let an HPA follow its metrics. Each is built from the HPA and its trace.

use hpa::Spec;
use hpa::explain::Hold;
use hpa::spec::Direction;
use hpa::trace::{Path, Rate, RateRule};
use text::clean;
use text::command::{ClusterFlags, Command};

use crate::{Explanation, strings};

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The change in words.
    pub what: String,
    /// A command that makes it or looks further, if there is one.
    pub command: Option<Command>,
}

/// The HPA that a change is for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its specification.
    pub spec: &'a Spec,
    /// The flags that lead to its cluster.
    pub flags: &'a ClusterFlags,
}

/// The changes, the most important first; none if the HPA follows its metrics.
#[must_use]
pub fn changes(subject: Subject<'_>, explanation: &Explanation) -> Vec<Change> {
    let Subject { namespace, name, spec, flags } = subject;
    let trace = &explanation.trace;
    let doctor = || {
        let command = Command::surge(["doctor"]).flag("--hpa", name).namespace(namespace);
        Some(command.on(flags))
    };
    let target = &spec.scale_target_ref;
    let mut all = Vec::new();
    match trace.path {
        Path::NoScale => {
            let what = strings::fix_target(&clean::text(&target.kind), &clean::text(&target.name));
            all.push(Change { what, command: doctor() });
        }
        Path::Paused => {
            let command = Command::kubectl(["scale"])
                .object(&target.kind.to_lowercase(), &target.name)
                .arg("--replicas=1")
                .namespace(namespace)
                .on(flags);
            all.push(Change { what: strings::RESUME.to_owned(), command: Some(command) });
        }
        Path::AboveMax | Path::BelowMin | Path::Failed | Path::Computed => {}
    }
    if explanation.metrics.iter().any(|metric| metric.failure.is_some()) {
        all.push(Change { what: strings::FIX_METRIC.to_owned(), command: doctor() });
    }
    let without_request = explanation.pods.iter().flatten().find_map(|table| table.without_request.as_ref());
    if let Some(why) = without_request {
        all.push(Change { what: strings::add_request(why), command: None });
    }
    let patch = |field: &str| {
        let command = Command::kubectl(["patch"]).object("hpa", name).flag("--type", "merge");
        Some(command.flag("-p", field).namespace(namespace).on(flags))
    };
    match trace.hold() {
        Some(Hold::Max(max)) if trace.raw.is_some_and(|raw| raw > max) => {
            let wants = trace.raw.unwrap_or(max);
            let command = patch(&format!("{{\"spec\":{{\"maxReplicas\":{wants}}}}}"));
            all.push(Change { what: strings::raise_max(wants), command });
        }
        // At the minimum the window holds nothing back.
        Some(Hold::Recommendation(held))
            if held.direction == Direction::Down && held.next_replicas.max(trace.min) < trace.current =>
        {
            all.push(Change { what: strings::shorten_window(held.window_seconds), command: None });
        }
        Some(Hold::Rate(Rate { rule: RateRule::Disabled, direction, .. })) => {
            let way = strings::way(direction == Direction::Up);
            all.push(Change { what: strings::enable(way), command: None });
        }
        Some(Hold::Rate(rate)) => {
            let way = strings::way(rate.direction == Direction::Up);
            all.push(Change { what: strings::loosen_policy(way), command: None });
        }
        _ => {}
    }
    if explanation.pods.iter().flatten().any(|table| table.lines.iter().any(|line| line.is_foreign)) {
        all.push(Change { what: strings::SEPARATE_SELECTORS.to_owned(), command: None });
    }
    all
}
