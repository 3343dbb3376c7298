//! Who believes what about the queue, side by side, with the laggard lit and the disagreement explained in words.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{coarse, count, fit, measured, milli, put, put_right, row, rule, span, width, wrap};
use super::theme::Ink;
use crate::event::{MetricTarget, Source};
use crate::model::beliefs::{Belief, Explanation, Place, explain, is_keda};
use crate::model::{Data, Theme};

/// From this width on the places stand side by side.
const STRIP: u16 = 60;

/// Where the places and the target stand in the strip.
const COLUMNS: [u16; 5] = [2, 12, 25, 39, 51];

/// Most lines that one explanation or complaint takes.
const LINES: usize = 4;

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

/// An explanation as a sentence or two.
fn sentence(explanation: &Explanation) -> String {
    match explanation {
        Explanation::Scrape { ago, usual, numbers: (broker, says), is_repeated } => {
            let usual = coarse(*usual + Duration::from_millis(999));
            let mut text = format!(
                "Prometheus last scraped {} ago (it does every {usual} or so): its {} is older than the broker's {}.",
                measured(*ago),
                count(*says),
                count(*broker)
            );
            if *is_repeated {
                text.push_str(" The adapter stamps query time, so its answer looks fresh.");
            }
            text
        }
        Explanation::NoSample => {
            "Prometheus answers and has no sample of this queue: it does not scrape the broker.".to_owned()
        }
        Explanation::Adapter { lasts, numbers: (before, says) } if lasts.as_secs() < 2 => {
            format!(
                "The external API was asked before Prometheus' newest sample: {} then, {} now.",
                count(*says),
                count(*before)
            )
        }
        Explanation::Adapter { lasts, numbers: (before, says) } => format!(
            "The external API has said {} for {} while {} is known before it: the adapter asks another Prometheus, \
             another series, or keeps its answers.",
            count(*says),
            measured(*lasts),
            count(*before)
        ),
        Explanation::NoValue => "The external metrics API has no value for this metric.".to_owned(),
        Explanation::Sync { lasts, .. } => format!(
            "The HPA reads only at its syncs (every 15 s by default): its status is the same for {}.",
            measured(*lasts)
        ),
        Explanation::NoReading(Some(why)) => format!("The HPA has no reading: {why}"),
        Explanation::NoReading(None) => "The HPA has no reading.".to_owned(),
        Explanation::ReadyOnly { unacked } => format!(
            "KEDA's scaler over amqp counts ready messages only: {} in work are not in its number.",
            count(*unacked as f64)
        ),
        Explanation::Statistics(age) => {
            format!("The broker's figure is from its statistics, up to {} old.", coarse(*age))
        }
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
                format!("≤ {} old", coarse(usual))
            }
            None if belief.total.is_none() => format!("for {}", coarse(self.data.now.since(belief.since))),
            None if place == Place::Hpa && is_moving => {
                format!("for {}", measured(self.data.now.since(belief.since)))
            }
            None => String::new(),
        }
    }

    /// What the number should be at most: as one number, and how it comes about.
    fn target(&self) -> Option<(String, String)> {
        let total = count(self.data.target_total()?);
        Some(match self.data.metric_target()? {
            MetricTarget::Average(per_pod) => {
                (total, format!("{} × {}", milli(per_pod), self.data.replicas().unwrap_or(0).max(1)))
            }
            MetricTarget::Value(_) => (total, "in all".to_owned()),
        })
    }

    fn trouble(&self, source: Source) -> Option<String> {
        stale::sentence(self.data, self.data.trouble(source)?)
    }

    /// What is said below the numbers, in lines of that width: who is stale and why, and why they disagree.
    fn words(&self, width: u16) -> Vec<(Ink, String)> {
        let complaint = |place| {
            let (name, _, source) = names(place);
            Some((Ink::Warning, format!("! {name}: {}", self.trouble(source)?)))
        };
        let complaints = Place::ALL.into_iter().filter_map(complaint);
        let explanations = explain(self.data).into_iter().map(|e| (Ink::Text, sentence(&e)));
        complaints
            .chain(explanations)
            .flat_map(|(ink, text)| {
                let mut lines = wrap(&text, width.into());
                if lines.len() > LINES {
                    lines.truncate(LINES);
                    if let Some(last) = lines.last_mut() {
                        *last = fit(&format!("{last} …………"), width.into()).into_owned();
                    }
                }
                lines.into_iter().map(move |line| (ink, line))
            })
            .collect()
    }

    /// Rows of the numbers, with the title.
    fn head(width: u16) -> u16 {
        if width >= STRIP { 4 } else { 6 }
    }

    /// Rows that the panel needs at that width.
    pub(super) fn rows(&self, width: u16) -> u16 {
        // A few lines for each of a few places.
        Self::head(width) + self.words(width.saturating_sub(2)).len() as u16
    }

    fn ink(&self, place: Place) -> Ink {
        let laggard = self.data.beliefs.laggard();
        match laggard {
            _ if self.data.trouble(names(place).2).is_some() => Ink::Warning,
            Some(lags) if lags == place => Ink::Lit,
            _ => Ink::Value,
        }
    }

    fn number(&self, place: Place) -> Span<'static> {
        let mark = if self.data.trouble(names(place).2).is_some() { "?" } else { "" };
        span(self.theme, self.ink(place), self.value(self.data.beliefs.get(place)) + mark)
    }

    fn note(&self, place: Place, is_moving: bool) -> Span<'static> {
        if self.data.trouble(names(place).2).is_some() {
            return span(self.theme, Ink::Warning, "stale");
        }
        let belief = self.data.beliefs.get(place);
        span(self.theme, Ink::Dim, belief.map_or_else(String::new, |b| self.age(place, b, is_moving)))
    }

    /// One line: `believed  broker 50 › prom 50 › API 50 › HPA ≈50  target 200`.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let laggard = self.data.beliefs.laggard();
        let mut spans = vec![span(theme, Ink::Dim, "believed  ")];
        for (index, place) in Place::ALL.into_iter().enumerate() {
            if index > 0 {
                spans.push(span(theme, Ink::Dim, " › "));
            }
            spans.push(span(theme, Ink::Dim, format!("{} ", names(place).1)));
            spans.push(self.number(place));
            if laggard == Some(place) {
                let age =
                    match self.data.beliefs.get(place).and_then(|belief| Some((belief.age?, belief.heard))) {
                        Some((age, heard)) => {
                            format!(" ◂ {} old", measured(age + self.data.now.since(heard)))
                        }
                        None => " ◂ lags".to_owned(),
                    };
                spans.push(span(theme, Ink::Lit, age));
            }
        }
        if let Some((total, _)) = self.target() {
            let target = [span(theme, Ink::Dim, "   target "), span(theme, Ink::Target, total)];
            if width(&spans) + width(&target) <= area.width {
                spans.extend(target);
            }
        }
        if is_keda(self.data) && width(&spans) + 13 <= area.width {
            spans.push(span(theme, Ink::Dim, "   ready only"));
        }
        put(buffer, area, spans);
    }

    /// All places in one row, the way from left to right.
    fn strip(&self, buffer: &mut Buffer, area: Rect, is_moving: bool) {
        let (theme, laggard) = (self.theme, self.data.beliefs.laggard());
        let column = |index: usize, line: u16| {
            let (line, from) = (row(area, line), COLUMNS[index]);
            let until = COLUMNS.get(index + 1).map_or(line.width, |next| next - 2);
            Rect { x: line.x + from, width: until.saturating_sub(from), ..line }
        };
        for (index, place) in (0..).zip(Place::ALL) {
            let (name, ..) = names(place);
            let ink = if laggard == Some(place) { Ink::Lit } else { Ink::Text };
            put(buffer, column(index, 1), vec![span(theme, ink, name)]);
            put(buffer, column(index, 2), vec![self.number(place)]);
            put(buffer, column(index, 3), vec![self.note(place, is_moving)]);
            let before = column(index, 2);
            let (mark, ink) = if laggard == Some(place) { ("▸", Ink::Lit) } else { ("›", Ink::Dim) };
            if index > 0 || laggard == Some(place) {
                put(buffer, Rect { x: before.x - 2, width: 1, ..before }, vec![span(theme, ink, mark)]);
            }
        }
        if let Some((total, product)) = self.target() {
            put(buffer, column(4, 1), vec![span(theme, Ink::Text, "target")]);
            put(buffer, column(4, 2), vec![span(theme, Ink::Target, total)]);
            put(buffer, column(4, 3), vec![span(theme, Ink::Dim, product)]);
        }
    }

    /// A row a place.
    fn list(&self, buffer: &mut Buffer, area: Rect, is_moving: bool) {
        let (theme, laggard) = (self.theme, self.data.beliefs.laggard());
        let mut line = |index: u16,
                        marker: Span<'static>,
                        name: &'static str,
                        value: Span<'static>,
                        note: Span<'static>| {
            let line = row(area, index);
            put(buffer, line, vec![marker, span(theme, Ink::Text, name)]);
            put_right(buffer, Rect { width: line.width.min(25), ..line }, vec![value]);
            let rest = Rect { x: line.x + 27.min(line.width), width: line.width.saturating_sub(27), ..line };
            // A cut-off age would be a wrong one.
            if rest.width >= 14 {
                put(buffer, rest, vec![note]);
            }
        };
        for (index, place) in (1..).zip(Place::ALL) {
            let marker = if laggard == Some(place) { "▸ " } else { "  " };
            let marker = span(theme, Ink::Lit, marker);
            line(index, marker, names(place).0, self.number(place), self.note(place, is_moving));
        }
        if let Some((total, product)) = self.target() {
            let marker = span(theme, Ink::Dim, "  ");
            line(5, marker, "target", span(theme, Ink::Target, total), span(theme, Ink::Dim, product));
        }
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
        if area.width >= STRIP {
            self.strip(buffer, area, is_moving);
        } else {
            self.list(buffer, area, is_moving);
        }
        for (index, (ink, text)) in
            (Beliefs::head(area.width)..).zip(self.words(area.width.saturating_sub(2)))
        {
            put(buffer, row(area, index), vec![span(theme, ink, format!("  {text}"))]);
        }
    }
}
