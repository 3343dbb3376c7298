//! The server's own state: targets, pools, build, metrics.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use promfmt::api::{ScrapePools, Target as TargetStatus, Targets};
use promfmt::duration;
use serde_json::json;

use crate::discovery::Target;
use crate::sample::Millis;
use crate::scrape::{Health, LastScrape};

use super::params::Params;
use super::response::{HandlerResult, success};
use super::state::ServerState;

/// `GET /api/v1/targets[?state=active|dropped|any][&scrapePool=…]`
///
/// The answer counts dropped targets by pool and does not list them. A pool without an active target belongs to a
/// monitor that selects nothing.
pub(super) async fn targets(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    let list = state.target_list.read().unwrap_or_else(PoisonError::into_inner);
    let wanted = |pool: &str| params.get("scrapePool").is_none_or(|only| only == pool);
    let mut answer = Targets::default();
    if params.get("state") != Some("dropped") {
        let targets = list.targets.iter().filter(|(target, _)| wanted(&target.pool));
        let targets = targets.map(|(target, health)| {
            target_status(target, &health.lock().unwrap_or_else(PoisonError::into_inner))
        });
        answer.active_targets = targets.collect();
    }
    // As in Prometheus, a request for active targets only gets no counts at all.
    if params.get("state") != Some("active") {
        let pools = list.pools.iter().filter(|(pool, _)| wanted(pool));
        answer.dropped_target_counts =
            Some(pools.map(|(pool, count)| (pool.clone(), *count as u64)).collect());
    }
    success(answer)
}

/// `GET /api/v1/scrape_pools`: a pool for each endpoint of each selected monitor.
pub(super) async fn pools(State(state): State<Arc<ServerState>>) -> HandlerResult {
    let list = state.target_list.read().unwrap_or_else(PoisonError::into_inner);
    success(ScrapePools { scrape_pools: list.pools.keys().cloned().collect() })
}

/// `GET /api/v1/status/buildinfo`, with this server's own version.
pub(super) async fn build() -> HandlerResult {
    success(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
}

/// `GET /metrics`: the size of the store.
pub(super) async fn metrics(State(state): State<Arc<ServerState>>) -> impl IntoResponse {
    let (series, samples) = {
        let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
        (store.series_count(), store.sample_count())
    };
    let targets = state.target_list.read().unwrap_or_else(PoisonError::into_inner).targets.len();
    let uptime = state.started.elapsed().as_secs_f64();
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "# HELP scraper_build_info The version of this server.\n\
         # TYPE scraper_build_info gauge\n\
         scraper_build_info{{version=\"{version}\"}} 1\n\
         # HELP scraper_series Series held in memory.\n\
         # TYPE scraper_series gauge\n\
         scraper_series {series}\n\
         # HELP scraper_samples Samples held in memory.\n\
         # TYPE scraper_samples gauge\n\
         scraper_samples {samples}\n\
         # HELP scraper_targets Targets that are scraped.\n\
         # TYPE scraper_targets gauge\n\
         scraper_targets {targets}\n\
         # HELP scraper_uptime_seconds Time since the server started.\n\
         # TYPE scraper_uptime_seconds gauge\n\
         scraper_uptime_seconds {uptime}\n"
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn target_status(target: &Target, health: &Health) -> TargetStatus {
    let never = LastScrape { time: 0, took: Duration::ZERO };
    let (health, last, error) = match health {
        Health::Unknown => ("unknown", &never, ""),
        Health::Up(last) => ("up", last, ""),
        Health::Down(last, error) => ("down", last, error.as_str()),
    };
    TargetStatus {
        discovered_labels: target.discovered.to_map(),
        labels: target.labels.to_map(),
        scrape_pool: target.pool.clone(),
        scrape_url: target.path(),
        global_url: target.path(),
        last_error: error.to_owned(),
        last_scrape: rfc3339(last.time),
        last_scrape_duration: last.took.as_secs_f64(),
        health: health.to_owned(),
        scrape_interval: duration::format(target.endpoint.interval),
        scrape_timeout: duration::format(target.endpoint.timeout),
    }
}

/// A time in RFC 3339; Go's zero time before the first scrape, as in Prometheus.
fn rfc3339(time: Millis) -> String {
    match jiff::Timestamp::from_millisecond(time) {
        Ok(stamp) if time > 0 => stamp.to_string(),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}
