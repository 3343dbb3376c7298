//! The forecast: when the queue is empty, how many pods that takes, and whether the next burst makes the HPA do anything.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{coarse, count, fit, put, row, rule, span};
use super::theme::Ink;
use dashboard::autoscaler::forecast::{
    DRAIN_TIMES, Drained, Outlook, PaceBasis, Trigger, outlook, smallest_instead, trigger,
};
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Rows of the panel.
pub(super) const ROWS: u16 = 5;

/// The panel.
pub(super) struct Forecast<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// Which of the drain times is asked for.
    pub(super) asked: usize,
    /// The colours.
    pub(super) theme: Theme,
}

/// A ratio with as many digits as tell it from the edge.
fn ratio(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// How long until the queue is empty, in one word and a unit.
fn when(drained: Drained) -> String {
    match drained {
        Drained::Already => "empty now".to_owned(),
        Drained::In(time) => format!("≈ {}", coarse(time)),
        Drained::Never => "never".to_owned(),
    }
}

impl Forecast<'_> {
    fn basis(&self) -> String {
        match self.data.pace.work() {
            Some(work) => {
                let seconds = work.time.as_secs_f64();
                match work.basis {
                    PaceBasis::Logs(jobs) => {
                        format!("≈ {seconds:.1} s a job, median of {jobs} in the workers' logs")
                    }
                    PaceBasis::Drain => format!("≈ {seconds:.1} s a job, from how the queue falls"),
                }
            }
            None => "no job was seen done yet".to_owned(),
        }
    }

    fn drains(&self, outlook: &Outlook) -> [Vec<Span<'static>>; 3] {
        let theme = self.theme;
        let head = |text: String| span(theme, Ink::Dim, format!("    {text:<14}"));
        let time = |drained| {
            let ink = if drained == Drained::Never { Ink::Warning } else { Ink::Value };
            span(theme, ink, format!("{:<11}", when(drained)))
        };
        let (ready, now) = outlook.current;
        let depth = count(outlook.depth as f64);
        let arriving = match outlook.arriving > 0.0 {
            true => format!(", while {}/s arrive", outlook.arriving),
            false => String::new(),
        };
        let current = match now {
            Drained::Already => String::new(),
            Drained::In(_) => format!("to drain the {depth} in the queue{arriving}"),
            Drained::Never => format!("drained of its {depth}{arriving}"),
        };
        let (wanted, then) = outlook.desired;
        let desired = match (wanted == ready, then) {
            (true, _) => vec![span(theme, Ink::Dim, "the same: as many are ready as are wanted")],
            (false, Drained::Already) => vec![time(then)],
            (false, _) => vec![time(then), span(theme, Ink::Text, "once they are ready")],
        };
        let mut pods = vec![head("fewest pods".to_owned())];
        let max = self.data.hpa.get().map_or(i32::MAX, |hpa| hpa.max);
        for (index, (time, fewest)) in DRAIN_TIMES.into_iter().zip(outlook.fewest).enumerate() {
            let is_asked = index == self.asked;
            let too_many = fewest.is_none_or(|pods| i64::from(pods) > i64::from(max));
            let pods_text = fewest.map_or_else(|| "-".to_owned(), |pods| pods.to_string());
            let time = if time.as_secs() < 60 {
                format!("{} s", time.as_secs())
            } else {
                format!("{} min", time.as_secs() / 60)
            };
            let mark = if is_asked { "▸" } else { " " };
            pods.push(span(theme, Ink::Lit, mark));
            pods.push(span(theme, if is_asked { Ink::Text } else { Ink::Dim }, format!("{time} ")));
            let ink = match (too_many, is_asked) {
                (true, _) => Ink::Warning,
                (false, true) => Ink::Lit,
                (false, false) => Ink::Text,
            };
            let excess = if too_many && fewest.is_some() { ">max" } else { "" };
            pods.push(span(theme, ink, format!("{pods_text}{excess}")));
            pods.push(Span::raw("  "));
        }
        let mut second = vec![head(format!("at {wanted} wanted"))];
        second.extend(desired);
        [vec![head(format!("at {ready} ready")), time(now), span(theme, Ink::Text, current)], second, pods]
    }

    fn burst(&self) -> Vec<Span<'static>> {
        let theme = self.theme;
        let size = self.data.load.size;
        // What is in the queue already counts too: the burst that is asked about comes on top of it.
        let before = self.data.depth.map_or(0, |depth| depth.total());
        let (name, on_top) = match before {
            0 => (format!("burst {size}"), String::new()),
            _ => (format!("another {size}"), format!("on top of {}: ", count(before as f64))),
        };
        let mut line = vec![span(theme, Ink::Dim, format!("    {name:<14}"))];
        let (ink, text) = match trigger(self.data, size) {
            None => match self.data.estimate.reading.missing() {
                Some(_) => (Ink::Warning, "! changes nothing while the HPA has no reading".to_owned()),
                None => (Ink::Dim, "what it would do is not known yet".to_owned()),
            },
            Some(Trigger::Scales { from, to, may_be_gone: false }) => {
                (Ink::Text, format!("{on_top}{from} → {to} at the next sync"))
            }
            Some(Trigger::Scales { from, to, may_be_gone: true }) => {
                (Ink::Warning, format!("{on_top}{from} → {to}, or nothing: it may be done before the sync"))
            }
            Some(trigger @ Trigger::TooSmall { .. }) => {
                (Ink::Warning, format!("! {on_top}{}", too_small(&trigger)))
            }
            Some(Trigger::AtMax(max)) => (Ink::Text, format!("{on_top}no more than max {max}")),
            Some(Trigger::Held) => (Ink::Text, format!("{on_top}nothing at the next sync: the size is held")),
        };
        line.push(span(theme, ink, text));
        line
    }
}

/// Why a burst does nothing, and which would.
fn too_small(trigger: &Trigger) -> String {
    let Trigger::TooSmall { ratio: value, upper, smallest } = trigger else { return String::new() };
    let why = if *value > 1.0 {
        format!("ratio {} is within tolerance to {}", ratio(*value), ratio(*upper))
    } else {
        format!("ratio {} is below the target", ratio(*value))
    };
    format!("too small: {why}; {smallest} would do")
}

/// For the footer, before anything is fired: the smallest burst that does something, if the chosen one does nothing.
pub(super) fn warning(data: &Data) -> Option<String> {
    smallest_instead(data, data.load.size).map(|smallest| format!("too small, {smallest} would do"))
}

impl Widget for &Forecast<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = usize::from(area.width.saturating_sub(18));
        let note = vec![span(theme, Ink::Dim, fit(&self.basis(), room).into_owned())];
        rule(buffer, row(area, 0), theme, "Forecast", note);
        let mut lines: Vec<Vec<Span<'_>>> = Vec::new();
        match outlook(self.data) {
            Some(outlook) => lines.extend(self.drains(&outlook)),
            None => {
                let text = "    how long a job takes is known after the first one";
                lines.push(vec![span(theme, Ink::Dim, text)]);
            }
        }
        lines.push(self.burst());
        for (index, line) in (1..).zip(lines) {
            put(buffer, row(area, index), line);
        }
    }
}
