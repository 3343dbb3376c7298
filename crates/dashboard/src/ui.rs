//! The state that the keys change: screen, dialogs, filters, colours, lists.

pub mod appearance;
pub mod dialog;
pub mod doctor;
pub mod drills;
pub mod events;
pub mod filter;
pub mod places;
pub mod scenarios;
pub mod screen;
pub mod state;
pub mod yes_no;
