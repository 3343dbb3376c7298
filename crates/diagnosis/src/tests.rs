//! Breakages of the chain and the findings that they cause, as tables.

mod autoscaler;
mod broker;
mod healthy;
mod hostile;
mod keda;
mod kinds;
mod numbers;
mod operator;
mod others;
mod programs;
mod report;
mod rows;
mod rules;
mod selector;
mod targets;

use crate::{Facts, Report, Verdict, examine};
pub(crate) use healthy::{api_error, condition, deployment_kind, fact, healthy, known, set};
pub(crate) use others::owned_pod;

/// A breakage: its name, its change to the facts of a working chain, and the expected finding.
pub(crate) struct Case {
    /// The breakage.
    pub(crate) name: &'static str,
    /// Changes the facts.
    pub(crate) breakage: fn(&mut Facts),
    /// The check that must find it.
    pub(crate) check: &'static str,
    /// The expected verdict.
    pub(crate) verdict: Verdict,
    /// A part of the expected detail.
    pub(crate) detail: &'static str,
    /// A part of the expected fix.
    pub(crate) fix: &'static str,
}

/// Breaks a working chain in each way and checks the findings; then again with hostile names.
pub(crate) fn all(cases: &[Case]) {
    for case in cases {
        let mut facts = healthy();
        (case.breakage)(&mut facts);
        let report = examine(&facts);
        let mut findings = report.findings.iter();
        let found = findings.find(|finding| finding.check == case.check && finding.verdict == case.verdict);
        let Some(finding) = found else {
            panic!("{}: no {:?} of {}:\n{}", case.name, case.verdict, case.check, report.text());
        };
        assert!(finding.detail.contains(case.detail), "{}: {:?}", case.name, finding.detail);
        let fix = finding.fix.as_ref().map_or_else(String::new, crate::Fix::text);
        assert!(fix.contains(case.fix), "{}: {fix:?}", case.name);
    }
    hostile::check(cases.iter().map(|case| case.breakage));
}

/// Check and fix of the report's first fix.
pub(crate) fn first(report: &Report) -> (String, String) {
    report.fix().map_or_else(Default::default, |(finding, fix)| (finding.check.to_string(), fix.text()))
}

#[test]
fn a_working_chain_has_no_findings() {
    let report = examine(&healthy());
    let bad: Vec<_> = report.findings.iter().filter(|finding| finding.verdict != Verdict::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!((report.exit_code(), report.fix()), (0, None));
    let timing = report.timing.unwrap();
    assert_eq!((timing.least_seconds, timing.mean_seconds, timing.worst_seconds), (0.0, 8.5, 17.0));
}
