//! The report in a real browser. `SURGE_REPORT_PICTURES=FOLDER` keeps the pictures that the test takes.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::path::{Path, PathBuf};

use dashboard::clock::At;
use dashboard::data::Data;
use dashboard::scenes::World;
use report::chart::Chart;
use report::{Check, Origin, Outcome, Results, Run, Story, page};
use serde_json::Value;
use testkit::browser::Browser;

const PHONE: (u32, u32) = (390, 844);
const LAPTOP: (u32, u32) = (1_280, 800);

/// The run of a scene, played once more with a story that observes each second.
fn run(scene: &str, name: &str, results: Option<Results>) -> Run {
    let (mut world, mut story) = (World::new(120, 40), Story::default());
    world.ready();
    let mut play = |world: &mut World, seconds: u64| {
        for _ in 0..seconds {
            world.run(1);
            story.observe(&world.model.data);
        }
    };
    play(&mut world, 20);
    world.burst(if scene == "small" { 80 } else { 200 });
    play(&mut world, 100);
    world.burst(50);
    play(&mut world, 150);
    let origin = Origin {
        name: name.to_owned(),
        program: "Surge 0.1.0".to_owned(),
        kubernetes: Some("v1.34".to_owned()),
        started: "2026-03-04T14:00:00Z".parse().unwrap(),
        begins: At::default(),
        is_redacted: false,
        missing: vec!["The last line was torn: it is left out.".to_owned()],
    };
    Run { origin, data: world.model.data, story, results }
}

fn results() -> Results {
    let check = |expectation: &str, measured: &str, outcome| Check {
        expectation: expectation.to_owned(),
        measured: measured.to_owned(),
        outcome,
    };
    let checks = vec![
        check("first_pod_ready p95 < 60s", "11.6 s", Outcome::Held),
        check("lost == 0", "0", Outcome::Held),
        check("overshoot <= 2", "4", Outcome::Failed),
    ];
    Results { scenario: "spike".to_owned(), checks }
}

fn write(folder: &Path, name: &str, runs: &[Run]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, page::html(runs, "Surge 0.1.0")).unwrap();
    path
}

/// The messages of the console, and the requests to anything but the file.
fn complaints(browser: &Browser) -> Vec<&Value> {
    let is_complaint = |event: &&Value| match event["method"].as_str() {
        Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded") => true,
        Some("Network.requestWillBeSent") => {
            !event["params"]["request"]["url"].as_str().unwrap_or("").starts_with("file://")
        }
        _ => false,
    };
    browser.events().iter().filter(is_complaint).collect()
}

/// The position on the page of the middle of a column of the first chart.
fn place(browser: &mut Browser, chart: &Chart, column: usize) -> (f64, f64) {
    let part = (column as f64 + 0.5) / chart.count as f64;
    let script = format!(
        "(() => {{ const svg = document.querySelector('svg.chart'); svg.scrollIntoView(); \
         const frame = svg.getBoundingClientRect(); const unit = frame.width / svg.viewBox.baseVal.width; \
         const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)]; \
         return [frame.left + (left + {part} * (right - left)) * unit, frame.top + 60 * unit]; }})()"
    );
    let place = browser.evaluate(&script).unwrap();
    (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
}

fn point_at(browser: &mut Browser, (x, y): (f64, f64), kind: &str) {
    let button = if kind == "mouseMoved" { "none" } else { "left" };
    let event = serde_json::json!({"type": kind, "x": x, "y": y, "button": button, "clickCount": 1});
    browser.call("Input.dispatchMouseEvent", &event).unwrap();
}

/// The value of a curve at the end of a column, by its name in the report.
fn recorded(data: &Data, chart: &Chart, name: &str, column: usize) -> Option<f32> {
    let at = chart.end_of(column);
    let history = &data.history;
    let series = match name {
        "messages in the queue" => &history.depth,
        "messages unacked" => &history.in_work,
        "target" => &history.target,
        "HPA's reading" => &history.believed,
        "external metric" => &history.metric,
        "replicas ready" => &history.ready,
        "replicas current" => &history.current,
        "replicas desired" => &history.desired,
        "replicas wanted by the metric" => &history.raw,
        other => panic!("{other} is not a curve of this run"),
    };
    series.at(at)
}

/// The number that a text of the page stands for.
fn number(text: &str) -> Option<f32> {
    (text != "none").then(|| text.replace(',', "").parse().unwrap())
}

fn close(shown: Option<f32>, recorded: Option<f32>) -> bool {
    match (shown, recorded) {
        (Some(shown), Some(recorded)) => (shown - recorded).abs() < 0.001,
        (shown, recorded) => shown == recorded,
    }
}

#[test]
#[ignore = "needs Chromium"]
fn the_table_and_the_pointer_show_the_recorded_values() {
    let folder = tempfile::tempdir().unwrap();
    let run = run("spike", "spike.surge.jsonl", None);
    let chart = Chart::of(&run.data, run.origin.begins);
    let mut browser = Browser::start().unwrap();
    browser.show(LAPTOP, "light").unwrap();
    browser.open(&write(folder.path(), "report.html", std::slice::from_ref(&run))).unwrap();

    let script = "[...document.querySelectorAll('table.values tr')].map(row => \
                  [row.dataset.column, ...[...row.cells].map(cell => cell.textContent)])";
    let table = browser.evaluate(script).unwrap();
    let rows: Vec<Vec<String>> = table
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            row.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap_or("").to_owned()).collect()
        })
        .collect();
    let (head, rows) = rows.split_first().unwrap();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let column: usize = row[0].parse().unwrap();
        assert_eq!(row[1], run.data.day.time_of_day(chart.end_of(column)));
        for (name, text) in head.iter().zip(row).skip(2) {
            let expected = recorded(&run.data, &chart, name, column);
            assert!(
                close(number(text), expected),
                "{name} at column {column}: {text}, recorded {expected:?}"
            );
        }
    }

    for column in [chart.count / 10, chart.count / 4, chart.count / 2, chart.count * 9 / 10] {
        let place = place(&mut browser, &chart, column);
        point_at(&mut browser, place, "mouseMoved");
        let script = "[...document.querySelectorAll('.legend .reading')].map(reading => \
                      [reading.parentElement.textContent, reading.textContent])";
        let readings = browser.evaluate(script).unwrap();
        let readings = readings.as_array().unwrap();
        assert_eq!(readings.len(), head.len() - 2);
        for (name, reading) in head[2..].iter().zip(readings) {
            assert!(reading[0].as_str().unwrap().contains(name.as_str()), "{reading}: {name}");
            let text = reading[1].as_str().unwrap();
            let expected = recorded(&run.data, &chart, name, column);
            assert!(close(number(text), expected), "{name} under the pointer: {text}, recorded {expected:?}");
        }
    }
    assert!(complaints(&browser).is_empty(), "{:?}", complaints(&browser));
}

#[test]
#[ignore = "needs Chromium"]
fn the_script_zooms_and_hides_curves() {
    let folder = tempfile::tempdir().unwrap();
    let run = run("spike", "spike.surge.jsonl", None);
    let chart = Chart::of(&run.data, run.origin.begins);
    let mut browser = Browser::start().unwrap();
    browser.show(LAPTOP, "light").unwrap();
    browser.open(&write(folder.path(), "report.html", std::slice::from_ref(&run))).unwrap();
    let transform = "document.querySelector('.zoom').getAttribute('transform')";
    let (from, to) = (chart.count / 4, chart.count / 2);
    for (column, kind) in
        [(from, "mouseMoved"), (from, "mousePressed"), (to, "mouseMoved"), (to, "mouseReleased")]
    {
        let place = place(&mut browser, &chart, column);
        point_at(&mut browser, place, kind);
    }
    let zoomed = browser.evaluate(transform).unwrap();
    let scale: f64 =
        zoomed.as_str().unwrap().split("scale(").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((scale - 4.0).abs() < 0.1, "{zoomed}");
    browser.evaluate("document.querySelector('[data-zoom=all]').click()").unwrap();
    assert!(browser.evaluate(transform).unwrap().as_str().unwrap().contains("scale(1 1)"));

    let shown = "getComputedStyle(document.querySelector('path.curve[data-curve=\"0-0\"]')).display";
    assert_ne!(browser.evaluate(shown).unwrap(), "none");
    browser.evaluate("document.querySelector('input[data-curve=\"0-0\"]').click()").unwrap();
    assert_eq!(browser.evaluate(shown).unwrap(), "none");

    let key = |name: &str| serde_json::json!({"type": "keyDown", "key": name});
    browser.evaluate("document.querySelector('svg.chart').focus()").unwrap();
    browser.call("Input.dispatchKeyEvent", &key("Home")).unwrap();
    let first = browser.evaluate("document.querySelector('.readout').textContent").unwrap();
    assert_eq!(first, "14:00:00");
    assert!(complaints(&browser).is_empty(), "{:?}", complaints(&browser));
}

#[test]
#[ignore = "needs Chromium"]
fn each_size_shows_the_whole_page() {
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("SURGE_REPORT_PICTURES").map(PathBuf::from);
    let pictures = pictures.unwrap_or_else(|| folder.path().to_owned());
    std::fs::create_dir_all(&pictures).unwrap();
    let one = vec![run("spike", "spike.surge.jsonl", Some(results()))];
    let two =
        vec![run("spike", "before.surge.jsonl", Some(results())), run("small", "after.surge.jsonl", None)];
    let mut browser = Browser::start().unwrap();
    for (name, runs) in [("one", one), ("two", two)] {
        let path = write(folder.path(), &format!("{name}.html"), &runs);
        for (device, size) in [("phone", PHONE), ("laptop", LAPTOP)] {
            for colours in ["light", "dark"] {
                browser.show(size, colours).unwrap();
                browser.open(&path).unwrap();
                let width = browser.evaluate("document.documentElement.scrollWidth").unwrap();
                assert_eq!(width, size.0, "{name} on a {device} has no horizontal scroll bar");
                browser.screenshot(&pictures.join(format!("{name}-{device}-{colours}.png"))).unwrap();
                assert!(complaints(&browser).is_empty(), "{:?}", complaints(&browser));
            }
        }
        let pdf = pictures.join(format!("{name}.pdf"));
        browser.print(&pdf).unwrap();
        assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF"));
    }
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_is_complete_without_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let run = run("spike", "spike.surge.jsonl", Some(results()));
    let path = write(folder.path(), "report.html", std::slice::from_ref(&run));
    let mut browser = Browser::start().unwrap();
    browser.call("Emulation.setScriptExecutionDisabled", &serde_json::json!({"value": true})).unwrap();
    browser.open(&path).unwrap();
    let text = browser.evaluate("document.body.innerText").unwrap();
    let text = text.as_str().unwrap();
    for wanted in
        ["overshoot <= 2", "1 → ", "scraped sample", "Prometheus", "20 avg, 1–10", "The values as a table"]
    {
        assert!(text.contains(wanted), "{wanted}");
    }
    let paths = browser.evaluate("document.querySelectorAll('path.curve[data-curve]').length").unwrap();
    assert!(paths.as_u64().unwrap() >= 5, "{paths}");
}

#[test]
#[ignore = "needs Chromium"]
fn names_from_a_cluster_stay_text() {
    let folder = tempfile::tempdir().unwrap();
    let name = "</script><script>throw 1</script><img src=https://example.com/x.png>.surge.jsonl";
    let run = run("spike", name, None);
    let path = write(folder.path(), "report.html", std::slice::from_ref(&run));
    let mut browser = Browser::start().unwrap();
    browser.open(&path).unwrap();
    assert_eq!(browser.evaluate("document.querySelectorAll('img').length").unwrap(), 0);
    assert!(browser.evaluate("document.title").unwrap().as_str().unwrap().contains("<img"));
    assert!(complaints(&browser).is_empty(), "{:?}", complaints(&browser));
}
