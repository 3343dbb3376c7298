//! `/api/v1/series`: the adapter lists the series of its rules with it.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use axum::extract::State;

use crate::labels::Labels;
use crate::promql;
use crate::sample::Millis;
use crate::store::{Series, Store};

use super::params::Params;
use super::response::{HandlerResult, RequestError, success};
use super::state::ServerState;

/// `GET` or `POST /api/v1/series?match[]=…[&start=…][&end=…]`: the series that any `match[]` selects, if they have a
/// sample between `start` and `end`.
pub(super) async fn series(State(state): State<Arc<ServerState>>, params: Params) -> HandlerResult {
    if params.all("match[]").next().is_none() {
        return Err(RequestError::BadData("no match[] parameter provided".to_owned()));
    }
    let store = state.store.read().unwrap_or_else(PoisonError::into_inner);
    let labels: BTreeSet<Labels> =
        selected(&store, &params)?.iter().map(|series| series.labels.clone()).collect();
    success(labels)
}

/// The series that any `match[]` selects, or all series without one, if they have a sample between `start` and `end`.
pub(super) fn selected<'a>(store: &'a Store, params: &Params) -> Result<Vec<&'a Series>, RequestError> {
    let start = params.time("start")?.unwrap_or(Millis::MIN);
    let end = params.time("end")?.unwrap_or(Millis::MAX);
    if end < start {
        return Err(RequestError::parameter("end", "end timestamp must not be before start time"));
    }
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        let selector = promql::parse_selector(text);
        selectors.push(selector.map_err(|error| RequestError::query("match[]", error))?);
    }
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    let series = selectors.iter().flat_map(|matchers| store.select(matchers));
    Ok(series.filter(|series| series.between(start.saturating_sub(1), end).next().is_some()).collect())
}
