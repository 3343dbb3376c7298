//! What the HPA decided, and the arithmetic of what it would decide now, gate by gate.

use hpa::Trace;
use hpa::spec::Direction;
use hpa::trace::{Constraint, Form, Measured, Path, PolicyKind, Rate, RateRule, Reason};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{below, coarse, fit, milli, put, row, rule, span, width, wrap};
use super::theme::Ink;
use crate::event::{Hpa, Source};
use crate::model::{Data, Found, Theme};

/// The panel.
pub(super) struct Decision<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// One line of the arithmetic.
struct Gate {
    name: &'static str,
    text: String,
    /// Depends on what the controller remembers, which nobody outside can read.
    is_estimate: bool,
    /// Decides the outcome.
    binds: bool,
}

impl Gate {
    fn new(name: &'static str, text: String) -> Self {
        Self { name, text, is_estimate: false, binds: false }
    }
}

/// A ratio with as many digits as tell it from the edges of the band.
fn ratio(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn measured(measured: &Measured, gates: &mut Vec<Gate>, proposal: Option<i32>) {
    let target = milli(measured.target);
    let total = measured.total_milli.map_or_else(|| milli(measured.usage), milli);
    let pods = measured.replicas;
    let (compared, raw) = match measured.form {
        Form::AverageValue => (format!("{total} ÷ ({target} × {pods})"), format!("⌈{total} ÷ {target}⌉")),
        Form::Value | Form::Utilization => (format!("{total} ÷ {target}"), format!("⌈ratio × {pods} ready⌉")),
    };
    let value = measured.assumed_ratio.or(measured.ratio);
    gates.push(Gate::new(
        "ratio",
        match value {
            Some(value) => format!("{compared} = {}", ratio(value)),
            None => format!("{compared}: no pod to divide by"),
        },
    ));
    let (low, high) = measured.band;
    let side = if measured.within { "within" } else { "outside" };
    gates.push(Gate {
        binds: measured.within,
        ..Gate::new("tolerance", format!("{side} {} … {}", ratio(low), ratio(high)))
    });
    if let Some(proposal) = proposal {
        let text =
            if measured.within { format!("{proposal} (as it is)") } else { format!("{proposal} = {raw}") };
        gates.push(Gate::new("raw", text));
    }
}

fn rate(rate: &Rate) -> String {
    let allowed = rate.allowed;
    match rate.rule {
        RateRule::Legacy => format!("at most {allowed}: twice the size, or 4"),
        RateRule::Disabled => "this direction is switched off".to_owned(),
        RateRule::NoPolicy => format!("{allowed}, no policy"),
        RateRule::Policy(policy) => {
            let unit = match policy.kind {
                PolicyKind::Pods => "pods",
                PolicyKind::Percent => "%",
            };
            let bound = match rate.direction {
                Direction::Up => "at most",
                Direction::Down => "at least",
            };
            format!("{bound} {allowed}: {} {unit} in {} s", policy.value, policy.period_seconds)
        }
    }
}

/// The arithmetic as lines, in the order in which it is done.
fn gates(trace: &Trace) -> Vec<Gate> {
    let mut gates = Vec::new();
    for metric in &trace.metrics {
        match (&metric.measured, &metric.error) {
            (Some(found), _) => measured(found, &mut gates, metric.proposal),
            (None, Some(error)) => gates.push(Gate {
                binds: trace.reason == Reason::InvalidMetrics,
                ..Gate::new("metric", error.clone())
            }),
            (None, None) => {}
        }
    }
    if let Some(stabilised) = trace.stabilised {
        let text = match stabilised.held_by {
            Some(held) => {
                let left = held.expires.millis_since(trace.at).max(0) as u64;
                let left = coarse(std::time::Duration::from_millis(left + 999));
                if held.replicas == stabilised.replicas {
                    format!("held at {} for {left} more", held.replicas)
                } else {
                    format!("{}, held by {} for {left} more", stabilised.replicas, held.replicas)
                }
            }
            None => format!("{}, nothing held", stabilised.replicas),
        };
        gates.push(Gate {
            is_estimate: true,
            binds: trace.reason == Reason::Stabilized,
            ..Gate::new("stabilised", text)
        });
    }
    if let Some(limited) = trace.limited {
        if let Some(found) = &limited.rate {
            gates.push(Gate {
                is_estimate: true,
                binds: limited.constraint == Some(Constraint::ScalingPolicy),
                ..Gate::new("rate", rate(found))
            });
        }
        let (text, binds) = match limited.constraint {
            Some(Constraint::MinReplicas) => (format!("raised to min {}", trace.min), true),
            Some(Constraint::MaxReplicas) => (format!("cut to max {}", trace.max), true),
            _ => (format!("{} ≤ {} ≤ {}", trace.min, limited.replicas, trace.max), false),
        };
        gates.push(Gate { binds, ..Gate::new("min, max", text) });
    }
    gates
}

/// What decided, in words.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::MetricRecommendation => "as the metric asks",
        Reason::WithinTolerance => "within tolerance",
        Reason::Stabilized => "stabilised",
        Reason::PolicyLimited => "limited by rate",
        Reason::ReplicaLimit => "limited by min or max",
        Reason::InvalidMetrics => "no usable metric",
        Reason::RecommendationFailed => "no decision",
        Reason::ScalingDisabled => "off: no replicas",
    }
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
        } else if let Some(decision) = &self.data.estimate.decision {
            let trace = &decision.trace;
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
            steps.push((limited, format!("now {}", trace.desired)));
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
        let Some(decision) = self.data.estimate.decision.as_ref().filter(|d| d.trace.path != Path::Failed)
        else {
            let text = "    no number to calculate with";
            put(buffer, row(rest, 0), vec![span(theme, Ink::Dim, text)]);
            self.conditions(hpa, buffer, below(rest, 2));
            return;
        };
        let trace = &decision.trace;
        let gates = gates(trace);
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
                span(theme, Ink::Text, "now         "),
                span(theme, ink, trace.desired.to_string()),
                span(theme, Ink::Dim, format!("  {}", reason(trace.reason))),
            ],
        );
        self.conditions(hpa, buffer, below(rest, used + 2));
    }
}
