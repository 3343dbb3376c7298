//! The HorizontalPodAutoscaler's decision: pure, exact and explainable.
//!
//! Kubernetes' own autoscaler says how many pods it wants, and little of why. This crate makes the same decisions as
//! kube-controller-manager, number for number and word for word, as plain functions: no clock, no I/O, no global state,
//! no panic. What the controller keeps in its head between two looks is a value, [`Memory`]; what time it is is an
//! argument. So it serves a controller, a simulation and a dashboard alike.
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
//! // The first half decides...
//! let mut decision = hpa::decide(&input, &mut memory);
//! assert_eq!(decision.new_size, Some(5));
//! assert_eq!(decision.trace.to_string(), "99/20 avg -> 5 wanted, +4 pods per 15s allows 5");
//!
//! // ...then the caller writes the size, and the second half takes note of how that went.
//! hpa::after_scale(&input, &mut decision, Ok(()), input.now, &mut memory);
//! assert_eq!(decision.events[0].message, "New size: 5; reason: external metric queue(nil) above target");
//! status = decision.status;
//! assert_eq!(status.desired_replicas, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to find what
//!
//! - [`decide`] and [`after_scale`] are the two halves of a sync; [`Input`] is all that they know, [`Decision`] all that
//!   comes out.
//! - [`Trace`] is each step of the arithmetic as data. [`explain`] answers from it: why this number, what holds it back,
//!   and when does that let go.
//! - [`simulate`] makes many syncs in a row, over measured readings or a made-up queue.
//! - [`defaults`] and [`validate`] are what an API server does to an object before the controller sees it.
//! - [`compat`] has the controller's settings, feature gates and the differences between releases.
//! - [`metric`], [`readiness`] and [`limits`] are the pieces of the decision, for those who need only one.
//! - `k8s` (feature of that name) converts from and to k8s-openapi's types.
//!
//! # Numbers
//!
//! Metric values and targets are whole thousandths (`i64`), sizes are `i32`, ratios are `f64`, and the order of the
//! operations is upstream's, because its rounding shows in the result: 50 pods plus 10 % are 56. Where Go's conversion of
//! a number that does not fit is undefined, this crate saturates; a quantity whose thousandths do not fit 64 bits, which
//! upstream takes for 0, is an error.

mod combine;
pub mod compat;
pub mod condition;
pub mod defaults;
pub mod event;
pub mod explain;
pub mod input;
#[cfg(feature = "k8s")]
pub mod k8s;
pub mod limits;
pub mod memory;
pub mod metric;
pub mod number;
pub mod quantity;
pub mod readiness;
pub mod selector;
pub mod simulate;
pub mod spec;
pub mod status;
pub mod sync;
pub mod tolerance;
pub mod trace;
pub mod validate;

pub use compat::{Compat, Config, Gates, Release};
pub use event::{Event, EventKind};
pub use explain::Hold;
pub use input::{Input, Pod, Reading, Scale};
pub use memory::Memory;
pub use number::Time;
pub use quantity::{Quantity, QuantityError};
pub use spec::Spec;
pub use status::Status;
pub use sync::{Decision, SyncError, after_scale, decide};
pub use trace::Trace;
