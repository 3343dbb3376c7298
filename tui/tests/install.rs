//! `surge up`, `down` and `status` on an empty sandbox, with stub programs on `PATH` for helm, kind, minikube and k3d.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod images;
mod life;
mod refusals;
mod stack;
pub(crate) mod stand_ins;
mod waits;
