//! The two answers of a question, one of which is chosen while it stands. Where something would be changed or lost that is
//! `No`: `enter` alone does nothing then.

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum YesNo {
    /// It is not done.
    #[default]
    No,
    /// It is done.
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
