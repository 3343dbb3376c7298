//! `/api/v1/labels`, `/api/v1/label/NAME/values` and `/api/v1/metadata`: names for clients that complete queries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use axum::extract::{Path, State};
use promfmt::exposition::is_label_name;
use serde_json::Value;

use crate::store::Metadata;

use super::params::Params;
use super::response::{HandlerResult, RequestError, success};
use super::series::selected;
use super::state::ServerState;

/// `GET` or `POST /api/v1/labels[?match[]=…][&start=…][&end=…]`: the names of the labels.
pub(super) async fn names(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
    let series = selected(&store, &params)?;
    let names: BTreeSet<&str> =
        series.iter().flat_map(|series| series.labels.iter().map(|(name, _)| name)).collect();
    success(names)
}

/// `GET /api/v1/label/NAME/values[?match[]=…][&start=…][&end=…]`: the values of one label.
pub(super) async fn values(
    State(state): State<Arc<ServerState>>,
    Path(name): Path<String>,
    params: Params,
) -> HandlerResult {
    if !is_label_name(&name) {
        return Err(RequestError::BadData(format!("invalid label name: {name:?}")));
    }
    let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
    let series = selected(&store, &params)?;
    let values: BTreeSet<&str> =
        series.iter().map(|series| series.labels.get(&name)).filter(|value| !value.is_empty()).collect();
    success(values)
}

/// `GET /api/v1/metadata[?metric=…][&limit=…]`: type and description of metrics.
pub(super) async fn metadata(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    let limit = match params.get("limit") {
        None => usize::MAX,
        Some(text) => match text.parse::<i64>() {
            // A negative limit is none.
            Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            Err(_) => return Err(RequestError::BadData("limit must be a number".to_owned())),
        },
    };
    let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
    let wanted =
        store.metadata().iter().filter(|(name, _)| params.get("metric").is_none_or(|only| only == *name));
    let metadata: BTreeMap<&String, [&Metadata; 1]> =
        wanted.take(limit).map(|(name, about)| (name, [about])).collect();
    success(metadata)
}

/// `GET /api/v1/rules` and its kin: this server evaluates no rules and has no alerts.
pub(super) async fn rules() -> HandlerResult {
    success(serde_json::json!({"groups": Value::Array(Vec::new())}))
}
