//! What the HPA decided, and the arithmetic of what it would decide now, gate by gate.

mod columns;
mod gates;
mod screen;
pub(super) mod window;

use hpa::trace::{Path, Reason};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use self::gates::{Told, ratio, reason};
pub(super) use self::screen::Screen;
use super::stale;
use super::text::{below, coarse, fit, put, row, rule, span, width, wrap};
use super::theme::Ink;
use crate::event::{Hpa, Source};
use crate::model::decision::Next;
use crate::model::{Data, Found, Theme};

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
        let ink = if hpa.desired_replicas == hpa.current_replicas { Ink::Value } else { Ink::Lit };
        let replicas = vec![
            span(theme, Ink::Value, hpa.current_replicas.to_string()),
            span(theme, Ink::Dim, " → "),
            span(theme, ink, hpa.desired_replicas.to_string()),
        ];
        [vec![span(theme, Ink::Value, hpa.targets_column.clone())], replicas]
    }

    /// When the next sync is expected, after a comma.
    fn when(&self, next: &Next) -> String {
        match next.due {
            Some(due) => format!(", in about {}", coarse(due.since(self.data.now))),
            None => String::new(),
        }
    }

    /// The condition that is wrong, if one is: it explains itself.
    fn complaint<'h>(&self, hpa: &'h Hpa) -> Option<&'h str> {
        let wrong = hpa.conditions.iter().find(|c| c.status == "False" && c.kind != "ScalingLimited")?;
        Some(if wrong.message.is_empty() { &wrong.reason } else { &wrong.message })
    }

    fn hpa(&self, buffer: &mut Buffer, area: Rect) -> Option<&Hpa> {
        let theme = self.theme;
        let (ink, text) = match &self.data.hpa {
            Found::Here(hpa) => {
                let (kind, name) = &hpa.scale_target;
                let about = format!("{} → {kind}/{name}", hpa.name);
                let room = stale::room(area.width, "Decision");
                let note = stale::note(self.data, theme, Source::Hpa, room)
                    .unwrap_or_else(|| vec![span(theme, Ink::Dim, fit(&about, room.into()).into_owned())]);
                rule(buffer, row(area, 0), theme, "Decision", note);
                return Some(hpa);
            }
            Found::Missing => (Ink::Warning, "there is no HPA"),
            Found::Unknown => (Ink::Dim, "waiting for the HPA"),
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
        if let Some(complaint) = self.complaint(hpa) {
            line.push(span(theme, Ink::Warning, fit(complaint, usize::from(area.width) - 11).into_owned()));
        } else if let Some(next) = &self.data.estimate.next {
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
                steps.push((
                    trace.reason == Reason::Stabilized,
                    format!("stabilised ≈{}", stabilised.replicas),
                ));
            }
            let limited = matches!(trace.reason, Reason::PolicyLimited | Reason::ReplicaLimit);
            steps.push((limited, format!("next {}", trace.desired)));
            for (index, (binds, text)) in steps.into_iter().enumerate() {
                if index > 0 {
                    line.push(span(theme, Ink::Dim, " › "));
                }
                line.push(span(theme, if binds { Ink::Lit } else { Ink::Text }, text));
            }
            let why = span(theme, Ink::Dim, format!("   {}", reason(trace.reason)));
            if width(&line) + width(std::slice::from_ref(&why)) <= area.width {
                line.push(why);
            }
        } else {
            line.push(span(theme, Ink::Dim, "not enough is known yet"));
        }
        put(buffer, row(area, 2), line);
    }
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
        if let Some(complaint) = self.complaint(hpa) {
            let lines = wrap(complaint, usize::from(area.width).saturating_sub(6));
            for (index, text) in (0..6).zip(lines) {
                let mark = if index == 0 { "  ! " } else { "    " };
                put(buffer, row(rest, 0), vec![span(theme, Ink::Warning, format!("{mark}{text}"))]);
                rest = below(rest, 1);
            }
        }
        // Without a number there is no arithmetic; what the controller says about it stands above.
        let next = self.data.estimate.next.as_ref();
        let Some(next) = next.filter(|next| next.decision.trace.path != Path::Failed) else {
            let text = "    no number to calculate with";
            put(buffer, row(rest, 0), vec![span(theme, Ink::Dim, text)]);
            self.conditions(hpa, buffer, below(rest, 2));
            return;
        };
        let trace = &next.decision.trace;
        let (now, held, knows_since) = (self.data.now, next.held, next.knows_since);
        let gates = Told { trace, now, held, knows_since, clock: None }.gates();
        let rows = rest.height.saturating_sub(1);
        let used = u16::try_from(gates.len()).unwrap_or(u16::MAX).min(rows);
        for (index, gate) in (0..rows).zip(gates) {
            let mark = if gate.binds { "▸ " } else { "  " };
            let estimate = if gate.is_estimate { "≈ " } else { "  " };
            let ink = if gate.binds { Ink::Lit } else { Ink::Text };
            let room = usize::from(area.width).saturating_sub(16);
            put(
                buffer,
                row(rest, index),
                vec![
                    span(theme, Ink::Lit, mark),
                    span(theme, Ink::Dim, estimate),
                    span(theme, Ink::Text, format!("{:<12}", gate.name)),
                    span(theme, ink, fit(&gate.text, room).into_owned()),
                ],
            );
        }
        let ink = if trace.desired == hpa.desired_replicas { Ink::Value } else { Ink::Lit };
        put(
            buffer,
            row(rest, used),
            vec![
                span(theme, Ink::Dim, "  ≈ "),
                span(theme, Ink::Text, "next        "),
                span(theme, ink, trace.desired.to_string()),
                span(theme, Ink::Dim, format!("  {}", reason(trace.reason))),
                span(theme, Ink::Dim, self.when(next)),
            ],
        );
        self.conditions(hpa, buffer, below(rest, used + 2));
    }
}
