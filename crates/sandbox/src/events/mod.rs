//! Events: what controllers and the kubelet say about objects, stored as `kubectl describe` shows them.

mod correlator;
mod recorder;

pub(crate) use recorder::{Recorder, Source};
