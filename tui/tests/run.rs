//! `surge run` as a user runs it: in virtual time, on sandboxes of its own, and on a cluster.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dashboard::clock::DayClock;
use dashboard::model::Model;
use dashboard::update::update;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use recording::reader::Recording;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::fleet::conforms;
use crate::sandboxed::{SURGE, Said, Sandbox, signal};

/// The scenarios of the library take seconds; the machine may be busy.
const LONGEST: Duration = Duration::from_secs(240);

fn surge(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(SURGE);
    command
        .arg("run")
        .args(arguments)
        .envs(["XDG_RUNTIME_DIR", "TMPDIR", "HOME"].map(|name| (name, folder)))
        .env("KUBECONFIG", "")
        .env_remove("GITHUB_STEP_SUMMARY")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    Said::by(&mut surge(folder.path(), arguments))
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_list_has_the_library_and_every_name() {
    let text = run(&["--list"]).fine().out;
    let docs = std::fs::read_to_string(repository("docs/scenarios.md")).unwrap();
    let (_, table) = docs.split_once("<!-- names -->\n").unwrap();
    let (table, _) = table.split_once("<!-- /names -->").unwrap();
    assert_eq!(table, scenario::names::markdown(), "docs/scenarios.md has the table of the names");
    for word in scenario::names::TABLE.iter().map(|row| row.word).chain(scenario::library::names()) {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(word)), "{word}\n{text}");
    }
}

#[test]
fn a_virtual_run_writes_every_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let page = file(&folder, "page.md", "before\n");
    let arguments = [
        "spike",
        "--virtual",
        "-o",
        "json",
        "--junit",
        &path("j.xml"),
        "--summary",
        &path("s.md"),
        "--openmetrics",
        &path("o.txt"),
        "--csv",
        &path("tables"),
    ];
    let said = Said::by(surge(folder.path(), &arguments).env("GITHUB_STEP_SUMMARY", &page)).fine();
    let document: Value = serde_json::from_str(&said.out).unwrap();
    conforms(&document, "run.json");
    assert_eq!((&document["outcome"], &document["mode"]), (&"passed".into(), &"virtual".into()));
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert!(read("j.xml").contains("failures=\"0\" errors=\"0\""), "{}", read("j.xml"));
    assert!(read("s.md").starts_with("## spike: passed"));
    assert_eq!(read("page.md"), format!("before\n{}", read("s.md")));
    assert!(read("o.txt").ends_with("# EOF\n"));
    assert!(read("tables/samples.csv").lines().count() > 10);
}

#[test]
fn a_wrong_scale_down_fails_with_99() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = repository("docs/examples/ci/scale-down.toml");
    let manifest = std::fs::read_to_string(repository("docs/examples/ci/hpa.yaml")).unwrap();
    let arguments = |hpa: &str| run(&[scenario.to_str().unwrap(), "--virtual", "--hpa-file", hpa]);
    let right = file(&folder, "right.yaml", &manifest);
    arguments(&right).fine();
    let wrong = manifest.replace("stabilizationWindowSeconds: 300", "stabilizationWindowSeconds: 0");
    assert_ne!(wrong, manifest);
    let said = arguments(&file(&folder, "wrong.yaml", &wrong)).failed(99, &[]);
    assert!(said.out.contains("failed   flaps == 0 ("), "{}", said.out);
    // The document shows the output of this run.
    let docs = std::fs::read_to_string(repository("docs/ci.md")).unwrap();
    let end = said.out.lines().find(|line| line.contains("flaps")).unwrap();
    assert!(docs.contains(end) && docs.contains(said.out.lines().next().unwrap()), "{}", said.out);
}

#[test]
fn a_day_takes_a_moment() {
    let folder = tempfile::tempdir().unwrap();
    let text = "timeout = '25h'\nexpect = ['lost == 0']\n[[steps]]\n\
                sawtooth = { low = 0, high = 4, period = '4h', times = 6 }\n";
    let day = file(&folder, "day.toml", text);
    let began = Instant::now();
    let said = run(&[&day, "--virtual", "-o", "json"]).fine();
    let document: Value = serde_json::from_str(&said.out).unwrap();
    assert!(document["seconds"].as_f64().unwrap() >= 86_400.0);
    // A debug build on a busy machine; BENCHMARKS.md has the time of a release build.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn mistakes_are_usage() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = file(&folder, "wrong.toml", "expect = ['raedy == 1']\n[[steps]]\nburst = 0\n");
    let virtually = |name: &str| run(&[name, "--virtual"]);
    virtually(&wrong).failed(
        2,
        &[
            "wrong.toml: line 1, expect[1]: \"raedy\" is no name; did you mean ready?",
            "line 3, steps[1].burst",
        ],
    );
    virtually("spkie").failed(2, &["there is no file spkie and no such scenario; did you mean spike?"]);
    virtually("broker-restarted").failed(2, &["step 2 (stop broker) needs a broker"]);
    let other = file(&folder, "other.yaml", "kind: Deployment\n");
    run(&["spike", "--virtual", "--hpa-file", &other]).failed(2, &["it has no HorizontalPodAutoscaler"]);
    run(&["spike", "--hpa-file", &other]).failed(2, &["it has no HorizontalPodAutoscaler"]);
    run(&["spike", "--sandbox", "--virtual"]).failed(2, &["cannot be used with"]);
}

#[test]
fn a_cluster_out_of_reach_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(
        &folder,
        "config",
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}]\n\
         contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {}}]\n",
    );
    run(&["spike", "--yes", "--kubeconfig", &config]).failed(3, &["127.0.0.1:9"]);
}

/// A rescale of the sandbox, with the size that the controller of virtual runs calculates from the same reading.
#[derive(Debug, PartialEq, Eq)]
struct Rescale {
    from: i32,
    to: i32,
    calculated: i32,
}

/// The rescales of a recorded run.
fn rescales(path: &Path) -> Vec<Rescale> {
    let recording = Recording::open(path).unwrap();
    let day = DayClock::new(recording.header.started, jiff::tz::TimeZone::UTC);
    let (mut model, mut synced, mut rescales) = (Model::new(day, (80, 24)), None, Vec::new());
    for stamped in recording.events {
        let _dropped = update(&mut model, stamped);
        let Some(last) = model.data.estimate.last().filter(|last| Some(last.at) != synced) else { continue };
        synced = Some(last.at);
        let (from, to) = last.reported.sizes();
        if from != to {
            rescales.push(Rescale { from, to, calculated: last.trace.desired });
        }
    }
    rescales
}

/// Runs a scenario of the library on a sandbox of its own.
fn holds(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("run.surge.jsonl");
    let mut child = surge(folder.path(), &[name, "--sandbox", "-o", "json", "--record"])
        .arg(&recording)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let (done, wait) = std::sync::mpsc::channel();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    for reader in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
        let done = done.clone();
        std::thread::spawn(move || _ = done.send(std::io::read_to_string(reader).unwrap()));
    }
    let texts: Vec<String> = (0..2)
        .map(|_| {
            wait.recv_timeout(LONGEST.saturating_sub(began.elapsed())).unwrap_or_else(|_| {
                signal(&child, Signal::KILL);
                panic!("{name} takes longer than {LONGEST:?}")
            })
        })
        .collect();
    let status = child.wait().unwrap();
    assert!(status.success(), "{name}: {status}\n{}", texts.join("\n"));
    let json = texts.iter().find(|text| text.starts_with('{')).unwrap();
    let document: Value = serde_json::from_str(json).unwrap();
    conforms(&document, "run.json");
    assert_eq!((&document["outcome"], &document["mode"]), (&"passed".into(), &"sandbox".into()));
    if matches!(name, "spike" | "ramp") {
        // Scale-down waits for a window of seconds, of which a recording shows only the syncs that changed the status.
        let is_up = |rescale: &Rescale| rescale.from < rescale.to;
        let ups: Vec<Rescale> = rescales(&recording).into_iter().filter(is_up).collect();
        assert!(!ups.is_empty(), "{name} scales up");
        let differs = ups.iter().find(|rescale| rescale.to != rescale.calculated);
        assert_eq!(differs, None, "{name}: the same readings give another size");
    }
    std::fs::remove_file(recording).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{name} leaves {left:?}");
}

macro_rules! library {
    ($($test:ident $name:literal;)*) => {
        $(#[test]
        fn $test() {
            holds($name);
        })*

        #[test]
        fn each_scenario_of_the_library_runs_here() {
            let mut tested = vec![$($name),*];
            tested.sort_unstable();
            assert_eq!(tested, scenario::library::names());
        }
    };
}

library! {
    a_spike_holds "spike";
    a_steady_load_holds "steady";
    a_ramp_holds "ramp";
    a_sawtooth_holds "sawtooth";
    a_queue_within_tolerance_holds "tolerance";
    a_killed_worker_loses_nothing "worker-killed";
    a_restarted_broker_holds "broker-restarted";
    a_missing_prometheus_holds "prometheus-away";
    value_overshoots "value-or-average";
}

async fn hpa(sandbox: &Sandbox) -> HorizontalPodAutoscaler {
    let api = kube::Api::namespaced(sandbox.client().await, contract::names::NAMESPACE);
    api.get(contract::names::HPA).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_reports_and_puts_back() {
    let sandbox = Sandbox::with(&["--sync-period", "1s", "--work-duration", "400ms"]);
    let run = |arguments: &[&str]| {
        let mut command = surge(sandbox.path(), arguments);
        command.arg("--kubeconfig").arg(sandbox.kubeconfig());
        command
    };
    Said::by(&mut run(&["spike"])).failed(2, &["--yes"]);
    let before = hpa(&sandbox).await.spec.unwrap();
    let text = "expect = ['accepted >= 1']\n[[steps]]\ntune = { maxReplicas = 3 }\n[[steps]]\nrate = 5\n\
                [[steps]]\nwait = 'accepted >= 3 within 60s'\n[[steps]]\nstop = 'prometheus'\n\
                [[steps]]\npause = '5m'\n";
    let scenario = sandbox.path().join("long.toml");
    std::fs::write(&scenario, text).unwrap();
    let mut child = run(&[scenario.to_str().unwrap(), "--yes", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A log has one line a finished step.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|line: &String| line.contains("stop prometheus")) {
        match lines.next() {
            Some(line) => seen.push(line.unwrap()),
            None => panic!("the run ended: {seen:?}"),
        }
    }
    assert_eq!(hpa(&sandbox).await.spec.unwrap().max_replicas, 3, "{seen:?}");
    signal(&child, Signal::INT);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(130), "{said:?} {rest:?}");
    let document: Value = serde_json::from_str(&said.out).unwrap();
    conforms(&document, "run.json");
    assert_eq!(document["outcome"], "stopped");
    assert_eq!(document["notPutBack"], Value::Array(Vec::new()), "{document:#}");
    assert_eq!(document["expectations"][0]["verdict"], "held");
    assert_eq!(hpa(&sandbox).await.spec.unwrap(), before);
}
