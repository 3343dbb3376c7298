//! Drills: scale a part of the metric chain to zero, and restore it.
//!
//! The dashboard remembers what it stopped and restores it when it ends, within [`RESTORE_TIMEOUT`]. A dashboard that is
//! killed leaves the part stopped. The next dashboard sees no replicas and offers to start one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::names;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use k8s_openapi::api::core::v1::Service;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::Mutex;

use crate::source::tune::may;
use cluster::errors;
use dashboard::message::Event;
use dashboard::reported::{Drill, DrillEvent, DrillRequest, ScaledKind, ScaledWorkload};
use text::clean;

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Limit of restoring everything when the dashboard ends.
pub const RESTORE_TIMEOUT: Duration = Duration::from_secs(15);

/// Values of the exporter's name label: the demo's own chart, and the upstream one.
const EXPORTERS: &str = "app.kubernetes.io/name in (rabbitmq-exporter,prometheus-rabbitmq-exporter)";

/// The drills of this run. Clones share them.
#[derive(Clone)]
pub struct Drills {
    client: Client,
    namespace: String,
    /// The stopped parts with their former replicas. Locked during a request, so that a restore never overtakes a stop.
    stopped: Arc<Mutex<BTreeMap<Drill, ScaledWorkload>>>,
}

impl Drills {
    /// No drills yet, for the demo in `namespace`.
    #[must_use]
    pub fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace, stopped: Arc::default() }
    }

    /// Carries out a request.
    pub async fn carry_out(&self, request: DrillRequest) -> Event {
        Event::Drill(match request {
            DrillRequest::Find => DrillEvent::Found(self.look().await),
            DrillRequest::Stop(drill, scaled) => match self.stop(drill, scaled.clone()).await {
                Ok(()) => DrillEvent::Stopped(drill, scaled),
                Err(sentence) => DrillEvent::Failed(drill, sentence),
            },
            DrillRequest::PutBack(drill, scaled) => match self.put_back(drill, scaled.clone()).await {
                Ok(()) => DrillEvent::PutBack(drill, scaled),
                Err(sentence) => DrillEvent::Failed(drill, sentence),
            },
        })
    }

    /// Restores everything that is stopped. Returns one sentence for each failure.
    pub async fn put_all_back(&self) -> Vec<String> {
        let putting = async {
            let stopped = std::mem::take(&mut *self.stopped.lock().await);
            let mut failed = Vec::new();
            for scaled in stopped.values() {
                if let Err(sentence) = self.scale(scaled, scaled.replicas).await {
                    failed.push(sentence);
                }
            }
            failed
        };
        let late = || vec![format!("restoring the drills: no answer within {RESTORE_TIMEOUT:?}")];
        tokio::time::timeout(RESTORE_TIMEOUT, putting).await.unwrap_or_else(|_late| late())
    }

    async fn stop(&self, drill: Drill, scaled: ScaledWorkload) -> Result<(), String> {
        let mut stopped = self.stopped.lock().await;
        // Noted first: the server may have acted on a request whose answer is lost.
        stopped.insert(drill, scaled.clone());
        self.scale(&scaled, 0).await
    }

    async fn put_back(&self, drill: Drill, scaled: ScaledWorkload) -> Result<(), String> {
        let mut stopped = self.stopped.lock().await;
        self.scale(&scaled, scaled.replicas).await?;
        stopped.remove(&drill);
        Ok(())
    }

    /// The parts that can be stopped, and the reason for each that cannot.
    async fn look(&self) -> Vec<(Drill, Result<ScaledWorkload, String>)> {
        let mut seen = Vec::new();
        for drill in Drill::ALL {
            let found = match drill {
                Drill::Exporter => self.exporter().await,
                Drill::Prometheus => self.prometheus().await,
                Drill::Broker => self.broker().await,
            };
            let found = match found {
                Ok(scaled) => self.allowed(&scaled).await.map(|()| scaled),
                Err(why) => Err(why),
            };
            seen.push((drill, found));
        }
        seen
    }

    async fn exporter(&self) -> Result<ScaledWorkload, String> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &self.namespace);
        let what = format!("looking for the exporter in namespace {}", self.namespace);
        let found = answer(&what, api.list(&ListParams::default().labels(EXPORTERS))).await?;
        let none = "there is no exporter in the namespace: the broker's own plugin is scraped";
        found.items.first().map(deployment).ok_or_else(|| none.to_owned())
    }

    async fn broker(&self) -> Result<ScaledWorkload, String> {
        let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), &self.namespace);
        let what = format!("reading StatefulSet {} in namespace {}", names::RABBITMQ, self.namespace);
        answer(&what, api.get(names::RABBITMQ)).await.map(|object| stateful_set(&object))
    }

    /// The workload that runs the Prometheus in use, or the object from which its operator makes that workload.
    async fn prometheus(&self) -> Result<ScaledWorkload, String> {
        let services: Api<Service> = Api::all(self.client.clone());
        let what = format!("looking for the Service {}", names::PROMETHEUS_SERVICE);
        let named = ListParams::default().fields(&format!("metadata.name={}", names::PROMETHEUS_SERVICE));
        let services = answer(&what, services.list(&named)).await?;
        let Some(service) = services.items.first() else {
            return Err(format!("there is no Service {} in any namespace", names::PROMETHEUS_SERVICE));
        };
        let namespace = service.namespace().unwrap_or_default();
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
        let matches = |labels: Option<&BTreeMap<String, String>>| {
            !selector.is_empty()
                && labels
                    .is_some_and(|labels| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
        };
        let all = ListParams::default();
        let sets: Api<StatefulSet> = Api::namespaced(self.client.clone(), &namespace);
        let what = format!("looking for Prometheus in namespace {namespace}");
        for set in answer(&what, sets.list(&all)).await?.items {
            let labels = set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
            if matches(labels) {
                // Its operator would restore the StatefulSet at once.
                let made_from = set.owner_references().iter().find(|owner| owner.kind == "Prometheus");
                return match made_from {
                    Some(owner) => self.custom(&namespace, &owner.name).await,
                    None => Ok(stateful_set(&set)),
                };
            }
        }
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &namespace);
        for found in answer(&what, deployments.list(&all)).await?.items {
            let labels =
                found.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
            if matches(labels) {
                return Ok(deployment(&found));
            }
        }
        Err(format!(
            "nothing in namespace {namespace} runs the pods of Service {}",
            names::PROMETHEUS_SERVICE
        ))
    }

    async fn custom(&self, namespace: &str, name: &str) -> Result<ScaledWorkload, String> {
        let what = format!("reading Prometheus {name} in namespace {namespace}");
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource(ScaledKind::Prometheus));
        let object = answer(&what, api.get(name)).await?;
        let replicas = object.data.pointer("/spec/replicas").and_then(serde_json::Value::as_i64).unwrap_or(1);
        Ok(ScaledWorkload {
            kind: ScaledKind::Prometheus,
            namespace: clean::text(namespace),
            name: clean::text(name),
            replicas: i32::try_from(replicas).unwrap_or(1),
        })
    }

    async fn allowed(&self, scaled: &ScaledWorkload) -> Result<(), String> {
        let resource = resource(scaled.kind);
        let attributes = ResourceAttributes {
            verb: Some("patch".to_owned()),
            group: Some(resource.group.clone()),
            resource: Some(resource.plural.clone()),
            subresource: (scaled.kind != ScaledKind::Prometheus).then(|| "scale".to_owned()),
            namespace: Some(scaled.namespace.clone()),
            name: Some(scaled.name.clone()),
            ..ResourceAttributes::default()
        };
        may(&self.client, attributes)
            .await
            .map_err(|why| format!("scaling {} is not allowed: {why}", described(scaled)))
    }

    async fn scale(&self, scaled: &ScaledWorkload, replicas: i32) -> Result<(), String> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &scaled.namespace, &resource(scaled.kind));
        let what = format!("scaling {} to {replicas}", described(scaled));
        let parameters = PatchParams { field_manager: Some("surge".to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        if scaled.kind == ScaledKind::Prometheus {
            // The scale subresource of this kind scales its shards.
            answer(&what, api.patch(&scaled.name, &parameters, &patch)).await.map(drop)
        } else {
            answer(&what, api.patch_scale(&scaled.name, &parameters, &patch)).await.map(drop)
        }
    }
}

/// The answer in read-only mode.
pub(crate) fn refused(request: &DrillRequest, why: &str) -> DrillEvent {
    match request {
        DrillRequest::Find => {
            DrillEvent::Found(Drill::ALL.into_iter().map(|drill| (drill, Err(why.to_owned()))).collect())
        }
        DrillRequest::Stop(drill, _) | DrillRequest::PutBack(drill, _) => {
            DrillEvent::Failed(*drill, why.to_owned())
        }
    }
}

/// The answer of a request, or a sentence.
async fn answer<T>(what: &str, question: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(REQUEST_TIMEOUT, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{what} failed: {}", errors::kube(&error))),
        Err(_late) => Err(format!("{what}: no answer within {} s", REQUEST_TIMEOUT.as_secs())),
    }
}

fn resource(kind: ScaledKind) -> ApiResource {
    match kind {
        ScaledKind::Deployment => ApiResource::erase::<Deployment>(&()),
        ScaledKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        ScaledKind::Prometheus => {
            let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "Prometheus");
            ApiResource::from_gvk_with_plural(&kind, "prometheuses")
        }
    }
}

/// `StatefulSet rabbitmq in namespace demo`.
fn described(scaled: &ScaledWorkload) -> String {
    format!("{} {} in namespace {}", scaled.kind.word(), scaled.name, scaled.namespace)
}

fn deployment(object: &Deployment) -> ScaledWorkload {
    let replicas = object.spec.as_ref().and_then(|spec| spec.replicas);
    scaled(ScaledKind::Deployment, object.namespace(), &object.name_any(), replicas)
}

fn stateful_set(object: &StatefulSet) -> ScaledWorkload {
    let replicas = object.spec.as_ref().and_then(|spec| spec.replicas);
    scaled(ScaledKind::StatefulSet, object.namespace(), &object.name_any(), replicas)
}

fn scaled(kind: ScaledKind, namespace: Option<String>, name: &str, replicas: Option<i32>) -> ScaledWorkload {
    let namespace = clean::text(&namespace.unwrap_or_default());
    ScaledWorkload { kind, namespace, name: clean::text(name), replicas: replicas.unwrap_or(1) }
}
