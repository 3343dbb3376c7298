//! Deletes a pod at once, as `kubectl delete pod NAME --grace-period=0 --force` does.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Preconditions};
use kube::{Api, Client};

use cluster::errors;
use dashboard::message::Event;

/// Limit of the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Deletes pod `name` if it still has this `uid`, and reports the result.
pub(crate) async fn pod(client: Client, namespace: String, name: String, uid: String) -> Event {
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let only_this = Preconditions { uid: Some(uid), resource_version: None };
    let parameters = DeleteParams::default().grace_period(0).preconditions(only_this);
    let result = match tokio::time::timeout(REQUEST_TIMEOUT, pods.delete(&name, &parameters)).await {
        Ok(Ok(_)) => Ok(format!("pod {name} is deleted")),
        Ok(Err(error)) => Err(format!("deleting pod {name} failed: {}", errors::kube(&error))),
        Err(_late) => Err(format!("deleting pod {name}: no answer within {REQUEST_TIMEOUT:?}")),
    };
    Event::KillDone { attempt: format!("delete pod {name}"), result }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::http::Method;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn a_kill_has_no_grace_and_a_uid_precondition() {
        let sent: Arc<Mutex<Vec<(Method, Value)>>> = Arc::default();
        let seen = Arc::clone(&sent);
        let app =
            axum::Router::new().fallback(async move |method: Method, axum::Json(body): axum::Json<Value>| {
                seen.lock().unwrap().push((method, body));
                axum::Json(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}))
            });
        let (name, uid) = ("a".to_owned(), "u".to_owned());
        let event = pod(Client::new(app, "demo"), "demo".to_owned(), name, uid).await;
        assert!(matches!(event, Event::KillDone { result: Ok(_), .. }), "{event:?}");
        let sent = sent.lock().unwrap();
        let [(method, body)] = sent.as_slice() else { panic!("one request: {sent:?}") };
        assert_eq!(*method, Method::DELETE);
        assert_eq!((&body["gracePeriodSeconds"], &body["preconditions"]["uid"]), (&json!(0), &json!("u")));
    }
}
