//! All sentences of the report, one file a subject, so that they can be reviewed in one reading.
//!
//! Each entry is a function that fills a text. Names that start with `fix_` are remedies: imperatives without a full stop.
//! Findings have the subject first and under twelve words a sentence.

macro_rules! messages {
    ($($name:ident($($argument:ident),*) = $text:literal;)*) => {
        $(pub(crate) fn $name($($argument: impl ::std::fmt::Display),*) -> String { format!($text) })*
    };
}

mod api;
mod autoscaler;
mod broker;
mod cluster;
mod endpoint;
mod intervals;
mod keda;
mod pod_metrics;
mod prometheus;
mod workloads;

pub(crate) use self::api::*;
pub(crate) use self::autoscaler::*;
pub(crate) use self::broker::*;
pub(crate) use self::cluster::*;
pub(crate) use self::endpoint::*;
pub(crate) use self::intervals::*;
pub(crate) use self::keda::*;
pub(crate) use self::pod_metrics::*;
pub(crate) use self::prometheus::*;
pub(crate) use self::workloads::*;

// Any hop.
messages! {
    from_to(low, high) = "{low} to {high}";
    metric_title(name, selector) = "{name}{{{selector}}}";
    of_metric(metric, detail) = "{metric}: {detail}";
    fix_repeat_request() = "repeat the request to see the error";
    fix_look_again() = "run the doctor again";
    fix_wait_for_sync() = "wait for the next sync, then run the doctor again";
    fix_read_events() = "read the events of the object";
    fix_read_log() = "read its log";
    fix_start() = "scale it to 1 replica";
    fix_list_pods() = "check whether the pods are ready";
    fix_edit_rejected() = "correct the field that the message names";
    fix_rename_object() = "use the existing name";
    fix_controller_manager() = "check whether the controller manager runs";
    fix_put_back(fix) = "press D in the dashboard to end the drill, or {fix}";
    sentence_after(text, sentence) = "{text}. {sentence}";
    by_drill() = ", by a drill of the dashboard";
}
