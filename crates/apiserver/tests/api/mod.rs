//! One file for each subject.

mod http;
mod objects;
mod streams;
mod watch;
