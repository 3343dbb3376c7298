//! Decisions over readings that were measured elsewhere: what another specification would have done.
//!
//! The readings are taken as they are: they do not react to the size that is decided here. Over a recorded queue this is
//! an open loop, good for the first minutes after two specifications part ways and a hint after that; for a closed loop
//! see [`super::queue`].

use super::{Simulator, Step};
use crate::input::Reading;
use crate::number::Time;

/// What was known at one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// When the sync is made. Points are taken in the order given, whatever their times.
    pub at: Time,
    /// One reading for each metric of the specification, in its order.
    pub readings: Vec<Reading>,
    /// Pods that were ready. `None` for as many as the simulated size.
    pub ready: Option<i32>,
}

impl Point {
    /// A point with one External metric's value in thousandths, and all pods ready.
    #[must_use]
    pub fn external(at: Time, milli: i64) -> Self {
        Self { at, readings: vec![Reading::External(vec![milli])], ready: None }
    }
}

/// One sync for each point. The steps are made as they are asked for, so that a long series needs no more memory than a
/// short one.
///
/// ```
/// use hpa::simulate::{Simulator, series::{Point, series}};
/// use hpa::{Config, Spec, Time};
///
/// let spec: Spec = serde_json::from_str(r#"{
///     "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
///     "maxReplicas": 10, "behavior": {},
///     "metrics": [{"type": "External", "external": {
///         "metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "20"}}}]
/// }"#)?;
/// let mut simulator = Simulator::new(spec, Config::default(), 1)?;
/// let points = [99, 99, 0].into_iter().zip(0..).map(|(depth, i)| {
///     Point::external(Time::from_secs(15 * i), depth * 1000)
/// });
/// let sizes: Vec<i32> = series(&mut simulator, points).map(|step| step.after).collect();
/// assert_eq!(sizes, [5, 5, 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn series<'a>(
    simulator: &'a mut Simulator,
    points: impl IntoIterator<Item = Point, IntoIter: 'a>,
) -> impl Iterator<Item = Step> + 'a {
    points.into_iter().map(move |point| simulator.sync(point.at, &point.readings, point.ready))
}
