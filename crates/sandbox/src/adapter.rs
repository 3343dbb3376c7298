//! `external.metrics.k8s.io` and `custom.metrics.k8s.io` as prometheus-adapter serves them: rules from a ConfigMap, values
//! from Prometheus.
//!
//! The rules are the adapter's own file, so the sandbox evaluates the text that a chart installs on a cluster. As with
//! the chart, the custom metrics API exists while the file has `rules`. Three differences suit a demonstration: the
//! sandbox follows changes of the ConfigMap instead of reading it once at the start; it lists series on request instead
//! of by timer (a list is valid for [`Settings::relist`]); and it reaches Prometheus through the API server's proxy. A
//! fourth comes from the API server's parser: the selectors `a=b` and `a in (b)` are the same here, while the adapter
//! matches the second as a regular expression.
//!
//! Source: `kubernetes-sigs/prometheus-adapter` 0.12, pkg/naming, pkg/custom-provider, pkg/external-provider;
//! `kubernetes-sigs/custom-metrics-apiserver`, pkg/apiserver/installer, pkg/provider.

mod custom;
mod external;
mod prometheus;
mod registry;
mod server;

use std::sync::Arc;

use apiserver::ApiServer;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Api, DeleteParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use promfmt::adapter::{CONFIG_KEY, Config};

use crate::cluster::Cluster;
pub(crate) use external::served_by;
use server::Server;
pub(crate) use server::Settings;

/// Registers the external metrics API, and follows the rules, with which the custom metrics API comes and goes.
pub(crate) fn start(api: &ApiServer, cluster: &Cluster, settings: Settings) {
    let server = Arc::new(Server::new(api, cluster, settings));
    api.aggregate(external::aggregated(&server));
    cluster.tasks.spawn(follow_rules(server));
}

async fn follow_rules(server: Arc<Server>) {
    let Settings { namespace, name, .. } = &server.settings;
    let maps: Api<ConfigMap> = Api::namespaced(server.cluster.client.clone(), namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = Box::pin(watcher(maps, only).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map)) => set_rules(&server, &map).await,
            // The adapter reads the file at its start only, so it keeps the rules of a deleted ConfigMap.
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "watching the adapter's rules failed; retrying"),
        }
    }
}

async fn set_rules(server: &Arc<Server>, map: &ConfigMap) {
    let text = map.data.as_ref().and_then(|data| data.get(CONFIG_KEY)).map_or("", String::as_str);
    let rules = match Config::parse(text) {
        Ok(rules) => rules,
        Err(error) => {
            let Settings { namespace, name, .. } = &server.settings;
            return tracing::warn!("ConfigMap {namespace}/{name}: {error}");
        }
    };
    let had_custom = !server.registry().rules().rules.is_empty();
    let has_custom = !rules.rules.is_empty();
    server.registry().set_rules(rules);
    if has_custom && !had_custom {
        server.api.aggregate(custom::aggregated(server));
    } else if had_custom && !has_custom {
        let services: Api<APIService> = Api::all(server.cluster.client.clone());
        if let Err(error) = services.delete(custom::API_SERVICE, &DeleteParams::default()).await {
            tracing::debug!(%error, "removing {} failed", custom::API_SERVICE);
        }
    }
}
