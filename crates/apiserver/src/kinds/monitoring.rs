//! Custom kinds of the monitoring operator: kept as they come.

use super::row;
use crate::kind::{Generation, Kind, StatusPart};

pub(super) fn kinds() -> Vec<Kind> {
    let custom = |kind, plural, singular| Kind {
        categories: &["prometheus-operator"],
        generation: Generation::Everything,
        ..row("monitoring.coreos.com", "v1", kind, plural, singular)
    };
    vec![
        Kind { short_names: &["smon"], ..custom("ServiceMonitor", "servicemonitors", "servicemonitor") },
        Kind { short_names: &["pmon"], ..custom("PodMonitor", "podmonitors", "podmonitor") },
        Kind { short_names: &["promrule"], ..custom("PrometheusRule", "prometheusrules", "prometheusrule") },
        Kind {
            short_names: &["prom"],
            status: StatusPart::Subresource,
            ..custom("Prometheus", "prometheuses", "prometheus")
        },
    ]
}
