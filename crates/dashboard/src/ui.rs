//! What the keys changed: screen, dialogs, filters, colours, lists.

pub mod answer;
pub mod appearance;
pub mod doctor;
pub mod drills;
pub mod events;
pub mod filter;
pub mod sheet;
pub mod state;
