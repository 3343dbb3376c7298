//! Recordings as a whole: written, cut, compressed, read, played again.

mod files;
mod format;
mod memory;
mod player;
mod round_trip;
