//! `up`, `down` and `status` on an empty sandbox, with programs on `PATH` that stand in for helm, kind, minikube and k3d: what
//! they are asked for, and what becomes of a person's mistakes.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod images;
mod life;
mod refusals;
mod stack;
mod stand_ins;
mod waits;
