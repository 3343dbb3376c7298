//! The pods of each metric that counts pods, with the part that each has in the next decision.
//!
//! ```text
//! ── cpu ── 2 counted, 1 not ready, 1 of another workload ── 55 % of 60 % ─
//!   pod                usage   request  share  part
//!   web-5d4-4kq2m      111m    200m     55 %   counted
//!   web-5d4-9xh7t      -       200m     -      not ready: phase Pending, counts as 0
//!   canary-7f9-b6r5w   110m    200m     55 %   counted  ! another workload's
//!   1 pod (not ready) counts as 0, ratio 1.20 becomes 0.80
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::draw::{lines, note_room, panel, span};
use super::strings::pod_table as text;
use super::theme::Ink;
use super::wrap::{fit, fit_end, wrap};
use dashboard::autoscaler::pod_table::tables;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;
use dashboard::ui::filter::Filter;
use explain::metric::{MetricReport, reports};
use explain::pods::{PodLine, PodTable, word};
use hpa::readiness::PodPart;

/// Columns of the figures: usage, request, share.
const FIGURES: [usize; 3] = [10, 9, 7];

/// The least and the most columns of a name.
const NAME: (usize, usize) = (16, 44);

/// Columns that the part needs at least.
const PART: usize = 24;

/// The tables.
pub(super) struct PodTables<'a> {
    data: &'a Data,
    filter: &'a Filter,
    theme: Theme,
    tables: Vec<(MetricReport, PodTable)>,
}

impl<'a> PodTables<'a> {
    /// The tables of the HPA's metrics; `None` if no metric counts pods.
    pub(super) fn new(data: &'a Data, filter: &'a Filter, theme: Theme) -> Option<Self> {
        let spec = data.hpa.get()?.spec.as_deref()?;
        let trace = data.estimate.next.as_ref().map(|next| &next.decision.trace);
        let reports = reports(spec, trace);
        let tables: Vec<_> = tables(data)
            .into_iter()
            .filter_map(|(index, table)| Some((reports.get(index)?.clone(), table)))
            .collect();
        (!tables.is_empty()).then_some(Self { data, filter, theme, tables })
    }

    /// The rows of one table below its title.
    fn rows(&self, table: &PodTable, width: u16) -> Vec<Vec<Span<'static>>> {
        let theme = self.theme;
        let width = usize::from(width);
        let figures: usize = FIGURES.iter().sum();
        let name = width.saturating_sub(2 + figures + PART).clamp(NAME.0, NAME.1);
        let part = width.saturating_sub(2 + name + figures);
        let [usage, request, share] = FIGURES;
        let head = format!(
            "  {:<name$}{:<usage$}{:<request$}{:<share$}{}",
            text::POD,
            text::USAGE,
            text::REQUEST,
            text::SHARE,
            text::PART
        );
        let mut rows = vec![vec![span(theme, Ink::Dim, head)]];
        let notes = [&table.without_request, &table.second_pass, &table.truncation];
        for (index, note) in notes.into_iter().enumerate() {
            let Some(note) = note else { continue };
            let ink = if index == 0 { Ink::Warning } else { Ink::Text };
            let lines = wrap(note, width.saturating_sub(2)).into_iter();
            rows.extend(lines.map(|line| vec![span(theme, ink, format!("  {line}"))]));
        }
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let shown = table.lines.iter().filter(|line| self.filter.takes(&[&line.name]));
        rows.extend(shown.map(|line| {
            let ink = match line.part {
                PodPart::Counted => Ink::Text,
                PodPart::Unready(_) | PodPart::Missing => Ink::Pending,
                PodPart::Ignored(_) => Ink::Dim,
            };
            let figures = format!(
                "{:<usage$}{:<request$}{:<share$}",
                value(&line.usage),
                value(&line.request),
                value(&line.share)
            );
            let shown = fit_end(&line.name, name - 1);
            let mut spans = vec![span(theme, ink, format!("  {shown:<name$}")), span(theme, ink, figures)];
            let ink = if line.is_foreign { Ink::Warning } else { ink };
            spans.push(span(theme, ink, fit(&part_of(line), part).into_owned()));
            spans
        }));
        rows
    }

    /// The rows of all tables with their titles.
    fn height(&self, width: u16) -> usize {
        self.tables.iter().map(|(_, table)| 1 + self.rows(table, width).len()).sum()
    }

    /// The scroll range, in rows.
    pub(super) fn max_scroll(&self, area: Rect) -> usize {
        self.height(area.width).saturating_sub(area.height.into())
    }

    /// Draws the tables one below the other, without the first `skipped` rows.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect, skipped: usize) {
        let mut skipped = skipped;
        let mut rest = area;
        for (report, table) in &self.tables {
            let rows = self.rows(table, area.width);
            let height = rows.len() + 1;
            if skipped >= height {
                skipped -= height;
                continue;
            }
            // The title stays above what is left of its table.
            let inside = self.title(buffer, rest, report, table);
            let shown = rows.into_iter().skip(skipped.saturating_sub(1));
            let used = u16::try_from(height - skipped.min(height - 1)).unwrap_or(u16::MAX);
            lines(buffer, inside, shown);
            rest = super::draw::below(rest, used);
            skipped = 0;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn title(&self, buffer: &mut Buffer, area: Rect, report: &MetricReport, table: &PodTable) -> Rect {
        let room = usize::from(note_room(area.width, &report.name));
        let usage = report.usage.as_deref().unwrap_or(text::NO_USAGE);
        let note = text::note(&table.summary, usage, &report.target);
        let is_old = self.data.estimate.reading.too_old(self.data.now).is_some();
        let ink = if is_old { Ink::Warning } else { Ink::Dim };
        panel(
            buffer,
            area,
            self.theme,
            &report.name,
            vec![span(self.theme, ink, fit(&note, room).into_owned())],
        )
    }
}

/// The part of a pod with its reason, and what the second pass assumes for it.
fn part_of(line: &PodLine) -> String {
    let mut words = word(line.part).to_owned();
    if line.is_foreign {
        words = text::foreign(&words);
    }
    if !line.reason.is_empty() {
        words = text::with_reason(&words, &line.reason);
    }
    match &line.assumed {
        Some(assumed) => text::with_assumed(&words, assumed),
        None => words,
    }
}
