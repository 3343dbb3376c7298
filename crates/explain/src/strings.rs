//! All words of the explanation.

/// The part of a pod whose sample counts.
pub const COUNTED: &str = "counted";
/// The part of a pod that is not ready.
pub const NOT_READY: &str = "not ready";
/// The part of a pod without a sample.
pub const NO_SAMPLE: &str = "no sample";
/// The part of a pod that does not count.
pub const IGNORED: &str = "ignored";

pub(crate) const API_HAS_NO_SAMPLE: &str = "the metrics API has no sample of it";
pub(crate) const PENDING: &str = "phase Pending";
pub(crate) const NO_CONDITION: &str = "no condition Ready yet";
pub(crate) const STARTING: &str = "starts, and is not ready";
pub(crate) const EARLY_SAMPLE: &str = "its sample began before it was ready";
pub(crate) const NEVER_READY: &str = "has never been ready";
pub(crate) const DELETED: &str = "is being deleted";
pub(crate) const FAILED: &str = "has failed";
pub(crate) const SUCCEEDED: &str = "has succeeded";
pub(crate) const NO_REQUEST: &str = "none";
pub(crate) const AS_ZERO: &str = "counts as 0";
pub(crate) const AS_TARGET: &str = "counts at its target";

pub(crate) const NO_SCALE: &str = "the scale of the target cannot be read";
pub(crate) const PAUSED: &str = "paused at 0 replicas, which the HPA did not set";
pub(crate) const RESUME: &str = "set 1 or more replicas to resume";
pub(crate) const ALL_FAILED: &str = "no metric could be read: the size stays";
pub(crate) const NO_DECISION: &str = "the selector or the specification is unusable: no decision";

pub(crate) fn percent(value: i64) -> String {
    format!("{value} %")
}

pub(crate) fn per_pod(figure: &str) -> String {
    format!("{figure} a pod")
}

pub(crate) fn in_total(figure: &str) -> String {
    format!("{figure} in total")
}

pub(crate) fn divided(usage: &str, target: &str) -> String {
    format!("{usage} ÷ {target}")
}

pub(crate) fn divided_by_product(usage: &str, target: &str, pods: i32) -> String {
    format!("{usage} ÷ ({target} × {pods})")
}

pub(crate) fn of_object(metric: &str, kind: &str, name: &str) -> String {
    format!("{metric} of {kind}/{name}")
}

pub(crate) fn of_pods(metric: &str) -> String {
    format!("{metric} of the pods")
}

pub(crate) fn of_container(resource: &str, container: &str) -> String {
    format!("{resource} of container {container}")
}

pub(crate) fn rules_of(release: &str) -> String {
    format!("rules of {release}")
}

pub(crate) fn newer_release(release: &str, known: &str) -> String {
    format!("{release} is new: rules of {known}")
}

pub(crate) fn assumed_rules(known: &str) -> String {
    format!("release unknown: rules of {known}")
}

pub(crate) fn pod_counts(counts: &[(usize, &str)], foreign: usize) -> String {
    let mut parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        parts.push("no pods".to_owned());
    }
    if foreign > 0 {
        parts.push(format!("{foreign} of another workload"));
    }
    parts.join(", ")
}

pub(crate) fn assumed_for(count: usize, part: &str, is_zero: bool) -> String {
    match (count, is_zero) {
        (1, true) => format!("1 pod ({part}) counts as 0"),
        (1, false) => format!("1 pod ({part}) counts as its target"),
        (_, true) => format!("{count} pods ({part}) count as 0"),
        (_, false) => format!("{count} pods ({part}) count as their target"),
    }
}

pub(crate) fn second_pass(assumed: &str, first: &str, second: &str) -> String {
    format!("{assumed}, ratio {first} becomes {second}")
}

pub(crate) fn truncated(exact: &str, counts_as: i64) -> String {
    format!("{exact} % counts as {counts_as} %")
}

pub(crate) fn fewer(metric: &str, usage: &str) -> String {
    format!("{metric} needs {usage} or less before one pod can go")
}

pub(crate) fn more(metric: &str, usage: &str) -> String {
    format!("{metric} needs {usage} for one more pod")
}

pub(crate) fn maxed_out(wants: i32, max: i32) -> String {
    format!("maxed out: wants {wants}, max is {max}")
}

pub(crate) fn at_min(wants: i32, min: i32) -> String {
    format!("at the minimum: wants {wants}, min is {min}")
}

pub(crate) fn above_max(current: i32, max: i32) -> String {
    format!("{current} replicas are above max: the next sync sets {max}")
}

pub(crate) fn below_min(current: i32, min: i32) -> String {
    format!("{current} replicas are below min: the next sync sets {min}")
}

pub(crate) fn held(way: &str, until: &str, replicas: i32, since: &str) -> String {
    format!("{way} held until {until} by the {replicas} of {since}")
}

pub(crate) fn held_at_most(way: &str, until: &str, replicas: i32) -> String {
    format!("{way} held by an earlier {replicas}, at most until {until}")
}

pub(crate) fn way(is_up: bool) -> &'static str {
    if is_up { "scale-up" } else { "scale-down" }
}

pub(crate) fn disabled(way: &str) -> String {
    format!("{way} is disabled")
}

pub(crate) fn policy_allows(allowed: i32, wants: i32, next: Option<&str>) -> String {
    match next {
        Some(next) => format!("a policy allows {allowed} of {wants} now, more at {next}"),
        None => format!("a policy allows {allowed} of {wants} now"),
    }
}

pub(crate) fn blocks_down(metric: &str) -> String {
    format!("{metric} could not be read: this blocks scaling down only")
}

pub(crate) fn steady(replicas: i32) -> String {
    format!("{replicas} replicas are what the metrics ask for")
}

/// A change of the size.
#[must_use]
pub fn changes(from: i32, to: i32) -> String {
    format!("the next sync goes from {from} to {to}")
}

pub(crate) const KEDA_PAUSED: &str = "KEDA is paused by the annotation autoscaling.keda.sh/paused";
pub(crate) const KEDA_PAUSED_UNANNOTATED: &str =
    "KEDA reports Paused without an annotation, which is a fault of KEDA";
pub(crate) const KEDA_AT_REST: &str = "KEDA rests at 0: an active trigger wakes the target";

pub(crate) fn keda_paused_at(replicas: i32) -> String {
    format!("KEDA is paused at {replicas} by the annotation paused-replicas")
}

pub(crate) fn keda_fallback(fallback: Option<(i64, i64)>) -> String {
    match fallback {
        Some((threshold, replicas)) => {
            format!("KEDA uses its fallback of {replicas} replicas after {threshold} failures")
        }
        None => "KEDA uses its fallback".to_owned(),
    }
}

pub(crate) fn keda_triggers(triggers: &str, seconds: i64) -> String {
    format!("KEDA triggers: {triggers}, polled every {seconds} s at 0")
}

pub(crate) fn keda_cooldown(seconds: i64) -> String {
    format!("KEDA scales to 0 after {seconds} s without an active trigger")
}

pub(crate) fn keda_formula(formula: &str) -> String {
    format!("KEDA combines the triggers: {formula}")
}

pub(crate) fn trigger_activity(is_active: bool) -> &'static str {
    if is_active { "active" } else { "inactive" }
}

pub(crate) fn trigger_activation(above: &str) -> String {
    format!("active above {above}")
}

pub(crate) fn trigger_fails(name: &str, failures: i64) -> String {
    format!("trigger {name} fails: {failures} times in a row")
}

pub(crate) const FIX_METRIC: &str = "find the cause of the failed metric";
pub(crate) const SEPARATE_SELECTORS: &str = "give the two workloads selectors that do not overlap";

pub(crate) fn fix_target(kind: &str, name: &str) -> String {
    format!("create {kind} {name}, or correct scaleTargetRef")
}

pub(crate) fn add_request(why: &str) -> String {
    format!("set the missing request: {why}")
}

pub(crate) fn raise_max(wants: i32) -> String {
    format!("raise maxReplicas to {wants} if the cluster has room")
}

pub(crate) fn shorten_window(seconds: i64) -> String {
    format!("shorten scaleDown.stabilizationWindowSeconds ({seconds} s), or wait")
}

pub(crate) fn enable(way: &str) -> String {
    format!("change selectPolicy to allow {way}")
}

pub(crate) fn loosen_policy(way: &str) -> String {
    format!("loosen the policies for {way}, or wait")
}

// The report of one HPA.

pub(crate) fn report_head(
    place: &str,
    target: &str,
    current: Option<i32>,
    (min, max): (i32, i32),
    rules: &str,
) -> String {
    let current = current.map_or_else(String::new, |current| format!("{current} now, "));
    format!("HPA {place} scales {target}: {current}min {min}, max {max} ({rules})")
}

pub(crate) fn stays(size: i32) -> String {
    format!("the next sync stays at {size}")
}

pub(crate) fn ratio_within(ratio: &str, low: &str, high: &str) -> String {
    format!("= {ratio}, within {low} to {high}")
}

pub(crate) fn ratio_outside(ratio: &str, low: &str, high: &str) -> String {
    format!("= {ratio}, outside {low} to {high}")
}

pub(crate) fn asks_for(size: i32, wins: bool) -> String {
    if wins { format!("asks for {size} and decides") } else { format!("asks for {size}") }
}

pub(crate) fn not_read(why: &str) -> String {
    format!("could not be read: {why}")
}

pub(crate) fn more_pods(count: usize) -> String {
    format!("and {count} more")
}

pub(crate) const NO_CHANGE: &str = "nothing: the HPA follows its metrics";
pub(crate) const WHAT: &str = "What";
pub(crate) const WHY: &str = "Why";
pub(crate) const PODS: &str = "Pods";
pub(crate) const NEXT: &str = "Next";
pub(crate) const PAST: &str = "Past";
pub(crate) const NO_RESCALE: &str =
    "the API server has no Event about a rescale; it keeps them for an hour by default";
pub(crate) const FROM_EVENTS: &str = "from the HPA's Events: they have neither the wanted size nor its limit";

/// A rescale of the past.
pub(crate) fn rescale(clock: &str, before: Option<i32>, size: i32, why: &str) -> String {
    let before = before.map_or_else(|| "?".to_owned(), |before| before.to_string());
    format!("{clock}  {before} → {size}  {why}")
}

pub(crate) const CHANGE: &str = "Change";
