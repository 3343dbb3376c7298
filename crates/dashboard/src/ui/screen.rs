//! The screens, the panels of the overview, and the chosen panel.

/// The screens in the order of `tab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Chart, decision, beliefs, pods, stopwatch and events.
    #[default]
    Overview,
    /// The timeline of every worker.
    Pods,
    /// The full arithmetic of the last and the next sync.
    Decision,
    /// The last bursts as a table.
    Runs,
    /// The doctor's report.
    Doctor,
    /// The workers' log lines.
    Logs,
    /// All HPAs of the cluster. It is above the others, which show one HPA, and not among them.
    Fleet,
}

impl Screen {
    /// The screens of one HPA, in the order of `tab`.
    pub const ALL: &[Self] =
        &[Self::Overview, Self::Pods, Self::Decision, Self::Runs, Self::Doctor, Self::Logs];

    /// The index in the order of `tab`.
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|screen| *screen == self).unwrap_or(0)
    }

    /// Returns true if it has a time axis.
    #[must_use]
    pub fn has_axis(self) -> bool {
        matches!(self, Self::Overview | Self::Pods | Self::Decision)
    }

    /// The next or previous screen; from the fleet the first or last one.
    #[must_use]
    pub fn neighbour(self, forwards: bool) -> Self {
        if self == Self::Fleet {
            return if forwards { Self::default() } else { Self::default().neighbour(false) };
        }
        neighbour(Self::ALL, self.index(), forwards)
    }
}

/// The panels of the overview, which can be shown alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Queue, marks and replicas on one time axis.
    Chart,
    /// The autoscaler's arithmetic.
    Decision,
    /// The duration of every step of a burst.
    Stopwatch,
    /// The belief of every hop about the queue.
    Beliefs,
    /// The workers.
    Workers,
    /// The list of events.
    Events,
}

impl Panel {
    /// All panels, in the order of the arrow keys.
    pub const ALL: &[Self] =
        &[Self::Chart, Self::Decision, Self::Stopwatch, Self::Beliefs, Self::Workers, Self::Events];

    /// The next or previous panel.
    #[must_use]
    pub fn neighbour(self, forwards: bool) -> Self {
        let index = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        neighbour(Self::ALL, index, forwards)
    }
}

/// The next or previous element of a ring.
fn neighbour<T: Copy>(ring: &[T], index: usize, forwards: bool) -> T {
    let step = if forwards { 1 } else { ring.len() - 1 };
    ring[(index + step) % ring.len()]
}

/// The chosen panel of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// No panel is chosen.
    #[default]
    Nowhere,
    /// One panel among the others.
    On(Panel),
    /// This one, alone on the screen.
    Expanded(Panel),
}

impl Focus {
    /// The chosen panel, if there is one.
    #[must_use]
    pub fn panel(self) -> Option<Panel> {
        match self {
            Self::Nowhere => None,
            Self::On(panel) | Self::Expanded(panel) => Some(panel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_and_panels_are_rings() {
        let mut screen = Screen::default();
        for _ in Screen::ALL {
            let next = screen.neighbour(true);
            assert_eq!(next.neighbour(false), screen);
            screen = next;
        }
        assert_eq!(screen, Screen::default());
        assert_eq!(Panel::Chart.neighbour(false), *Panel::ALL.last().unwrap());
    }
}
