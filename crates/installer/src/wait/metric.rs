//! Waits for the external metric and for its API, and reports the obstacle.

use std::time::Instant;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::Api;
use serde_json::Value;

use super::Waiting;
use crate::apply::{Objects, with_timeout};
use crate::failure::Failure;
use crate::plan::API_SERVICE;
use crate::progress::Progress;
use crate::ready::FIRST_SYNC_LIMIT;
use crate::survey;
use cluster::{errors, external_metric};
use observed::MetricRef;
use observed::convert;
use text::clean;

impl Waiting<'_> {
    /// Waits until the HPA's external metric has a value; returns the metric's name and the value in thousandths.
    ///
    /// # Errors
    /// After the time limit, with the obstacle.
    pub async fn metric(
        &self,
        namespace: &str,
        hpa: &str,
        progress: &mut Progress,
    ) -> Result<(String, i64), Failure> {
        let began = Instant::now();
        loop {
            let reason = match self.wanted_metric(namespace, hpa).await? {
                None => format!("namespace {namespace} has no HPA {hpa} with an External metric"),
                Some(metric) => match external_metric::ask(self.client, namespace, &metric).await {
                    Ok(sample) => match sample.value_milli {
                        Some(value) => return Ok((metric.name, value)),
                        None => "it has no value: Prometheus has no sample of the queue yet".to_owned(),
                    },
                    Err(errors::Failure::Unavailable(cause) | errors::Failure::Lost(cause)) => {
                        explained(&cause)
                    }
                },
            };
            progress.waiting(&reason);
            let advice = format!("find the faulty hop with: {}", self.hints.surge(&["doctor"]));
            self.pause(began, "the external metric", &reason, &advice).await?;
        }
    }

    /// Waits until the HPA has read its metric, for two sync periods at most. Returns true if it has.
    ///
    /// # Errors
    /// If the API does not answer, or after a signal.
    pub async fn read(&self, namespace: &str, hpa: &str, progress: &mut Progress) -> Result<bool, Failure> {
        let began = Instant::now();
        loop {
            let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client.clone(), namespace);
            let found = with_timeout(&format!("reading HPA {hpa}"), api.get_opt(hpa)).await?;
            if found.is_some_and(|object| has_read(&object)) {
                return Ok(true);
            }
            if began.elapsed() >= FIRST_SYNC_LIMIT.min(self.timeout) {
                return Ok(false);
            }
            progress.waiting("the metric has a value; the autoscaler syncs every 15 s or so");
            self.sleep().await?;
        }
    }

    async fn wanted_metric(&self, namespace: &str, hpa: &str) -> Result<Option<MetricRef>, Failure> {
        let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client.clone(), namespace);
        let found = with_timeout(&format!("reading HPA {hpa}"), api.get_opt(hpa)).await?;
        Ok(found.and_then(|object| convert::hpa::convert(&object).metric))
    }

    /// Waits until the external metrics API is available.
    ///
    /// # Errors
    /// After the time limit.
    pub async fn api_service(&self, objects: &mut Objects, progress: &mut Progress) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let found = objects.get(&survey::api_service_key()).await?;
            let reason = match found.as_ref().map(unavailable) {
                Some(None) => return Ok(()),
                Some(Some(reason)) => reason,
                None => "its APIService does not exist yet".to_owned(),
            };
            progress.waiting(&reason);
            let command = self.hints.kubectl(&["describe", "apiservice", API_SERVICE]);
            self.pause(began, "the external metrics API", &reason, &format!("details: {command}")).await?;
        }
    }
}

/// Returns true if the HPA reports that its metric works.
fn has_read(object: &HorizontalPodAutoscaler) -> bool {
    let conditions = object.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "ScalingActive" && condition.status == "True")
}

/// The reason why an APIService is not available; `None` if it is available.
fn unavailable(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array();
    let available = conditions.into_iter().flatten().find(|condition| condition["type"] == "Available");
    match available {
        Some(condition) if condition["status"] == "True" => None,
        Some(condition) => {
            Some(clean::text(condition["message"].as_str().unwrap_or("it is not available yet")))
        }
        None => Some("its APIService has no status yet".to_owned()),
    }
}

/// The cause of an error of the external metrics API, by the messages of a real API server.
fn explained(cause: &str) -> String {
    let more = if cause.contains("could not find the metric") {
        "the adapter has not discovered the series yet, which takes about two minutes"
    } else if cause.contains("could not find the requested resource") {
        "the cluster has no external metrics"
    } else if cause.contains("unable to handle the request") {
        "the adapter has no ready pod"
    } else if cause.contains("unable to fetch metrics") {
        "the adapter cannot reach Prometheus"
    } else {
        return cause.to_owned();
    };
    format!("{more} ({cause})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unavailable_api_has_a_reason() {
        let service = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "message": "no endpoints"}]}});
        assert_eq!(unavailable(&service("True")), None);
        assert_eq!(unavailable(&service("False")).as_deref(), Some("no endpoints"));
        assert!(unavailable(&json!({})).is_some());
    }

    #[test]
    fn conditions_show_that_the_metric_was_read() {
        let says = |conditions: Value| {
            let object = json!({"spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "w"}},
                "status": {"desiredReplicas": 0, "conditions": conditions}});
            has_read(&serde_json::from_value(object).unwrap())
        };
        let condition = |kind: &str, status: &str| json!([{"type": kind, "status": status}]);
        assert!(says(condition("ScalingActive", "True")));
        assert!(!says(condition("ScalingActive", "False")));
        assert!(!says(condition("AbleToScale", "True")));
        assert!(!says(json!([])));
    }

    #[test]
    fn api_errors_are_explained() {
        for (cause, expected) in [
            ("the server could not find the metric rabbitmq_queue_length for  (404)", "not discovered"),
            ("the server could not find the requested resource (404)", "no external metrics"),
            ("the server is currently unable to handle the request (503)", "no ready pod"),
            ("Internal error occurred: unable to fetch metrics (500)", "cannot reach Prometheus"),
            ("something else", "something else"),
        ] {
            assert!(explained(cause).contains(expected), "{cause}");
        }
    }
}
