//! The forecast: when the queue is empty, how many pods would do, and whether the next burst changes the size.
//!
//! ```text
//! ── Forecast ────────────── ≈ 3.9 s a job, from the queue's decrease ─
//!     at 10 ready   ≈ 46 s     to drain 113 messages
//!     at 10 desired the same: all desired pods are ready
//!     fewest pods   17>max in 30s, ►8 in 1m, 4 in 2m, 2 in 5m, 1 in 10m
//!     another 200   on top of 113: no more than max 10
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{lines, note_room, panel, span};
use super::fmt::{coarse, count, ratio};
use super::strings::forecast as text;
use super::theme::Ink;
use super::wrap::fit;
use dashboard::autoscaler::forecast::{
    DRAIN_TIMES, Drained, Outlook, PaceBasis, Trigger, outlook, smallest_instead, trigger,
};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Rows of the panel.
pub(super) const ROWS: u16 = 5;

/// The panel.
pub(super) struct Forecast<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The index of the chosen drain time.
    pub(super) asked: usize,
    /// The colours.
    pub(super) theme: Theme,
}

/// The time until the queue is empty.
fn when(drained: Drained) -> String {
    match drained {
        Drained::Already => text::EMPTY_NOW.to_owned(),
        Drained::In(time) => text::about(&coarse(time)),
        Drained::Never => text::NEVER.to_owned(),
    }
}

impl Forecast<'_> {
    /// The time of one job, and its source.
    fn job_time(&self) -> String {
        let Some(work) = self.data.pace.work() else { return text::NO_JOB_SEEN.to_owned() };
        let seconds = work.time.as_secs_f64();
        match work.basis {
            PaceBasis::Logs(jobs) => text::job_time_from_logs(seconds, jobs),
            PaceBasis::Drain => text::job_time_from_drain(seconds),
        }
    }

    fn head(&self, text: &str) -> Span<'static> {
        span(self.theme, Ink::Dim, format!("    {text:<14}"))
    }

    fn drain_times(&self, outlook: &Outlook) -> [Vec<Span<'static>>; 2] {
        let theme = self.theme;
        let time = |drained| {
            let ink = if drained == Drained::Never { Ink::Warning } else { Ink::Value };
            span(theme, ink, format!("{:<11}", when(drained)))
        };
        let (ready, now) = outlook.current;
        let depth = count(outlook.depth as f64);
        let current = match now {
            Drained::Already => String::new(),
            Drained::In(_) => text::to_drain(&depth, outlook.arriving),
            Drained::Never => text::never_drained(&depth, outlook.arriving),
        };
        let (desired, then) = outlook.desired;
        let mut second = vec![self.head(&text::at_desired(desired))];
        match (desired == ready, then) {
            (true, _) => second.push(span(theme, Ink::Dim, text::ALL_READY)),
            (false, Drained::Already) => second.push(time(then)),
            (false, _) => second.extend([time(then), span(theme, Ink::Text, text::ONCE_READY)]),
        }
        [vec![self.head(&text::at_ready(ready)), time(now), span(theme, Ink::Text, current)], second]
    }

    /// The fewest pods that drain the queue within each of the drain times.
    fn fewest_pods(&self, outlook: &Outlook) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut spans = vec![self.head(text::FEWEST_PODS)];
        let max = self.data.hpa.get().map_or(i32::MAX, |hpa| hpa.max);
        for (index, (time, fewest)) in DRAIN_TIMES.into_iter().zip(outlook.fewest).enumerate() {
            let is_chosen = index == self.asked;
            let too_many = fewest.is_none_or(|pods| i64::from(pods) > i64::from(max));
            let pods = fewest.map_or_else(|| "-".to_owned(), |pods| pods.to_string());
            let excess = if too_many && fewest.is_some() { text::ABOVE_MAX } else { "" };
            let ink = match (too_many, is_chosen) {
                (true, _) => Ink::Dim,
                (false, true) => Ink::Lit,
                (false, false) => Ink::Text,
            };
            let time_ink = if is_chosen { Ink::Text } else { Ink::Dim };
            spans.extend([
                span(theme, Ink::Lit, if is_chosen { "►" } else { "" }),
                span(theme, ink, format!("{pods}{excess}")),
                span(theme, time_ink, text::drain_time(time.as_secs())),
                span(theme, Ink::Dim, if index + 1 < DRAIN_TIMES.len() { ", " } else { "" }),
            ]);
        }
        spans
    }

    /// The effect of the next burst.
    fn burst(&self) -> Vec<Span<'static>> {
        let size = self.data.load.size;
        let before = self.data.depth.map_or(0, |depth| depth.total());
        let (name, on_top) = text::burst(size, (before > 0).then(|| count(before as f64)));
        let (ink, text) = match trigger(self.data, size) {
            None => match self.data.estimate.reading.missing() {
                Some(_) => (Ink::Text, text::NO_EFFECT.to_owned()),
                None => (Ink::Dim, text::UNKNOWN_EFFECT.to_owned()),
            },
            Some(Trigger::Scales { from, to, may_be_gone }) => {
                (Ink::Text, text::scales(&on_top, from, to, may_be_gone))
            }
            Some(Trigger::TooSmall { ratio: value, upper, smallest }) => {
                let upper = (value > 1.0).then(|| ratio(upper));
                let text = text::too_small(&on_top, &ratio(value), upper.as_deref(), smallest);
                (Ink::Text, text)
            }
            Some(Trigger::AtMax(max)) => (Ink::Text, text::no_more_than_max(&on_top, max)),
            Some(Trigger::Held) => (Ink::Text, text::held(&on_top)),
        };
        vec![self.head(&name), span(self.theme, ink, text)]
    }
}

/// For the footer: the smallest burst that has an effect, if the chosen one has none.
pub(super) fn warning(data: &Data) -> Option<String> {
    smallest_instead(data, data.load.size).map(text::smallest_burst)
}

impl Widget for &Forecast<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = usize::from(note_room(area.width, text::FORECAST));
        let note = vec![span(theme, Ink::Dim, fit(&self.job_time(), room).into_owned())];
        let inside = panel(buffer, area, theme, text::FORECAST, note);
        let mut rows: Vec<Vec<Span<'_>>> = Vec::new();
        match outlook(self.data) {
            Some(outlook) => {
                rows.extend(self.drain_times(&outlook));
                rows.push(self.fewest_pods(&outlook));
            }
            None => rows.push(vec![span(theme, Ink::Dim, format!("    {}", text::NO_JOB_TIME))]),
        }
        rows.push(self.burst());
        lines(buffer, inside, rows);
    }
}
