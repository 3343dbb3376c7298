//! Installing the demo and the stack below it on a cluster, taking it away again, and saying what is there.
//!
//! What is to be done is worked out first, as data, from what was asked for and what was seen (`plan`, `removal`); only then is
//! something done. So `--dry-run` shows exactly what would happen, and what cannot work is found before anything changed.

pub mod again;
pub mod apply;
pub mod chart;
pub mod down;
pub mod failure;
pub mod helm;
pub mod hints;
pub mod images;
pub mod object;
pub mod owner;
pub mod plan;
pub mod print;
pub mod program;
pub mod progress;
pub mod pull;
pub mod ready;
pub mod removal;
pub mod request;
pub mod rules;
pub mod secret;
pub mod seen;
pub mod shell;
pub mod status;
pub mod suggest;
pub mod survey;
pub mod up;
pub mod upstream;
pub mod wait;
