//! Everything that was seen along the chain, each with how it was asked. Plain data: what it means is said elsewhere.
//!
//! Texts are kept as they came; they are cleaned where a line of the report is made of them.

mod api;
mod broker;
mod keda;
mod prometheus;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

pub use self::api::{Answer, MetricsApi};
pub use self::broker::{Broker, MetricsEndpoint, Queue, Sample, ServicePort};
pub use self::keda::{
    AuthenticationReference, AuthenticationSpec, Keda, ScaledObject, ScaledObjectSpec, SecretKeys,
    SecretReference, Trigger,
};
pub use self::prometheus::{MonitorSpec, Prometheus, PrometheusSpec, RuleSpec, Target, Targets, Track};
pub use super::flags::Flags;

/// An answer, and the question.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact<T> {
    /// The command or request that shows the same.
    pub how: String,
    /// The answer.
    pub seen: Seen<T>,
}

/// What a question came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<T> {
    /// It is there.
    Value(T),
    /// It is said not to be there.
    Absent,
    /// It may not be seen; a sentence.
    NotPermitted(String),
    /// There was no answer of use; a sentence.
    Failed(String),
    /// Nothing was asked, and why.
    NotAsked(String),
}

impl<T> Fact<T> {
    /// A question that was not put.
    #[must_use]
    pub fn not_asked(why: impl Into<String>) -> Self {
        Self { how: String::new(), seen: Seen::NotAsked(why.into()) }
    }

    /// A thing that was seen.
    #[must_use]
    pub fn seen(how: impl Into<String>, thing: T) -> Self {
        Self { how: how.into(), seen: Seen::Value(thing) }
    }

    /// The thing, if it was seen.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        match &self.seen {
            Seen::Value(thing) => Some(thing),
            _ => None,
        }
    }

    /// The same answer about something made of the thing.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Fact<U> {
        let seen = match self.seen {
            Seen::Value(thing) => Seen::Value(turn(thing)),
            Seen::Absent => Seen::Absent,
            Seen::NotPermitted(sentence) => Seen::NotPermitted(sentence),
            Seen::Failed(sentence) => Seen::Failed(sentence),
            Seen::NotAsked(why) => Seen::NotAsked(why),
        };
        Fact { how: self.how, seen }
    }

    /// Whether it is said not to be there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.seen, Seen::Absent)
    }
}

impl<T> Fact<Vec<T>> {
    /// The things that were seen, none where none could be.
    #[must_use]
    pub fn all(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the context.
    pub context: String,
    /// Namespace of the HPA.
    pub namespace: String,
    /// Name of the HPA.
    pub hpa: String,
    /// How a command reaches the same cluster.
    pub flags: Flags,
}

/// A right that is needed for a part of the look, or for the dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Right {
    /// As `kubectl auth can-i` takes it, such as `get`.
    pub verb: &'static str,
    /// Resource, with its group and subresource, such as `pods/portforward`.
    pub resource: String,
    /// Namespace; `None` for all of them.
    pub namespace: Option<String>,
    /// What cannot be seen without it.
    pub purpose: &'static str,
    /// The answer.
    pub allowed: Fact<bool>,
}

/// A custom object of which only a few fields are read.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Custom<S> {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Specification.
    pub spec: S,
}

impl<S> Custom<S> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }
}

/// A second look at the HPA, taken when the first did not agree with the metrics API.
#[derive(Debug, Clone, PartialEq)]
pub struct Later {
    /// How long after the first.
    pub after: Duration,
    /// The HPA then.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// The metric then.
    pub answer: Fact<Answer>,
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What was looked at.
    pub place: Place,
    /// When, by the clock here.
    pub now: Timestamp,
    /// Version of the API server, such as `v1.34.4`, and where it is.
    pub version: Fact<String>,
    /// What may be done.
    pub rights: Vec<Right>,
    /// The namespace.
    pub namespace: Fact<Namespace>,
    /// The HPA.
    pub autoscaler: Fact<HorizontalPodAutoscaler>,
    /// All HPAs of the namespace.
    pub autoscalers: Fact<Vec<HorizontalPodAutoscaler>>,
    /// The HPA after a while.
    pub later: Option<Later>,
    /// Deployments of the namespace.
    pub deployments: Fact<Vec<Deployment>>,
    /// StatefulSets of the namespace.
    pub stateful_sets: Fact<Vec<StatefulSet>>,
    /// Pods of the namespace.
    pub pods: Fact<Vec<Pod>>,
    /// Services of the namespace.
    pub services: Fact<Vec<Service>>,
    /// Events of the namespace that are warnings.
    pub warnings: Fact<Vec<Event>>,
    /// The broker.
    pub broker: Broker,
    /// Prometheus.
    pub prometheus: Prometheus,
    /// The external metrics API.
    pub api: MetricsApi,
    /// KEDA.
    pub keda: Keda,
    /// The controller manager's arguments, where its pod can be read.
    pub controller_arguments: Fact<Vec<String>>,
    /// The ConfigMap that tells the settings of a controller manager that is no pod.
    pub controller_settings: Fact<ConfigMap>,
}

impl Facts {
    /// Nothing was seen, and why.
    #[must_use]
    pub fn nothing(why: &str) -> Self {
        Self {
            place: Place {
                context: String::new(),
                namespace: String::new(),
                hpa: String::new(),
                flags: Flags::default(),
            },
            now: Timestamp::UNIX_EPOCH,
            version: Fact::not_asked(why),
            rights: Vec::new(),
            namespace: Fact::not_asked(why),
            autoscaler: Fact::not_asked(why),
            autoscalers: Fact::not_asked(why),
            later: None,
            deployments: Fact::not_asked(why),
            stateful_sets: Fact::not_asked(why),
            pods: Fact::not_asked(why),
            services: Fact::not_asked(why),
            warnings: Fact::not_asked(why),
            broker: Broker::nothing(why),
            prometheus: Prometheus::nothing(why),
            api: MetricsApi::nothing(why),
            keda: Keda::nothing(why),
            controller_arguments: Fact::not_asked(why),
            controller_settings: Fact::not_asked(why),
        }
    }
}
