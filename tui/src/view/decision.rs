//! What the HPA decided, and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::text::{put, row, rule, span};
use super::theme::Ink;
use crate::model::{Data, Found, Theme};

/// The panel.
pub(super) struct Decision<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

impl Widget for &Decision<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let hpa = match &self.data.hpa {
            Found::Here(hpa) => hpa,
            Found::Missing => {
                rule(buffer, row(area, 0), theme, "Decision", Vec::new());
                put(buffer, row(area, 1), vec![span(theme, Ink::Warning, "there is no HPA")]);
                return;
            }
            Found::Unknown => {
                rule(buffer, row(area, 0), theme, "Decision", Vec::new());
                put(buffer, row(area, 1), vec![span(theme, Ink::Dim, "waiting for the HPA")]);
                return;
            }
        };
        let (kind, name) = &hpa.scale_target;
        let note = vec![span(theme, Ink::Dim, format!("{} → {kind}/{name}", hpa.name))];
        rule(buffer, row(area, 0), theme, "Decision", note);
        put(
            buffer,
            row(area, 1),
            vec![
                span(theme, Ink::Dim, "targets  "),
                span(theme, Ink::Value, hpa.targets_column.as_str()),
                span(theme, Ink::Dim, "   replicas  "),
                span(theme, Ink::Value, hpa.current_replicas.to_string()),
                Span::raw(" → "),
                span(theme, Ink::Value, hpa.desired_replicas.to_string()),
            ],
        );
        for (index, condition) in hpa.conditions.iter().enumerate() {
            let Ok(index) = u16::try_from(index + 2) else { break };
            let ink = match (condition.kind.as_str(), condition.status.as_str()) {
                ("ScalingLimited", "True") | (_, "False" | "Unknown")
                    if condition.reason != "DesiredWithinRange" =>
                {
                    Ink::Warning
                }
                _ => Ink::Text,
            };
            put(
                buffer,
                row(area, index),
                vec![
                    span(theme, ink, format!("{} {}", condition.kind, condition.status)),
                    span(theme, Ink::Dim, format!("  {}", condition.reason)),
                ],
            );
        }
    }
}
