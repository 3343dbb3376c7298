//! The way of a metric's figure to the HPA, where no queue is followed: the kubelet's sample, the metrics API, the status.
//!
//! ```text
//! ── Who believes what ── cpu ───────────────────── HPA lags ─
//!     kubelet        3 samples   oldest 14 s, over 15 s
//!     metrics API    71 %        metrics.k8s.io/v1beta1
//!   ► HPA status     55 %        9 s behind
//!     target         60 %
//!   HPA status is 9 s behind: the HPA reads only when it syncs, every 15 s by default.
//! ```

use std::time::Duration;

use hpa::Reading;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::draw::{fitted, line, lines, note_room, panel, span};
use super::fmt::{coarse, coarse_up};
use super::strings::hops as text;
use super::theme::Ink;
use super::wrap::{fit, wrap};
use dashboard::autoscaler::estimate;
use dashboard::chain::lag::MIN_LAG;
use dashboard::chain::metric_beliefs::MetricBelief;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use explain::metric::{current, name, target};
use hpa::spec::Metric;
use hpa::status::Current;

/// A sample that is older than this, and than two of its windows, is the one that lags.
const OLD_SAMPLE: Duration = Duration::from_secs(45);

/// The panel.
pub(super) struct MetricHops<'a> {
    /// The observed data.
    pub(super) data: &'a Data,
    /// The colours.
    pub(super) theme: Theme,
}

/// A hop that lags, and the reason in a sentence.
struct Laggard {
    hop: &'static str,
    why: String,
}

/// The measurement behind a metric: number of samples, age of the oldest, and its window.
struct Samples {
    count: usize,
    age: Duration,
    window: Duration,
}

impl<'a> MetricHops<'a> {
    /// The metric that decides, with its index.
    fn metric(&self) -> Option<(usize, &'a Metric)> {
        let index = self.data.deciding_metric()?;
        Some((index, self.data.hpa.get()?.spec.as_ref()?.metrics.get(index)?))
    }

    fn belief(&self, index: usize) -> Option<&'a MetricBelief> {
        self.data.metric_beliefs.get(index)
    }

    fn samples(&self, index: usize) -> Option<Samples> {
        let times: Vec<(hpa::Time, i64)> = match self.data.estimate.readings.newest().get(index)? {
            Reading::Resource(pods) => pods.iter().map(|pod| (pod.at, pod.window_seconds)).collect(),
            Reading::Pods(pods) => pods.iter().map(|pod| (pod.at, pod.window_seconds)).collect(),
            _ => return None,
        };
        let (oldest, window) = times.iter().min().copied()?;
        let age = estimate::time(self.data.now).millis_since(oldest);
        Some(Samples {
            count: times.len(),
            age: Duration::from_millis(u64::try_from(age).unwrap_or(0)),
            window: Duration::from_secs(u64::try_from(window).unwrap_or(0)),
        })
    }

    /// The hop that lags more than its interval explains, if one does.
    fn laggard(&self, index: usize) -> Option<Laggard> {
        if let Some(Reading::Failed(why)) = self.data.estimate.readings.newest().get(index)
            && self.data.estimate.readings.slot(index).is_some_and(|slot| slot.received.is_some())
        {
            return Some(Laggard { hop: text::METRICS_API, why: why.clone() });
        }
        if let Some(samples) = self.samples(index).filter(|s| s.age > OLD_SAMPLE.max(s.window * 2)) {
            return Some(Laggard { hop: text::KUBELET, why: text::sample_is_old(&coarse(samples.age)) });
        }
        let lag = self.belief(index)?.lag(self.data.now)?;
        let period = self.data.estimate.schedule().period().0;
        let why = || text::hpa_is_behind(&coarse(lag.by), &coarse_up(period));
        (lag.by > self.usual_lag()).then(|| Laggard { hop: text::HPA.0, why: why() })
    }

    /// Returns true if the HPA's status has another figure than the metrics API.
    fn is_behind(&self, index: usize) -> bool {
        let lag = self.belief(index).and_then(|belief| belief.lag(self.data.now));
        lag.is_some_and(|lag| !lag.by.is_zero())
    }

    /// The lag of the HPA's status that its sync period explains, with a margin for a busy controller.
    fn usual_lag(&self) -> Duration {
        let period = self.data.estimate.schedule().period().0;
        period + period / 4 + MIN_LAG
    }

    /// Rows of name, figure and note, with the mark of the laggard.
    fn rows(&self, index: usize, metric: &Metric, laggard: Option<&Laggard>) -> Vec<Vec<Span<'static>>> {
        let (data, theme) = (self.data, self.theme);
        let belief = self.belief(index);
        let served = belief.and_then(|belief| current(metric, belief.served.as_ref()?));
        let reported = belief.and_then(|belief| current(metric, belief.reported.as_ref()?));
        let slot = data.estimate.readings.slot(index);
        let none = || text::NO_READING.to_owned();
        let mut rows = Vec::new();
        let mut row = |hop: &'static str, value: String, note: String| {
            let is_laggard = laggard.is_some_and(|laggard| laggard.hop == hop);
            let ink = if is_laggard { Ink::Warning } else { Ink::Value };
            rows.push(vec![
                span(theme, Ink::Warning, if is_laggard { "► " } else { "  " }),
                span(theme, Ink::Text, format!("{hop:<13}")),
                span(theme, ink, format!("{value:<12}")),
                span(theme, Ink::Dim, note),
            ]);
        };
        if let Some(samples) = self.samples(index) {
            let note = text::oldest(&coarse(samples.age), &coarse(samples.window));
            row(text::KUBELET, text::samples(samples.count), note);
        }
        let api = slot.map_or("", |slot| &slot.api);
        row(text::METRICS_API, served.unwrap_or_else(none), api.to_owned());
        let lag = belief.and_then(|belief| belief.lag(data.now)).filter(|lag| lag.by >= MIN_LAG);
        let note = lag.map_or_else(String::new, |lag| text::behind(&coarse(lag.by)));
        row(text::HPA.0, reported.unwrap_or_else(none), note);
        row(text::TARGET, target(metric), String::new());
        rows
    }

    /// The rows that the panel needs at that width.
    pub(super) fn height(&self, width: u16) -> u16 {
        let Some((index, metric)) = self.metric() else { return 2 };
        let laggard = self.laggard(index);
        let why =
            laggard.as_ref().map_or(0, |laggard| wrap(&laggard.why, width.saturating_sub(2).into()).len());
        // At most a few rows.
        (1 + self.rows(index, metric, None).len() + why.min(3)) as u16
    }

    /// Draws the panel.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let Some((index, metric)) = self.metric() else {
            panel(buffer, area, theme, text::TITLE, Vec::new());
            return;
        };
        let laggard = self.laggard(index);
        let room = note_room(area.width, text::TITLE);
        let state = match &laggard {
            Some(laggard) => vec![span(theme, Ink::Warning, text::lags(laggard.hop))],
            None if self.is_behind(index) => vec![span(theme, Ink::Dim, text::AS_USUAL)],
            None => vec![span(theme, Ink::Dim, text::ALL_AGREE)],
        };
        let name = vec![span(theme, Ink::Text, name(metric))];
        let inside = panel(buffer, area, theme, text::TITLE, fitted(&[state, name], theme, room));
        let mut all = self.rows(index, metric, laggard.as_ref());
        if let Some(laggard) = laggard {
            let sentences = wrap(&laggard.why, usize::from(area.width.saturating_sub(2)));
            all.extend(sentences.into_iter().map(|text| vec![span(theme, Ink::Text, format!("  {text}"))]));
        }
        lines(buffer, inside, all);
    }

    /// Draws the panel in one line: `believed  cpu: kubelet 14 s › API 71 % › HPA 55 % ◄ 9 s behind`.
    pub(super) fn summary(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.theme;
        let Some((index, metric)) = self.metric() else { return };
        let belief = self.belief(index);
        let value = |figure: Option<&Current>| {
            figure.and_then(|figure| current(metric, figure)).unwrap_or_else(|| text::NO_READING.to_owned())
        };
        let mut spans = vec![span(theme, Ink::Dim, text::LINE)];
        spans.push(span(theme, Ink::Text, format!("{}  ", fit(&name(metric), 24))));
        if let Some(samples) = self.samples(index) {
            let sample = text::old(&coarse(samples.age));
            spans.push(span(theme, Ink::Dim, format!("{} {sample} › ", text::KUBELET)));
        }
        spans.push(span(theme, Ink::Dim, format!("{} ", text::EXTERNAL_API.1)));
        spans.push(span(theme, Ink::Value, value(belief.and_then(|belief| belief.served.as_ref()))));
        spans.push(span(theme, Ink::Dim, format!(" › {} ", text::HPA.1)));
        spans.push(span(theme, Ink::Value, value(belief.and_then(|belief| belief.reported.as_ref()))));
        if let Some(lag) =
            belief.and_then(|belief| belief.lag(self.data.now)).filter(|lag| lag.by > self.usual_lag())
        {
            spans.push(span(theme, Ink::Warning, text::behind_part(&coarse(lag.by))));
        }
        spans.push(span(theme, Ink::Dim, text::TARGET_PART));
        spans.push(span(theme, Ink::Target, target(metric)));
        line(buffer, area, spans);
    }
}
