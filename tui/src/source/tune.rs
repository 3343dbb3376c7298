//! Changes the HPA, after a dry run on the API server.
//!
//! The change is a JSON merge patch of the fields that differ, so all other fields stay as they are, also unknown ones.
//! Server-side apply would remove fields that its manager set before and does not send again; a second change would then undo the
//! first. The patch carries the object's `resourceVersion`, so the server refuses it after someone else's change. It also
//! carries the field manager `surge`, which `kubectl get --show-managed-fields` shows.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::{Api, Client};
use serde_json::{Value, json};

use cluster::errors;
use dashboard::edits::{differences, edit, holds, merge_patch};
use dashboard::message::Event;
use dashboard::reported::{Applied, Change, Refusal, TuneEvent, TuneRequest};
use text::clean;

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Retries on a newer version. The controller writes its status often, and each write makes a new version.
const TRIES: usize = 8;

/// The field manager.
const MANAGER: &str = "surge";

/// Carries out a request about HPA `name`.
pub async fn carry_out(client: Client, namespace: String, name: String, request: TuneRequest) -> Event {
    let tuner = Tuner::new(client, namespace, name);
    Event::Tune(match request {
        TuneRequest::Rights => TuneEvent::Rights(tuner.rights().await),
        TuneRequest::Try(change) => TuneEvent::Tried {
            number: change.number,
            result: tuner.change(&change, Store::DryRun).await.map(|applied| applied.differences),
        },
        TuneRequest::Apply(change) => {
            TuneEvent::Applied { number: change.number, result: tuner.change(&change, Store::Keep).await }
        }
        TuneRequest::Undo { number, forward, back } => {
            TuneEvent::Undone { number, result: tuner.undo(&forward, back).await }
        }
    })
}

/// The answer in read-only mode.
pub(crate) fn refused(request: &TuneRequest, why: &str) -> TuneEvent {
    let refusal = || Refusal::Failed(why.to_owned());
    match request {
        TuneRequest::Rights => TuneEvent::Rights(Err(why.to_owned())),
        TuneRequest::Try(change) => TuneEvent::Tried { number: change.number, result: Err(refusal()) },
        TuneRequest::Apply(change) => TuneEvent::Applied { number: change.number, result: Err(refusal()) },
        TuneRequest::Undo { number, .. } => TuneEvent::Undone { number: *number, result: Err(refusal()) },
    }
}

/// Dry run or real change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    DryRun,
    Keep,
}

struct Tuner {
    client: Client,
    api: Api<DynamicObject>,
    namespace: String,
    name: String,
}

impl Tuner {
    fn new(client: Client, namespace: String, name: String) -> Self {
        let resource = ApiResource::erase::<HorizontalPodAutoscaler>(&());
        let api = Api::namespaced_with(client.clone(), &namespace, &resource);
        Self { client, api, namespace, name }
    }

    fn what(&self) -> String {
        format!("HPA {} in namespace {}", self.name, self.namespace)
    }

    /// Asks whether this user may change the HPA.
    async fn rights(&self) -> Result<(), String> {
        let attributes = ResourceAttributes {
            verb: Some("patch".to_owned()),
            group: Some("autoscaling".to_owned()),
            resource: Some("horizontalpodautoscalers".to_owned()),
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            ..ResourceAttributes::default()
        };
        may(&self.client, attributes)
            .await
            .map_err(|why| format!("changing {} is not allowed: {why}", self.what()))
    }

    /// Applies the edits if the specification is still the one that the user saw.
    async fn change(&self, change: &Change, store: Store) -> Result<Applied, Refusal> {
        self.patched(store, |spec| {
            let now = typed(spec)?;
            if now != *change.seen {
                let (seen, theirs) = (json!(change.seen), json!(now));
                return Err(Refusal::Conflict {
                    theirs: differences("spec", &seen, &theirs),
                    now: Box::new(now),
                });
            }
            Ok(merge_patch(spec, &edit(spec, &change.edits)))
        })
        .await
    }

    /// Reverts a change if its values are still in place.
    async fn undo(&self, forward: &Value, back: Value) -> Result<Vec<dashboard::edits::Difference>, Refusal> {
        let undone = self.patched(Store::Keep, |spec| {
            if holds(forward, spec) {
                return Ok(back.clone());
            }
            let theirs = differences("spec", forward, &shape(forward, spec));
            Err(Refusal::Conflict { theirs, now: Box::new(typed(spec)?) })
        });
        undone.await.map(|applied| applied.differences)
    }

    /// Reads the object, lets `make` build a patch of its specification, and sends it for exactly this version.
    async fn patched(
        &self,
        store: Store,
        make: impl Fn(&Value) -> Result<Value, Refusal>,
    ) -> Result<Applied, Refusal> {
        let parameters = PatchParams {
            dry_run: store == Store::DryRun,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        for _ in 0..TRIES {
            let object = self.answer("reading", self.api.get(&self.name)).await?;
            let before = object.data.get("spec").cloned().unwrap_or_default();
            let forward = make(&before)?;
            if forward.as_object().is_none_or(serde_json::Map::is_empty) {
                return Ok(Applied { differences: Vec::new(), forward, back: json!({}) });
            }
            let body = json!({
                "metadata": {"resourceVersion": object.metadata.resource_version},
                "spec": forward,
            });
            let body = Patch::Merge(body);
            let sending = self.api.patch(&self.name, &parameters, &body);
            match tokio::time::timeout(REQUEST_TIMEOUT, sending).await {
                Ok(Ok(changed)) => {
                    let after = changed.data.get("spec").cloned().unwrap_or_default();
                    return Ok(Applied {
                        differences: differences("spec", &before, &after),
                        back: merge_patch(&after, &before),
                        forward: merge_patch(&before, &after),
                    });
                }
                // The version changed. The next round shows whether someone changed the specification or only the status.
                Ok(Err(kube::Error::Api(status))) if status.code == 409 => {}
                Ok(Err(error)) => return Err(self.refusal("changing", &error)),
                Err(_late) => return Err(self.late("changing")),
            }
        }
        let what = self.what();
        Err(Refusal::Failed(format!("changing {what}: it changed {TRIES} times meanwhile; try again")))
    }

    async fn answer<T>(
        &self,
        doing: &str,
        question: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Refusal> {
        match tokio::time::timeout(REQUEST_TIMEOUT, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.refusal(doing, &error)),
            Err(_late) => Err(self.late(doing)),
        }
    }

    fn refusal(&self, doing: &str, error: &kube::Error) -> Refusal {
        match error {
            kube::Error::Api(status) if matches!(status.code, 400 | 422) => {
                Refusal::Invalid(clean::text(&status.message))
            }
            error => Refusal::Failed(format!("{doing} {} failed: {}", self.what(), errors::kube(error))),
        }
    }

    fn late(&self, doing: &str) -> Refusal {
        Refusal::Failed(format!("{doing} {}: no answer within {} s", self.what(), REQUEST_TIMEOUT.as_secs()))
    }
}

/// Asks the API server whether this user may do something; `Err` has the reason, as far as the server gives one.
pub(crate) async fn may(client: &Client, attributes: ResourceAttributes) -> Result<(), String> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let parameters = PostParams::default();
    match tokio::time::timeout(REQUEST_TIMEOUT, reviews.create(&parameters, &question)).await {
        Ok(Ok(review)) => {
            let status = review.status.unwrap_or_default();
            if status.allowed {
                return Ok(());
            }
            let reason = status.reason.filter(|reason| !reason.is_empty());
            Err(reason.map_or_else(
                || "you do not have this right in the cluster".to_owned(),
                |reason| clean::text(&reason),
            ))
        }
        Ok(Err(error)) => Err(format!("asking for the right failed: {}", errors::kube(&error))),
        Err(_late) => Err(format!("asking for the right: no answer within {} s", REQUEST_TIMEOUT.as_secs())),
    }
}

/// The specification with defaults, as the screens know it.
fn typed(spec: &Value) -> Result<hpa::Spec, Refusal> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Refusal::Failed(format!(
            "the HPA's specification cannot be read: {}",
            clean::text(&error.to_string())
        ))
    };
    let spec: HorizontalPodAutoscalerSpec =
        serde_json::from_value(spec.clone()).map_err(|error| unreadable(&error))?;
    let mut spec = hpa::Spec::try_from(&spec).map_err(|error| unreadable(&error))?;
    hpa::defaults::default_spec(&mut spec);
    Ok(spec)
}

/// The fields of `value` that `patch` names.
fn shape(patch: &Value, value: &Value) -> Value {
    let (Value::Object(patch), Value::Object(value)) = (patch, value) else { return value.clone() };
    let named = patch.iter().filter_map(|(name, inner)| Some((name.clone(), shape(inner, value.get(name)?))));
    Value::Object(named.collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Json;
    use axum::http::{Method, StatusCode};
    use axum::response::IntoResponse as _;

    use super::*;
    use dashboard::edits::Edit;

    fn object() -> Value {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h", "namespace": "demo", "resourceVersion": "7"},
            "spec": {"maxReplicas": 10, "minReplicas": 1,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}},
        })
    }

    /// Serves the object, and answers each patch with the next code; after the last code, patches succeed.
    fn playing(codes: &'static [u16]) -> Client {
        let patches = Arc::new(AtomicUsize::new(0));
        Client::new(
            axum::Router::new().fallback(async move |method: Method| {
                let code = match method {
                    Method::PATCH => codes.get(patches.fetch_add(1, Ordering::Relaxed)),
                    _ => None,
                };
                match code {
                    Some(code) => {
                        let status = json!({"status": "Failure", "code": code, "message": "no, said it", "reason": "No"});
                        (StatusCode::from_u16(*code).unwrap(), Json(status)).into_response()
                    }
                    None => Json(object()).into_response(),
                }
            }),
            "demo",
        )
    }

    async fn apply(codes: &'static [u16]) -> Result<Applied, Refusal> {
        let tuner = Tuner::new(playing(codes), "demo".to_owned(), "h".to_owned());
        let seen = Box::new(typed(&object()["spec"]).unwrap());
        tuner.change(&Change { number: 1, seen, edits: vec![Edit::Max(8)] }, Store::Keep).await
    }

    #[tokio::test]
    async fn a_conflict_is_retried_a_few_times() {
        assert!(apply(&[409, 409]).await.is_ok());
        let refusal = apply(&[409; 50]).await.unwrap_err();
        assert!(
            matches!(&refusal, Refusal::Failed(sentence) if sentence.contains("changed 8 times")),
            "{refusal:?}"
        );
    }

    #[tokio::test]
    async fn a_refusal_has_the_servers_words() {
        assert_eq!(apply(&[422]).await.unwrap_err(), Refusal::Invalid("no, said it".to_owned()));
        let sentence = "changing HPA h in namespace demo failed: no, said it (403)".to_owned();
        assert_eq!(apply(&[403]).await.unwrap_err(), Refusal::Failed(sentence));
    }

    #[tokio::test]
    async fn a_missing_right_has_its_reason() {
        for (status, expected) in [
            (json!({"allowed": true}), Ok(())),
            (json!({"allowed": false, "reason": "no rule\u{1b}"}), Err("no rule")),
            (json!({"allowed": false}), Err("you do not have this right in the cluster")),
        ] {
            let app = axum::Router::new().fallback(async move || {
                Json(json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                    "metadata": {}, "spec": {}, "status": status}))
            });
            let answer = may(&Client::new(app, "demo"), ResourceAttributes::default()).await;
            assert_eq!(answer.as_ref().copied().map_err(String::as_str), expected);
        }
    }
}
