//! Text of the forecast, and of the shadow HPA.

// The forecast.

pub(in crate::view) const FORECAST: &str = "Forecast";
pub(in crate::view) const EMPTY_NOW: &str = "empty now";
pub(in crate::view) const NEVER: &str = "never";
pub(in crate::view) const FEWEST_PODS: &str = "fewest pods";
pub(in crate::view) const ALL_READY: &str = "the same: all desired pods are ready";
pub(in crate::view) const ONCE_READY: &str = "once they are ready";
pub(in crate::view) const ABOVE_MAX: &str = ">max";
pub(in crate::view) const NO_JOB_TIME: &str = "needs the time of one job first";
pub(in crate::view) const NO_JOB_SEEN: &str = "no job done yet";

pub(in crate::view) fn about(time: &str) -> String {
    format!("≈ {time}")
}

pub(in crate::view) fn job_time_from_logs(seconds: f64, jobs: impl std::fmt::Display) -> String {
    format!("≈ {seconds:.1} s a job, median of {jobs} from the workers' logs")
}

pub(in crate::view) fn job_time_from_drain(seconds: f64) -> String {
    format!("≈ {seconds:.1} s a job, from the queue's decrease")
}

pub(in crate::view) fn at_ready(pods: impl std::fmt::Display) -> String {
    format!("at {pods} ready")
}

pub(in crate::view) fn at_desired(pods: impl std::fmt::Display) -> String {
    format!("at {pods} desired")
}

pub(in crate::view) fn to_drain(depth: &str, arriving: f64) -> String {
    format!("to drain {depth} messages{}", at_arrival_rate(arriving))
}

pub(in crate::view) fn never_drained(depth: &str, arriving: f64) -> String {
    format!("drains {depth} messages{}", at_arrival_rate(arriving))
}

fn at_arrival_rate(arriving: f64) -> String {
    if arriving > 0.0 { format!(", while {arriving}/s arrive") } else { String::new() }
}

pub(in crate::view) fn drain_time(seconds: u64) -> String {
    if seconds < 60 { format!(" in {seconds}s") } else { format!(" in {}m", seconds / 60) }
}

pub(in crate::view) fn burst(size: u32, depth: Option<String>) -> (String, String) {
    match depth {
        None => (format!("burst {size}"), String::new()),
        // The queue counts too: the burst comes on top of it.
        Some(depth) => (format!("another {size}"), format!("on top of {depth}: ")),
    }
}

pub(in crate::view) const NO_EFFECT: &str = "! no effect while the HPA has no reading";
pub(in crate::view) const UNKNOWN_EFFECT: &str = "its effect is not known yet";

pub(in crate::view) fn scales(on_top: &str, from: i32, to: i32, may_be_done: bool) -> String {
    match may_be_done {
        false => format!("{on_top}{from} → {to} pods at the next sync"),
        true => format!("{on_top}{from} → {to} pods, or none if it is done before the sync"),
    }
}

pub(in crate::view) fn no_more_than_max(on_top: &str, max: i32) -> String {
    format!("{on_top}no more than max {max} pods")
}

pub(in crate::view) fn held(on_top: &str) -> String {
    format!("{on_top}no change at the next sync: the size is held")
}

/// The reason why a burst has no effect, and the smallest one that has.
pub(in crate::view) fn too_small(
    on_top: &str,
    ratio: &str,
    upper: Option<&str>,
    smallest: impl std::fmt::Display,
) -> String {
    let why = match upper {
        Some(upper) => format!("ratio {ratio} is within tolerance to {upper}"),
        None => format!("ratio {ratio} is below the target"),
    };
    format!("! {on_top}too small: {why}; {smallest} would do")
}

pub(in crate::view) fn smallest_burst(smallest: impl std::fmt::Display) -> String {
    format!("too small, {smallest} would do")
}

// The shadow.

pub(in crate::view) const SHADOW: &str = "Shadow";
pub(in crate::view) const SHADOW_HINT: &str = "    w starts a second HPA over the same queue";
pub(in crate::view) const SUMMARY: &str = "  ┄ shadow  ";
pub(in crate::view) const PODS: &str = " pods";
pub(in crate::view) const POD_SECONDS: &str = " pod-s";
pub(in crate::view) const WAIT: &str = " wait";
pub(in crate::view) const COLUMNS: [&str; 6] =
    ["", "pods now", "pod-seconds", "longest wait", "overshoot", "short of pods"];
pub(in crate::view) const REAL_ROW: &str = "real";
pub(in crate::view) const SHADOW_ROW: &str = "shadow";
pub(in crate::view) const ONE_QUEUE: &str =
    "both read the real queue: the shadow's pods would have changed it";
pub(in crate::view) const POD_START: &str = "longest wait: if no pod had come after the message";

pub(in crate::view) fn real(value: &str, unit: &str) -> String {
    format!("{unit}, real {value}   ")
}

pub(in crate::view) fn running(settings: &str, time: &str) -> String {
    format!("┄ {settings}, for {time}")
}

pub(in crate::view) fn simulated_burst(size: u32) -> String {
    format!("simulated burst of {size}")
}

pub(in crate::view) fn not_simulated(name: &str) -> String {
    format!("{name}: not simulated")
}

pub(in crate::view) fn simulated(
    name: &str,
    drained: Option<String>,
    peak: impl std::fmt::Display,
    pod_seconds: impl std::fmt::Display,
) -> String {
    let drained =
        drained.map_or_else(|| "not drained in half an hour".to_owned(), |time| format!("drained in {time}"));
    format!("{name}: {drained}, peak {peak}, {pod_seconds} pod-s")
}
