//! The backdrop that the plots share: the axis of the values, and faint lines at bursts, rescales and changes of the HPA.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::axis::{GUTTER, TimeAxis};
use super::plot::{Canvas, Scale};
use crate::view::draw::{line_right, set, span};
use crate::view::fmt::count;
use crate::view::theme::{Ink, style};
use dashboard::chart::history::MarkKind;
use dashboard::data::Data;
use dashboard::ui::appearance::Theme;

/// Draws the axis of the values, with its labels.
pub(super) fn values(buffer: &mut Buffer, plot: Rect, theme: Theme, scale: &Scale) {
    if plot.width < GUTTER {
        return;
    }
    let x = plot.x + GUTTER - 1;
    for y in plot.top()..plot.bottom() {
        set(buffer, x, y, '│', style(theme, Ink::Rule));
    }
    for (value, above) in scale.labels() {
        let y = plot.bottom().saturating_sub(1 + above);
        if y < plot.top() {
            continue;
        }
        set(buffer, x, y, '┤', style(theme, Ink::Rule));
        let label = Rect { x: plot.x, y, width: GUTTER - 1, height: 1 };
        line_right(buffer, label, vec![span(theme, Ink::Dim, count(value))]);
    }
}

/// Draws faint vertical lines at each burst, rescale and change of the HPA. Where they are too dense, the rescales are left
/// out, and then all of them.
pub(super) fn guides(canvas: &mut Canvas, data: &Data, axis: &TimeAxis) {
    let columns = |kinds: &[MarkKind]| -> BTreeSet<usize> {
        let marks = data.history.marks(axis.from(), axis.length());
        marks.filter(|mark| kinds.contains(&mark.kind)).filter_map(|mark| axis.column(mark.at)).collect()
    };
    let most = axis.columns / 8;
    let all = columns(&[MarkKind::Burst, MarkKind::Tuned, MarkKind::ScaleUp, MarkKind::ScaleDown]);
    let shown = if all.len() <= most { all } else { columns(&[MarkKind::Burst, MarkKind::Tuned]) };
    if shown.len() > most {
        return;
    }
    for x in shown {
        for y in (0..canvas.rows()).step_by(2) {
            canvas.dot(x, y, Ink::Rule, 0);
        }
    }
}
