//! The cases of the upstream controller's own unit tests, as data.
//!
//! `HPA_CASES=FILE cargo test -p hpa --test upstream` runs another file of the same schema. Each case is run at two
//! releases: at the newest, where none may be skipped, and at 1.34, where those of later releases are. The schema is
//! described in `data/README.md`.

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
fn every_case_holds_at_1_38_dev() {
    let summary = run(Release(38));
    assert_eq!(summary.skipped, 0, "at the newest release every case runs");
}

#[test]
fn every_case_that_it_knows_holds_at_1_34() {
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
    // Straight to standard error, because the test's own output is shown only if it fails.
    let line = format!(
        "upstream cases at {release}: {passed} passed, {failed} failed, {skipped} skipped as newer, of {total} in {}\n",
        path.display()
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(failures.is_empty(), "{failed} of {total} cases fail at {release}:\n{}", failures.join("\n"));
    Summary { skipped }
}

/// The file that `HPA_CASES` names, from the folder of the crate or of the workspace, or the crate's own.
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
