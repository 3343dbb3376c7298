//! The drills: the stopped parts, and the dialog that stops and starts them.

use std::collections::BTreeMap;

use crate::clock::At;
use crate::reported::{Drill, DrillRequest, ScaledWorkload};
use crate::strings::sentences;
use crate::ui::yes_no::YesNo;

/// The stopped parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Drills {
    open: BTreeMap<Drill, Open>,
}

/// A stopped part.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The time of the stop.
    pub since: At,
    /// The stopped workload.
    pub scaled: ScaledWorkload,
}

impl Drills {
    /// Records a stop.
    pub fn stopped(&mut self, at: At, drill: Drill, scaled: ScaledWorkload) {
        self.open.insert(drill, Open { since: at, scaled });
    }

    /// Records a start.
    pub fn put_back(&mut self, drill: Drill) {
        self.open.remove(&drill);
    }

    /// The stopped part of a drill, if it is stopped.
    #[must_use]
    pub fn get(&self, drill: Drill) -> Option<&Open> {
        self.open.get(&drill)
    }

    /// All stopped parts.
    pub fn iter(&self) -> impl Iterator<Item = (Drill, &Open)> {
        self.open.iter().map(|(drill, open)| (*drill, open))
    }
}

/// The name of a drill's part.
#[must_use]
pub fn title(drill: Drill) -> &'static str {
    match drill {
        Drill::Exporter => "exporter",
        Drill::Prometheus => "Prometheus",
        Drill::Broker => "broker",
    }
}

/// The effect of stopping it.
#[must_use]
pub fn consequence(drill: Drill) -> &'static str {
    match drill {
        Drill::Exporter => sentences::EXPORTER_STOPPED,
        Drill::Prometheus => sentences::PROMETHEUS_STOPPED,
        Drill::Broker => sentences::BROKER_STOPPED,
    }
}

/// The dialog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DrillDialog {
    /// The workloads, once known; `Err` with the reason if one cannot be stopped.
    pub seen: Option<Vec<(Drill, Result<ScaledWorkload, String>)>>,
    /// Index of the chosen drill.
    pub chosen: usize,
    /// The step of the dialog.
    pub step: DrillStep,
}

/// The step of the dialog.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DrillStep {
    /// The user chooses a drill.
    #[default]
    Choosing,
    /// The stop waits for a yes; the chosen answer.
    Asking(Drill, ScaledWorkload, YesNo),
}

impl DrillDialog {
    /// Shows the workloads. It chooses a stopped one, else the first that can be stopped.
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

    /// Moves the choice up or down.
    pub fn choose(&mut self, up: bool) {
        let last = Drill::ALL.len() - 1;
        self.chosen = if up { self.chosen.saturating_sub(1) } else { (self.chosen + 1).min(last) };
    }

    /// Acts on the chosen drill: asks before a stop, or returns the request that starts it again.
    pub fn enter(&mut self, drills: &Drills) -> Option<DrillRequest> {
        let (drill, found) = self.seen.as_ref()?.get(self.chosen)?;
        let (drill, Ok(scaled)) = (*drill, found) else { return None };
        if let Some(open) = drills.get(drill) {
            return Some(DrillRequest::PutBack(drill, open.scaled.clone()));
        }
        if scaled.replicas == 0 {
            // An earlier dashboard ended without starting it; its earlier replicas are unknown.
            return Some(DrillRequest::PutBack(drill, ScaledWorkload { replicas: 1, ..scaled.clone() }));
        }
        self.step = DrillStep::Asking(drill, scaled.clone(), YesNo::No);
        None
    }

    /// Answers the question with yes.
    pub fn yes(&mut self) -> Option<DrillRequest> {
        match std::mem::take(&mut self.step) {
            DrillStep::Asking(drill, scaled, _) => Some(DrillRequest::Stop(drill, scaled)),
            DrillStep::Choosing => None,
        }
    }
}
