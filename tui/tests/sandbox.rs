//! The whole loop on one machine, as a user sees it: the dashboard in a pseudo-terminal on the sandbox, real pods, and no
//! leftovers afterwards.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::pty::Pty;
use testkit::wait;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// The loop takes as long as its windows, while other tests use the machine.
const LONG: Duration = Duration::from_secs(90);

/// Short intervals, so that a test sees minutes of a real cluster in seconds.
const QUICK: [&str; 8] =
    ["--sync-period", "1s", "--scale-down-window", "3s", "--work-duration", "400ms", "--max", "4"];

/// A folder for all files, and no cluster but those that a test names.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        let folder = self.path().to_str().unwrap();
        vec![("XDG_RUNTIME_DIR", folder), ("TMPDIR", folder), ("HOME", folder), ("KUBECONFIG", "")]
    }

    fn dashboard(&self, arguments: &[&str]) -> Pty {
        Pty::spawn(SURGE, arguments, &self.environment(), (160, 50)).unwrap()
    }

    /// The names of its entries.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Every process below `root`, with its command line. A reaper's pods are not below the reaper but below `root` too.
fn below(root: u32) -> BTreeMap<u32, String> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid=,command="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut all = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(pid), Some(parent)) = (words.next(), words.next()) else { continue };
        let command = words.collect::<Vec<_>>().join(" ");
        all.push((pid.parse::<u32>().unwrap(), parent.parse::<u32>().unwrap(), command));
    }
    let mut found = BTreeMap::new();
    let mut roots = vec![root];
    while let Some(root) = roots.pop() {
        for (pid, parent, command) in &all {
            if *parent == root && command.starts_with(SURGE) && found.insert(*pid, command.clone()).is_none()
            {
                roots.push(*pid);
            }
        }
    }
    found
}

fn pods_of(root: u32, name: &str) -> Vec<u32> {
    let ending = format!("pod {name}");
    below(root).into_iter().filter(|(_, command)| command.ends_with(&ending)).map(|(pid, _)| pid).collect()
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn is_alive(pid: u32) -> bool {
    let state = Command::new("ps").args(["-o", "state=", "-p", &pid.to_string()]).output().unwrap().stdout;
    // A zombie only waits for its parent.
    !state.is_empty() && !state.starts_with(b"Z")
}

/// Waits until none of the processes lives and the folder has only the expected entries.
fn nothing_left(processes: &BTreeMap<u32, String>, place: &Place, expected: &[&str]) {
    wait::until_blocking("all processes to be gone", || {
        processes.keys().all(|pid| !is_alive(*pid)).then_some(())
    });
    wait::until_blocking("all files to be gone", || {
        place.files().iter().all(|file| expected.contains(&file.as_str())).then_some(())
    });
}

/// The number before `word` on the screen, as in `3 ready`.
fn number_before(screen: &str, word: &str) -> Option<u32> {
    let words: Vec<&str> = screen.split_whitespace().collect();
    let at = words
        .windows(2)
        .position(|pair| pair[1].trim_end_matches(',') == word && pair[0].parse::<u32>().is_ok())?;
    words[at].parse().ok()
}

/// Returns true if the stopwatch has a time for a stage.
fn has_time(screen: &str, stage: &str) -> bool {
    screen.lines().filter_map(|line| line.split_once(stage)).any(|(_, rest)| {
        let known = rest.trim_start().trim_start_matches(['≈', ' ']);
        known.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn wait_long(pty: &Pty, what: &str, condition: impl Fn(&str) -> bool) {
    let began = std::time::Instant::now();
    while !condition(&pty.screen()) {
        assert!(began.elapsed() < LONG, "waited {LONG:?} for {what} without success:\n{}", pty.screen());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A dashboard on a sandbox that is ready. The steps of the start also say "1 ready"; the title of the HPA's panel comes later.
fn ready(place: &Place, arguments: &[&str]) -> Pty {
    let pty = place.dashboard(arguments);
    wait_long(&pty, "a ready worker", |screen| {
        screen.contains("worker-scaler → Deployment/worker") && number_before(screen, "ready") == Some(1)
    });
    pty
}

#[test]
fn a_burst_scales_real_workers_up_and_down_again() {
    let place = Place::new();
    let mut pty = ready(&place, &QUICK);
    let screen = pty.screen();
    assert!(screen.contains("sandbox") && screen.contains("no kubeconfig"), "{screen}");

    pty.send("3 ").unwrap();
    wait_long(&pty, "50 accepted requests", |screen| screen.contains("50/50 accepted"));
    wait_long(&pty, "more workers", |screen| number_before(screen, "ready").is_some_and(|ready| ready > 1));
    assert!(pods_of(pty.pid().unwrap(), "worker").len() > 1, "they are processes");
    for stage in
        ["in the broker", "scraped sample", "external API", "desired changed", "first pod ready", "first ack"]
    {
        wait_long(&pty, stage, |screen| has_time(screen, stage));
    }
    wait_long(&pty, "the queue to drain", |screen| has_time(screen, "drained"));
    wait_long(&pty, "the workers to go", |screen| number_before(screen, "ready") == Some(1));
    wait_long(&pty, "the way back", |screen| has_time(screen, "back at min"));
    assert!(pty.screen().contains("50 done"), "{}", pty.screen());

    let processes = below(pty.pid().unwrap());
    assert!(processes.len() >= 5, "reaper, broker, producer, worker, Prometheus: {processes:?}");
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
    nothing_left(&processes, &place, &[]);
}

#[test]
fn nothing_outlives_a_killed_dashboard() {
    let place = Place::new();
    let pty = ready(&place, &QUICK);
    let root = pty.pid().unwrap();
    let processes = below(root);
    let worker = pods_of(root, "worker")[0];
    signal(worker, Signal::STOP);
    signal(root, Signal::KILL);
    nothing_left(&processes, &place, &[]);
}

#[test]
fn a_killed_worker_returns_its_job() {
    let place = Place::new();
    let mut pty = ready(&place, &["--work-duration", "3s", "--max", "1"]);
    let root = pty.pid().unwrap();
    pty.send("1 ").unwrap();
    wait_long(&pty, "an accepted request", |screen| screen.contains("1/1 accepted"));
    wait_long(&pty, "a busy worker", |screen| number_before(screen, "busy") == Some(1));
    let worker = pods_of(root, "worker")[0];
    pty.send("K").unwrap();
    pty.wait_for("the question", |screen| screen.contains("worker-"));
    pty.send("y").unwrap();
    wait::until_blocking("the worker to be gone", || (!is_alive(worker)).then_some(()));
    wait_long(&pty, "the job to be redelivered", |screen| screen.contains("1 redelivered"));
    wait_long(&pty, "the job to be done", |screen| screen.contains("1 done"));
    assert_ne!(pods_of(root, "worker"), [worker]);
}

#[test]
fn a_killed_broker_loses_its_messages() {
    let place = Place::new();
    let mut pty = ready(&place, &["--work-duration", "20s", "--max", "1"]);
    let root = pty.pid().unwrap();
    pty.send("2 ").unwrap();
    wait_long(&pty, "the requests", |screen| screen.contains("10/10 accepted"));
    wait_long(&pty, "the depth", |screen| screen.contains("10 messages"));
    signal(pods_of(root, "rabbitmq")[0], Signal::KILL);
    wait_long(&pty, "the loss", |screen| screen.contains("10 lost"));
    wait_long(&pty, "a broker", |screen| !pods_of(root, "rabbitmq").is_empty() && screen.contains("● live"));
    // The producer reconnects after its own back-off, so the first requests after the loss may still fail.
    wait::until_blocking("a burst to be accepted again", || {
        pty.send(" ").ok()?;
        std::thread::sleep(Duration::from_millis(500));
        pty.screen().contains("10/10 accepted").then_some(())
    });
}

/// `surge sandbox` that is ready.
struct Alone {
    child: Child,
    line: String,
    kubeconfig: PathBuf,
}

impl Alone {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let kubeconfig = place.path().join("config");
        let mut child = Command::new(SURGE)
            .arg("sandbox")
            .args(["--kubeconfig", kubeconfig.to_str().unwrap()])
            .args(arguments)
            .envs(place.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, line, kubeconfig }
    }

    fn end(&mut self, sent: Signal) -> Option<i32> {
        signal(self.child.id(), sent);
        wait::until_blocking("the sandbox to end", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn the_sandbox_prints_its_kubeconfig() {
    for sent in [Signal::INT, Signal::TERM] {
        let place = Place::new();
        let mut sandbox = Alone::start(&place, &QUICK);
        assert_eq!(sandbox.line, format!("export KUBECONFIG={}\n", sandbox.kubeconfig.display()));
        let mode = std::fs::metadata(&sandbox.kubeconfig).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let processes = below(sandbox.child.id());
        assert_eq!(sandbox.end(sent), Some(0));
        nothing_left(&processes, &place, &[]);
    }
}

#[test]
fn a_second_terminal_finds_the_sandbox() {
    let place = Place::new();
    let mut sandbox = Alone::start(&place, &QUICK);
    let config = sandbox.kubeconfig.to_str().unwrap().to_owned();
    let mut environment = place.environment();
    environment.retain(|(name, _)| *name != "KUBECONFIG");
    environment.push(("KUBECONFIG", &config));
    let mut pty = Pty::spawn(SURGE, &[], &environment, (160, 50)).unwrap();
    wait_long(&pty, "the cluster", |screen| screen.contains("surge-sandbox / autoscaling-demo"));
    wait_long(&pty, "a ready worker", |screen| number_before(screen, "ready") == Some(1));

    pty.send("2 ").unwrap();
    pty.wait_for("the question before the first burst", |screen| screen.contains("Fire this burst?"));
    pty.send("y").unwrap();
    wait_long(&pty, "the requests", |screen| screen.contains("10/10 accepted"));

    assert_eq!(sandbox.end(Signal::TERM), Some(0));
    wait_long(&pty, "the loss to be seen", |screen| !screen.contains("● live"));
    assert!(pty.screen().contains("surge-sandbox / autoscaling-demo"), "it never turns to another target");
    pty.send("q").unwrap();
    assert_eq!(pty.exit_code(), 0);
}

impl Alone {
    /// A client of the sandbox.
    async fn client(&self) -> kube::Client {
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let config = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(config, &options).await.unwrap();
        config.proxy_url = None;
        kube::Client::try_from(config).unwrap()
    }
}

/// Sends a GET request below the demo's namespace.
async fn get(client: &kube::Client, path: &str) -> Result<String, kube::Error> {
    let path = format!("/api/v1/namespaces/{}/{path}", contract::names::NAMESPACE);
    client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn requests_that_use_cpu_scale_their_server() {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    let place = Place::new();
    let sandbox = Alone::start(&place, &["--workload", "cpu", "--sync-period", "1s", "--max", "3"]);
    let client = sandbox.client().await;
    let hpas: kube::Api<HorizontalPodAutoscaler> =
        kube::Api::namespaced(client.clone(), contract::names::NAMESPACE);
    wait::until("more servers", || async {
        let work = || get(&client, "services/cpu-burner:8080/proxy/work?ms=100");
        let answers = futures::future::join_all((0..5).map(|_| work())).await;
        assert!(
            answers.iter().all(|answer| answer.as_ref().is_ok_and(|text| text.contains("burned 100 ms")))
        );
        let status = hpas.get("cpu-burner").await.unwrap().status?;
        (status.desired_replicas > 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn programs_of_the_user_run_as_the_pods() {
    let place = Place::new();
    let worker = "sh -c 'echo queue at $AMQP_HOST:$AMQP_PORT; exec sleep 1000'";
    // Any program that listens on the address in LISTEN.
    let producer = format!("{SURGE} pod cpu-burner");
    let sandbox = Alone::start(&place, &["--worker-command", worker, "--producer-command", &producer]);
    let client = sandbox.client().await;
    assert_eq!(get(&client, "services/producer:3000/proxy/healthz").await.unwrap(), "alive\n");
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
        kube::Api::namespaced(client, contract::names::NAMESPACE);
    wait::until("the worker's line", || async {
        let all = pods.list(&kube::api::ListParams::default()).await.unwrap();
        let mut names = all.items.iter().filter_map(|pod| pod.metadata.name.clone());
        let name = names.find(|name| name.starts_with("worker-"))?;
        let log = pods.logs(&name, &kube::api::LogParams::default()).await.ok()?;
        log.starts_with("queue at 127.0.0.1:").then_some(())
    })
    .await;
}

#[test]
fn read_only_fires_nothing() {
    let place = Place::new();
    let mut pty = ready(&place, &["--read-only"]);
    // Wide enough for the whole sentence.
    pty.resize(220, 50).unwrap();
    pty.send("1 ").unwrap();
    wait_long(&pty, "the refusal", |screen| screen.contains("--read-only"));
    assert!(!pty.screen().contains("1/1 accepted"));
}

#[test]
fn an_existing_kubeconfig_is_not_overwritten() {
    let place = Place::new();
    let path = place.path().join("config");
    std::fs::write(&path, "mine").unwrap();
    let output = Command::new(SURGE)
        .args(["sandbox", "--kubeconfig", path.to_str().unwrap()])
        .envs(place.environment())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("exists"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_cluster_and_the_sandbox_exclude_each_other() {
    let output = Command::new(SURGE).args(["--sandbox", "--context", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
