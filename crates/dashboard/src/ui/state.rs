//! What the keys did: which screen, which dialog, which panel, which stretch of time.

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

/// Whether the keys may change anything on the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// They may.
    #[default]
    Full,
    /// They may not: `--read-only`.
    ReadOnly,
}

/// A sentence for a moment, in the place of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Since when.
    pub at: At,
    /// The sentence.
    pub text: String,
}

impl Notice {
    /// How long it is shown.
    pub const TIME: Duration = Duration::from_secs(6);
}

/// What a panel with a time axis is drawn by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartView {
    /// The stretch of time.
    pub stretch: Stretch,
    /// The curves that are shown.
    pub curves: Curves,
    /// The characters.
    pub markers: Markers,
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
    /// Whether the newest change of the HPA is to be taken back.
    Undo(Box<crate::autoscaler::tuning::Undo>),
}

impl Confirm {
    /// The answer that is chosen at first: whatever takes something away from somebody waits for a deliberate yes.
    #[must_use]
    pub fn at_first(&self) -> YesNo {
        match self {
            Self::Burst { .. } | Self::Load => YesNo::Yes,
            Self::Kill { .. } | Self::Undo(_) => YesNo::No,
        }
    }

    /// The question as it is put.
    #[must_use]
    pub fn put(self) -> Mode {
        let answer = self.at_first();
        Mode::Confirm(self, answer)
    }
}

/// What the keys go to.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Mode {
    /// The screen.
    #[default]
    Normal,
    /// The help, over the screen, from that row on.
    Help(usize),
    /// A dialog, over the screen, with the answer that is chosen.
    Confirm(Confirm, YesNo),
    /// The chart's legend, over the screen, with the curve that is chosen of it.
    Legend(usize),
    /// The filter of the screen's list is being typed.
    Filter,
    /// A sheet over the screen, in which is typed.
    Sheet(Box<crate::ui::dialog::Dialog>),
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
    /// What stretch of time is drawn.
    pub viewport: Viewport,
    /// Which curves are drawn.
    pub curves: Curves,
    /// With which characters.
    pub markers: Markers,
    /// Which panel is meant.
    pub focus: Focus,
    /// Lines above the newest at which a list ends; 0 follows it.
    pub scroll: usize,
    /// What of the lists is shown.
    pub filters: Filters,
    /// Which of the forecast's drain times is asked for.
    pub asked: usize,
    /// Which runs are chosen.
    pub runs: crate::bursts::runs::Chosen,
    /// Whether the keys may change anything on the cluster.
    pub access: Access,
    /// What is to be said for a moment.
    pub notice: Option<Notice>,
    /// Whether the next frame could differ from the last.
    pub changed: bool,
    /// When the next tick is due, if one was asked for.
    pub tick_due: Option<At>,
    /// How often the sources were told to poll.
    pub watchfulness: PollRate,
    /// Whose logs the sources were told to follow.
    pub followed: Vec<String>,
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
            asked: 1,
            runs: crate::bursts::runs::Chosen::default(),
            access: Access::default(),
            notice: None,
            changed: true,
            tick_due: None,
            watchfulness: PollRate::Idle,
            followed: Vec::new(),
        }
    }

    /// What panels with a time axis are drawn by when the newest data is of `now`.
    #[must_use]
    pub fn lens(&self, now: At) -> ChartView {
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

    /// The sentence for the moment, if it still is one.
    #[must_use]
    pub fn notice(&self, now: At) -> Option<&str> {
        let notice = self.notice.as_ref()?;
        (now.since(notice.at) < Notice::TIME).then_some(notice.text.as_str())
    }
}
