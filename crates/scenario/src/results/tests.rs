use std::sync::Arc;

use hpa::{Config, Release};
use serde_json::json;

use super::*;
use crate::file::parse;
use crate::outcome::RunResult;
use crate::virtual_run;

fn context() -> Context {
    Context {
        mode: Mode::Virtual,
        target: "a | queue".to_owned(),
        surge: "0.1.0".to_owned(),
        kubernetes: None,
        started_ms: 1_700_000_000_000,
    }
}

fn result() -> RunResult {
    let spec = serde_json::from_value(json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
        "minReplicas": 1, "maxReplicas": 5,
        "metrics": [{"type": "External", "external": {
            "metric": {"name": "depth"}, "target": {"type": "AverageValue", "averageValue": "20"}}}],
    }))
    .unwrap();
    let text = "name = 'a \"b\" <c>'\ntimeout = '20m'\nsandbox.work_duration = '100ms'\nexpect = ['lost == 0', 'drained < 1s', 'flaps == 0']\n\
                [[steps]]\nburst = 60\n[[steps]]\nmark = 'now'\n[[steps]]\nwait = 'depth == 0 within 5m'\n\
                [[steps]]\nwait = 'size == 9 within 5s'\n[[steps]]\npause = '1s'";
    let scenario = parse("test", text, &|_| Err("no files".to_owned())).unwrap();
    virtual_run::run(&Arc::new(scenario), spec, Config::release(Release::V1_34)).unwrap().result
}

#[test]
fn junit_has_a_case_for_each_step_and_expectation() {
    let xml = junit::xml(&result(), &context()).unwrap();
    assert!(
        xml.contains(r#"<testsuites name="surge run" tests="8" skipped="0" failures="2" errors="1""#),
        "{xml}"
    );
    assert!(xml.contains("a &quot;b&quot; &lt;c&gt;"), "{xml}");
    assert!(xml.contains("step 4: wait for size == 9 within 5 s"), "{xml}");
}

#[test]
fn json_has_the_verdicts() {
    let document = json::document(&result(), &context());
    assert_eq!(document["outcome"], "failed");
    assert_eq!(document["expectations"][0]["verdict"], "held");
    assert_eq!(document["expectations"][1]["verdict"], "failed");
    assert_eq!(document["steps"][4]["reason"], "an earlier step failed");
    assert_eq!(document["bursts"][0]["figures"]["in_broker"], 0.0);
    let reason = document["reason"].as_str().unwrap();
    assert!(reason.starts_with("wait for size == 9 within 5 s: size is "), "{reason}");
}

#[test]
fn the_summary_is_one_table_each() {
    let text = markdown::summary(&result(), &context());
    assert!(text.starts_with("## a \"b\" \\<c\\>: failed\n"), "{text}");
    assert!(text.contains("a \\| queue (virtual)") && text.contains("| lost == 0 | 0 | ✅ held |"), "{text}");
    let rows = text.lines().filter(|line| line.starts_with('|'));
    assert!(rows.into_iter().all(|row| row.replace("\\|", "").matches('|').count() >= 3), "{text}");
}

#[test]
fn openmetrics_has_families_with_times_and_an_end() {
    let text = openmetrics::text(&result(), &context());
    assert!(text.ends_with("# EOF\n"));
    let labels = r#"scenario="a \"b\" <c>",mode="virtual""#;
    assert!(text.contains(&format!("surge_run_depth{{{labels}}} 50 1700000001.000")), "{}", &text[..500]);
    let mut types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let all = types.len();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), all, "each family once");
}

#[test]
fn csv_tables_have_equal_rows() {
    for (name, text) in csv::files(&result(), &context()) {
        let plain = text.replace("\"a \"\"b\"\" <c>\"", "a");
        let mut widths: Vec<usize> = plain.lines().map(|line| line.matches(',').count()).collect();
        widths.dedup();
        assert_eq!(widths.len(), 1, "{name}: {text}");
        assert!(text.lines().count() > 1 || name == "rescales.csv", "{name}");
    }
}
