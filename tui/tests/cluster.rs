//! The tests that need a Kubernetes, named by `SURGE_E2E_KUBECONFIG`.

mod on_cluster;
mod scenarios;
