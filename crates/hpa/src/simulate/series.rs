//! Decisions over recorded readings: the syncs that another specification would have made.
//!
//! The readings do not react to the simulated size (an open loop). The result is reliable for the first minutes after two
//! specifications diverge, and a hint after that. For a closed loop see [`super::queue`].

use super::{Simulator, Step};
use crate::input::Reading;
use crate::time::Time;

/// The readings of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Time of the sync. The simulation keeps the order of the points, whatever their times.
    pub at: Time,
    /// One reading for each metric of the specification, in its order.
    pub readings: Vec<Reading>,
    /// Number of ready pods; `None` means the simulated size.
    pub ready: Option<i32>,
}

impl Point {
    /// A point with the value of one External metric in thousandths, and all pods ready.
    #[must_use]
    pub fn external(at: Time, milli: i64) -> Self {
        Self { at, readings: vec![Reading::External(vec![milli])], ready: None }
    }
}

/// Runs one sync per point. The iterator is lazy, so a long series needs no more memory than a short one.
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
