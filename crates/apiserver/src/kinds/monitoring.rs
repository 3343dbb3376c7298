//! Custom kinds of the Prometheus operator, without a schema.

use super::{plain_kind, strings};
use crate::kind::{Generation, Kind, StatusSubresource};

pub(super) fn kinds() -> Vec<Kind> {
    let custom = |kind, plural, singular| Kind {
        categories: strings(&["prometheus-operator"]),
        generation: Generation::Everything,
        ..plain_kind("monitoring.coreos.com", "v1", kind, plural, singular)
    };
    vec![
        Kind {
            short_names: strings(&["smon"]),
            ..custom("ServiceMonitor", "servicemonitors", "servicemonitor")
        },
        Kind { short_names: strings(&["pmon"]), ..custom("PodMonitor", "podmonitors", "podmonitor") },
        Kind {
            short_names: strings(&["promrule"]),
            ..custom("PrometheusRule", "prometheusrules", "prometheusrule")
        },
        Kind {
            short_names: strings(&["prom"]),
            status: StatusSubresource::Enabled,
            ..custom("Prometheus", "prometheuses", "prometheus")
        },
    ]
}
