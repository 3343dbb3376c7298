//! What is drawn under the mouse.

use ratatui::layout::Rect;

use super::chart::Chart;
use super::header::Header;
use super::overview::Overview;
use super::{body, is_too_small, lanes};
use dashboard::message::HitTarget;
use dashboard::model::Model;
use dashboard::ui::screen::{Focus, Panel, Screen};

/// What is drawn at a column and row of the window.
#[must_use]
pub fn hit_test(model: &Model, (column, row): (u16, u16)) -> HitTarget {
    let (columns, rows) = model.ui.size;
    let area = Rect::new(0, 0, columns, rows);
    let is_in = |place: &Rect| place.contains((column, row).into());
    if is_too_small(area) {
        return HitTarget::Nothing;
    }
    if row == 0 {
        let tabs = Header(model).tabs(area);
        return tabs
            .iter()
            .find(|(_, _, tab)| is_in(tab))
            .map_or(HitTarget::Nothing, |(s, ..)| HitTarget::Tab(*s));
    }
    let data = model.shown();
    let body = body(model, area);
    if !data.watched.has_data() || !is_in(&body) {
        return HitTarget::Nothing;
    }
    match model.ui.screen {
        Screen::Logs => HitTarget::List,
        Screen::Overview => {
            let lens = model.ui.chart_view(data.now);
            let overview = Overview { data, ui: &model.ui, lens, theme: model.ui.theme };
            let Some((panel, place)) = overview.panels(body).into_iter().find(|(_, place)| is_in(place))
            else {
                return HitTarget::Nothing;
            };
            let at = (panel == Panel::Chart).then(|| overview.chart().at(place, column)).flatten();
            match at {
                Some(at) => HitTarget::Axis(at),
                None if model.ui.focus == Focus::Expanded(Panel::Events) => HitTarget::List,
                None => HitTarget::Panel(panel),
            }
        }
        Screen::Pods => {
            let chart = Chart { data, lens: model.ui.chart_view(data.now), theme: model.ui.theme };
            chart.at(lanes::plot(body), column).map_or(HitTarget::List, HitTarget::Axis)
        }
        _ => HitTarget::Nothing,
    }
}
