//! The drills: what was stopped from here, and the dialog that stops it and puts it back.

use std::collections::BTreeMap;

use crate::clock::At;
use crate::reported::{Drill, DrillRequest, ScaledWorkload};
use crate::ui::yes_no::YesNo;

/// What is stopped at the moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drills {
    open: BTreeMap<Drill, Open>,
}

/// Something that is stopped.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Since when.
    pub since: At,
    /// What it was.
    pub scaled: ScaledWorkload,
}

impl Drills {
    /// It was stopped.
    pub fn stopped(&mut self, at: At, drill: Drill, scaled: ScaledWorkload) {
        self.open.insert(drill, Open { since: at, scaled });
    }

    /// It was put back.
    pub fn put_back(&mut self, drill: Drill) {
        self.open.remove(&drill);
    }

    /// It, if it is stopped.
    #[must_use]
    pub fn get(&self, drill: Drill) -> Option<&Open> {
        self.open.get(&drill)
    }

    /// Everything that is stopped.
    pub fn iter(&self) -> impl Iterator<Item = (Drill, &Open)> {
        self.open.iter().map(|(drill, open)| (*drill, open))
    }
}

/// What a drill is called.
#[must_use]
pub fn title(drill: Drill) -> &'static str {
    match drill {
        Drill::Exporter => "exporter",
        Drill::Prometheus => "Prometheus",
        Drill::Broker => "broker",
    }
}

/// What is to be seen while it is stopped.
#[must_use]
pub fn consequence(drill: Drill) -> &'static str {
    match drill {
        Drill::Exporter => "no new samples: the HPA loses its metric and keeps its size",
        Drill::Prometheus => "no scrapes and no queries: the external metric fails",
        Drill::Broker => "no queue: jobs are refused; what a disk does not keep is lost",
    }
}

/// The dialog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DrillDialog {
    /// What there is to stop, once that is known; `Err` says why something is not.
    pub seen: Option<Vec<(Drill, Result<ScaledWorkload, String>)>>,
    /// Which of them is chosen.
    pub chosen: usize,
    /// How far it is.
    pub step: DrillStep,
}

/// How far the dialog is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DrillStep {
    /// One is chosen.
    #[default]
    Choosing,
    /// Stopping it waits for a yes; the answer that is chosen.
    Asking(Drill, ScaledWorkload, YesNo),
}

impl DrillDialog {
    /// There is that to stop. Chosen is what is stopped, else the first that can be.
    pub fn show(&mut self, seen: Vec<(Drill, Result<ScaledWorkload, String>)>, drills: &Drills) {
        if self.seen.is_none() {
            let stopped = seen.iter().position(|(drill, found)| {
                drills.get(*drill).is_some() || found.as_ref().is_ok_and(|scaled| scaled.replicas == 0)
            });
            let first = || seen.iter().position(|(_, found)| found.is_ok());
            self.chosen = stopped.or_else(first).unwrap_or_default();
        }
        self.seen = Some(seen);
    }

    /// The choice one up or down.
    pub fn choose(&mut self, up: bool) {
        let last = Drill::ALL.len() - 1;
        self.chosen = if up { self.chosen.saturating_sub(1) } else { (self.chosen + 1).min(last) };
    }

    /// The chosen drill is wanted: a question first, or what puts it back at once.
    pub fn enter(&mut self, drills: &Drills) -> Option<DrillRequest> {
        let (drill, found) = self.seen.as_ref()?.get(self.chosen)?;
        let (drill, Ok(scaled)) = (*drill, found) else { return None };
        if let Some(open) = drills.get(drill) {
            return Some(DrillRequest::PutBack(drill, open.scaled.clone()));
        }
        if scaled.replicas == 0 {
            // A dashboard that was killed has left it so; how many there were is not known any more.
            return Some(DrillRequest::PutBack(drill, ScaledWorkload { replicas: 1, ..scaled.clone() }));
        }
        self.step = DrillStep::Asking(drill, scaled.clone(), YesNo::No);
        None
    }

    /// The answer to the question is yes.
    pub fn yes(&mut self) -> Option<DrillRequest> {
        match std::mem::take(&mut self.step) {
            DrillStep::Asking(drill, scaled, _) => Some(DrillRequest::Stop(drill, scaled)),
            DrillStep::Choosing => None,
        }
    }
}
