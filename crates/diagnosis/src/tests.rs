//! What each breakage of the chain looks like and what is said about it, as tables.

mod autoscaler;
mod broker;
mod healthy;
mod keda;
mod operator;
mod others;
mod report;
mod rows;
mod rules;
mod selector;

use super::{Facts, Report, Verdict, examine};
pub(super) use healthy::{api_error, condition, fact, healthy, set};

/// A breakage: its name, what it does to the facts of a working chain, and what must be said.
pub(super) struct Case {
    /// What is broken.
    pub(super) name: &'static str,
    /// Breaks it.
    pub(super) breakage: fn(&mut Facts),
    /// The check that must tell it.
    pub(super) check: &'static str,
    /// With which verdict.
    pub(super) verdict: Verdict,
    /// Words of what was seen.
    pub(super) saw: &'static str,
    /// Words of the fix of that line.
    pub(super) fix: &'static str,
}

/// Breaks a working chain in each way and looks at what is said.
pub(super) fn all(cases: &[Case]) {
    for case in cases {
        let mut facts = healthy();
        (case.breakage)(&mut facts);
        let report = examine(&facts);
        let told = report.lines.iter().find(|line| line.check == case.check && line.verdict == case.verdict);
        let Some(line) = told else {
            panic!("{}: no {:?} of {}:\n{}", case.name, case.verdict, case.check, report.text());
        };
        assert!(line.saw.contains(case.saw), "{}: {:?}", case.name, line.saw);
        let fix = line.fix.as_ref().map_or("", |fix| fix.text.as_str());
        assert!(fix.contains(case.fix), "{}: {fix:?}", case.name);
    }
}

/// The line that the report's fix belongs to.
pub(super) fn first(report: &Report) -> (&'static str, String) {
    report.fix().map_or(("", String::new()), |(line, fix)| (line.check, fix.text.clone()))
}

#[test]
fn a_working_chain_is_all_right() {
    let report = examine(&healthy());
    let bad: Vec<_> = report.lines.iter().filter(|line| line.verdict != Verdict::Ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!((report.exit_code(), report.fix()), (0, None));
    let timing = report.timing.unwrap();
    assert_eq!((timing.least_seconds, timing.mean_seconds, timing.worst_seconds), (0.0, 8.5, 17.0));
}
