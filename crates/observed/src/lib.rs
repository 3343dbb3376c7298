//! What Surge reads from a cluster, as plain data, and the conversions from Kubernetes' types.
//!
//! Everything is pure. The conversions clean all text, so that no value of these types holds a control character.

pub mod convert;
pub mod keda;
mod objects;
mod samples;

pub use self::objects::{
    ClusterEvent, Condition, Hpa, MetricRef, MetricTarget, Pod, PodPhase, PodsEvent, Role, Workload,
};
pub use self::samples::{DepthSample, MetricSample, ScrapedSample};
