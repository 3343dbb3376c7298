//! `/api/v1/series`, `/api/v1/labels` and `/api/v1/label/NAME/values`.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use axum::extract::{Path, State};

use crate::labels::{Labels, is_label_name};
use crate::promql;
use crate::sample::Millis;

use super::Server;
use super::answer::{Answer, Failure, success};
use super::params::Params;

/// `GET` or `POST /api/v1/series?match[]=…[&start=…][&end=…]`: the series with a sample in that time.
pub(super) async fn series(State(server): State<Arc<Server>>, params: Params) -> Answer {
    if params.all("match[]").next().is_none() {
        return Err(Failure::BadData("no match[] parameter provided".to_owned()));
    }
    success(found(&server, &params)?)
}

/// `GET` or `POST /api/v1/labels[?match[]=…]`: the names of labels.
pub(super) async fn names(State(server): State<Arc<Server>>, params: Params) -> Answer {
    let found = found(&server, &params)?;
    let names: BTreeSet<&str> = found.iter().flat_map(Labels::iter).map(|(name, _)| name).collect();
    success(names)
}

/// `GET /api/v1/label/NAME/values[?match[]=…]`: the values of one label.
pub(super) async fn values(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    if !is_label_name(&name) {
        return Err(Failure::BadData(format!("invalid label name: {name:?}")));
    }
    let found = found(&server, &params)?;
    let values: BTreeSet<&str> =
        found.iter().map(|labels| labels.get(&name)).filter(|v| !v.is_empty()).collect();
    success(values)
}

/// The series that any `match[]` selects, all without one, as far as they have a sample between `start` and `end`.
fn found(server: &Server, params: &Params) -> Result<BTreeSet<Labels>, Failure> {
    let start = params.time("start")?.unwrap_or(Millis::MIN);
    let end = params.time("end")?.unwrap_or(Millis::MAX);
    if end < start {
        return Err(Failure::parameter("end", "end timestamp must not be before start time"));
    }
    let mut selectors = Vec::new();
    for text in params.all("match[]") {
        selectors.push(promql::parse_selector(text).map_err(|error| Failure::query("match[]", error))?);
    }
    if selectors.is_empty() {
        selectors.push(Vec::new());
    }
    let store = server.store.read().unwrap_or_else(PoisonError::into_inner);
    let series = selectors.iter().flat_map(|matchers| store.select(matchers));
    let within = series.filter(|series| series.between(start.saturating_sub(1), end).next().is_some());
    Ok(within.map(|series| series.labels.clone()).collect())
}
