//! Recordings as a whole: written, cut, compressed, read, played again.

#![expect(clippy::unwrap_used, reason = "a helper of a test may end at the first surprise")]

mod files;
mod format;
mod memory;
mod player;
mod round_trip;
