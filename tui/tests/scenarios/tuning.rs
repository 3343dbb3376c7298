//! Changes of the HPA, on any kubeconfig: tried, applied, refused and undone. Each restores the HPA.

use dashboard::edits::{Difference, Edit, TargetKind};
use dashboard::message::Event;
use dashboard::reported::{Applied, Change, Refusal, TuneEvent, TuneRequest};
use hpa::spec::Direction;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tui::source::tune::carry_out;

/// An HPA on an API server.
pub(crate) struct Place {
    client: Client,
    namespace: String,
}

impl Place {
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned() }
    }

    fn api(&self) -> Api<HorizontalPodAutoscaler> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn object(&self) -> HorizontalPodAutoscaler {
        self.api().get(contract::names::HPA).await.unwrap()
    }

    async fn spec(&self) -> hpa::Spec {
        let mut spec = hpa::Spec::try_from(&self.object().await.spec.unwrap()).unwrap();
        hpa::defaults::default_spec(&mut spec);
        spec
    }

    /// Changes the specification as another user.
    async fn another_user(&self, spec: serde_json::Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api().patch(contract::names::HPA, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn ask(&self, request: TuneRequest) -> TuneEvent {
        let (client, namespace) = (self.client.clone(), self.namespace.clone());
        match carry_out(client, namespace, contract::names::HPA.to_owned(), request).await {
            Event::Tune(answer) => answer,
            other => panic!("an answer: {other:?}"),
        }
    }

    async fn apply(&self, seen: hpa::Spec, edits: Vec<Edit>) -> Result<Applied, Refusal> {
        let change = Change { number: 7, seen: Box::new(seen), edits };
        match self.ask(TuneRequest::Apply(change)).await {
            TuneEvent::Applied { number: 7, result } => result,
            other => panic!("the answer to an application: {other:?}"),
        }
    }

    async fn undo(&self, applied: Applied) -> Result<Vec<Difference>, Refusal> {
        let (forward, back) = (applied.forward, applied.back);
        match self.ask(TuneRequest::Undo { number: 9, forward, back }).await {
            TuneEvent::Undone { number: 9, result } => result,
            other => panic!("the answer to taking back: {other:?}"),
        }
    }
}

pub(crate) async fn a_change_is_tried_applied_and_undone(place: &Place) {
    assert_eq!(place.ask(TuneRequest::Rights).await, TuneEvent::Rights(Ok(())));
    let before = place.object().await;
    let seen = place.spec().await;
    let edits = vec![
        Edit::Max(7),
        Edit::Target { metric: 0, kind: TargetKind::Value, quantity: "40".to_owned() },
        Edit::Window { direction: Direction::Up, seconds: Some(30) },
    ];

    let change = Change { number: 3, seen: Box::new(seen.clone()), edits: edits.clone() };
    let TuneEvent::Tried { number: 3, result: Ok(tried) } = place.ask(TuneRequest::Try(change)).await else {
        panic!("a dry run")
    };
    let paths: Vec<&str> = tried.iter().map(|difference| difference.path.as_str()).collect();
    assert!(paths.contains(&"spec.maxReplicas"), "{paths:?}");
    assert!(paths.contains(&"spec.metrics[0].external.target.type"), "{paths:?}");
    assert!(paths.contains(&"spec.behavior.scaleUp.stabilizationWindowSeconds"), "{paths:?}");
    assert_eq!(place.spec().await, seen, "a dry run stores nothing");

    let applied = place.apply(seen.clone(), edits).await.unwrap();
    assert_eq!(applied.differences, tried, "the applied change is the shown one");
    let now = place.object().await;
    assert_eq!(now.spec.as_ref().unwrap().max_replicas, 7);
    assert_eq!(now.metadata.labels, before.metadata.labels);
    assert_eq!(now.metadata.annotations, before.metadata.annotations);
    let managers: Vec<String> = now
        .metadata
        .managed_fields
        .unwrap_or_default()
        .into_iter()
        .filter_map(|entry| entry.manager)
        .collect();
    assert!(managers.contains(&"surge".to_owned()), "{managers:?}");

    let undone = place.undo(applied).await.unwrap();
    assert_eq!(undone.len(), tried.len());
    assert_eq!(place.object().await.spec, before.spec, "to the field");
}

pub(crate) async fn an_invalid_or_conflicting_change_is_refused(place: &Place) {
    let seen = place.spec().await;
    let (min, max) = (seen.min(), seen.max_replicas);

    let refusal = place.apply(seen.clone(), vec![Edit::Max(0)]).await.unwrap_err();
    let Refusal::Invalid(words) = refusal else { panic!("the server's words: {refusal:?}") };
    assert!(words.contains("spec.maxReplicas: Invalid value: 0: must be greater than 0"), "{words}");

    // Another user is faster: their change stays, and is reported.
    place.another_user(json!({"minReplicas": 2})).await;
    let refusal = place.apply(seen, vec![Edit::Max(6)]).await.unwrap_err();
    let Refusal::Conflict { theirs, now } = refusal else { panic!("a conflict: {refusal:?}") };
    let reported: Vec<_> = theirs.iter().map(|d| (d.path.as_str(), d.after.as_deref())).collect();
    assert_eq!(reported, [("spec.minReplicas", Some("2"))]);
    assert_eq!(*now, place.spec().await);

    // On the current version it succeeds, and undo does not overwrite the other user's newer value.
    let applied = place.apply(*now, vec![Edit::Max(6)]).await.unwrap();
    place.another_user(json!({"maxReplicas": 9})).await;
    let refusal = place.undo(applied.clone()).await.unwrap_err();
    let Refusal::Conflict { theirs, .. } = refusal else { panic!("a conflict: {refusal:?}") };
    let reported: Vec<_> =
        theirs.iter().map(|d| (d.path.as_str(), d.before.as_deref(), d.after.as_deref())).collect();
    assert_eq!(reported, [("spec.maxReplicas", Some("6"), Some("9"))]);
    assert_eq!(place.spec().await.max_replicas, 9);

    // A change of another field is no conflict.
    place.another_user(json!({"maxReplicas": 6, "minReplicas": min})).await;
    place.undo(applied).await.unwrap();
    let spec = place.spec().await;
    assert_eq!((spec.max_replicas, spec.min()), (max, min));
}
