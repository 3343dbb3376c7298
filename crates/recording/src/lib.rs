//! Runs as files: the events that the sources sent, never screens. A replay is `update` over the same events.
//!
//! ```text
//! {"format":"surge-recording","version":"1.0","surge":"0.1.0","started":"2026-01-02T14:03:20Z",…}
//! [0.412081,"hpa",{"name":"worker-scaler","min":1,"max":10,…}]
//! [0.901522,"depth",{"ready":1200,"unacked":40,"consumers":4,"staleness":0.0}]
//! ```
//!
//! The first line is a [`Header`](format::Header), each other line `[seconds, kind, payload]`: an
//! [`Event`](dashboard::message::Event) and the time of the run at which it arrived. `docs/recording.md` describes the file,
//! and `docs/schema/recording.json` is its schema.
//!
//! - To read: [`Recording::open`](reader::Recording::open) for the header and all events, or [`Reader`](reader::Reader) line
//!   by line. Neither fails on a torn end, an unknown kind or an unreadable line: [`Damage`](reader::Damage) counts them.
//! - To write: [`Writer::create`](writer::Writer::create), then [`Writer::write`](writer::Writer::write) for each event in the
//!   order in which `update` took it. [`Lines`](writer::Lines) does the same without a file.
//! - To get the model at a moment: feed the events to `dashboard::update::update`, and drop the effects.

pub mod backtest;
pub mod format;
pub mod keyframe;
pub mod memory;
pub mod player;
pub mod reader;
pub mod redact;
pub mod strings;
pub mod writer;
