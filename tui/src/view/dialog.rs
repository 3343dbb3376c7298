//! The dialogs, each a box in the middle of the screen.
//!
//! ```text
//! ╭ Fire this burst? ───────────────────────╮
//! │                                         │
//! │  2,000 requests to the producer of      │
//! │  kind-demo                              │
//! │                                         │
//! │    Cancel    [ Fire ]  y yes  n no      │
//! ╰─────────────────────────────────────────╯
//! ```

mod drills;
mod form;
mod frame;
mod greeting;
mod help;
mod legend;
mod mark;
mod places;
mod question;
mod scenarios;
mod shadow;
mod tune;

pub(super) use self::drills::Drills;
pub(super) use self::greeting::Greeting;
pub(super) use self::help::HelpPage;
pub(super) use self::legend::Legend;
pub(super) use self::mark::Mark;
pub(super) use self::places::Places;
pub(super) use self::question::Question;
pub(super) use self::scenarios::Scenarios;
pub(super) use self::shadow::ShadowForm;
pub(super) use self::tune::Tune;
