//! The conversions of the controller's arithmetic, in one place because each has a corner.

/// Milliseconds since an epoch of the caller's choosing. Only differences matter to the decision.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
pub struct Time(pub i64);

impl Time {
    /// So many whole seconds after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// This much earlier.
    #[must_use]
    pub const fn minus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(1000)))
    }

    /// This much later.
    #[must_use]
    pub const fn plus_secs(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Milliseconds from `earlier` to this, negative if it is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// `ceil`, then to a replica count, saturating (NaN gives 0).
#[must_use]
pub fn ceil_to_replicas(value: f64) -> i32 {
    value.ceil() as i32
}

/// `ceil`, then to milli-units, saturating (NaN gives 0).
#[must_use]
pub fn ceil_to_milli(value: f64) -> i64 {
    value.ceil() as i64
}
