//! The decision of the HorizontalPodAutoscaler: pure, exact and explainable.
//!
//! Kubernetes reports how many pods its autoscaler wants, but hardly why. This crate makes the same decisions as
//! kube-controller-manager, with the same sizes and texts, as plain functions: no clock, no I/O, no global state, no
//! panic. The controller's state between two syncs is a value, [`Memory`]; the time is an argument. It therefore serves a
//! controller, a simulation and a dashboard.
//!
//! ```
//! use hpa::{Config, Input, Memory, Reading, Release, Scale, Spec, Status, Time};
//!
//! let mut spec: Spec = serde_json::from_str(r#"{
//!     "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
//!     "maxReplicas": 10, "behavior": {},
//!     "metrics": [{"type": "External", "external": {
//!         "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
//! }"#)?;
//! hpa::defaults::default_spec(&mut spec);
//!
//! let config = Config::release(Release::V1_34);
//! let scale = Scale { spec_replicas: 1, status_replicas: 1, selector: "app=worker".to_owned() };
//! let mut status = Status::default();
//! let mut memory = Memory::default();
//! let input = Input {
//!     now: Time::from_secs(0),
//!     namespace: "demo",
//!     generation: None,
//!     spec: &spec,
//!     status: &status,
//!     scale: Ok(&scale),
//!     pods: &[],
//!     selected_by: &[],
//!     readings: &[Reading::External(vec![99_000])],
//!     config: &config,
//! };
//!
//! // The first half decides.
//! let mut decision = hpa::decide(&input, &mut memory);
//! assert_eq!(decision.new_size, Some(5));
//! assert_eq!(decision.trace.to_string(), "99/20 avg: wants 5, +4 pods per 15 s allows 5");
//!
//! // The caller writes the size; the second half processes the result of the write.
//! hpa::after_scale(&input, &mut decision, Ok(()), input.now, &mut memory);
//! assert_eq!(decision.events[0].message, "New size: 5; reason: external metric queue(nil) above target");
//! status = decision.status;
//! assert_eq!(status.desired_replicas, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! - [`decide`] and [`after_scale`] are the two halves of a sync, with [`Input`] and [`Decision`].
//! - [`Trace`] has each step of the arithmetic as data. [`explain`] derives from it the reason for the size, the hold that
//!   binds, and the time at which the hold ends.
//! - [`simulate`] runs consecutive syncs, over recorded readings or a simulated queue.
//! - [`defaults`] and [`validate`] are the steps of an API server before the controller sees an object.
//! - [`selection`] finds the External metric of an HPA and the series that its selector picks. [`pairing`] finds the reading
//!   of a metric in the status.
//! - [`pod_table`] lists the pods of a metric with the part that each has in the calculation.
//! - [`compat`] has the controller's settings, feature gates and the differences between releases.
//! - [`metric`], [`readiness`] and [`limits`] are the parts of the decision, for callers that need only one.
//! - `k8s` (feature `k8s`) converts from and to k8s-openapi's types.
//! - `recorded` (feature `recorded`) replays recorded syncs of a real controller and compares them.
//!
//! # Numbers
//!
//! Metric values and targets are whole thousandths (`i64`), sizes are `i32`, ratios are `f64`. The order of the operations
//! is upstream's, because its rounding changes results: 50 pods plus 10 % are 56. Where Go's conversion of a number that
//! does not fit is undefined, this crate saturates. A quantity whose thousandths do not fit 64 bits is an error; upstream
//! takes it for 0.

pub mod compat;
pub mod condition;
pub mod defaults;
pub mod event;
pub mod explain;
mod field_path;
pub mod input;
#[cfg(feature = "k8s")]
pub mod k8s;
pub mod limits;
pub mod memory;
pub mod metric;
pub mod pairing;
pub mod pod_table;
pub mod quantity;
pub mod readiness;
#[cfg(feature = "recorded")]
pub mod recorded;
pub mod selection;
pub mod selector;
pub mod simulate;
pub mod spec;
pub mod status;
pub mod sync;
pub mod time;
pub mod tolerance;
pub mod trace;
pub mod validate;

pub use compat::{Compat, Config, Gates, Release};
pub use event::{Event, EventKind};
pub use explain::Hold;
pub use input::{Input, Pod, Reading, Scale};
pub use memory::Memory;
pub use quantity::{Quantity, QuantityError};
pub use spec::Spec;
pub use status::Status;
pub use sync::{Decision, SyncError, after_scale, decide};
pub use time::Time;
pub use trace::Trace;
