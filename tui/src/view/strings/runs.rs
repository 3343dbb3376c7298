//! Text of the screen Runs. The names of the figures are in `dashboard::bursts`.

use dashboard::ui::state::Access;

pub(in crate::view) const TITLE: &str = "Runs";

/// The state before the first burst, with the key for it where that acts.
pub(in crate::view) fn no_burst(access: Access) -> &'static str {
    match access {
        Access::Full => "  no burst yet: space fires one, and its figures appear here",
        Access::ReadOnly => "  no burst yet: its figures appear here",
    }
}
pub(in crate::view) const NUMBER_AND_TIME: &str = "    #  at";
pub(in crate::view) const SETTINGS: &str = "settings";
pub(in crate::view) const NOT_SEEN: &str = "not seen";
pub(in crate::view) const BEST: &str = "▲ best ";
pub(in crate::view) const WORST: &str = "▼ worst ";
pub(in crate::view) const OF_ITS_SIZE: &str = "of its size  ∩ overlaps";

pub(in crate::view) fn more_figures(count: usize) -> String {
    format!("  {count} more figures below")
}

pub(in crate::view) fn number(number: u32) -> String {
    format!("#{number}")
}

pub(in crate::view) fn against(number: u32, other: u32) -> String {
    format!("#{number} against #{other}")
}

pub(in crate::view) fn steps_of(number: u32) -> String {
    format!("Steps of #{number}")
}
