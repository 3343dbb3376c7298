//! The fields of the form.

/// A field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The type of the first External or Object metric's target.
    Kind,
    /// The target of the metric with this index.
    Target(usize),
    /// The minimum of replicas.
    Min,
    /// The maximum of replicas.
    Max,
    /// Stabilisation window of scaling up, in seconds.
    UpWindow,
    /// Stabilisation window of scaling down, in seconds.
    DownWindow,
    /// Policies of scaling up.
    UpPolicies,
    /// Policies of scaling down.
    DownPolicies,
}

impl Name {
    /// The fields after those of the metrics, in the order of the form.
    pub const AFTER_METRICS: [Self; 6] =
        [Self::Min, Self::Max, Self::UpWindow, Self::DownWindow, Self::UpPolicies, Self::DownPolicies];
}
