//! What the keys did: which screen, which dialog, which theme.

use super::Data;
use crate::event::{At, Watchfulness};

/// Which set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// No colours: `NO_COLOR`, or by choice.
    Mono,
}

impl Theme {
    /// The theme that the environment asks for: `NO_COLOR` set and not empty means no colours.
    #[must_use]
    pub fn from_env(no_color: Option<&str>, colorfgbg: Option<&str>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) {
            return Self::Mono;
        }
        // `foreground;background`, as rxvt and konsole set it; 7 and 15 are the whites.
        match colorfgbg.and_then(|value| value.rsplit(';').next()) {
            Some("7" | "15") => Self::Light,
            _ => Self::Dark,
        }
    }

    /// The next theme.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }
}

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
    /// What the workers log.
    Logs,
}

impl Screen {
    /// All of them, in the order of `tab`.
    pub const ALL: [Self; 4] = [Self::Overview, Self::Pods, Self::Decision, Self::Logs];

    /// For the title line.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Pods => "Pods",
            Self::Decision => "Decision",
            Self::Logs => "Logs",
        }
    }

    /// The screen after this one.
    #[must_use]
    pub fn next(self) -> Self {
        let index = Self::ALL.iter().position(|screen| *screen == self).unwrap_or(0);
        Self::ALL[(index + 1) % Self::ALL.len()]
    }
}

/// A worker that could be killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// What a dialog asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirm {
    /// Whether to fire this burst: the first on somebody's cluster, or a large one.
    Burst {
        /// Its size.
        size: u32,
    },
    /// Whether to put continuous load on somebody's cluster.
    Load,
    /// Which worker to kill.
    Kill {
        /// The workers, oldest first.
        workers: Vec<Candidate>,
        /// Which of them is chosen.
        chosen: usize,
    },
}

/// What the keys go to.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Mode {
    /// The screen.
    #[default]
    Normal,
    /// The help, over the screen.
    Help,
    /// A dialog, over the screen.
    Confirm(Confirm),
}

/// Whether the view follows the data.
#[derive(Debug, Clone, PartialEq)]
pub enum View {
    /// It does.
    Live,
    /// It shows what was there when it was paused; the data goes on behind it.
    Paused(Box<Data>),
}

/// Everything that the keys did.
#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// Which screen is shown.
    pub screen: Screen,
    /// What the keys go to.
    pub mode: Mode,
    /// Whether the view follows the data.
    pub view: View,
    /// The colours.
    pub theme: Theme,
    /// Whether clicks and the wheel come to us; otherwise the terminal selects text with them.
    pub mouse: bool,
    /// Seconds of history that the chart shows; `None` lets it grow with the run's first minutes.
    pub window: Option<u64>,
    /// Whether the next frame could differ from the last.
    pub changed: bool,
    /// When the next tick is due, if one was asked for.
    pub tick_due: Option<At>,
    /// How often the sources were told to poll.
    pub watchfulness: Watchfulness,
    /// Whose logs the sources were told to follow.
    pub followed: Vec<String>,
}

/// The windows of history that `z` and `Z` step through, in seconds.
pub const WINDOWS: [u64; 9] = [60, 90, 120, 180, 300, 600, 1_200, 3_600, 10_800];

/// Of those, how many the chart grows through by itself.
const GROWN: usize = 5;

impl Ui {
    pub(super) fn new(size: (u16, u16)) -> Self {
        Self {
            size,
            screen: Screen::default(),
            mode: Mode::default(),
            view: View::Live,
            theme: Theme::default(),
            mouse: true,
            window: None,
            changed: true,
            tick_due: None,
            watchfulness: Watchfulness::Idle,
            followed: Vec::new(),
        }
    }

    /// Seconds of history that the chart shows at `now`.
    #[must_use]
    pub fn window(&self, now: At) -> u64 {
        let grown = || WINDOWS.into_iter().take(GROWN).find(|window| *window >= now.0.as_secs());
        self.window.or_else(grown).unwrap_or(WINDOWS[GROWN - 1])
    }

    /// Zooms in or out by one step.
    pub fn zoom(&mut self, now: At, closer: bool) {
        let window = self.window(now);
        let next = if closer {
            WINDOWS.into_iter().rev().find(|wider| *wider < window)
        } else {
            WINDOWS.into_iter().find(|wider| *wider > window)
        };
        self.window = Some(next.unwrap_or(window));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_the_theme() {
        for (no_color, colorfgbg, theme) in [
            (None, None, Theme::Dark),
            (Some(""), None, Theme::Dark),
            (Some("1"), Some("0;15"), Theme::Mono),
            (None, Some("0;15"), Theme::Light),
            (None, Some("15;default;0"), Theme::Dark),
        ] {
            assert_eq!(Theme::from_env(no_color, colorfgbg), theme, "{no_color:?} {colorfgbg:?}");
        }
    }

    #[test]
    fn zooming_stops_at_both_ends() {
        let mut ui = Ui::new((80, 24));
        (0..20).for_each(|_| ui.zoom(At::default(), true));
        assert_eq!(ui.window, Some(WINDOWS[0]));
        (0..20).for_each(|_| ui.zoom(At::default(), false));
        assert_eq!(ui.window, WINDOWS.last().copied());
    }

    #[test]
    fn the_window_grows_with_the_first_minutes() {
        let ui = Ui::new((80, 24));
        for (seconds, window) in [(0, 60), (60, 60), (61, 90), (290, 300), (9_999, 300)] {
            assert_eq!(ui.window(At(std::time::Duration::from_secs(seconds))), window);
        }
    }
}
