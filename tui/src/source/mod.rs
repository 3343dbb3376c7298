//! All input and output: watches, tunnels, the load, samples. Each source sends events and reconnects by itself.

pub mod backoff;
pub mod tunnel;
