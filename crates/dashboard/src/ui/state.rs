//! The state that the keys change: screen, mode, panel, stretch of time.

use std::time::Duration;

use crate::chart::curves::Curves;
use crate::chart::viewport::{Stretch, Viewport};
use crate::clock::At;
use crate::data::Data;
use crate::reported::PollRate;
use crate::ui::appearance::{Markers, Theme};
use crate::ui::filter::Filters;
use crate::ui::screen::{Focus, Screen};
use crate::ui::yes_no::YesNo;

/// The permission of the keys to change the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Changes are allowed.
    #[default]
    Full,
    /// Changes are not allowed: `--read-only`.
    ReadOnly,
}

/// The kind of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A key cannot act, or something failed: the reason.
    Refusal,
    /// The state after a key.
    State,
}

/// A short message in place of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The start of its display.
    pub at: At,
    /// The message.
    pub text: String,
    /// Its kind.
    pub tone: Tone,
}

impl Notice {
    /// The time for which it is visible.
    pub const TIME: Duration = Duration::from_secs(6);
}

/// The settings of panels with a time axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartView {
    /// The stretch of time.
    pub stretch: Stretch,
    /// The visible curves.
    pub curves: Curves,
    /// The characters.
    pub markers: Markers,
}

/// A worker that the user may kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// The question of a dialog.
#[derive(Debug, Clone, PartialEq)]
pub enum Confirm {
    /// Fire this burst, which is the first on a shared cluster or a large one?
    Burst {
        /// Its size.
        size: u32,
    },
    /// Put continuous load on a shared cluster?
    Load,
    /// Kill which worker?
    Kill {
        /// The workers, oldest first.
        workers: Vec<Candidate>,
        /// Index of the chosen worker.
        chosen: usize,
    },
    /// Undo the newest change of the HPA?
    Undo(Box<crate::autoscaler::tuning::Undo>),
}

impl Confirm {
    /// The answer that is chosen at first: No for everything that deletes or undoes.
    #[must_use]
    pub fn at_first(&self) -> YesNo {
        match self {
            Self::Burst { .. } | Self::Load => YesNo::Yes,
            Self::Kill { .. } | Self::Undo(_) => YesNo::No,
        }
    }

    /// The mode that shows the question.
    #[must_use]
    pub fn put(self) -> Mode {
        let answer = self.at_first();
        Mode::Confirm(self, answer)
    }
}

/// The receiver of the keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Mode {
    /// The screen.
    #[default]
    Normal,
    /// The help, over the screen, from that row on.
    Help(usize),
    /// A question, over the screen, with the chosen answer.
    Confirm(Confirm, YesNo),
    /// The chart's legend, over the screen, with the chosen curve.
    Legend(usize),
    /// The filter of the screen's list.
    Filter,
    /// A dialog with text fields, over the screen.
    Dialog(Box<crate::ui::dialog::Dialog>),
}

/// The three keys that a new user needs, over the first screen until the first key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Greeting {
    /// It is visible once a sandbox of this program has data.
    Shown,
    /// A key was pressed, or the program was started without it.
    #[default]
    Over,
}

/// The view, live or paused.
#[derive(Debug, Clone, PartialEq)]
pub enum View {
    /// It follows the data.
    Live,
    /// It shows the data of the moment of the pause; new data is collected behind it.
    Paused(Box<Data>),
}

/// The state that the keys change.
#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    /// Columns and rows of the window.
    pub size: (u16, u16),
    /// The visible screen.
    pub screen: Screen,
    /// The receiver of the keys.
    pub mode: Mode,
    /// The view, live or paused.
    pub view: View,
    /// The colours.
    pub theme: Theme,
    /// True if clicks and the wheel come to the program; otherwise the terminal selects text with them.
    pub mouse: bool,
    /// The stretch of time on the screen.
    pub viewport: Viewport,
    /// The visible curves.
    pub curves: Curves,
    /// The characters of the chart.
    pub markers: Markers,
    /// The chosen panel.
    pub focus: Focus,
    /// Lines from the newest one to the end of a list; 0 follows it.
    pub scroll: usize,
    /// The filters of the lists.
    pub filters: Filters,
    /// Index of the forecast's chosen drain time.
    pub drain_time: usize,
    /// The chosen runs.
    pub runs: crate::bursts::runs::Chosen,
    /// The permission of the keys to change the cluster.
    pub access: Access,
    /// The current notice.
    pub notice: Option<Notice>,
    /// The keys for a new user.
    pub greeting: Greeting,
    /// True if the next frame could differ from the last.
    pub changed: bool,
    /// The due time of the next tick, if one was requested.
    pub tick_due: Option<At>,
    /// The poll rate that the sources have.
    pub poll_rate: PollRate,
    /// The workers whose logs the sources follow.
    pub followed: Vec<String>,
    /// The number of the newest request about the HPA.
    pub tunes: u32,
}

impl Ui {
    pub(crate) fn new(size: (u16, u16)) -> Self {
        Self {
            size,
            screen: Screen::default(),
            mode: Mode::default(),
            view: View::Live,
            theme: Theme::default(),
            mouse: true,
            viewport: Viewport::default(),
            curves: Curves::default(),
            markers: Markers::default(),
            focus: Focus::default(),
            scroll: 0,
            filters: Filters::default(),
            drain_time: 1,
            runs: crate::bursts::runs::Chosen::default(),
            access: Access::default(),
            notice: None,
            greeting: Greeting::default(),
            changed: true,
            tick_due: None,
            poll_rate: PollRate::Idle,
            followed: Vec::new(),
            tunes: 0,
        }
    }

    /// The settings of panels with a time axis when the newest data is from `now`.
    #[must_use]
    pub fn chart_view(&self, now: At) -> ChartView {
        ChartView { stretch: self.viewport.stretch(now), curves: self.curves, markers: self.markers }
    }

    /// Shows another screen.
    pub fn show(&mut self, screen: Screen) {
        if self.screen != screen {
            self.screen = screen;
            self.focus = Focus::Nowhere;
            self.scroll = 0;
        }
    }

    /// The current notice, while it is visible.
    #[must_use]
    pub fn notice(&self, now: At) -> Option<&Notice> {
        self.notice.as_ref().filter(|notice| now.since(notice.at) < Notice::TIME)
    }

    /// A copy without the data of a paused view.
    #[must_use]
    pub fn without_data(&self) -> Self {
        Self {
            size: self.size,
            screen: self.screen,
            mode: self.mode.clone(),
            view: View::Live,
            theme: self.theme,
            mouse: self.mouse,
            viewport: self.viewport,
            curves: self.curves,
            markers: self.markers,
            focus: self.focus,
            scroll: self.scroll,
            filters: self.filters.clone(),
            drain_time: self.drain_time,
            runs: self.runs,
            access: self.access,
            notice: self.notice.clone(),
            greeting: self.greeting,
            changed: self.changed,
            tick_due: self.tick_due,
            poll_rate: self.poll_rate,
            followed: self.followed.clone(),
            tunes: self.tunes,
        }
    }
}
