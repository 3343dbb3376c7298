//! JUnit XML: one test case for each step and each expectation.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::Context;
use crate::outcome::{RunResult, Verdict};

/// The result as XML.
///
/// # Errors
/// Fails with the serializer's sentence.
pub fn xml(result: &RunResult, context: &Context) -> Result<String, String> {
    let mut suite = TestSuite::new(result.scenario.as_str());
    suite.set_time(seconds(result.seconds));
    suite.add_property(Property::new("mode", context.mode.word()));
    suite.add_property(Property::new("target", context.target.as_str()));
    suite.add_property(Property::new("surge", context.surge.as_str()));
    for (name, value) in &result.figures {
        if let Some(number) = value.number() {
            suite.add_property(Property::new(name.word(), name.row().unit.text(number)));
        }
    }
    for (number, step) in (1..).zip(&result.steps) {
        let mut case = TestCase::new(format!("step {number}: {}", step.title), status(&step.verdict));
        case.set_classname(format!("{}.steps", result.scenario));
        case.set_time(seconds(step.took));
        suite.add_test_case(case);
    }
    for one in &result.expectations {
        let mut case = TestCase::new(one.condition.to_string(), status(&one.verdict));
        case.set_classname(format!("{}.expectations", result.scenario));
        case.set_system_out(one.measured_text());
        suite.add_test_case(case);
    }
    for sentence in &result.left {
        let verdict = Verdict::Failed(sentence.clone());
        let mut case = TestCase::new("put the changes back", status(&verdict));
        case.set_classname(format!("{}.steps", result.scenario));
        suite.add_test_case(case);
    }
    let mut report = Report::new("surge run");
    report.set_time(seconds(result.seconds));
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// A case that cannot be judged is an error, as JUnit calls a test that could not run.
fn status(verdict: &Verdict) -> TestCaseStatus {
    let kind = match verdict {
        Verdict::Held => return TestCaseStatus::success(),
        Verdict::Failed(_) => NonSuccessKind::Failure,
        Verdict::Unknown(_) => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(verdict.reason().unwrap_or_default());
    status
}
