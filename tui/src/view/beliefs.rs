//! Who believes what about the queue, side by side, with the laggard lit and the disagreement explained in words.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Widget;

use super::stale;
use super::text::{coarse, count, fit, measured, milli, put, put_right, row, rule, span, width, wrap};
use super::theme::Ink;
use dashboard::chain::beliefs::{Belief, ChainHop};
use dashboard::chain::explanation::{Explanation, explain, is_keda};
use dashboard::chain::lag::{Lag, MIN_LAG};
use dashboard::chain::sources::SourceHealth;
use dashboard::data::Data;
use dashboard::reported::Source;
use dashboard::ui::appearance::Theme;
use observed::ExternalTarget;

/// From this width on the places stand side by side.
const STRIP: u16 = 60;

/// Where the places and the target stand in the strip.
const COLUMNS: [u16; 5] = [2, 11, 24, 38, 52];

/// Most lines of explanations that the panel asks for where it shares its place with others.
const LINES: usize = 6;

/// The panel.
pub(super) struct Beliefs<'a> {
    /// What is shown.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// Names of the places, long and short.
fn names(place: ChainHop) -> (&'static str, &'static str, Source) {
    match place {
        ChainHop::Broker => ("broker", "broker", Source::Broker),
        ChainHop::Prometheus => ("Prometheus", "prom", Source::Prometheus),
        ChainHop::ExternalApi => ("external API", "API", Source::ExternalMetric),
        ChainHop::Hpa => ("HPA status", "HPA", Source::Hpa),
    }
}

/// How far behind: `9.3 s`, or `more than 9.3 s`.
fn behind(lag: Lag) -> String {
    let least = if lag.is_lower_bound { "more than " } else { "" };
    format!("{least}{}", measured(lag.by))
}

/// An explanation as sentences, the most important one first: those after it may be left out.
fn sentences(explanation: &Explanation) -> Vec<String> {
    match explanation {
        Explanation::Scrape { ago, usual, lag, numbers: (broker, says), is_repeated } => {
            let usual = coarse(*usual + Duration::from_millis(999));
            let mut all = vec![if lag.by.is_zero() {
                format!("Prometheus lags most: it scrapes every {usual} or so.")
            } else {
                format!(
                    "Prometheus last scraped {} ago (it does every {usual} or so): its {} is older than the broker's {}.",
                    measured(*ago),
                    count(*says),
                    count(*broker)
                )
            }];
            if *is_repeated && !lag.by.is_zero() {
                all.push("The adapter stamps query time, so its answer looks fresh.".to_owned());
            }
            all
        }
        Explanation::NoSample => vec![
            "Prometheus answers and has no sample of this queue: it does not scrape the broker.".to_owned(),
        ],
        Explanation::Adapter { lasts, numbers: (before, says) } if lasts.as_secs() < 2 => {
            vec![format!(
                "The external API was asked before Prometheus' newest sample: {} then, {} now.",
                count(*says),
                count(*before)
            )]
        }
        Explanation::Adapter { lasts, numbers: (before, says) } => vec![
            format!(
                "The external API has said {} for {} while {} is known before it.",
                count(*says),
                measured(*lasts),
                count(*before)
            ),
            "The adapter asks another Prometheus, another series, or keeps its answers.".to_owned(),
        ],
        Explanation::NoValue => vec!["The external metrics API has no value for this metric.".to_owned()],
        Explanation::Sync { lag, worst } => {
            let much = if lag.by >= MIN_LAG {
                format!("is {} behind", behind(*lag))
            } else {
                format!("was up to {} behind", measured(*worst))
            };
            vec![format!("HPA status {much}: the HPA reads at its syncs only, every 15 s by default.")]
        }
        Explanation::NoReading(Some(why)) => vec![format!("The HPA has no reading: {why}")],
        Explanation::NoReading(None) => {
            vec!["The HPA has no reading yet: it reads at its syncs only, every 15 s by default.".to_owned()]
        }
        Explanation::ReadyOnly { unacked } => vec![format!(
            "KEDA's scaler over amqp counts ready messages only: {} in work are not in its number.",
            count(*unacked as f64)
        )],
        Explanation::Statistics(age) => {
            vec![format!("The broker's figure is from its statistics, up to {} old.", coarse(*age))]
        }
    }
}

/// As many whole sentences as fit into `room` lines of that width, from the front; the first in any case, if need be to a sign
/// at the end of its last line.
fn fitting(all: Vec<(Ink, String)>, width: u16, room: usize) -> Vec<(Ink, String)> {
    let mut lines: Vec<(Ink, String)> = Vec::new();
    for (ink, text) in all {
        let mut wrapped = wrap(&text, width.into());
        if lines.len() + wrapped.len() > room {
            if !lines.is_empty() {
                break;
            }
            wrapped.truncate(room);
            if let Some(last) = wrapped.last_mut() {
                let cut = fit(last, usize::from(width).saturating_sub(2)).trim_end_matches('…').to_owned();
                *last = format!("{} …", cut.trim_end());
            }
        }
        lines.extend(wrapped.into_iter().map(|line| (ink, line)));
    }
    lines
}

impl Beliefs<'_> {
    fn value(&self, belief: Option<Belief>) -> String {
        match belief {
            Some(Belief { total: Some(total), rounding_error, .. }) if rounding_error > 0.0 => {
                format!("≈{}", count(total))
            }
            Some(Belief { total: Some(total), .. }) => count(total),
            Some(Belief { had: None, .. }) => "none yet".to_owned(),
            Some(_) => "no reading".to_owned(),
            None => "·".to_owned(),
        }
    }

    /// How old the number is. While all agree the greatest usual age is shown, which stays still; the age that counts
    /// is shown while the news is on its way.
    fn age(&self, place: ChainHop, belief: Belief, is_moving: bool) -> String {
        let waited = self.data.now.since(belief.received);
        let lag = self.data.beliefs.lag(place, self.data.now).filter(|lag| lag.by >= MIN_LAG);
        match (belief.age, lag) {
            (Some(age), _) if is_moving => format!("{} old", measured(age + waited)),
            (_, Some(lag)) if belief.total.is_some() => format!("{} behind", coarse(lag.by)),
            (Some(_), _) => {
                let usual = belief.usual_age + Duration::from_millis(999);
                format!("≤ {} old", coarse(usual))
            }
            (None, _) if belief.total.is_none() => {
                format!("for {}", coarse(self.data.now.since(belief.since)))
            }
            (None, _) => String::new(),
        }
    }

    /// What the number should be at most: as one number, and how it comes about.
    fn target(&self) -> Option<(String, String)> {
        let total = count(self.data.target_total()?);
        Some(match self.data.metric_target()? {
            ExternalTarget::AverageValue(per_pod) => {
                (total, format!("{} × {}", milli(per_pod), self.data.replicas().unwrap_or(0).max(1)))
            }
            ExternalTarget::Value(_) => (total, "in all".to_owned()),
        })
    }

    /// What is said below the numbers, in so many lines of that width: who is stale and why, and why they disagree.
    fn words(&self, width: u16, room: usize) -> Vec<(Ink, String)> {
        let complaint = |place| {
            let (name, _, source) = names(place);
            match (stale::sentence(self.data, source), self.data.health(source)) {
                (Some(sentence), _) => Some((Ink::Warning, format!("! {name}: {sentence}"))),
                (None, SourceHealth::Starting(Some(met))) => {
                    // What was asked for is plain here; what came of it stands at the end.
                    let met = met.rsplit(": ").next().unwrap_or(met);
                    Some((Ink::Pending, format!("{name} is awaited, so far: {met}")))
                }
                (None, _) => None,
            }
        };
        let complaints = ChainHop::ALL.into_iter().filter_map(complaint);
        let explanations = explain(self.data).into_iter().flat_map(|e| sentences(&e));
        let all = complaints.chain(explanations.map(|text| (Ink::Text, text))).collect();
        fitting(all, width, room)
    }

    /// Rows of the numbers, with the title.
    fn head(width: u16) -> u16 {
        if width >= STRIP { 4 } else { 6 }
    }

    /// Rows that the panel needs at that width.
    pub(super) fn rows(&self, width: u16) -> u16 {
        // A few lines for each of a few places.
        Self::head(width) + self.words(width.saturating_sub(2), LINES).len() as u16
    }

    fn ink(&self, place: ChainHop) -> Ink {
        match (self.data.health(names(place).2), self.data.beliefs.laggard()) {
            (SourceHealth::Stale { .. } | SourceHealth::Failed(_), _) => Ink::Warning,
            (SourceHealth::Starting(_), _) => Ink::Pending,
            (SourceHealth::Live, Some(lags)) if lags == place => Ink::Lit,
            (SourceHealth::Live, _) => Ink::Value,
        }
    }

    fn number(&self, place: ChainHop) -> Span<'static> {
        let belief = self.data.beliefs.get(place);
        let text = match self.data.health(names(place).2) {
            SourceHealth::Stale { .. } | SourceHealth::Failed(_) => self.value(belief) + "?",
            SourceHealth::Starting(_) if belief.is_none() => "…".to_owned(),
            SourceHealth::Starting(_) | SourceHealth::Live => self.value(belief),
        };
        span(self.theme, self.ink(place), text)
    }

    fn note(&self, place: ChainHop, is_moving: bool) -> Span<'static> {
        let belief = self.data.beliefs.get(place);
        match self.data.health(names(place).2) {
            SourceHealth::Stale { .. } => span(self.theme, Ink::Warning, "stale"),
            SourceHealth::Failed(_) => span(self.theme, Ink::Warning, "not read"),
            SourceHealth::Starting(_) if belief.is_none() => span(self.theme, Ink::Pending, "awaited"),
            SourceHealth::Starting(_) | SourceHealth::Live => {
                span(self.theme, Ink::Dim, belief.map_or_else(String::new, |b| self.age(place, b, is_moving)))
            }
        }
    }

    /// One line: `believed  broker 50 › prom 50 › API 50 › HPA ≈50  target 200`.
    pub(super) fn line(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let mut spans = self.chain(true);
        if width(&spans) > area.width {
            spans = self.chain(false);
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

    /// The places in their order, with how far the laggard is behind, or with its sign alone.
    fn chain(&self, in_full: bool) -> Vec<Span<'static>> {
        let theme = self.theme;
        let laggard = self.data.beliefs.laggard();
        let mut spans = vec![span(theme, Ink::Dim, "believed  ")];
        for (index, place) in ChainHop::ALL.into_iter().enumerate() {
            if index > 0 {
                spans.push(span(theme, Ink::Dim, " › "));
            }
            spans.push(span(theme, Ink::Dim, format!("{} ", names(place).1)));
            spans.push(self.number(place));
            if laggard == Some(place) {
                let by = match self.data.beliefs.lag(place, self.data.now) {
                    _ if !in_full => " ◂".to_owned(),
                    Some(lag) if lag.by >= MIN_LAG => format!(" ◂ {} behind", coarse(lag.by)),
                    _ => " ◂ lags most".to_owned(),
                };
                spans.push(span(theme, Ink::Lit, by));
            }
        }
        spans
    }

    /// All places in one row, the way from left to right.
    fn strip(&self, buffer: &mut Buffer, area: Rect, is_moving: bool) {
        let (theme, laggard) = (self.theme, self.data.beliefs.laggard());
        let column = |index: usize, line: u16| {
            let (line, from) = (row(area, line), COLUMNS[index]);
            let until = COLUMNS.get(index + 1).map_or(line.width, |next| next - 2);
            Rect { x: line.x + from, width: until.saturating_sub(from), ..line }
        };
        for (index, place) in (0..).zip(ChainHop::ALL) {
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
        for (index, place) in (1..).zip(ChainHop::ALL) {
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

impl Beliefs<'_> {
    /// Whether all that were ever heard have a number now; else nobody can say that they agree.
    fn all_are_read(&self) -> bool {
        let has_number = |place| {
            let belief = self.data.beliefs.get(place);
            belief.is_none_or(|belief| {
                belief.total.is_some() && self.data.health(names(place).2).failure().is_none()
            })
        };
        self.data.beliefs.get(ChainHop::Hpa).is_some() && ChainHop::ALL.into_iter().all(has_number)
    }
}

impl Widget for &Beliefs<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let theme = self.theme;
        let laggard = self.data.beliefs.laggard();
        let note = match laggard {
            Some(place) => vec![span(theme, Ink::Lit, format!("{} lags", names(place).0))],
            None if !self.all_are_read() => Vec::new(),
            None if self.data.beliefs.differ(self.data.now) => vec![span(theme, Ink::Dim, "all within 2 s")],
            None => vec![span(theme, Ink::Dim, "all agree")],
        };
        rule(buffer, row(area, 0), theme, "Who believes what", note);
        let is_moving = laggard.is_some() || self.data.bursts.in_flight();
        if area.width >= STRIP {
            self.strip(buffer, area, is_moving);
        } else {
            self.list(buffer, area, is_moving);
        }
        let head = Beliefs::head(area.width);
        let room = usize::from(area.height.saturating_sub(head));
        for (index, (ink, text)) in (head..).zip(self.words(area.width.saturating_sub(2), room)) {
            put(buffer, row(area, index), vec![span(theme, ink, format!("  {text}"))]);
        }
    }
}
