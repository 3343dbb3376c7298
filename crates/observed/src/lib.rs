//! Plain data read from a cluster, and the conversions from Kubernetes' types.
//!
//! Everything is pure. The conversions clean all text that a screen shows: it holds no control characters.

pub mod convert;
pub mod keda;
mod objects;
mod samples;
pub mod scaled_object;
pub mod seconds;

pub use hpa::selection::ExternalTarget;

pub use self::objects::{ClusterEvent, Condition, Hpa, MetricRef, Pod, PodPhase, PodsEvent, Role, Workload};
pub use self::samples::{DepthSample, MetricAnswer, MetricSample, ScrapedSample};
