//! The dialog with the contexts of the kubeconfig, or with the namespaces of the cluster.

use crate::reported::{Place, PlaceKind};

/// The dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacesDialog {
    /// The kind of its places.
    pub kind: PlaceKind,
    /// The places, once known; `Err` with the reason if they cannot be read.
    pub seen: Option<Result<Vec<Place>, String>>,
    /// Index of the chosen place.
    pub chosen: usize,
}

impl PlacesDialog {
    /// A dialog that waits for the places.
    #[must_use]
    pub fn new(kind: PlaceKind) -> Self {
        Self { kind, seen: None, chosen: 0 }
    }

    /// Shows the places. It chooses the current one.
    pub fn show(&mut self, seen: Result<Vec<Place>, String>) {
        let current = |places: &Vec<Place>| places.iter().position(|place| place.is_current);
        self.chosen = seen.as_ref().ok().and_then(current).unwrap_or(0);
        self.seen = Some(seen);
    }

    /// The places that are known.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        match &self.seen {
            Some(Ok(places)) => places,
            _ => &[],
        }
    }

    /// Moves the choice by that many places.
    pub fn choose(&mut self, by: isize) {
        let last = self.places().len().saturating_sub(1);
        self.chosen = self.chosen.saturating_add_signed(by).min(last);
    }

    /// The chosen place.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.places().get(self.chosen)
    }
}
