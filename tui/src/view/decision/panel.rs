//! The panel Decision: the last sync and the next one, each under its own head: no line has figures of both.
//!
//! ```text
//! ── Decision ── worker-scaler → Deployment/worker ─
//!   last sync  14:00:45, 4 s ago
//!     reading     17/20 (avg)
//!     replicas    5 → 10, wanted 10
//!   next sync  14:01:00, in 11 s
//!     reading     153, from the metrics API
//!     ratio       153 ÷ (20 × 10) = 0.77
//!  …  one line a step; ► marks the one that decides
//!   ≈ result      10, stabilized
//! ```

use hpa::Trace;
use hpa::trace::{Path, Reason};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::gates::{Certainty, Gate, GateFormatter, reason, rests};
use super::messages;
use super::moment::sizes;
use crate::view::draw::{below, line, lines, note_room, panel, row, span, width};
use crate::view::fmt::{coarse, milli, ratio};
use crate::view::stale;
use crate::view::strings::decision as text;
use crate::view::strings::decision::gate;
use crate::view::theme::Ink;
use crate::view::wrap::{fit, wrap};
use dashboard::autoscaler::estimate::{Next, NextReading};
use dashboard::chain::explanation::awaits_first_reading;
use dashboard::data::{Data, Presence};
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use observed::Hpa;

/// Columns of the marks and the name of a step.
const NAME: u16 = 16;

/// The most rows of the controller's message.
const MAX_MESSAGE: usize = 6;

/// The most sentences about the next change.
const MAX_OUTLOOK: usize = 2;

/// The panel.
pub(in crate::view) struct Decision<'a> {
    /// The observed data.
    pub(in crate::view) data: &'a Data,
    /// The colours.
    pub(in crate::view) theme: Theme,
}

/// The note for the title: a stale source, or an overdue sync.
pub(super) fn title_note(data: &Data, theme: Theme, room: u16) -> Option<Vec<Span<'static>>> {
    stale::note(data, theme, Source::Hpa, room).or_else(|| {
        let text = messages::missing_sync(data)?;
        Some(vec![span(theme, Ink::Warning, fit(&text, room.into()).into_owned())])
    })
}

impl Decision<'_> {
    /// Draws the title. Returns the HPA and the area below; `None` without an HPA, which the panel then says.
    fn title(&self, buffer: &mut Buffer, area: Rect) -> Option<(&Hpa, Rect)> {
        let theme = self.theme;
        let (ink, text) = match &self.data.hpa {
            Presence::Here(hpa) => {
                let (kind, name) = &hpa.scale_target;
                let room = note_room(area.width, text::TITLE);
                let note = title_note(self.data, theme, room).unwrap_or_else(|| {
                    let about = text::about(&hpa.name, kind, name);
                    vec![span(theme, Ink::Dim, fit(&about, room.into()).into_owned())]
                });
                return Some((hpa, panel(buffer, area, theme, text::TITLE, note)));
            }
            Presence::Missing => (Ink::Warning, text::NO_HPA),
            Presence::Unknown => (Ink::Dim, text::WAITING_FOR_HPA),
        };
        let inside = panel(buffer, area, theme, text::TITLE, Vec::new());
        line(buffer, row(inside, 0), vec![span(theme, ink, text)]);
        None
    }

    /// The head of the last sync, its reading, and its sizes with what limited them.
    fn last(&self, hpa: &Hpa) -> [(&'static str, Vec<Span<'static>>); 3] {
        let (data, theme) = (self.data, self.theme);
        let title = |text: String| vec![span(theme, Ink::Title, text)];
        let value = |text: String| vec![span(theme, Ink::Value, text)];
        let Some(last) = data.estimate.last() else {
            let sizes = match (hpa.has_synced(), hpa.wanted()) {
                (true, Some(desired)) => value(text::sizes(hpa.current_replicas, desired)),
                (true, None) => vec![span(theme, Ink::Dim, text::NO_SIZE)],
                (false, _) => vec![span(theme, Ink::Pending, text::NO_SYNC)],
            };
            let reading = vec![span(theme, Ink::Value, hpa.targets_column.clone())];
            return [
                ("", title(text::NO_LAST.to_owned())),
                (gate::READING, reading),
                (gate::REPLICAS, sizes),
            ];
        };
        let (at, ago) = (data.day.time_of_day(last.at), coarse(data.now.since(last.at)));
        [
            ("", title(text::last_head(&at, &ago))),
            (gate::READING, value(last.targets_column.clone())),
            (gate::REPLICAS, sizes(data, last, theme)),
        ]
    }

    /// The time until the next sync, if it is known.
    fn due(&self, next: &Next) -> String {
        next.due.map_or_else(String::new, |due| text::due_in(&coarse(due.since(self.data.now))))
    }

    /// Draws the title and two lines: the last sync, and the next one in short.
    pub(in crate::view) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let Some((hpa, inside)) = self.title(buffer, area) else { return };
        let theme = self.theme;
        let room = area.width.saturating_sub(1);
        let mut last = vec![span(theme, Ink::Dim, text::LAST_LINE)];
        let [_, (_, reading), (_, sizes)] = self.last(hpa);
        if let Some(sync) = self.data.estimate.last() {
            last.push(span(theme, Ink::Dim, format!("{}  ", self.data.day.time_of_day(sync.at))));
        }
        last.extend(reading);
        last.push(Span::raw("   "));
        for part in sizes.into_iter().chain([span(theme, Ink::Dim, text::limits(hpa.min, hpa.max))]) {
            add(&mut last, room, part);
        }
        let head = span(theme, Ink::Dim, text::NEXT_LINE);
        let room = room.saturating_sub(width(std::slice::from_ref(&head)));
        let mut next = vec![head];
        next.extend(self.steps_in_short(hpa, room));
        lines(buffer, inside, [last, next]);
    }

    /// The steps of the next decision in one line of `room` columns: those that change the size, and the result.
    fn steps_in_short(&self, hpa: &Hpa, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut line = Vec::new();
        let next = self.data.estimate.next.as_ref();
        let due = next.map_or_else(String::new, |next| self.due(next));
        if let Some(gone) = messages::missing_reading(self.data) {
            let [_, short] = messages::nothing_to_calculate(self.data, gone);
            line.push(span(theme, Ink::Warning, format!("► {short}")));
            add(&mut line, room, span(theme, Ink::Dim, due));
            return line;
        }
        // A target that cannot be read or written: no arithmetic decides then.
        let unable = hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.status == "False");
        if let Some(message) = messages::false_condition(hpa).filter(|_| unable || next.is_none()) {
            let message = messages::lines(&message, room.into(), 1).into_iter();
            return message.map(|text| span(theme, Ink::Warning, text)).collect();
        }
        let Some(next) = next else {
            return vec![span(theme, Ink::Pending, messages::missing_input(self.data))];
        };
        let trace = &next.decision.trace;
        for (index, (binds, text)) in steps(trace).into_iter().enumerate() {
            if index > 0 {
                line.push(span(theme, Ink::Dim, " › "));
            }
            line.push(span(theme, if binds { Ink::Lit } else { Ink::Text }, text));
        }
        add(&mut line, room, span(theme, Ink::Dim, due));
        if let Some(age) = self.data.estimate.reading.too_old(self.data.now) {
            add(&mut line, room, span(theme, Ink::Warning, text::old_reading(&coarse(age))));
        }
        add(&mut line, room, span(theme, Ink::Dim, format!("   {}", reason(trace))));
        if let Some(sentence) = messages::outlook(self.data).first() {
            add(&mut line, room, span(theme, Ink::Text, format!("   {sentence}")));
        }
        line
    }

    /// The reading that the next sync would use; `None` where there is none.
    fn reading(&self) -> Option<Gate> {
        let reading = &self.data.estimate.reading;
        let total = match reading {
            NextReading::Polled { .. } => messages::usages(self.data),
            _ => milli(reading.total_milli()?),
        };
        let (certainty, text) = match (reading, reading.too_old(self.data.now)) {
            (NextReading::OfStatus(_), _) => (Certainty::Estimated, text::reading_of_status(&total)),
            (_, Some(age)) => (Certainty::Doubtful, text::reading_too_old(&total, &coarse(age))),
            (_, None) => (Certainty::Read, text::reading_of_api(&total)),
        };
        Some(Gate::with(certainty, gate::READING, text))
    }

    fn gate(&self, gate: &Gate, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        vec![
            span(theme, Ink::Lit, if gate.binds { "► " } else { "  " }),
            span(theme, gate.certainty.ink(), gate.certainty.mark()),
            span(theme, Ink::Text, format!("{:<12}", gate.name)),
            span(theme, gate.ink(), gate.fitting(room.saturating_sub(NAME).into())),
        ]
    }

    /// The steps of the next decision below their head, or what is missing for them.
    fn steps(&self, room: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let due = self.data.estimate.next.as_ref().and_then(|next| next.due);
        let head = match due {
            Some(due) => {
                let left = coarse(due.since(self.data.now));
                text::next_head(&self.data.day.time_of_day(due), &left)
            }
            None => text::NEXT_UNKNOWN.to_owned(),
        };
        let mut rows = vec![vec![span(theme, Ink::Title, format!("  {head}"))]];
        let missing = messages::missing_reading(self.data);
        if let Some(gone) = missing {
            let [sentence, _] = messages::nothing_to_calculate(self.data, gone);
            for (index, text) in wrap(&sentence, usize::from(room.saturating_sub(6))).into_iter().enumerate()
            {
                let mark = if index == 0 { "  ► " } else { "    " };
                rows.push(vec![span(theme, Ink::Warning, format!("{mark}{text}"))]);
            }
        }
        let mut gates: Vec<Gate> = self.reading().into_iter().collect();
        if let Some(next) = &self.data.estimate.next {
            let trace = &next.decision.trace;
            let (now, held, knows_since) = (self.data.now, next.held, next.knows_since);
            let spec = self.data.hpa.get().and_then(|hpa| hpa.spec.as_deref());
            let clock = |at| self.data.day.time_of_day(at);
            gates.extend(GateFormatter { trace, spec, now, held, knows_since, clock: &clock }.gates());
            let text = match size(trace) {
                same if same == trace.current => format!("{same}, {}", reason(trace)),
                other => format!("{}, {}", text::sizes(trace.current, other), reason(trace)),
            };
            gates.push(Gate::with(Certainty::Estimated, gate::RESULT, text));
        } else if missing.is_none() {
            let text = format!("    {:<12}{}", gate::RESULT, messages::missing_input(self.data));
            rows.push(vec![span(theme, Ink::Pending, text)]);
        }
        rows.extend(gates.iter().map(|gate| self.gate(gate, room)));
        rows
    }

    /// The HPA's conditions after its last sync.
    fn conditions(&self, hpa: &Hpa, room: u16) -> Vec<Vec<Span<'static>>> {
        let conditions = hpa.conditions.iter().map(|condition| {
            // ScalingLimited is as the user configured it.
            let is_wrong = condition.kind != "ScalingLimited" && condition.status != "True";
            let ink = match is_wrong {
                true if awaits_first_reading(self.data) => Ink::Pending,
                true => Ink::Warning,
                false => Ink::Dim,
            };
            let text = format!("{:<14} {:<5} {}", condition.kind, condition.status, condition.reason);
            let text = fit(&text, usize::from(room.saturating_sub(4)));
            vec![span(self.theme, ink, format!("    {text}"))]
        });
        conditions.collect()
    }
}

/// The steps of a decision that change the size, and whether each decides; then the size.
fn steps(trace: &Trace) -> Vec<(bool, String)> {
    let mut steps: Vec<(bool, String)> = Vec::new();
    let measured = trace.winner().or(trace.metrics.first()).and_then(|metric| metric.measured.as_ref());
    if let Some(found) = measured
        && let Some(value) = found.assumed_ratio.or(found.ratio)
    {
        steps.push((found.within, text::ratio_step(&ratio(value))));
    }
    steps.extend(trace.raw.map(|raw| (false, text::raw_step(raw))));
    if let Some(kept) = trace.stabilised.filter(|stabilised| stabilised.held_by.is_some()) {
        steps.push((trace.reason == Reason::Stabilized, text::kept_step(kept.replicas)));
    }
    let limited = trace.limited;
    if let Some(rate) = limited.and_then(|limited| limited.rate)
        && trace.reason == Reason::PolicyLimited
    {
        steps.push((true, text::policy_step(rate.allowed)));
    }
    if trace.reason == Reason::ReplicaLimit {
        let is_max = trace.desired == trace.max;
        steps.push((true, if is_max { text::max(trace.max) } else { text::min(trace.min) }));
    }
    steps.push((false, text::size_step(size(trace))));
    let rests = rests(trace);
    steps.into_iter().map(|(binds, text)| (binds && !rests, text)).collect()
}

/// The size after a sync. One that fails leaves the size, and the status an earlier decision.
fn size(trace: &Trace) -> i32 {
    if trace.path == Path::Failed { trace.current } else { trace.desired }
}

/// Adds a span if it fits.
fn add(line: &mut Vec<Span<'static>>, room: u16, more: Span<'static>) {
    if width(line) + width(std::slice::from_ref(&more)) <= room {
        line.push(more);
    }
}

impl Widget for &Decision<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some((hpa, inside)) = self.title(buffer, area) else { return };
        let theme = self.theme;
        let mut rows = Vec::new();
        for (name, spans) in self.last(hpa) {
            let name = if name.is_empty() { "  ".to_owned() } else { format!("    {name:<12}") };
            let mut row = vec![span(theme, Ink::Text, name)];
            row.extend(spans);
            rows.push(row);
        }
        rows.extend(self.steps(area.width));
        let used = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        lines(buffer, inside, rows);
        let rest = below(inside, used);
        // The controller's message, as far as it leaves the conditions their rows; else a blank row.
        let conditions = self.conditions(hpa, area.width);
        // All of them, or none.
        let conditions = if usize::from(rest.height) > conditions.len() { conditions } else { Vec::new() };
        let height = u16::try_from(conditions.len()).unwrap_or(u16::MAX);
        let message = messages::false_condition(hpa).filter(|_| !awaits_first_reading(self.data));
        let message = message.map_or_else(
            || vec![String::new()],
            |message| {
                let most = usize::from(rest.height.saturating_sub(height)).min(MAX_MESSAGE);
                messages::lines(&message, usize::from(area.width.saturating_sub(6)), most)
            },
        );
        // What the next change needs, where a blank row and the conditions leave room.
        let left = usize::from(rest.height.saturating_sub(height)).saturating_sub(message.len() + 1);
        let rests = self.data.estimate.next.as_ref().is_some_and(|next| rests(&next.decision.trace));
        let most = if rests { 0 } else { left.min(MAX_OUTLOOK) };
        let outlook = messages::outlook(self.data).into_iter().take(most);
        let outlook: Vec<_> = outlook
            .map(|text| {
                let text = fit(&text, usize::from(area.width.saturating_sub(4))).into_owned();
                vec![span(theme, Ink::Text, format!("    {text}"))]
            })
            .collect();
        let outlook_rows = if outlook.is_empty() { 0 } else { outlook.len() as u16 + 1 };
        lines(buffer, below(rest, 1), outlook);
        let rest = below(rest, outlook_rows);
        let rows = Layout::vertical([Constraint::Length(message.len() as u16), Constraint::Min(0)]);
        let [message_area, conditions_area] = rows.areas(rest);
        let message = message.into_iter().enumerate().map(|(index, text)| {
            let mark = if index == 0 && !text.is_empty() { "  ! " } else { "    " };
            vec![span(theme, Ink::Warning, format!("{mark}{text}"))]
        });
        lines(buffer, message_area, message);
        lines(buffer, conditions_area, conditions);
    }
}
