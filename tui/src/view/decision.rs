//! The HPA's decision: the panel of the overview, and the screen with the whole arithmetic of the last and the next sync.

mod columns;
mod gates;
mod messages;
mod panel;
mod screen;

pub(super) use self::panel::Decision;
pub(super) use self::screen::DecisionScreen;
