//! Who believes what about the queue, side by side, with the laggard lit.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{coarse, count, measured, put, put_right, row, rule, span, wrap};
use super::theme::Ink;
use crate::event::Source;
use crate::model::beliefs::{Belief, Place};
use crate::model::{Data, Theme};

/// The panel.
pub(super) struct Beliefs<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// Names of the places, long and short.
fn names(place: Place) -> (&'static str, &'static str, Source) {
    match place {
        Place::Broker => ("broker", "broker", Source::Broker),
        Place::Prometheus => ("Prometheus", "prom", Source::Prometheus),
        Place::ExternalApi => ("external API", "API", Source::ExternalMetric),
        Place::Hpa => ("HPA status", "HPA", Source::Hpa),
    }
}

impl Beliefs<'_> {
    fn value(&self, belief: Option<Belief>) -> String {
        match belief {
            Some(Belief { total: Some(total), slack, .. }) if slack > 0.0 => format!("≈{}", count(total)),
            Some(Belief { total: Some(total), .. }) => count(total),
            Some(_) => "no reading".to_owned(),
            None => "·".to_owned(),
        }
    }

    /// How old the number is. While all agree the greatest usual age is shown, which stays still; the age that counts
    /// is shown while the news is on its way.
    fn age(&self, place: Place, belief: Belief, is_moving: bool) -> String {
        let waited = self.data.now.since(belief.heard);
        match belief.age {
            Some(age) if is_moving => format!("{} old", measured(age + waited)),
            Some(_) => {
                let usual = belief.usual_age + Duration::from_millis(999);
                format!("at most {} old", coarse(usual))
            }
            None if belief.total.is_none() => format!("for {}", coarse(self.data.now.since(belief.since))),
            None if place == Place::Hpa && is_moving => {
                format!("for {}", measured(self.data.now.since(belief.since)))
            }
            None => String::new(),
        }
    }

    fn trouble(&self, source: Source) -> Option<String> {
        stale::sentence(self.data, self.data.trouble(source)?)
    }

    /// Who is stale and why, in lines of that width.
    fn complaints(&self, width: u16) -> Vec<String> {
        let one = |place| {
            let (name, _, source) = names(place);
            let text = format!("! {name}: {}", self.trouble(source)?);
            Some(wrap(&text, width.into()).into_iter().take(3))
        };
        Place::ALL.into_iter().filter_map(one).flatten().collect()
    }

    /// Rows that the panel needs at that width.
    pub(super) fn rows(&self, width: u16) -> u16 {
        // At most three lines for each of four places.
        5 + self.complaints(width.saturating_sub(2)).len() as u16
    }

    /// One line: `broker 50 · prom 50 · API 50 · HPA ≈50`.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let laggard = self.data.beliefs.laggard();
        let mut spans = vec![span(self.theme, Ink::Dim, "believed  ")];
        for (index, place) in Place::ALL.into_iter().enumerate() {
            if index > 0 {
                spans.push(span(self.theme, Ink::Dim, " › "));
            }
            let is_laggard = laggard == Some(place);
            let (_, short, source) = names(place);
            let is_stale = self.data.trouble(source).is_some();
            let ink = if is_laggard { Ink::Lit } else { Ink::Value };
            spans.push(span(self.theme, Ink::Dim, format!("{short} ")));
            let mark = if is_stale { "?" } else { "" };
            spans.push(span(self.theme, ink, self.value(self.data.beliefs.get(place)) + mark));
            if is_laggard {
                spans.push(span(self.theme, Ink::Lit, " ◂ lags"));
            }
        }
        put(buffer, area, spans);
    }
}

impl Widget for &Beliefs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let laggard = self.data.beliefs.laggard();
        let note = match laggard {
            Some(place) => vec![span(theme, Ink::Lit, format!("{} lags", names(place).0))],
            None if self.data.beliefs.get(Place::Hpa).is_some() => vec![span(theme, Ink::Dim, "all agree")],
            None => Vec::new(),
        };
        rule(buffer, row(area, 0), theme, "Who believes what", note);
        let is_moving = laggard.is_some() || self.data.bursts.in_flight();
        for (index, place) in Place::ALL.into_iter().enumerate() {
            // Four places.
            let line = row(area, index as u16 + 1);
            let (name, _, source) = names(place);
            let belief = self.data.beliefs.get(place);
            let is_stale = self.data.trouble(source).is_some();
            let ink = match laggard {
                _ if is_stale => Ink::Warning,
                Some(lags) if lags == place => Ink::Lit,
                _ => Ink::Value,
            };
            let marker = if laggard == Some(place) { "▸ " } else { "  " };
            put(buffer, line, vec![span(theme, Ink::Lit, marker), span(theme, Ink::Text, name)]);
            let value = Rect { width: line.width.min(25), ..line };
            let mark = if is_stale { "?" } else { "" };
            put_right(buffer, value, vec![span(theme, ink, self.value(belief) + mark)]);
            let rest = Rect { x: line.x + 27.min(line.width), width: line.width.saturating_sub(27), ..line };
            let note = match self.trouble(source) {
                Some(_) => span(theme, Ink::Warning, "stale"),
                None => {
                    span(theme, Ink::Dim, belief.map_or_else(String::new, |b| self.age(place, b, is_moving)))
                }
            };
            // A cut-off age would be a wrong one.
            if rest.width >= 14 {
                put(buffer, rest, vec![note]);
            }
        }
        for (index, text) in (5..).zip(self.complaints(area.width.saturating_sub(2))) {
            put(buffer, row(area, index), vec![span(theme, Ink::Warning, format!("  {text}"))]);
        }
    }
}
