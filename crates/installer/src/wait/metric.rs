//! Waiting for the external metric and for the API that serves it, with what stands in the way.

use std::time::{Duration, Instant};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::Api;
use serde_json::Value;

use super::{Waiting, within};
use crate::apply::Objects;
use crate::failure::Failure;
use crate::plan::API_SERVICE;
use crate::progress::Progress;
use crate::survey;
use cluster::errors;
use cluster::external_metric;
use observed::MetricRef;
use observed::convert;
use text::clean;

/// Two rounds of the autoscaler's controller, if it was started as usual.
const TWO_ROUNDS: Duration = Duration::from_secs(30);

impl Waiting<'_> {
    /// Waits until the external metric that the HPA reads answers with a value; returns it and its name.
    ///
    /// # Errors
    /// When it does not in time, with what was in the way.
    pub async fn metric(
        &self,
        namespace: &str,
        hpa: &str,
        progress: &mut Progress,
    ) -> Result<(String, i64), Failure> {
        let began = Instant::now();
        loop {
            let reason = match self.wanted_metric(namespace, hpa).await? {
                None => format!("HPA {hpa} in namespace {namespace} is not there or reads no External metric"),
                Some(metric) => match external_metric::ask(self.client, namespace, &metric).await {
                    Ok(sample) => match sample.value_milli {
                        Some(value) => return Ok((metric.name, value)),
                        None => "its query gives nothing yet: Prometheus has no sample of the queue, or the broker's target is down".to_owned(),
                    },
                    Err(errors::Failure::Unavailable(cause) | errors::Failure::Lost(cause)) => explained(&cause),
                },
            };
            progress.waiting(&reason);
            let advice = format!("which hop it is: {}", self.hints.surge(&["doctor"]));
            self.pause(began, "the external metric", &reason, &advice).await?;
        }
    }

    /// Waits until the HPA has read its metric, two of its rounds at most: it looks at a time of its own, and until then it still
    /// says what it last met. Returns whether it has.
    ///
    /// # Errors
    /// When the API does not answer, or a signal came.
    pub async fn read(&self, namespace: &str, hpa: &str, progress: &mut Progress) -> Result<bool, Failure> {
        let began = Instant::now();
        loop {
            let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client.clone(), namespace);
            let found = within(&format!("reading HPA {hpa}"), api.get_opt(hpa)).await?;
            if found.is_some_and(|object| has_read(&object)) {
                return Ok(true);
            }
            if began.elapsed() >= TWO_ROUNDS.min(self.timeout) {
                return Ok(false);
            }
            progress.waiting("it answers; the autoscaler looks every 15 s or so, and has not yet");
            self.rest().await?;
        }
    }

    async fn wanted_metric(&self, namespace: &str, hpa: &str) -> Result<Option<MetricRef>, Failure> {
        let api: Api<HorizontalPodAutoscaler> = Api::namespaced(self.client.clone(), namespace);
        let found = within(&format!("reading HPA {hpa}"), api.get_opt(hpa)).await?;
        Ok(found.and_then(|object| convert::hpa::convert(&object).metric))
    }

    /// Waits until the aggregated API of a release is available.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn api_service(&self, objects: &mut Objects, progress: &mut Progress) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let found = objects.get(&survey::api_service_key()).await?;
            let reason = match found.as_ref().map(unavailable) {
                Some(None) => return Ok(()),
                Some(Some(reason)) => reason,
                None => "there is no APIService for external metrics yet".to_owned(),
            };
            progress.waiting(&reason);
            let more = self.hints.kubectl(&["describe", "apiservice", API_SERVICE]);
            self.pause(began, "the external metrics API", &reason, &format!("more of it: {more}")).await?;
        }
    }
}

/// Whether the HPA says that it can scale by its metric.
fn has_read(object: &HorizontalPodAutoscaler) -> bool {
    let conditions = object.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "ScalingActive" && condition.status == "True")
}

/// Why an APIService is not available; `None` when it is.
fn unavailable(object: &Value) -> Option<String> {
    let conditions = object["status"]["conditions"].as_array();
    let available = conditions.into_iter().flatten().find(|condition| condition["type"] == "Available");
    match available {
        Some(condition) if condition["status"] == "True" => None,
        Some(condition) => {
            Some(clean::text(condition["message"].as_str().unwrap_or("it is not available yet")))
        }
        None => Some("nobody has looked at its APIService yet".to_owned()),
    }
}

/// What stands behind an answer of the external metrics API; the words are those of a real API server.
fn explained(cause: &str) -> String {
    let more = if cause.contains("could not find the metric") {
        "the adapter has not discovered the series yet; a new ServiceMonitor takes about two minutes to get through"
    } else if cause.contains("could not find the requested resource") {
        "nobody serves external metrics"
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
    fn an_api_that_is_not_available_says_why() {
        let service = |status: &str| json!({"status": {"conditions": [{"type": "Available", "status": status, "message": "no endpoints"}]}});
        assert_eq!(unavailable(&service("True")), None);
        assert_eq!(unavailable(&service("False")).as_deref(), Some("no endpoints"));
        assert!(unavailable(&json!({})).is_some());
    }

    #[test]
    fn an_autoscaler_has_read_its_metric_when_it_says_so() {
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
    fn the_answers_of_the_api_are_explained() {
        for (cause, expected) in [
            ("the server could not find the metric rabbitmq_queue_length for  (404)", "not discovered"),
            ("the server could not find the requested resource (404)", "nobody serves"),
            ("the server is currently unable to handle the request (503)", "no ready pod"),
            ("Internal error occurred: unable to fetch metrics (500)", "cannot reach Prometheus"),
            ("something else", "something else"),
        ] {
            assert!(explained(cause).contains(expected), "{cause}");
        }
    }
}
