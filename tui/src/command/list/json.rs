//! The list as an object, by `docs/schema/list.json`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::List;
use dashboard::strings::fleet as words;
use explain::fleet::{Amount, MetricRow, Row};
use text::clean;

/// Version of the form. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// The list as an object.
pub(super) fn object(list: &List, now: Timestamp) -> Value {
    json!({
        "version": VERSION,
        "context": clean::text(&list.context),
        "namespace": list.namespace.as_deref().map(clean::text),
        "hpas": list.rows.iter().map(|row| hpa(row, now)).collect::<Vec<_>>(),
    })
}

fn hpa(row: &Row, now: Timestamp) -> Value {
    json!({
        "namespace": row.namespace,
        "name": row.name,
        "target": {"kind": row.target.0, "name": row.target.1},
        "metrics": row.metrics.iter().map(metric).collect::<Vec<_>>(),
        "winner": row.winner,
        "currentReplicas": row.current,
        "desiredReplicas": row.desired,
        "wantedReplicas": row.wants,
        "minReplicas": row.min,
        "maxReplicas": row.max,
        "lastScaleTime": row.last_scale.map(|time| time.to_string()),
        "creationTime": row.created.map(|time| time.to_string()),
        "scaledObject": row.scaled_object,
        "verdict": row.verdict.code(),
        "text": words::verdict(row, now),
        "message": row.verdict.message().filter(|message| !message.is_empty()),
    })
}

fn metric(metric: &MetricRow) -> Value {
    let amount = |amount: Amount| {
        let unit = match amount {
            Amount::Percent(_) => "percent",
            Amount::PerPod(_) => "per-pod",
            Amount::Total(_) => "total",
        };
        json!({"value": amount.number(), "unit": unit})
    };
    json!({
        "type": metric.kind,
        "name": metric.name,
        "reading": metric.reading.map(amount),
        "target": metric.target.map(amount),
        "share": metric.share(),
    })
}
