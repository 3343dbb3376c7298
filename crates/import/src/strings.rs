//! All words of the import.

pub(crate) const NO_BEHAVIOR: &str =
    "spec.behavior is not in the data: the defaults of Kubernetes stand for it.";
pub(crate) const NO_LIMITS: &str =
    "The limits are not in the data: the smallest and the largest observed size stand for them.";
pub(crate) const NO_TARGET: &str =
    "The scale target is not in the data: a Deployment with the HPA's name stands for it.";
pub(crate) const NO_FORM: &str = "The form of External targets is not in the data: totals are assumed.";
pub(crate) const NO_PODS: &str = "Pods, job logs and Events are not in the data.";
pub(crate) const NO_RELEASE: &str = "The release of Kubernetes is unknown: the newest known rules apply.";
pub(crate) const NO_WORKLOAD: &str =
    "The replicas are from the HPA's status: ready and current replicas are not in the data.";
pub(crate) const NO_QUEUE: &str = "The queue is not in the data: --query queue=PROMQL adds it.";
pub(crate) const NO_SYNCS: &str = "Syncs between two samples are unknown.";
pub(crate) const NO_READING: &str = "Metrics of some samples could not be read or are missing.";

pub(crate) const GAPS: &str = "Some stretches have no sample: the curves have gaps there.";
pub(crate) const NO_SAMPLE: &str = "unknown: Prometheus has no sample of this time";

pub(crate) fn not_imported(tool: &str) -> String {
    format!("unknown: the import from {tool} has no such data")
}

pub(crate) fn assumed_type(metric: &str) -> String {
    format!("The type of metric {metric} is not in the data: External is assumed.")
}

pub(crate) fn title(tool: &str) -> String {
    format!("import from {tool}")
}

pub(crate) fn no_hpa(namespace: &str, name: &str) -> String {
    format!("no sample of HPA {namespace}/{name} in that time; is it the name that kube-state-metrics has?")
}

pub(crate) fn no_record(hpa: &str) -> String {
    format!("the file has no record of HPA {hpa}")
}

pub(crate) const NOTHING: &str = "the file has no record";

pub(crate) fn several(names: &str) -> String {
    format!("the file has several HPAs; name one with --hpa: {names}")
}

pub(crate) fn bad_line(number: usize, why: &str) -> String {
    format!("line {number} is no record of kubectl-hpa-status: {why}")
}

pub(crate) fn skipped(lines: usize) -> String {
    if lines == 1 {
        "One torn line was skipped.".to_owned()
    } else {
        format!("{lines} torn lines were skipped.")
    }
}
