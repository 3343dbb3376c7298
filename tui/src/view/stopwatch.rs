//! The panel Stopwatch: the newest burst, what became of its jobs, and the time of each of its steps.
//!
//! ```text
//! ── Stopwatch ───── #1 at 14:00:20 ─
//! 200/200 accepted   47 done
//! 1st accepted    9 ms   +9 ms  exact
//!  …  see `steps`
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::draw::{below, fitted, joined, line, note_room, panel, right_of, row, span, top, width, wrapped};
use super::fmt::{count, measured};
use super::stale;
use super::steps::{Details, Steps, WIDE};
use super::strings::stopwatch as text;
use super::theme::Ink;
use super::wrap::fit;
use dashboard::bursts::burst::Burst;
use dashboard::bursts::job_outcomes::LostJobs;
use dashboard::bursts::stopwatch::Stage;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::Access;

/// From this width on the source of each time is shown.
const WITH_SOURCES: u16 = 100;

/// The most bursts that are named as overlapping.
const MAX_OVERLAPS: usize = 3;

/// The panel.
pub(super) struct Stopwatch<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The rights of the keys that drive the target.
    pub(super) access: Access,
    /// The colours.
    pub(super) theme: Theme,
}

/// The outcome of a burst's requests and jobs, the most important first.
fn facts(burst: &Burst, theme: Theme) -> Vec<Vec<Span<'static>>> {
    let accepted = text::accepted(&count(burst.accepted.into()), &count(burst.size.into()));
    let mut facts = vec![vec![span(theme, Ink::Text, accepted)]];
    let mut add = |ink, text: String| facts.push(vec![span(theme, ink, text)]);
    if burst.failures() > 0 {
        add(Ink::Error, text::failed(&count(burst.failures().into())));
    }
    match burst.lost() {
        LostJobs::Jobs(lost @ 1..) => add(Ink::Error, text::lost(&count(lost.into()))),
        LostJobs::Unknown(gap) if !burst.is_in_flight() => add(Ink::Warning, text::lost_unknown(gap.words())),
        _ => {}
    }
    if burst.done() > 0 {
        add(Ink::Text, text::done(&count(burst.done().into())));
    }
    if burst.redelivered > 0 {
        add(Ink::Warning, text::redelivered(&count(burst.redelivered.into())));
    }
    if burst.dead > 0 {
        add(Ink::Warning, text::dead(&count(burst.dead.into())));
    }
    if burst.unsampled > 0 {
        add(Ink::Warning, text::not_sampled(burst.unsampled));
    }
    facts
}

/// The reason why the burst's requests wait.
fn waits(burst: &Burst, theme: Theme) -> Option<Span<'static>> {
    let cause = burst.waiting.as_ref()?;
    Some(span(theme, Ink::Pending, text::waits(cause)))
}

/// Draws what became of a burst and the reason why it waits. Returns the number of rows.
pub(super) fn state(buffer: &mut Buffer, area: Rect, burst: &Burst, theme: Theme) -> u16 {
    let facts = facts(burst, theme);
    let all = joined(facts.iter().cloned(), u16::MAX);
    // In a second row where the steps leave one.
    let used = if width(&all) > area.width && area.height > Steps::ROWS + 1 {
        wrapped(buffer, top(area, 2), &all, 0)
    } else {
        line(buffer, row(area, 0), fitted(&facts, theme, area.width));
        1
    };
    let Some(waits) = waits(burst, theme) else { return used };
    used + wrapped(buffer, top(below(area, used), 3), &[waits], 0)
}

/// The other load during a burst.
pub(super) fn overlap(burst: &Burst) -> Option<String> {
    let bursts: Vec<u32> = burst.overlaps.iter().take(MAX_OVERLAPS).copied().collect();
    text::overlaps(&bursts, burst.overlaps.len() > MAX_OVERLAPS, burst.with_load)
}

impl Stopwatch<'_> {
    /// Draws the newest burst in one line.
    pub(super) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let mut spans = vec![span(theme, Ink::Dim, text::LINE)];
        let Some(burst) = self.data.bursts.newest() else {
            spans.push(span(theme, Ink::Dim, text::no_burst(self.access)));
            line(buffer, area, spans);
            return;
        };
        let facts = facts(burst, theme);
        let (accepted, others) = facts.split_at(1);
        let mut all: Vec<Vec<Span<'static>>> = accepted.to_vec();
        all.extend(waits(burst, theme).map(|waits| vec![waits]));
        // The newest step, and the time since the press for the next one.
        let seen = |stage: Stage| Some((stage, burst.watch.at(stage)?));
        if let Some((stage, at)) = Stage::ALL.into_iter().filter_map(seen).max_by_key(|(_, at)| *at) {
            let time = measured(at.since(burst.pressed));
            let name = format!("{} ", stage.short());
            all.push(vec![span(theme, Ink::Dim, name), span(theme, Ink::Value, time)]);
        }
        if let Some(stage) = Stage::ALL.into_iter().find(|stage| burst.awaits(*stage)) {
            let time = measured(self.data.now.since(burst.pressed));
            all.push(vec![span(theme, Ink::Pending, format!("{} … {time}", stage.short()))]);
        }
        all.extend(others.iter().cloned());
        spans.push(span(theme, Ink::Value, format!("#{} ", burst.number)));
        let room = area.width.saturating_sub(width(&spans));
        spans.extend(fitted(&all, theme, room));
        line(buffer, area, spans);
    }

    fn title_note(&self, burst: &Burst, room: u16) -> Vec<Span<'static>> {
        let (ink, text) = match overlap(burst) {
            Some(overlap) => (Ink::Text, text::number_and(burst.number, &overlap)),
            None => (Ink::Dim, text::number_at(burst.number, &self.data.day.time_of_day(burst.pressed))),
        };
        vec![span(self.theme, ink, fit(&text, room.into()).into_owned())]
    }
}

impl Widget for &Stopwatch<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (data, theme) = (self.data, self.theme);
        let room = note_room(area.width, text::TITLE);
        // Before a burst is fired, it matters too that no producer can be reached.
        let stale = stale::note(data, theme, Source::Producer, room);
        let Some(burst) = data.bursts.newest() else {
            let inside = panel(buffer, area, theme, text::TITLE, stale.unwrap_or_default());
            line(
                buffer,
                row(inside, 0),
                vec![span(theme, Ink::Dim, format!("  {}", text::no_burst(self.access)))],
            );
            return;
        };
        let note = stale.unwrap_or_else(|| self.title_note(burst, room));
        let inside = panel(buffer, area, theme, text::TITLE, note);
        let inside = right_of(inside, if area.width >= WIDE { 2 } else { 0 });
        let used = state(buffer, inside, burst, theme);
        let details = if area.width >= WITH_SOURCES { Details::Sources } else { Details::Bars };
        let steps = Rect { x: area.x, width: area.width, ..below(inside, used) };
        (&Steps { data, burst, details, theme }).render(steps, buffer);
    }
}
