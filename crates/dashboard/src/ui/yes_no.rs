//! The two answers of a question. The chosen one is `No` where something would be changed or lost: `enter`
//! alone then does nothing.

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum YesNo {
    /// Do not do it.
    #[default]
    No,
    /// Do it.
    Yes,
}

impl YesNo {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
        }
    }
}
