//! The panel Decision: the HPA's status, and the steps of its next decision.
//!
//! ```text
//! ── Decision ── worker-scaler → Deployment/worker ─
//!     targets     17/20 (avg)
//!     replicas    10 → 10
//!     reading     153, from the metrics API
//!     ratio       153 ÷ (20 × 10) = 0.77
//!  …  one line a step; ► marks the one that decides
//!   ≈ next        10 in 10 s, stabilized
//!
//!     AbleToScale    True  ScaleDownStabilized
//! ```

use hpa::Trace;
use hpa::trace::{Path, Reason};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::gates::{Certainty, Gate, GateFormatter, reason};
use super::messages;
use crate::view::draw::{below, line, lines, note_room, panel, row, span, width};
use crate::view::fmt::{coarse, milli, ratio};
use crate::view::stale;
use crate::view::strings::decision as text;
use crate::view::strings::decision::gate;
use crate::view::theme::Ink;
use crate::view::wrap::{fit, wrap};
use dashboard::autoscaler::estimate::{Next, NextReading};
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

    /// The HPA's status: reading and target, and the current and desired replicas.
    fn status(&self, hpa: &Hpa) -> [Vec<Span<'static>>; 2] {
        let theme = self.theme;
        let desired = match hpa.wanted() {
            Some(desired) if desired == hpa.current_replicas => span(theme, Ink::Value, desired.to_string()),
            Some(desired) => span(theme, Ink::Lit, desired.to_string()),
            None => span(theme, Ink::Dim, text::NO_SIZE),
        };
        let replicas = if hpa.has_synced() {
            let current = span(theme, Ink::Value, hpa.current_replicas.to_string());
            vec![current, span(theme, Ink::Dim, " → "), desired]
        } else {
            vec![span(theme, Ink::Pending, text::NO_SYNC)]
        };
        [vec![span(theme, Ink::Value, hpa.targets_column.clone())], replicas]
    }

    /// The time until the next sync, if it is known.
    fn due(&self, next: &Next) -> String {
        next.due.map_or_else(String::new, |due| text::due_in(&coarse(due.since(self.data.now))))
    }

    /// Draws the title and two lines: the status, and the decision in short.
    pub(in crate::view) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let Some((hpa, inside)) = self.title(buffer, area) else { return };
        let theme = self.theme;
        let [targets, replicas] = self.status(hpa);
        let mut status = vec![span(theme, Ink::Dim, text::TARGETS_LINE)];
        status.extend(targets);
        status.push(span(theme, Ink::Dim, text::REPLICAS_PART));
        status.extend(replicas);
        status.push(span(theme, Ink::Dim, text::limits(hpa.min, hpa.max)));
        let head = span(theme, Ink::Dim, text::DECISION_LINE);
        let room = area.width.saturating_sub(width(std::slice::from_ref(&head)) + 1);
        let mut decision = vec![head];
        decision.extend(self.steps_in_short(hpa, room));
        lines(buffer, inside, [status, decision]);
    }

    /// The steps of the next decision in one line of `room` columns.
    fn steps_in_short(&self, hpa: &Hpa, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut line = Vec::new();
        let next = self.data.estimate.next.as_ref();
        let due = next.map_or_else(String::new, |next| self.due(next));
        if let Some(gone) = messages::missing_reading(self.data) {
            let [_, short] = messages::nothing_to_calculate(self.data, gone);
            line.push(span(theme, Ink::Lit, format!("► {short}")));
            add(&mut line, room, span(theme, Ink::Dim, text::sync_when(&due)));
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
        let mut steps: Vec<(bool, String)> = Vec::new();
        let measured = trace.winner().or(trace.metrics.first()).and_then(|metric| metric.measured.as_ref());
        if let Some(found) = measured
            && let Some(value) = found.assumed_ratio.or(found.ratio)
        {
            steps.push((found.within, text::ratio_step(&ratio(value))));
        }
        steps.extend(trace.raw.map(|raw| (false, text::raw_step(raw))));
        if let Some(stabilised) = trace.stabilised {
            let binds = trace.reason == Reason::Stabilized;
            steps.push((binds, text::stabilised_step(stabilised.replicas)));
        }
        let is_limited = matches!(trace.reason, Reason::PolicyLimited | Reason::ReplicaLimit);
        steps.push((is_limited, text::next_step(size(trace))));
        for (index, (binds, text)) in steps.into_iter().enumerate() {
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

    /// The steps of the next decision, or what is missing for them.
    fn steps(&self, room: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let mut rows = Vec::new();
        let missing = messages::missing_reading(self.data);
        if let Some(gone) = missing {
            let [sentence, _] = messages::nothing_to_calculate(self.data, gone);
            for (index, text) in wrap(&sentence, usize::from(room.saturating_sub(6))).into_iter().enumerate()
            {
                let mark = if index == 0 { "  ► " } else { "    " };
                rows.push(vec![span(theme, Ink::Lit, format!("{mark}{text}"))]);
            }
        }
        let mut gates: Vec<Gate> = self.reading().into_iter().collect();
        if let Some(next) = &self.data.estimate.next {
            let trace = &next.decision.trace;
            let (now, held, knows_since) = (self.data.now, next.held, next.knows_since);
            let spec = self.data.hpa.get().and_then(|hpa| hpa.spec.as_deref());
            gates.extend(GateFormatter { trace, spec, now, held, knows_since, clock: None }.gates());
            let text = format!("{}{}, {}", size(trace), self.due(next), reason(trace));
            gates.push(Gate::with(Certainty::Estimated, gate::NEXT, text));
        } else if missing.is_none() {
            let text = format!("    {:<12}{}", gate::NEXT, messages::missing_input(self.data));
            rows.push(vec![span(theme, Ink::Pending, text)]);
        }
        rows.extend(gates.iter().map(|gate| self.gate(gate, room)));
        rows
    }

    /// The HPA's conditions.
    fn conditions(&self, hpa: &Hpa, room: u16) -> Vec<Vec<Span<'static>>> {
        let conditions = hpa.conditions.iter().map(|condition| {
            let is_limit = condition.kind == "ScalingLimited";
            let is_wrong = if is_limit { condition.status == "True" } else { condition.status != "True" };
            let ink = if is_wrong { Ink::Warning } else { Ink::Dim };
            let text = format!("{:<14} {:<5} {}", condition.kind, condition.status, condition.reason);
            let text = fit(&text, usize::from(room.saturating_sub(4)));
            vec![span(self.theme, ink, format!("    {text}"))]
        });
        conditions.collect()
    }
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
        for (name, spans) in [gate::TARGETS, gate::REPLICAS].into_iter().zip(self.status(hpa)) {
            let mut row = vec![span(theme, Ink::Text, format!("    {name:<12}"))];
            row.extend(spans);
            rows.push(row);
        }
        rows.extend(self.steps(area.width));
        let used = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        lines(buffer, inside, rows);
        let rest = below(inside, used);
        // The controller's message, as far as it leaves the conditions their rows; else a blank row.
        let conditions = self.conditions(hpa, area.width);
        let height = u16::try_from(conditions.len()).unwrap_or(u16::MAX);
        let message = messages::false_condition(hpa).map_or_else(
            || vec![String::new()],
            |message| {
                let most = usize::from(rest.height.saturating_sub(height)).min(MAX_MESSAGE);
                messages::lines(&message, usize::from(area.width.saturating_sub(6)), most)
            },
        );
        // What the next change needs, where a blank row and the conditions leave room.
        let left = usize::from(rest.height.saturating_sub(height)).saturating_sub(message.len() + 1);
        let outlook = messages::outlook(self.data).into_iter().take(left.min(MAX_OUTLOOK));
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
