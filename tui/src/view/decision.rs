//! What the HPA decided, and the arithmetic of what it would decide now, gate by gate.

mod columns;
mod gates;
mod said;
mod screen;
pub(super) mod window;

use hpa::trace::Reason;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use self::gates::{Gate, Known, Told, ratio, reason};
pub(super) use self::screen::Screen;
use super::stale;
use super::text::{below, coarse, fit, milli, put, row, rule, span, width, wrap};
use super::theme::Ink;
use dashboard::autoscaler::estimate::{Next, NextReading};
use dashboard::data::{Data, Presence};
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use observed::Hpa;

/// The panel.
pub(super) struct Decision<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Decision<'_> {
    /// What the HPA's status says: reading and target, and replicas as they were and as they shall be.
    fn observed(&self, hpa: &Hpa) -> [Vec<Span<'static>>; 2] {
        let theme = self.theme;
        let wanted = match hpa.wanted() {
            Some(wanted) if wanted == hpa.current_replicas => span(theme, Ink::Value, wanted.to_string()),
            Some(wanted) => span(theme, Ink::Lit, wanted.to_string()),
            None => span(theme, Ink::Dim, "none yet"),
        };
        let replicas = if hpa.has_synced() {
            let current = span(theme, Ink::Value, hpa.current_replicas.to_string());
            vec![current, span(theme, Ink::Dim, " → "), wanted]
        } else {
            vec![span(theme, Ink::Pending, "no sync yet")]
        };
        [vec![span(theme, Ink::Value, hpa.targets_column.clone())], replicas]
    }

    /// When the next sync is expected, where that is known.
    fn when(&self, next: &Next) -> String {
        next.due.map_or_else(String::new, |due| format!(" in {}", coarse(due.since(self.data.now))))
    }

    fn hpa(&self, buffer: &mut Buffer, area: Rect) -> Option<&Hpa> {
        let theme = self.theme;
        let (ink, text) = match &self.data.hpa {
            Presence::Here(hpa) => {
                let (kind, name) = &hpa.scale_target;
                let about = format!("{} → {kind}/{name}", hpa.name);
                let room = stale::room(area.width, "Decision");
                let note = stale::note(self.data, theme, Source::Hpa, room)
                    .or_else(|| silence(self.data, theme, room))
                    .unwrap_or_else(|| vec![span(theme, Ink::Dim, fit(&about, room.into()).into_owned())]);
                rule(buffer, row(area, 0), theme, "Decision", note);
                return Some(hpa);
            }
            Presence::Missing => (Ink::Warning, "there is no HPA"),
            Presence::Unknown => (Ink::Dim, "waiting for the HPA"),
        };
        rule(buffer, row(area, 0), theme, "Decision", Vec::new());
        put(buffer, row(area, 1), vec![span(theme, ink, text)]);
        None
    }

    /// The controller's own words, where there is room for them.
    fn conditions(&self, hpa: &Hpa, buffer: &mut Buffer, area: Rect) {
        for (index, condition) in (0..).zip(&hpa.conditions) {
            let is_limit = condition.kind == "ScalingLimited";
            let is_wrong = if is_limit { condition.status == "True" } else { condition.status != "True" };
            let ink = if is_wrong { Ink::Warning } else { Ink::Dim };
            let text = format!("{:<14} {:<5} {}", condition.kind, condition.status, condition.reason);
            let room = usize::from(area.width).saturating_sub(4);
            put(buffer, row(area, index), vec![span(self.theme, ink, format!("    {}", fit(&text, room)))]);
        }
    }

    /// Two lines below the title: what the HPA shows, and the arithmetic in short.
    pub(super) fn short(&self, buffer: &mut Buffer, area: Rect) {
        let Some(hpa) = self.hpa(buffer, area) else { return };
        let theme = self.theme;
        let mut line = vec![span(theme, Ink::Dim, "targets   ")];
        let [targets, replicas] = self.observed(hpa);
        line.extend(targets);
        line.push(span(theme, Ink::Dim, "   replicas "));
        line.extend(replicas);
        line.push(span(theme, Ink::Dim, format!("   min {} max {}", hpa.min, hpa.max)));
        put(buffer, row(area, 1), line);
        let mut line = vec![span(theme, Ink::Dim, "decision  ")];
        line.extend(self.in_short(hpa, area.width.saturating_sub(11)));
        put(buffer, row(area, 2), line);
    }

    /// What binds and what is next, in so many columns.
    fn in_short(&self, hpa: &Hpa, room: u16) -> Vec<Span<'static>> {
        let theme = self.theme;
        let mut line = Vec::new();
        let next = self.data.estimate.next.as_ref();
        let when = next.map_or_else(String::new, |next| self.when(next));
        if let Some(gone) = said::missing(self.data) {
            line.push(span(theme, Ink::Lit, format!("▸ {}", said::in_short(self.data, gone))));
            add(
                &mut line,
                room,
                span(theme, Ink::Dim, if when.is_empty() { when } else { format!(", sync{when}") }),
            );
            return line;
        }
        // The target cannot be read or written: then no arithmetic decides.
        let unable = hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.status == "False");
        if let Some(complaint) = said::complaint(hpa).filter(|_| unable || next.is_none()) {
            line.extend(
                said::lines(&complaint, room.into(), 1)
                    .into_iter()
                    .map(|text| span(theme, Ink::Warning, text)),
            );
            return line;
        }
        let Some(next) = next else {
            return vec![span(theme, Ink::Pending, said::awaited(self.data))];
        };
        let trace = &next.decision.trace;
        let mut steps: Vec<(bool, String)> = Vec::new();
        if let Some(found) = trace.metrics.iter().find_map(|metric| metric.measured.as_ref())
            && let Some(value) = found.assumed_ratio.or(found.ratio)
        {
            steps.push((found.within, format!("ratio {}", ratio(value))));
        }
        if let Some(raw) = trace.raw {
            steps.push((false, format!("raw {raw}")));
        }
        if let Some(stabilised) = trace.stabilised {
            let binds = trace.reason == Reason::Stabilized;
            steps.push((binds, format!("stabilised ≈{}", stabilised.replicas)));
        }
        let limited = matches!(trace.reason, Reason::PolicyLimited | Reason::ReplicaLimit);
        steps.push((limited, format!("next {}", trace.desired)));
        for (index, (binds, text)) in steps.into_iter().enumerate() {
            if index > 0 {
                line.push(span(theme, Ink::Dim, " › "));
            }
            line.push(span(theme, if binds { Ink::Lit } else { Ink::Text }, text));
        }
        add(&mut line, room, span(theme, Ink::Dim, when));
        if let Some(age) = self.data.estimate.reading.too_old(self.data.now) {
            add(&mut line, room, span(theme, Ink::Warning, format!("  ? reading {} old", coarse(age))));
        }
        add(&mut line, room, span(theme, Ink::Dim, format!("   {}", reason(trace))));
        line
    }

    /// The reading that the next sync would go by, where the arithmetic below does not say that there is none.
    fn reading(&self) -> Option<Gate> {
        let reading = &self.data.estimate.reading;
        let total = milli(reading.total_milli()?);
        Some(match (reading, reading.too_old(self.data.now)) {
            (NextReading::OfStatus(_), _) => {
                Gate::by(Known::Estimated, "reading", format!("{total}, as the newest sync had it"))
            }
            (_, Some(age)) => {
                Gate::by(Known::Doubtful, "reading", format!("{total}, {} old, metrics API", coarse(age)))
            }
            (_, None) => Gate::new("reading", format!("{total} by the metrics API")),
        })
    }

    fn gate(&self, gate: &Gate, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let room = usize::from(area.width).saturating_sub(16);
        let spans = vec![
            span(theme, Ink::Lit, if gate.binds { "▸ " } else { "  " }),
            span(
                theme,
                if gate.known == Known::Doubtful { Ink::Warning } else { Ink::Dim },
                gate.known.mark(),
            ),
            span(theme, Ink::Text, format!("{:<12}", gate.name)),
            span(theme, gate.ink(), gate.fitting(room)),
        ];
        put(buffer, area, spans);
    }
}

/// Adds what still fits.
fn add(line: &mut Vec<Span<'static>>, room: u16, more: Span<'static>) {
    if width(line) + width(std::slice::from_ref(&more)) <= room {
        line.push(more);
    }
}

/// For the title: the controller has not been heard though it should have been.
fn silence(data: &Data, theme: Theme, room: u16) -> Option<Vec<Span<'static>>> {
    let text = format!("! {}", said::silence(data)?);
    Some(vec![span(theme, Ink::Warning, fit(&text, room.into()).into_owned())])
}

impl Widget for &Decision<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(hpa) = self.hpa(buffer, area) else { return };
        let theme = self.theme;
        let [targets, replicas] = self.observed(hpa);
        for (index, (name, spans)) in (1..).zip([("targets", targets), ("replicas", replicas)]) {
            let mut line = vec![span(theme, Ink::Text, format!("    {name:<12}"))];
            line.extend(spans);
            put(buffer, row(area, index), line);
        }
        let mut rest = below(area, 3);
        let room = usize::from(area.width).saturating_sub(6);
        let missing = said::missing(self.data);
        if let Some(gone) = missing {
            for (index, text) in
                wrap(&said::nothing_to_calculate(self.data, gone), room).into_iter().enumerate()
            {
                let mark = if index == 0 { "  ▸ " } else { "    " };
                put(buffer, row(rest, 0), vec![span(theme, Ink::Lit, format!("{mark}{text}"))]);
                rest = below(rest, 1);
            }
        }
        let next = self.data.estimate.next.as_ref();
        let mut gates: Vec<Gate> = self.reading().into_iter().collect();
        if let Some(next) = next {
            let trace = &next.decision.trace;
            let (now, held, knows_since) = (self.data.now, next.held, next.knows_since);
            gates.extend(Told { trace, now, held, knows_since, clock: None }.gates());
            let text = format!("{}{}, {}", trace.desired, self.when(next), reason(trace));
            gates.push(Gate::by(Known::Estimated, "next", text));
        } else if missing.is_none() {
            let text = format!("    next        {}", said::awaited(self.data));
            put(buffer, row(rest, 0), vec![span(theme, Ink::Pending, text)]);
            rest = below(rest, 1);
        }
        for gate in &gates {
            self.gate(gate, row(rest, 0), buffer);
            rest = below(rest, 1);
        }
        // The controller's own words, as far as they leave the conditions their rows.
        if let Some(complaint) = said::complaint(hpa) {
            let conditions = u16::try_from(hpa.conditions.len()).unwrap_or(u16::MAX);
            let most = usize::from(rest.height.saturating_sub(conditions)).min(6);
            for (index, text) in said::lines(&complaint, room, most).into_iter().enumerate() {
                let mark = if index == 0 { "  ! " } else { "    " };
                put(buffer, row(rest, 0), vec![span(theme, Ink::Warning, format!("{mark}{text}"))]);
                rest = below(rest, 1);
            }
        } else {
            rest = below(rest, 1);
        }
        self.conditions(hpa, buffer, rest);
    }
}
