//! What the server tells of itself: targets, pools, build, metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value as Json, json};

use crate::discovery::Target;
use crate::duration::written;
use crate::sample::Millis;
use crate::scrape::{Health, Scraped};

use super::Server;
use super::answer::{Answer, success};
use super::params::Params;

/// `GET /api/v1/targets[?state=active|dropped|any][&scrapePool=…]`
///
/// Dropped targets are counted per pool and not listed: a pool without an active target is one whose monitor is taken and
/// matches nothing.
pub(super) async fn targets(State(server): State<Arc<Server>>, params: Params) -> Answer {
    let view = server.view.read().unwrap_or_else(PoisonError::into_inner);
    let wanted = |pool: &str| params.get("scrapePool").is_none_or(|only| only == pool);
    let active: Vec<Json> = if params.get("state") == Some("dropped") {
        Vec::new()
    } else {
        let targets = view.targets.iter().filter(|(target, _)| wanted(&target.pool));
        targets
            .map(|(target, health)| told(target, &health.lock().unwrap_or_else(PoisonError::into_inner)))
            .collect()
    };
    // As in Prometheus, who asks for active targets only gets no counts at all.
    let dropped: Option<BTreeMap<&String, usize>> = (params.get("state") != Some("active")).then(|| {
        view.pools.iter().filter(|(pool, _)| wanted(pool)).map(|(pool, count)| (pool, *count)).collect()
    });
    success(json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": dropped}))
}

/// `GET /api/v1/scrape_pools`: one for each endpoint of each monitor that is taken.
pub(super) async fn pools(State(server): State<Arc<Server>>) -> Answer {
    let view = server.view.read().unwrap_or_else(PoisonError::into_inner);
    success(json!({"scrapePools": view.pools.keys().collect::<Vec<_>>()}))
}

/// `GET /api/v1/status/buildinfo`, in Prometheus' shape, with this server's own version.
pub(super) async fn build() -> Answer {
    success(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
    }))
}

/// `GET /metrics`: how full the store is.
pub(super) async fn metrics(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let (series, samples) = {
        let store = server.store.read().unwrap_or_else(PoisonError::into_inner);
        (store.series_count(), store.sample_count())
    };
    let targets = server.view.read().unwrap_or_else(PoisonError::into_inner).targets.len();
    let uptime = server.started.elapsed().as_secs_f64();
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

fn told(target: &Target, health: &Health) -> Json {
    let never = Scraped { time: 0, took: Duration::ZERO };
    let (word, scraped, error) = match health {
        Health::Unknown => ("unknown", &never, ""),
        Health::Up(scraped) => ("up", scraped, ""),
        Health::Down(scraped, error) => ("down", scraped, error.as_str()),
    };
    json!({
        "discoveredLabels": target.discovered,
        "labels": target.labels,
        "scrapePool": target.pool,
        "scrapeUrl": target.path(),
        "globalUrl": target.path(),
        "lastError": error,
        "lastScrape": stamp(scraped.time),
        "lastScrapeDuration": scraped.took.as_secs_f64(),
        "health": word,
        "scrapeInterval": written(target.endpoint.interval),
        "scrapeTimeout": written(target.endpoint.timeout),
    })
}

/// Before the first scrape Prometheus tells Go's zero time.
fn stamp(time: Millis) -> String {
    match jiff::Timestamp::from_millisecond(time) {
        Ok(stamp) if time > 0 => stamp.to_string(),
        _ => "0001-01-01T00:00:00Z".to_owned(),
    }
}
