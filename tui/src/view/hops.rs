//! The panel that compares the queue's value at four hops. It marks the hop with the largest lag and explains the difference.
//!
//! ```text
//! ── Who believes what ───────────────────────── HPA status lags ─
//!   broker   Prometheus   external API  HPA status    target
//!   19     › 19         › 19          ► ≈27           80
//!            0 ms old                   9 s behind    20 × 4
//!   HPA status is 9.8 s behind: the HPA reads only when it syncs,
//!   every 15 s by default.
//! ```
//!
//! With less than 60 columns each hop has a row.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table, Widget};

use super::draw::{line, lines, panel, right_of, span, width};
use super::fmt::{coarse, coarse_up, count, measured, milli};
use super::metric_hops::MetricHops;
use super::stale;
use super::strings::hops as text;
use super::theme::Ink;
use super::wrap::{fit, wrap};
use ::text::selector::readable;
use dashboard::chain::beliefs::{Belief, ChainHop};
use dashboard::chain::explanation::{ChainState, Explanation, explain, is_keda, state};
use dashboard::chain::lag::{Lag, MIN_LAG};
use dashboard::chain::sources::SourceHealth;
use dashboard::data::Data;
use dashboard::reported::Drill;
use dashboard::ui::appearance::Theme;
use observed::ExternalTarget;

/// From this width on the hops are side by side.
const STRIP: u16 = 60;

/// Columns of a hop side by side with the others. The first two hold the mark.
fn strip_columns(hop: ChainHop) -> Constraint {
    Constraint::Length(match hop {
        ChainHop::Broker => 9,
        ChainHop::Prometheus => 13,
        ChainHop::ExternalApi | ChainHop::Hpa => 14,
    })
}

/// Columns of the list: mark and name, value, age. A cut age would be a wrong one, so that column is 14 wide or empty.
const LIST_COLUMNS: (u16, u16, u16) = (15, 10, 14);

/// The most rows of explanations that the panel asks for.
const MAX_EXPLANATION: usize = 6;

/// The panel.
pub(super) struct Hops<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

fn name(hop: ChainHop) -> text::HopName {
    match hop {
        ChainHop::Broker => text::BROKER,
        ChainHop::Prometheus => text::PROMETHEUS,
        ChainHop::ExternalApi => text::EXTERNAL_API,
        ChainHop::Hpa => text::HPA,
    }
}

/// The hop that a drill stops.
fn stops(drill: Drill) -> ChainHop {
    match drill {
        Drill::Broker => ChainHop::Broker,
        Drill::Exporter | Drill::Prometheus => ChainHop::Prometheus,
    }
}

/// A lag as text: `9.3 s`, or `more than 9.3 s`.
fn lag_text(lag: Lag) -> String {
    let time = measured(lag.by);
    if lag.is_lower_bound { text::more_than(&time) } else { time }
}

/// An explanation as sentences, the most important one first: the others may be left out.
fn sentences(explanation: &Explanation) -> Vec<String> {
    match explanation {
        Explanation::Scrape { ago, usual, lag, numbers: (broker, prometheus), is_repeated } => {
            let interval = coarse_up(*usual);
            if lag.by.is_zero() {
                return vec![text::scrape_lags_most(&interval)];
            }
            let old = text::scrape_is_old(&measured(*ago), &interval, &count(*prometheus), &count(*broker));
            [old].into_iter().chain(is_repeated.then(|| text::QUERY_TIME.to_owned())).collect()
        }
        Explanation::NoSample => vec![text::NO_SAMPLE.to_owned()],
        Explanation::Adapter { lasts, numbers: (before, api) } if lasts.as_secs() < 2 => {
            vec![text::api_asked_earlier(&count(*api), &count(*before))]
        }
        Explanation::Adapter { lasts, numbers: (before, api) } => vec![
            text::api_differs(&count(*api), &measured(*lasts), &count(*before)),
            text::ADAPTER_DIFFERS.to_owned(),
        ],
        Explanation::NoValue => vec![text::NO_VALUE.to_owned()],
        Explanation::Sync { lag, period } => {
            vec![text::hpa_is_behind(&lag_text(*lag), &coarse_up(*period))]
        }
        Explanation::NotReadYet(next) => vec![text::not_read_yet(next.map(coarse).as_deref())],
        Explanation::NoReading(why) => {
            vec![text::hpa_has_no_reading(why.as_deref().map(readable).as_deref())]
        }
        Explanation::ReadyOnly { unacked } => vec![text::keda_ready_only(&count(*unacked as f64))],
        Explanation::Statistics(age) => vec![text::broker_statistics(&coarse(*age))],
    }
}

/// The sentences that fit into `room` lines, from the front. The first one is cut if it does not fit.
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

impl Hops<'_> {
    fn value(&self, belief: Option<Belief>) -> String {
        match belief {
            Some(Belief { total: Some(total), rounding_error, .. }) if rounding_error > 0.0 => {
                format!("≈{}", count(total))
            }
            Some(Belief { total: Some(total), .. }) => count(total),
            Some(Belief { had: None, .. }) => text::NONE_YET.to_owned(),
            Some(_) => text::NO_READING.to_owned(),
            None => "·".to_owned(),
        }
    }

    /// The age of the value. While all hops agree, it is the greatest usual age, which seldom changes.
    fn age(&self, hop: ChainHop, belief: Belief, is_moving: bool) -> String {
        let waited = self.data.now.since(belief.received);
        let lag = self.data.beliefs.lag(hop, self.data.now).filter(|lag| lag.by >= MIN_LAG);
        match (belief.age, lag) {
            (Some(age), _) if is_moving => text::old(&measured(age + waited)),
            (_, Some(lag)) if belief.total.is_some() => text::behind(&coarse(lag.by)),
            (Some(age), _) => text::at_most_old(&coarse_up(belief.interval.unwrap_or(age))),
            (None, _) if belief.total.is_none() => text::for_time(&coarse(self.data.now.since(belief.since))),
            (None, _) => String::new(),
        }
    }

    /// The target as one number, and as a product.
    fn target(&self) -> Option<(String, String)> {
        let total = count(self.data.target_total()?);
        Some(match self.data.metric_target()? {
            ExternalTarget::AverageValue(per_pod) => {
                (total, text::product(&milli(per_pod), self.data.replicas().unwrap_or(0).max(1)))
            }
            ExternalTarget::Value(_) => (total, text::IN_ALL.to_owned()),
        })
    }

    /// The text below the values, in at most `room` lines: stale sources, and why the hops disagree.
    fn explanation(&self, width: u16, room: usize) -> Vec<(Ink, String)> {
        let trouble = |hop| {
            let (name, _) = name(hop);
            match (stale::sentence(self.data, hop.source()), self.data.health(hop.source())) {
                (Some(sentence), _) => Some((Ink::Warning, text::stale_hop(name, &sentence))),
                (None, SourceHealth::Starting(Some(_))) => Some((Ink::Pending, text::waiting_hop(name))),
                (None, _) => None,
            }
        };
        let troubles = self.data.hops().into_iter().filter_map(trouble);
        // What is as usual is worth a quiet line.
        let ink = if self.data.beliefs.laggard().is_some() { Ink::Text } else { Ink::Dim };
        let explanations = explain(self.data).into_iter().flat_map(|e| sentences(&e));
        let all = troubles.chain(explanations.map(|text| (ink, text))).collect();
        fitting(all, width, room)
    }

    /// The panel of a metric that is no queue, if none is followed.
    fn metric_instead(&self) -> Option<MetricHops<'_>> {
        let (data, theme) = (self.data, self.theme);
        (!data.has_queue()).then_some(MetricHops { data, theme })
    }

    /// Rows of the values.
    fn value_rows(&self, width: u16) -> u16 {
        // A row for each hop and for the target.
        if width >= STRIP { 3 } else { self.data.hops().len() as u16 + 1 }
    }

    /// The rows that the panel needs at that width.
    pub(super) fn rows(&self, width: u16) -> u16 {
        if let Some(metric) = self.metric_instead() {
            return metric.height(width);
        }
        // At most `MAX_EXPLANATION` rows.
        1 + self.value_rows(width) + self.explanation(width.saturating_sub(2), MAX_EXPLANATION).len() as u16
    }

    fn number(&self, hop: ChainHop) -> Span<'static> {
        let belief = self.data.beliefs.get(hop);
        let standing = self.data.health(hop.source());
        let text = match standing {
            SourceHealth::Stale { .. } | SourceHealth::Failed(_) => self.value(belief) + "?",
            SourceHealth::Starting(_) if belief.is_none() => "…".to_owned(),
            SourceHealth::Starting(_) | SourceHealth::Live => self.value(belief),
        };
        let ink = match (standing, self.data.beliefs.laggard()) {
            (SourceHealth::Stale { .. } | SourceHealth::Failed(_), _) => Ink::Warning,
            (SourceHealth::Starting(_), _) => Ink::Pending,
            (SourceHealth::Live, Some(laggard)) if laggard == hop => Ink::Warning,
            (SourceHealth::Live, _) => Ink::Value,
        };
        span(self.theme, ink, text)
    }

    fn note(&self, hop: ChainHop, is_moving: bool) -> Span<'static> {
        let belief = self.data.beliefs.get(hop);
        match self.data.health(hop.source()) {
            SourceHealth::Stale { .. } => span(self.theme, Ink::Warning, text::STALE),
            SourceHealth::Failed(_) => span(self.theme, Ink::Warning, text::NOT_READ),
            SourceHealth::Starting(_) if belief.is_none() => span(self.theme, Ink::Pending, text::LOADING),
            SourceHealth::Starting(_) | SourceHealth::Live => {
                span(self.theme, Ink::Dim, belief.map_or_else(String::new, |b| self.age(hop, b, is_moving)))
            }
        }
    }

    /// Draws the panel in one line: `believed  broker 50 › prom 50 › API 50 › HPA ≈50  target 200`.
    pub(super) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        if let Some(metric) = self.metric_instead() {
            return metric.summary(buffer, area);
        }
        let theme = self.theme;
        let mut spans = self.chain(true);
        if width(&spans) > area.width {
            spans = self.chain(false);
        }
        if let Some((total, _)) = self.target() {
            let target = [span(theme, Ink::Dim, text::TARGET_PART), span(theme, Ink::Target, total)];
            if width(&spans) + width(&target) <= area.width {
                spans.extend(target);
            }
        }
        let ready_only = span(theme, Ink::Dim, text::READY_ONLY);
        if is_keda(self.data) && width(&spans) + width(std::slice::from_ref(&ready_only)) <= area.width {
            spans.push(ready_only);
        }
        line(buffer, area, spans);
    }

    /// The hops in order. The one that lags or has stopped has the time, or only its sign.
    fn chain(&self, in_full: bool) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (marked, words) = match state(self.data) {
            ChainState::Stopped { hop, since } => {
                (Some(hop), text::silent_part(&coarse(self.data.now.since(since))))
            }
            ChainState::Lags(hop) => {
                let lag = self.data.beliefs.lag(hop, self.data.now).unwrap_or_default();
                (Some(hop), text::behind_part(&coarse(lag.by)))
            }
            ChainState::Unknown | ChainState::Usual | ChainState::Agrees => (None, String::new()),
        };
        let words = if in_full { words } else { text::LAGS_SIGN.to_owned() };
        let mut spans = vec![span(theme, Ink::Dim, text::LINE)];
        for (index, hop) in self.data.hops().into_iter().enumerate() {
            if index > 0 {
                spans.push(span(theme, Ink::Dim, " › "));
            }
            spans.push(span(theme, Ink::Dim, format!("{} ", name(hop).1)));
            spans.push(self.number(hop));
            if marked == Some(hop) {
                spans.push(span(theme, Ink::Warning, words.clone()));
            }
        }
        spans
    }

    /// The hops side by side, as rows of names, values and ages.
    fn strip(&self, is_moving: bool) -> Table<'static> {
        let (theme, laggard) = (self.theme, self.data.beliefs.laggard());
        let cell = |mark: Span<'static>, content: Span<'static>| Line::from(vec![mark, content]);
        let mut rows: [Vec<Line<'static>>; 3] = Default::default();
        for (index, hop) in self.data.hops().into_iter().enumerate() {
            let is_laggard = laggard == Some(hop);
            let ink = if is_laggard { Ink::Warning } else { Ink::Text };
            let mark = match (is_laggard, index) {
                (true, _) => span(theme, Ink::Warning, "► "),
                (false, 0) => Span::raw("  "),
                (false, _) => span(theme, Ink::Dim, "› "),
            };
            rows[0].push(cell(Span::raw("  "), span(theme, ink, name(hop).0)));
            rows[1].push(cell(mark, self.number(hop)));
            rows[2].push(cell(Span::raw("  "), self.note(hop, is_moving)));
        }
        if let Some((total, product)) = self.target() {
            let target = [(Ink::Text, text::TARGET.to_owned()), (Ink::Target, total), (Ink::Dim, product)];
            for (row, (ink, text)) in rows.iter_mut().zip(target) {
                row.push(cell(Span::raw("  "), span(theme, ink, text)));
            }
        }
        // The target has the rest.
        let columns = self.data.hops().into_iter().map(strip_columns).chain([Constraint::Min(0)]);
        Table::new(rows.map(Row::new), columns).column_spacing(0)
    }

    /// A row for each hop.
    fn list(&self, width: u16, is_moving: bool) -> Table<'static> {
        let (theme, laggard) = (self.theme, self.data.beliefs.laggard());
        let row = |mark: &'static str, name: &'static str, value: Span<'static>, note: Span<'static>| {
            Row::new([
                Line::from(vec![span(theme, Ink::Warning, mark), span(theme, Ink::Text, name)]),
                Line::from(value).alignment(Alignment::Right),
                Line::from(vec![Span::raw("  "), note]),
            ])
        };
        let mut rows: Vec<Row<'static>> = Vec::new();
        for hop in self.data.hops() {
            let mark = if laggard == Some(hop) { "► " } else { "  " };
            rows.push(row(mark, name(hop).0, self.number(hop), self.note(hop, is_moving)));
        }
        if let Some((total, product)) = self.target() {
            let (value, note) = (span(theme, Ink::Target, total), span(theme, Ink::Dim, product));
            rows.push(row("  ", text::TARGET, value, note));
        }
        let (name, value, age) = LIST_COLUMNS;
        let age = if width >= name + value + 2 + age { Constraint::Min(0) } else { Constraint::Length(0) };
        Table::new(rows, [Constraint::Length(name), Constraint::Length(value), age]).column_spacing(0)
    }
}

impl Widget for &Hops<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if let Some(metric) = self.metric_instead() {
            return metric.draw(buffer, area);
        }
        let theme = self.theme;
        let laggard = self.data.beliefs.laggard();
        let note = match state(self.data) {
            ChainState::Stopped { hop, since } => {
                let is_drill = self.data.drills.iter().any(|(drill, _)| stops(drill) == hop);
                let time = coarse(self.data.now.since(since));
                vec![span(theme, Ink::Warning, text::stopped(name(hop).0, &time, is_drill))]
            }
            ChainState::Lags(hop) => vec![span(theme, Ink::Warning, text::lags(name(hop).0))],
            ChainState::Unknown => Vec::new(),
            ChainState::Usual => vec![span(theme, Ink::Dim, text::AS_USUAL)],
            ChainState::Agrees => vec![span(theme, Ink::Dim, text::ALL_AGREE)],
        };
        let inside = panel(buffer, area, theme, text::TITLE, note);
        let rows = [Constraint::Length(self.value_rows(area.width)), Constraint::Min(0)];
        let [values, rest] = Layout::vertical(rows).areas(inside);
        let is_moving = laggard.is_some() || self.data.bursts.in_flight();
        let table =
            if area.width >= STRIP { self.strip(is_moving) } else { self.list(area.width, is_moving) };
        Widget::render(table, values, buffer);
        let explanation = right_of(rest, 2);
        let sentences = self.explanation(explanation.width, explanation.height.into()).into_iter();
        lines(buffer, explanation, sentences.map(|(ink, text)| vec![span(theme, ink, text)]));
    }
}
