//! The screens, the panels of the overview, and the panel that is chosen.

/// The screens that `tab` goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Chart, decision, beliefs, pods, stopwatch and events.
    #[default]
    Overview,
    /// A lane for every worker.
    Pods,
    /// The whole arithmetic of the last and the next sync.
    Decision,
    /// The last bursts as a table.
    Runs,
    /// What the doctor found along the metric chain.
    Doctor,
    /// What the workers log.
    Logs,
}

impl Screen {
    /// All of them, in the order of `tab`.
    pub const ALL: &[Self] =
        &[Self::Overview, Self::Pods, Self::Decision, Self::Runs, Self::Doctor, Self::Logs];

    /// For the title line.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Pods => "Pods",
            Self::Decision => "Decision",
            Self::Runs => "Runs",
            Self::Doctor => "Doctor",
            Self::Logs => "Logs",
        }
    }

    /// Its place in the order of `tab`.
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|screen| *screen == self).unwrap_or(0)
    }

    /// Whether something on it is drawn over time.
    #[must_use]
    pub fn has_axis(self) -> bool {
        matches!(self, Self::Overview | Self::Pods | Self::Decision)
    }

    /// The screen after this one, or before it.
    #[must_use]
    pub fn neighbour(self, forwards: bool) -> Self {
        neighbour(Self::ALL, self.index(), forwards)
    }
}

/// The panels of the overview, which can be had alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Queue, marks and replicas on one time axis.
    Chart,
    /// The autoscaler's arithmetic.
    Decision,
    /// How long every step of a burst took.
    Stopwatch,
    /// Who believes what.
    Beliefs,
    /// The workers.
    Workers,
    /// What happened.
    Events,
}

impl Panel {
    /// All of them, in the order in which the arrows go through them.
    pub const ALL: &[Self] =
        &[Self::Chart, Self::Decision, Self::Stopwatch, Self::Beliefs, Self::Workers, Self::Events];

    /// The panel after this one, or before it.
    #[must_use]
    pub fn neighbour(self, forwards: bool) -> Self {
        let index = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        neighbour(Self::ALL, index, forwards)
    }
}

/// The next of a ring, or the one before.
fn neighbour<T: Copy>(ring: &[T], index: usize, forwards: bool) -> T {
    let step = if forwards { 1 } else { ring.len() - 1 };
    ring[(index + step) % ring.len()]
}

/// Which panel of the overview is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// None: nobody has asked for one.
    #[default]
    Nowhere,
    /// This one, among the others.
    On(Panel),
    /// This one, alone on the screen.
    Expanded(Panel),
}

impl Focus {
    /// The panel, if one is meant.
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
