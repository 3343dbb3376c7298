//! The cost of a fleet of a thousand HPAs: the first list, memory, CPU at five changes a second, and a frame.
//!
//! `cargo bench -p tui --bench fleet` builds the release binary and prints one line a figure. The cluster is a loopback server
//! that answers with objects as large as kubectl's, in pages, and changes one every 200 ms.

mod measure;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use dashboard::scenes::World;
use futures::StreamExt as _;
use measure::{cpu_seconds, megabytes, milliseconds, poll, report};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

/// HPAs of the fleet.
const HPAS: usize = 1_000;
/// Time between two changes.
const CHANGE: Duration = Duration::from_millis(200);
/// Duration of the CPU measurement.
const WATCHED: Duration = Duration::from_secs(30);
/// Runs of the short measurements.
const ROUNDS: usize = 7;
/// The terminal of every run.
const SIZE: (u16, u16) = (200, 50);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for the server");
    let address = runtime.block_on(serve());
    let folder = tempfile::tempdir().expect("a folder for the kubeconfig");
    let kubeconfig = folder.path().join("config");
    let text = format!(
        "{{clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], \
         contexts: [{{name: many, context: {{cluster: c}}}}], current-context: many}}"
    );
    std::fs::write(&kubeconfig, text).expect("the kubeconfig is written");

    let mut listed: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let pty = measure::dashboard(&kubeconfig, &[], SIZE);
            let at = poll("the list", || pty.screen().contains("1000 HPAs").then(Instant::now));
            milliseconds(at - start)
        })
        .collect();
    report("start to list", "ms", &mut listed);
    watched(&kubeconfig);
    frame();
}

fn watched(kubeconfig: &std::path::Path) {
    let pty = measure::dashboard(kubeconfig, &[], SIZE);
    poll("the list", || pty.screen().contains("1000 HPAs").then_some(()));
    let pid = pty.pid().expect("it has a process id");
    // The rest of the start is no change.
    std::thread::sleep(Duration::from_secs(3));
    let cpu = cpu_seconds(pid);
    std::thread::sleep(WATCHED);
    let (Some(before), Some(after)) = (cpu, cpu_seconds(pid)) else {
        println!("watched: no /proc here, CPU and memory not measured");
        return;
    };
    let share = (after - before) / WATCHED.as_secs_f64() * 100.0;
    println!("CPU at 5 changes/s  {share:8.2} % of a core over {WATCHED:?}");
    println!("resident            {:8.1} MB", megabytes(pid, "VmRSS:").unwrap_or(f64::NAN));
}

fn frame() {
    let world = World::play("fleet_thousand", SIZE.0, SIZE.1).expect("the scene exists");
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            tui::view::draw(&world.model, area, &mut buffer);
            milliseconds(start.elapsed())
        })
        .collect();
    report("frame", "ms", &mut times);
}

async fn serve() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let app = axum::Router::new().fallback(async |uri: Uri| answer(&uri));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn answer(uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    if uri.path() == "/version" {
        let version = json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4", "gitCommit": "", "gitTreeState": "",
            "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
        return axum::Json(version).into_response();
    }
    if uri.path() != "/apis/autoscaling/v2/horizontalpodautoscalers" {
        let status = json!({"kind": "Status", "status": "Failure", "code": 404, "message": "no", "reason": "NotFound"});
        return (StatusCode::NOT_FOUND, axum::Json(status)).into_response();
    }
    if query.contains("watch=true") {
        let changes = futures::stream::unfold(0_usize, async |number| {
            tokio::time::sleep(CHANGE).await;
            let event = json!({"type": "MODIFIED", "object": hpa(number * 7 % HPAS, number)});
            Some((Ok::<_, Infallible>(format!("{event}\n")), number + 1))
        });
        return Body::from_stream(changes.boxed()).into_response();
    }
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok())
    };
    let (first, limit) = (parameter("continue").unwrap_or(0), parameter("limit").unwrap_or(HPAS));
    let last = (first + limit).min(HPAS);
    let next = if last < HPAS { last.to_string() } else { String::new() };
    let items: Vec<Value> = (first..last).map(|index| hpa(index, 0)).collect();
    let list = json!({"kind": "HorizontalPodAutoscalerList", "apiVersion": "autoscaling/v2",
        "metadata": {"resourceVersion": "7", "continue": next}, "items": items});
    axum::Json(list).into_response()
}

/// An HPA with managed fields and conditions, as a cluster has them: about 4 kB.
fn hpa(index: usize, change: usize) -> Value {
    let name = format!("service-{index:04}");
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": reason,
            "message": message})
    };
    let fields = json!({"f:spec": {"f:behavior": {"f:scaleDown": {"f:policies": {}, "f:selectPolicy": {}}},
        "f:maxReplicas": {}, "f:metrics": {}, "f:minReplicas": {}, "f:scaleTargetRef": {}}});
    let managed = |manager: &str| {
        json!({"manager": manager, "operation": "Update", "apiVersion": "autoscaling/v2",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields})
    };
    json!({
        "kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2",
        "metadata": {"name": name, "namespace": format!("team-{:02}", index % 40), "uid": format!("uid-{index}"),
            "resourceVersion": (100 + change).to_string(), "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(1_200)},
            "managedFields": [managed("kubectl-client-side-apply"), managed("kube-controller-manager")]},
        "spec": {"minReplicas": 2, "maxReplicas": 20,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 80}}},
                {"type": "Resource", "resource": {"name": "memory",
                    "target": {"type": "AverageValue", "averageValue": "500Mi"}}}]},
        "status": {"currentReplicas": 3, "desiredReplicas": 3, "lastScaleTime": "2026-01-01T00:00:00Z",
            "currentMetrics": [
                {"type": "Resource", "resource": {"name": "cpu",
                    "current": {"averageUtilization": 40 + (index + change) % 50, "averageValue": "90m"}}},
                {"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "262144Ki"}}}],
            "conditions": [
                condition("AbleToScale", "ReadyForNewScale", "recommended size matches current size"),
                condition("ScalingActive", "ValidMetricFound", "the HPA was able to successfully calculate a replica \
                    count from cpu resource utilization (percentage of request)")]},
    })
}
