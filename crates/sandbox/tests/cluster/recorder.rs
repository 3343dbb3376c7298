//! An external metrics API that answers from scripts and logs its requests. Each sync of the controller sends one
//! request for each metric, so the log lists all syncs, also those that change nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use testkit::wait;

use crate::script::{METRIC, Script};
use crate::world::{ObservedState, Sizes, World};
use hpa::recorded::MetricResponse;

/// Group and version of the API.
pub(crate) const GROUP_VERSION: &str = "external.metrics.k8s.io/v1beta1";

/// One sync: the state of the cluster at its first request, and the time of its last response.
#[derive(Debug, Clone)]
pub(crate) struct LoggedSync {
    pub(crate) observed: ObservedState,
    pub(crate) answered: SystemTime,
}

/// The scripts and the log.
#[derive(Clone)]
pub(crate) struct Recorder {
    namespace: String,
    scripts: Arc<HashMap<String, Vec<Vec<MetricResponse>>>>,
    world: Arc<Mutex<World>>,
    log: Arc<Mutex<RequestLog>>,
}

#[derive(Default)]
struct RequestLog {
    syncs: HashMap<String, Vec<LoggedSync>>,
    users: BTreeSet<String>,
}

impl Recorder {
    pub(crate) fn new(namespace: &str, scripts: &[Script], world: Arc<Mutex<World>>) -> Self {
        let answers = |script: &Script| script.syncs.iter().map(|step| step.read.clone()).collect();
        Self {
            namespace: namespace.to_owned(),
            scripts: Arc::new(scripts.iter().map(|script| (script.name.clone(), answers(script))).collect()),
            world,
            log: Arc::default(),
        }
    }

    /// Waits until the watches report these sizes of a target.
    pub(crate) async fn wait_for(&self, name: &str, sizes: Sizes) {
        wait::until("the watch to report the target", || async {
            let observed = self.world.lock().unwrap().state(name)?;
            (observed.sizes == sizes).then_some(())
        })
        .await;
    }

    /// The syncs of an autoscaler so far.
    pub(crate) fn syncs(&self, name: &str) -> Vec<LoggedSync> {
        self.log.lock().unwrap().syncs.get(name).cloned().unwrap_or_default()
    }

    /// The users that requested the scripts' metrics, from the API server's headers.
    pub(crate) fn users(&self) -> BTreeSet<String> {
        self.log.lock().unwrap().users.clone()
    }

    pub(crate) fn router(&self) -> Router {
        let root = format!("/apis/{GROUP_VERSION}");
        Router::new()
            .route(&root, get(resources))
            .route(&format!("{root}/namespaces/{{namespace}}/{{metric}}"), get(answer))
            .fallback(async || {
                error_response(404, "NotFound", "the server could not find the requested resource")
            })
            .with_state(self.clone())
    }

    fn next(&self, name: &str, index: usize, user: &str) -> Option<MetricResponse> {
        let script = self.scripts.get(name)?;
        let observed = self.world.lock().unwrap().state(name)?;
        let mut log = self.log.lock().unwrap();
        log.users.insert(user.to_owned());
        let syncs = log.syncs.entry(name.to_owned()).or_default();
        let answered = SystemTime::now();
        if index == 0 {
            syncs.push(LoggedSync { observed, answered });
        } else {
            syncs.last_mut()?.answered = answered;
        }
        // Syncs after the end of the script get its last answers and are not recorded.
        let step = script.get(syncs.len() - 1).or(script.last())?;
        step.get(index).cloned()
    }
}

async fn resources() -> Json<Value> {
    Json(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION,
        "resources": [{
            "name": METRIC, "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": ["get"],
        }],
    }))
}

async fn answer(
    State(recorder): State<Recorder>,
    Path((namespace, metric)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let user = headers.get("x-remote-user").and_then(|user| user.to_str().ok()).unwrap_or_default();
    let selector = query.get("labelSelector").map(String::as_str).unwrap_or_default();
    let labels: HashMap<&str, &str> = selector.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let answer = labels
        .get("autoscaler")
        .zip(labels.get("index").and_then(|index| index.parse().ok()))
        .filter(|_| namespace == recorder.namespace && metric == METRIC)
        .and_then(|(name, index)| recorder.next(name, index, user));
    match answer {
        Some(MetricResponse::Values(values)) => {
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let items: Vec<Value> = values
                .iter()
                .map(|value| json!({"metricName": metric, "metricLabels": {}, "timestamp": now, "value": value}))
                .collect();
            Json(json!({
                "kind": "ExternalMetricValueList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items,
            }))
            .into_response()
        }
        Some(MetricResponse::Refused { code, reason, message }) => error_response(code, &reason, &message),
        None => {
            error_response(404, "NotFound", &format!("the server could not find the metric {metric} for "))
        }
    }
}

fn error_response(code: u16, reason: &str, message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}
