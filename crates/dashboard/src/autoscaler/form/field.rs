//! The fields of the form.

/// A field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// How the reading is compared.
    Kind,
    /// The target.
    Target,
    /// Fewest replicas.
    Min,
    /// Most replicas.
    Max,
    /// Stabilisation of growth, in seconds.
    UpWindow,
    /// Stabilisation of shrinking, in seconds.
    DownWindow,
    /// Policies of growth.
    UpPolicies,
    /// Policies of shrinking.
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

    /// For the screen.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Kind => "target type",
            Self::Target => "target",
            Self::Min => "min replicas",
            Self::Max => "max replicas",
            Self::UpWindow => "window up, s",
            Self::DownWindow => "window down, s",
            Self::UpPolicies => "policies up",
            Self::DownPolicies => "policies down",
        }
    }
}
