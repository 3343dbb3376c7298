//! The HPA's decision, its shadow, the forecast and the tuning of its settings.

pub mod decision;
pub mod estimate;
pub mod forecast;
pub mod form;
pub mod hpa_settings;
pub mod pod_table;
pub mod readings;
pub mod shadow;
pub mod tuning;
