//! The HPA's decision: the panel of the overview, and the screen with the whole arithmetic of the last and the next sync.

mod columns;
mod gates;
mod history;
mod messages;
mod moment;
mod panel;
mod screen;

pub(super) use self::history::History;
pub(super) use self::moment::{sync_at, sync_in_short};
pub(super) use self::panel::Decision;
pub(super) use self::screen::DecisionScreen;
