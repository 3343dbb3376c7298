//! Cases from the unit tests of the upstream controller, as data.
//!
//! `HPA_CASES=FILE cargo test -p hpa --test upstream` runs another file of the same schema. Each case runs at two
//! releases: the newest, without skips, and 1.34, which skips cases of later releases. `data/README.md` describes the
//! schema.

mod calculator;
mod case;
mod limits;
mod reconcile;
mod validation;

use std::io::Write;
use std::path::{Path, PathBuf};

use case::{Case, Outcome};
use hpa::Release;

#[test]
fn all_cases_pass_at_1_38_dev() {
    let summary = run(Release(38));
    assert_eq!(summary.skipped, 0, "at the newest release every case runs");
}

#[test]
fn cases_up_to_1_34_pass_at_1_34() {
    run(Release(34));
}

struct Summary {
    skipped: usize,
}

fn run(release: Release) -> Summary {
    let path = file();
    let cases = read(&path);
    assert!(!cases.is_empty(), "{} holds no case", path.display());
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in &cases {
        match case.run(release) {
            Outcome::Passed => passed += 1,
            Outcome::Skipped => skipped += 1,
            Outcome::Failed(why) => failures.push(format!("{}\n    {}", case.id(), why.join("\n    "))),
        }
    }
    let total = cases.len();
    let failed = failures.len();
    // Write to standard error directly, because the test runner shows output of failed tests only.
    let line = format!(
        "upstream cases at {release}: {passed} passed, {failed} failed, {skipped} skipped as newer, of {total} in {}\n",
        path.display()
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(failures.is_empty(), "{failed} of {total} cases fail at {release}:\n{}", failures.join("\n"));
    Summary { skipped }
}

/// The file that `HPA_CASES` names (relative to the crate or the workspace), or the crate's own file.
fn file() -> PathBuf {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(given) = std::env::var_os("HPA_CASES").filter(|v| !v.is_empty()).map(PathBuf::from) else {
        return crate_root.join("tests/data/hpa-cases.json");
    };
    if given.is_relative() && !given.exists() {
        let from_workspace = crate_root.join("../..").join(&given);
        if from_workspace.exists() {
            return from_workspace;
        }
    }
    given
}

fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read the cases from {}: {error}", path.display()));
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is not an array of cases: {error}", path.display()));
    cases.into_iter().map(Case::new).collect()
}
