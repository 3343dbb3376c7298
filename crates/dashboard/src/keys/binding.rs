//! Actions, and the keys that are bound to them.

use crossterm::event::KeyCode;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Fire a burst.
    Fire,
    /// Choose the burst's size by its number key, from 0.
    Size(usize),
    /// A larger burst.
    More,
    /// A smaller burst.
    Less,
    /// Continuous load on or off.
    Load,
    /// Slower continuous load.
    Slower,
    /// Faster continuous load.
    Faster,
    /// Kill a worker.
    Kill,
    /// Tune the HPA.
    Tune,
    /// Take the newest change of the HPA back.
    Undo,
    /// A second HPA over the same series, or none.
    Shadow,
    /// Another drain time in the forecast.
    Asked,
    /// Stop a part of the metric chain.
    Drill,
    /// The next screen.
    NextScreen,
    /// The screen before.
    PreviousScreen,
    /// The workers' logs.
    Logs,
    /// On the screen Runs: compare with the chosen run.
    Compare,
    /// The doctor's look along the chain.
    Doctor,
    /// Pause the view, or go on.
    Pause,
    /// Show less time in more detail.
    ZoomIn,
    /// Show more time.
    ZoomOut,
    /// An earlier stretch of time.
    Earlier,
    /// A later stretch of time.
    Later,
    /// Back to the present.
    Live,
    /// As much time as the chart shows by itself.
    Fit,
    /// Look closely at an instant.
    Inspect,
    /// Which curves are drawn.
    Legend,
    /// Show or hide what is chosen in the legend.
    Toggle,
    /// The next kind of characters for the chart.
    Markers,
    /// The chosen panel alone on the screen.
    Expand,
    /// Out of what was entered last.
    Back,
    /// Filter the screen's list.
    Filter,
    /// Take a character of the filter back.
    TakeBack,
    /// The next theme.
    Theme,
    /// The mouse on or off.
    Mouse,
    /// Show the help.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Stop the process as a shell's Ctrl-Z does.
    Suspend,
    /// End.
    Quit,
    /// In a dialog: yes.
    Yes,
    /// In a dialog: the answer that is chosen.
    Chosen,
    /// In a dialog: no.
    No,
    /// To the left: the cursor, or the panel before.
    Left,
    /// To the right: the cursor, or the panel after.
    Right,
    /// The choice above, or a line up.
    Up,
    /// The choice below, or a line down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the oldest.
    First,
    /// To the newest.
    Last,
}

impl Action {
    /// Whether it could change something on the cluster: `--read-only` takes these away.
    #[must_use]
    pub fn drives(self) -> bool {
        matches!(self, Self::Fire | Self::Load | Self::Kill | Self::Undo | Self::Drill)
    }
}

/// Where a key means what its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyContext {
    /// Everywhere, also over a dialog.
    Always,
    /// On the screens.
    Screen,
    /// In a dialog.
    Dialog,
    /// In the chart's legend.
    Legend,
    /// While a filter is typed: every character that is not named is part of it.
    Filter,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The keys, each with the action that it stands for.
    pub keys: &'static [(Press, Action)],
    /// Where it holds.
    pub when: KeyContext,
    /// How the keys are written.
    pub shown: &'static str,
    /// What it does, for the help and the README.
    pub help: &'static str,
    /// What the footer says; `None` keeps it out of the footer.
    pub footer: Option<&'static str>,
}

impl Binding {
    /// Whether the help and the README name it: what a dialog takes, the dialog says.
    #[must_use]
    pub fn is_general(&self) -> bool {
        matches!(self.when, KeyContext::Always | KeyContext::Screen)
    }

    /// Whether it could change something on the cluster.
    #[must_use]
    pub fn drives(&self) -> bool {
        self.keys.iter().any(|(_, action)| action.drives())
    }

    /// Whether one of its keys asks for that.
    #[must_use]
    pub fn means(&self, action: Action) -> bool {
        self.keys.iter().any(|(_, meant)| *meant == action)
    }
}

/// A key as the table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A character, without Ctrl or Alt.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Another key.
    Code(KeyCode),
}
