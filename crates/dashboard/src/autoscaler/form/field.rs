//! The fields of the form.

/// A field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The target type.
    Kind,
    /// The target.
    Target,
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
    /// All of them, in the order of the form.
    pub const ALL: [Self; 8] = [
        Self::Kind,
        Self::Target,
        Self::Min,
        Self::Max,
        Self::UpWindow,
        Self::DownWindow,
        Self::UpPolicies,
        Self::DownPolicies,
    ];
}
