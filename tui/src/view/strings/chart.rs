//! Text of the chart: titles with the present values, marks, and the values at the cursor.

pub(in crate::view) const MARKS: &str = "marks";
pub(in crate::view) const NOW: &str = "now";
pub(in crate::view) const REPLICAS: &str = "Replicas";
pub(in crate::view) const METRICS: &str = "Metrics, % of target";

/// A metric's usage and target, such as `cpu 55 % of 60 %`.
pub(in crate::view) fn usage_of_target(name: &str, usage: &str, target: &str) -> String {
    format!("{name} {usage} of {target}")
}

/// The name of a share.
pub(in crate::view) fn share_of(name: &str) -> String {
    format!("{name}, of target")
}

/// A metric's share of its target.
pub(in crate::view) fn share_of_target(name: &str, share: Option<&str>) -> String {
    match share {
        Some(share) => format!("{name} at {share}"),
        None => format!("{name}: {NO_READING}"),
    }
}

pub(in crate::view) const NO_VALUE: &str = "none";
pub(in crate::view) const NO_READING: &str = "no reading";

/// The phrasings from the longest to the shortest.
type Phrasings = [String; 2];

fn both(text: String) -> Phrasings {
    [text.clone(), text]
}

pub(in crate::view) fn queue(name: Option<&str>) -> String {
    name.map_or_else(|| "Queue".to_owned(), |name| format!("Queue {name}"))
}

pub(in crate::view) fn hidden_curves(count: u32) -> String {
    format!("{count} hidden: o")
}

pub(in crate::view) fn depth(total: Option<String>) -> Phrasings {
    both(total.map_or_else(|| NO_READING.to_owned(), |total| format!("{total} messages")))
}

pub(in crate::view) fn in_work(unacked: &str) -> Phrasings {
    both(format!("{unacked} unacked"))
}

pub(in crate::view) fn target(total: &str) -> Phrasings {
    both(format!("target {total}"))
}

pub(in crate::view) fn target_per_pod(each: &str, replicas: i32, total: &str) -> Phrasings {
    [format!("target {each} × {replicas} = {total}"), format!("target {total}")]
}

pub(in crate::view) fn hpa_not_synced() -> Phrasings {
    ["HPA has not synced yet".to_owned(), "HPA no sync yet".to_owned()]
}

pub(in crate::view) fn hpa_no_reading() -> Phrasings {
    ["HPA has no reading".to_owned(), "HPA no reading".to_owned()]
}

pub(in crate::view) fn hpa_average(each: &str, total: &str) -> Phrasings {
    [format!("HPA reads {each} a pod, about {total}"), format!("HPA ≈{total}")]
}

pub(in crate::view) fn hpa_value(reading: &str) -> Phrasings {
    [format!("HPA reads {reading}"), format!("HPA {reading}")]
}

pub(in crate::view) fn hpa_read(total: &str, is_estimate: bool) -> Phrasings {
    both(format!("HPA read {}{total}", if is_estimate { "≈" } else { "" }))
}

pub(in crate::view) fn external_metric(value: &str) -> Phrasings {
    [format!("external metric {value}"), format!("metric {value}")]
}

pub(in crate::view) fn limits(min: i32, max: i32) -> String {
    format!("min {min} max {max}")
}

pub(in crate::view) fn kept_until(size: i32, clock: &str) -> String {
    format!("kept at {size} until {clock}")
}

pub(in crate::view) fn time_shown(length: &str) -> String {
    format!("↔ {length}")
}

pub(in crate::view) fn at(clock: &str) -> String {
    format!("At {clock}")
}

pub(in crate::view) fn ago(time: &str) -> String {
    format!("{time} ago")
}
