//! `surge import prometheus` from a real Prometheus with a week of data: at a URL, and through a tunnel to its pod.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

#[expect(dead_code, reason = "the other targets use the rest")]
mod sandboxed;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dashboard::message::Event;
use dashboard::reported::{Source, SourceState};
use recording::reader::Recording;
use sandboxed::{SURGE, Said, Sandbox, until_written};

const DAY: i64 = 86_400;

/// Seconds between two samples of the data.
const INTERVAL: usize = 120;

/// The series of kube-state-metrics and of a queue, in OpenMetrics: four busy hours a day, three hours without any sample, and
/// two hours without the HPA's reading.
fn series(start: i64) -> String {
    let labels = "namespace=\"shop\",horizontalpodautoscaler=\"web\"";
    let depth = "metric_name=\"depth\",metric_target_type=\"average\"";
    let is_busy = |second: i64| (36_000..50_400).contains(&(second % DAY));
    let of = |busy: f64, idle: f64| move |second: i64| Some(if is_busy(second) { busy } else { idle });
    let is_unread = |second: i64| (4 * DAY..4 * DAY + 7_200).contains(&second);
    let reading = |second: i64| of(90.5, 3.0)(second).filter(|_| !is_unread(second));
    let always = |value: f64| move |_second: i64| Some(value);
    type Value<'a> = Box<dyn Fn(i64) -> Option<f64> + 'a>;
    let all: [(String, Value<'_>); 7] = [
        (format!("spec_min_replicas{{{labels}}}"), Box::new(always(1.0))),
        (format!("spec_max_replicas{{{labels}}}"), Box::new(always(10.0))),
        (format!("spec_target_metric{{{labels},{depth}}}"), Box::new(always(20.0))),
        (format!("status_target_metric{{{labels},{depth}}}"), Box::new(reading)),
        (format!("status_current_replicas{{{labels}}}"), Box::new(of(5.0, 1.0))),
        (format!("status_desired_replicas{{{labels}}}"), Box::new(of(5.0, 1.0))),
        ("queue_messages".to_owned(), Box::new(of(452.5, 3.0))),
    ];
    let mut text = String::new();
    for (name, value) in all {
        let prefix = if name.starts_with("queue") { "" } else { "kube_horizontalpodautoscaler_" };
        let _ = writeln!(text, "# TYPE {prefix}{} gauge", name.split('{').next().unwrap());
        for second in (0..=7 * DAY).step_by(INTERVAL) {
            let is_missing = (2 * DAY..2 * DAY + 10_800).contains(&second);
            if let Some(value) = value(second).filter(|_| !is_missing) {
                let _ = writeln!(text, "{prefix}{name} {value} {}", start + second);
            }
        }
    }
    text + "# EOF\n"
}

fn import(folder: &Path, name: &str, start: i64, way: &[&str]) -> Recording {
    let (start, end) = (start.to_string(), (start + 7 * DAY).to_string());
    let said = Said::by(
        Command::new(SURGE)
            .args(["import", "prometheus", "-n", "shop", "--hpa", "web", "--step", "1m"])
            .args(["--start", &start, "--end", &end, "--query", "queue=sum(queue_messages)", "-o", name])
            .args(way)
            .env("KUBECONFIG", "")
            .current_dir(folder),
    );
    let said = said.fine();
    assert!(said.err.contains("Some stretches have no sample"), "{}", said.err);
    Recording::open(&folder.join(name)).unwrap()
}

#[test]
#[ignore = "needs Prometheus and promtool of the package prometheus"]
fn a_week_of_a_real_prometheus_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let start = jiff::Timestamp::now().as_second() / 60 * 60 - 8 * DAY;
    std::fs::write(folder.join("series.txt"), series(start)).unwrap();
    std::fs::write(folder.join("prometheus.yml"), "global: {}\n").unwrap();
    let made = ["tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"];
    Said::by(Command::new("promtool").args(made).current_dir(folder)).fine();
    // Prometheus runs as a pod of the sandbox, in the place of the producer.
    let place = folder.display();
    let command = format!(
        "sh -c 'echo \"port $PORT\" > {place}/port; exec prometheus --config.file={place}/prometheus.yml \
         --storage.tsdb.path={place}/data --storage.tsdb.retention.time=10y --log.level=warn \
         --web.listen-address=127.0.0.1:$PORT'"
    );
    let sandbox = Sandbox::with(&["--producer-command", &command]);
    until_written(&folder.join("port"), "port ");
    let port = std::fs::read_to_string(folder.join("port")).unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim().trim_start_matches("port "));
    let address = url.trim_start_matches("http://").parse().unwrap();
    testkit::wait::until_blocking("Prometheus to be ready", || {
        testkit::http::returns_ok(address, "/-/ready").then_some(())
    });
    let direct = import(folder, "url.surge.jsonl", start, &["--url", &url]);
    let config = sandbox.kubeconfig();
    let service = format!("{}/producer:3000", contract::names::NAMESPACE);
    let way = ["--kubeconfig", config.to_str().unwrap(), "--prometheus", &service];
    let tunnelled = import(folder, "tunnel.surge.jsonl", start, &way);
    assert!(direct.events == tunnelled.events, "both ways give the same");

    let depths = direct.events.iter().filter(|stamped| matches!(stamped.event, Event::Depth(_))).count();
    // A sample holds for five minutes; the steps of the gap after that have none.
    assert!((7 * 1_440 - 180..=7 * 1_440 - 170).contains(&depths), "{depths}");
    let unknown = direct.events.iter().find(|stamped| {
        stamped.at.0 > Duration::ZERO
            && matches!(&stamped.event, Event::Source(Source::Broker, SourceState::Unavailable(_)))
    });
    let unknown = unknown.map_or(0, |stamped| stamped.at.0.as_secs());
    assert!((2 * 86_400..2 * 86_400 + 600).contains(&unknown), "{unknown}");
    let html = Said::by(
        Command::new(SURGE).args(["report", "url.surge.jsonl", "--utc", "-o", "-"]).current_dir(folder),
    );
    let html = html.fine().out;
    assert_eq!(html.matches("<td class=\"size\">").count(), 14, "each day scales up and down");
}
