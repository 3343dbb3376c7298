//! The server through kube clients over HTTPS, and through its router.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod common;
