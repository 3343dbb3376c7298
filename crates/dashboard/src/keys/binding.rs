//! Actions, and the keys that are bound to them.

use crossterm::event::KeyCode;

/// The actions of the keys.
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
    /// The next drain time of the forecast.
    DrainTime,
    /// Stop a part of the metric chain.
    Drill,
    /// Start a scenario, or show the one that runs.
    Scenarios,
    /// The next screen.
    NextScreen,
    /// The previous screen.
    PreviousScreen,
    /// The workers' logs.
    Logs,
    /// All HPAs of the cluster.
    Fleet,
    /// The contexts of the kubeconfig.
    Contexts,
    /// The namespaces of the cluster.
    Namespaces,
    /// On the screen Runs: compare with the chosen run.
    Compare,
    /// Run the doctor's checks.
    Doctor,
    /// Pause the view, or resume it.
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
    /// Automatic width of the chart.
    Fit,
    /// Inspect an instant.
    Inspect,
    /// Open the chart's legend.
    Legend,
    /// Show or hide the curve chosen in the legend.
    Toggle,
    /// The next set of chart characters.
    Markers,
    /// Show the chosen panel alone.
    Expand,
    /// Leave the innermost state: cursor, panel, filter.
    Back,
    /// Filter the screen's list.
    Filter,
    /// Delete the filter's last character.
    TakeBack,
    /// The next theme.
    Theme,
    /// The mouse on or off.
    Mouse,
    /// Begin or end a recording.
    Record,
    /// Save the last ten hours from memory.
    Save,
    /// Set a mark with a note.
    Mark,
    /// In a replay: pause or play.
    ReplayToggle,
    /// In a replay: go forward by this many seconds, or back if it is negative.
    ReplaySeek(i16),
    /// In a replay: faster.
    ReplayFaster,
    /// In a replay: slower.
    ReplaySlower,
    /// In a replay: to the next mark.
    ReplayNextMark,
    /// In a replay: to the mark before.
    ReplayPreviousMark,
    /// In a replay: to the beginning.
    ReplayStart,
    /// In a replay: to the end.
    ReplayEnd,
    /// Show the help.
    Help,
    /// Redraw the screen.
    Redraw,
    /// Stop the process as a shell's Ctrl-Z does.
    Suspend,
    /// Quit.
    Quit,
    /// In a dialog: yes.
    Yes,
    /// In a dialog: the chosen answer.
    Chosen,
    /// In a dialog: no.
    No,
    /// Left: the cursor, or the previous panel.
    Left,
    /// Right: the cursor, or the next panel.
    Right,
    /// Up: the previous choice, or a line.
    Up,
    /// Down: the next choice, or a line.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the oldest entry.
    First,
    /// To the newest entry.
    Last,
}

impl Action {
    /// Returns true if the action may change the cluster: `--read-only` disables it.
    #[must_use]
    pub fn drives(self) -> bool {
        matches!(self, Self::Fire | Self::Load | Self::Kill | Self::Undo | Self::Drill | Self::Scenarios)
    }

    /// Returns true if the action needs a cluster, or changes what a recording holds: a replay refuses it.
    #[must_use]
    pub fn asks(self) -> bool {
        self.drives()
            || matches!(
                self,
                Self::Size(_)
                    | Self::More
                    | Self::Less
                    | Self::Slower
                    | Self::Faster
                    | Self::Tune
                    | Self::Shadow
                    | Self::Fleet
                    | Self::Record
                    | Self::Save
                    | Self::Mark
                    | Self::Contexts
                    | Self::Namespaces
            )
    }
}

/// The context in which a row of the table applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyContext {
    /// Everywhere, also over a dialog.
    Always,
    /// On the screens.
    Screen,
    /// On the screens of a replay, before the keys of the screens.
    Replay,
    /// In a dialog.
    Dialog,
    /// In the chart's legend.
    Legend,
    /// While the user types a filter: every character without a row is part of it.
    Filter,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The keys, each with its action.
    pub keys: &'static [(Press, Action)],
    /// The context.
    pub when: KeyContext,
    /// The keys as text.
    pub shown: &'static str,
    /// The description, for the help and the README.
    pub help: &'static str,
    /// The text in the footer; `None` keeps it out of the footer.
    pub footer: Option<&'static str>,
}

impl Binding {
    /// Returns true if the help and the README list it: a dialog shows its own keys.
    #[must_use]
    pub fn is_general(&self) -> bool {
        matches!(self.when, KeyContext::Always | KeyContext::Screen)
    }

    /// Returns true if the help lists it: in a replay, that has keys of its own.
    #[must_use]
    pub fn is_listed(&self, is_replay: bool) -> bool {
        if !is_replay {
            return self.is_general();
        }
        let acts = |(_, action): &(Press, Action)| !action.asks() && *action != Action::Pause;
        self.when == KeyContext::Replay || self.is_general() && self.keys.iter().any(acts)
    }

    /// Returns true if one of its keys may change the cluster.
    #[must_use]
    pub fn drives(&self) -> bool {
        self.keys.iter().any(|(_, action)| action.drives())
    }

    /// Returns true if one of its keys has the action.
    #[must_use]
    pub fn means(&self, action: Action) -> bool {
        self.keys.iter().any(|(_, meant)| *meant == action)
    }
}

/// A key in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A character, without Ctrl or Alt.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Another key.
    Code(KeyCode),
}
