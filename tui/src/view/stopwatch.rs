//! The newest burst: what has become of its requests and jobs, what it waits for, and its steps.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::steps::{Behind, Steps, WIDE};
use super::text::{below, count, fit, fitted, measured, parts, put, put_wrapped, row, rule, span, width};
use super::theme::Ink;
use dashboard::bursts::burst::Burst;
use dashboard::bursts::job_outcomes::LostJobs;
use dashboard::bursts::stopwatch::Stage;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;

/// From this width on there is room for how each time was come by.
const SPOKEN: u16 = 100;

/// The panel, for the newest burst.
pub(super) struct Stopwatch<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// What has become of a burst's requests and jobs, as parts in the order of their weight.
fn state(burst: &Burst, theme: Theme) -> Vec<Vec<Span<'static>>> {
    let accepted = format!("{}/{} accepted", count(burst.accepted.into()), count(burst.size.into()));
    let mut all = vec![vec![span(theme, Ink::Text, accepted)]];
    let mut add = |ink, text: String| all.push(vec![span(theme, ink, text)]);
    if burst.failures() > 0 {
        add(Ink::Error, format!("{} failed", count(burst.failures().into())));
    }
    match burst.lost() {
        LostJobs::Jobs(lost @ 1..) => add(Ink::Error, format!("{} lost", count(lost.into()))),
        LostJobs::Unknown(gap) if !burst.is_in_flight() => {
            add(Ink::Warning, format!("lost unknown: {}", gap.words()));
        }
        _ => {}
    }
    if burst.done() > 0 {
        add(Ink::Text, format!("{} done", count(burst.done().into())));
    }
    if burst.redelivered > 0 {
        add(Ink::Warning, format!("↻{} redelivered", count(burst.redelivered.into())));
    }
    if burst.dead > 0 {
        add(Ink::Warning, format!("{} dead", count(burst.dead.into())));
    }
    if burst.unsampled > 0 {
        add(Ink::Warning, format!("{} workers not sampled", burst.unsampled));
    }
    all
}

/// What the burst's requests wait for, if they do.
fn waits(burst: &Burst, theme: Theme) -> Option<Span<'static>> {
    let waiting = burst.waiting.as_ref()?;
    Some(span(theme, Ink::Pending, format!("waits: {waiting}")))
}

/// What has become of a burst, and below it what it waits for, which must not be overlooked. Returns the rows that it took.
pub(super) fn fate(buffer: &mut Buffer, area: Rect, burst: &Burst, theme: Theme) -> u16 {
    let state = state(burst, theme);
    let all = parts(state.iter().cloned(), u16::MAX);
    // In a second row where the steps leave one.
    let used = if width(&all) > area.width && area.height > Steps::ROWS + 1 {
        put_wrapped(buffer, Rect { height: 2, ..area }, &all, 0)
    } else {
        put(buffer, row(area, 0), fitted(&state, theme, area.width));
        1
    };
    let Some(waits) = waits(burst, theme) else { return used };
    let rest = below(area, used);
    used + put_wrapped(buffer, Rect { height: rest.height.min(3), ..rest }, &[waits], 0)
}

/// With whom a burst overlaps, as words.
pub(super) fn overlap(burst: &Burst) -> Option<String> {
    let mut words: Vec<String> = burst.overlaps.iter().take(3).map(|number| format!("#{number}")).collect();
    if burst.overlaps.len() > 3 {
        words.push("…".to_owned());
    }
    if burst.with_load {
        words.push("the load".to_owned());
    }
    (!words.is_empty()).then(|| format!("overlaps {}", words.join(" ")))
}

impl Stopwatch<'_> {
    /// One line about the newest burst.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let head = span(theme, Ink::Dim, "stopwatch ");
        let Some(burst) = self.data.bursts.newest() else {
            put(buffer, area, vec![head, span(theme, Ink::Dim, "no burst yet: press space")]);
            return;
        };
        let mut all = state(burst, theme);
        let after = 1 + usize::from(burst.waiting.is_some());
        if let Some(waits) = waits(burst, theme) {
            all.insert(1, vec![waits]);
        }
        let seen = |stage: Stage| Some((stage, burst.watch.at(stage)?));
        // The newest step, and how long the next is being waited for.
        if let Some((stage, at)) = Stage::ALL.into_iter().filter_map(seen).max_by_key(|(_, at)| *at) {
            let time = measured(at.since(burst.pressed));
            all.insert(
                after,
                vec![span(theme, Ink::Dim, format!("{} ", stage.short())), span(theme, Ink::Value, time)],
            );
        }
        if let Some(stage) = Stage::ALL.into_iter().find(|stage| burst.awaits(*stage)) {
            let time = measured(self.data.now.since(burst.pressed));
            all.insert(after + 1, vec![span(theme, Ink::Pending, format!("{} … {time}", stage.short()))]);
        }
        let number = span(theme, Ink::Value, format!("#{} ", burst.number));
        let head = vec![head, number];
        let used = width(&head);
        let mut spans = head;
        spans.extend(fitted(&all, theme, area.width.saturating_sub(used)));
        put(buffer, area, spans);
    }
}

impl Widget for &Stopwatch<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = stale::room(area.width, "Stopwatch");
        let note = stale::note(self.data, theme, Source::Producer, room);
        let Some(burst) = self.data.bursts.newest() else {
            // Whoever is about to fire wants to know that nobody would take it.
            rule(buffer, row(area, 0), theme, "Stopwatch", note.unwrap_or_default());
            put(buffer, row(area, 1), vec![span(theme, Ink::Dim, "  no burst yet: press space")]);
            return;
        };
        let note = note.unwrap_or_else(|| {
            let at = self.data.day.time_of_day(burst.pressed);
            let text = match overlap(burst) {
                Some(overlap) => format!("#{} {overlap}", burst.number),
                None => format!("#{} at {at}", burst.number),
            };
            let ink = if overlap(burst).is_some() { Ink::Warning } else { Ink::Dim };
            vec![span(theme, ink, fit(&text, room.into()).into_owned())]
        });
        rule(buffer, row(area, 0), theme, "Stopwatch", note);
        let indent = if area.width >= WIDE { 2 } else { 0 };
        let rest = below(area, 1);
        let place = Rect { x: rest.x + indent, width: rest.width.saturating_sub(indent), ..rest };
        let used = fate(buffer, place, burst, theme);
        let behind = if area.width >= SPOKEN { Behind::Words } else { Behind::Bars };
        let data = self.data;
        (&Steps { data, burst, behind, theme }).render(below(rest, used), buffer);
    }
}
