//! One file for each subject.

mod custom;
mod http;
mod objects;
mod streams;
mod upgrades;
mod watch;
