//! The suite of requests with the recorded responses of a real Kubernetes, for the targets `twins` and `cluster`.

pub(crate) mod differences;
pub(crate) mod kubelet;
pub(crate) mod plain;
pub(crate) mod run;
pub(crate) mod step;
