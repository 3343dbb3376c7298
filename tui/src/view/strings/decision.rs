//! Text of the HPA's decision: the panel, the screen, and the steps of the arithmetic.

pub(in crate::view) const TITLE: &str = "Decision";
pub(in crate::view) const NO_HPA: &str = "there is no HPA";
pub(in crate::view) const WAITING_FOR_HPA: &str = "waiting for the HPA";
pub(in crate::view) const NO_SIZE: &str = "none yet";
pub(in crate::view) const NO_SYNC: &str = "no sync yet";

/// The steps of the arithmetic, by the same name everywhere.
pub(in crate::view) mod gate {
    pub(in crate::view) const READING: &str = "reading";
    pub(in crate::view) const REPLICAS: &str = "replicas";
    pub(in crate::view) const METRIC: &str = "metric";
    pub(in crate::view) const RATIO: &str = "ratio";
    pub(in crate::view) const SECOND_PASS: &str = "2nd pass";
    pub(in crate::view) const TOLERANCE: &str = "tolerance";
    pub(in crate::view) const RAW: &str = "raw";
    pub(in crate::view) const STABILISED: &str = "stabilized";
    pub(in crate::view) const RATE: &str = "rate";
    pub(in crate::view) const MIN_MAX: &str = "min, max";
    pub(in crate::view) const RESULT: &str = "result";
    pub(in crate::view) const FINAL: &str = "final";

    /// All of a sync, in order.
    pub(in crate::view) const OF_A_SYNC: [&str; 11] =
        [READING, REPLICAS, METRIC, RATIO, SECOND_PASS, TOLERANCE, RAW, STABILISED, RATE, MIN_MAX, FINAL];
}

pub(in crate::view) fn about(hpa: &str, kind: &str, name: &str) -> String {
    format!("{hpa} → {kind}/{name}")
}

pub(in crate::view) fn due_in(time: &str) -> String {
    format!(" in {time}")
}

// The heads of the panel: every figure below belongs to that sync.

pub(in crate::view) const NO_LAST: &str = "last sync  none seen yet";
pub(in crate::view) const NEXT_UNKNOWN: &str = "next sync";

pub(in crate::view) fn last_head(clock: &str, ago: &str) -> String {
    format!("last sync  {clock}, {ago} ago")
}

pub(in crate::view) fn next_head(clock: &str, left: &str) -> String {
    format!("next sync  {clock}, in {left}")
}

pub(in crate::view) fn wanted(raw: i32) -> String {
    format!(", wanted {raw}")
}

pub(in crate::view) fn sync_short(clock: &str) -> String {
    format!(" sync {clock}  ")
}

/// The size before and after a sync.
pub(in crate::view) fn sizes(from: i32, to: i32) -> String {
    format!("{from} → {to}")
}

// The decision history.

pub(in crate::view) const HISTORY: &str = "Decision history";
pub(in crate::view) const NO_HISTORY: &str = "no sync seen yet: the HPA syncs about every 15 s";
pub(in crate::view) const HISTORY_COLUMNS: [&str; 6] =
    ["time", "from → to", "wanted", "limited by", "reading", "target"];

pub(in crate::view) fn history_rows(shown: usize, all: usize) -> String {
    if shown == all { format!("{all} syncs") } else { format!("newest {shown} of {all} syncs") }
}

/// A result that differs from the controller's: only its own is certain.
pub(in crate::view) fn as_reported(reason: &str) -> String {
    format!("≠ {reason}")
}

// The two lines of a small window.

pub(in crate::view) const LAST_LINE: &str = "last      ";
pub(in crate::view) const NEXT_LINE: &str = "next      ";

pub(in crate::view) fn limits(min: i32, max: i32) -> String {
    format!("   min {min} max {max}")
}

pub(in crate::view) fn ratio_step(ratio: &str) -> String {
    format!("ratio {ratio}")
}

pub(in crate::view) fn raw_step(raw: i32) -> String {
    format!("raw {raw}")
}

pub(in crate::view) fn kept_step(size: i32) -> String {
    format!("kept {size}")
}

pub(in crate::view) fn policy_step(allowed: i32) -> String {
    format!("policy {allowed}")
}

pub(in crate::view) fn size_step(size: i32) -> String {
    size.to_string()
}

pub(in crate::view) fn old_reading(age: &str) -> String {
    format!("  ? reading {age} old")
}

// The reading.

pub(in crate::view) fn reading_of_status(total: &str) -> String {
    format!("{total}, from the last sync")
}

pub(in crate::view) fn reading_too_old(total: &str, age: &str) -> String {
    format!("{total}, {age} old, metrics API")
}

pub(in crate::view) fn reading_of_api(total: &str) -> String {
    format!("{total}, from the metrics API")
}

pub(in crate::view) fn total_of_api(total: &str, age: &str) -> String {
    format!("{total} in all, from the metrics API {age} ago")
}

pub(in crate::view) fn total_of_status(total: &str) -> String {
    format!("{total} in all, from the last sync")
}

pub(in crate::view) const NO_VALUE: &str = "none";

pub(in crate::view) fn usage_of_api(usage: &str, age: &str) -> String {
    format!("{usage}, from the metrics API {age} ago")
}

pub(in crate::view) fn column_and_total(column: &str, total: &str, is_exact: bool) -> String {
    let about = if is_exact { "" } else { "about " };
    format!("{column}, {about}{total} in all")
}

// Why there is nothing to calculate.

pub(in crate::view) const WAITING_FOR_TARGET: &str = "waiting for the scale target";
pub(in crate::view) const NO_TARGET: &str = "the scale target does not exist";
pub(in crate::view) const UNKNOWN_SPEC: &str = "this HPA's spec is not supported";
pub(in crate::view) const WAITING_FOR_READING: &str = "waiting for the first reading";

pub(in crate::view) fn since(clock: &str, is_before_this_run: bool) -> String {
    format!("since {}{clock}", if is_before_this_run { "before " } else { "" })
}

fn size(replicas: Option<i32>) -> String {
    replicas.map_or_else(String::new, |replicas| format!(" at {replicas}"))
}

pub(in crate::view) fn controller_without_reading(since: &str, replicas: Option<i32>) -> [String; 2] {
    let size = size(replicas);
    [
        format!("the HPA has no reading {since}: it holds{size}, nothing to calculate"),
        format!("no reading {since}: the HPA holds{size}"),
    ]
}

pub(in crate::view) fn api_without_reading(since: &str, replicas: Option<i32>) -> [String; 2] {
    let size = size(replicas);
    [
        format!("the metrics API has no value {since}: the HPA will hold{size}, nothing to calculate"),
        format!("no API value {since}: the HPA will hold{size}"),
    ]
}

pub(in crate::view) fn watch_lost(clock: &str) -> [String; 2] {
    [
        format!("the HPA's watch is lost since {clock}: newer decisions are not known"),
        format!("the HPA's watch is lost since {clock}"),
    ]
}

pub(in crate::view) fn none_since(since: &str, age: &str) -> String {
    format!("none {since}, {age}")
}

pub(in crate::view) fn unknown_since(since: &str, age: &str) -> String {
    format!("not known {since}, {age}")
}

pub(in crate::view) fn missing_sync(since: &str) -> String {
    format!("! no sync since {since}, though the reading changed")
}

// The columns of the last and the next sync.

pub(in crate::view) const LAST_NONE: &str = "Last sync  none yet";
pub(in crate::view) const LAST_UNSEEN: &str = "Last sync  none seen: the status has not changed";
pub(in crate::view) const WATCH_LOST: &str = "not calculated: the HPA's watch is lost";
pub(in crate::view) const NOT_CALCULATED: &str = "not calculated";
pub(in crate::view) const NO_READING: &str = "none yet";

pub(in crate::view) const NONE_BEFORE: &str = "no sync was seen before the cursor";
pub(in crate::view) const NONE_AFTER: &str = "no sync was seen after the cursor";

pub(in crate::view) fn last_sync(clock: &str, ago: &str) -> String {
    format!("Last sync  {clock}, {ago} ago")
}

pub(in crate::view) fn sync_before(clock: &str, away: &str) -> String {
    format!("Sync {clock}, {away} before the cursor")
}

pub(in crate::view) fn sync_after(clock: &str, away: &str) -> String {
    format!("Sync {clock}, {away} after the cursor")
}

pub(in crate::view) fn next_sync(clock: &str, left: &str) -> String {
    format!("Next sync  {clock}, in about {left}")
}

pub(in crate::view) fn next_sync_within(seconds: f64) -> String {
    format!("Next sync  within {seconds} s")
}

pub(in crate::view) fn next_sync_unknown(why: &str) -> String {
    format!("Next sync  {why}")
}

pub(in crate::view) fn current_and_desired(current: i32, desired: &str) -> String {
    format!("{current} current, {desired} desired")
}

pub(in crate::view) fn from_status(desired: &str) -> String {
    format!("{desired}  from the status")
}

pub(in crate::view) fn spec_replicas(spec: i32) -> String {
    format!("{spec} in the spec")
}

pub(in crate::view) fn spec_and_current(spec: i32, current: &str) -> String {
    format!("{spec} in the spec, {current} exist")
}

pub(in crate::view) fn with_age(text: &str, age: &str) -> String {
    format!("{text}, {age} old")
}

pub(in crate::view) fn outcome(size: i32, why: &str) -> String {
    format!("{size}  {why}")
}

pub(in crate::view) fn change(from: i32, to: i32, why: &str) -> String {
    format!("{from} → {to}  {why}")
}

// What decided.

pub(in crate::view) const AS_METRIC: &str = "from the metric";
pub(in crate::view) const WITHIN_TOLERANCE: &str = "within tolerance";
pub(in crate::view) const STABILISED: &str = "stabilized";
pub(in crate::view) const RATE_LIMITED: &str = "limited by policy";
pub(in crate::view) const CUT_TO_MAX: &str = "limited to max";
pub(in crate::view) const RAISED_TO_MIN: &str = "raised to min";
pub(in crate::view) const LIMITED: &str = "limited by min or max";
pub(in crate::view) const HELD_WITHOUT_READING: &str = "held: no reading";
pub(in crate::view) const METRIC_MISSING: &str = "a metric is missing";
pub(in crate::view) const NO_DECISION: &str = "no decision";
pub(in crate::view) const DISABLED: &str = "off: scaled to 0";

// What decided, with its figures.

pub(in crate::view) const BY_DEFAULT_POLICY: &str = "policy: double, or 4";

pub(in crate::view) fn kept_until(clock: &str) -> String {
    format!("kept until {clock}")
}

pub(in crate::view) fn by_policy(value: i32, unit: &str, period: i32) -> String {
    format!("policy: {value} {unit} in {period} s")
}

pub(in crate::view) fn max(max: i32) -> String {
    format!("max {max}")
}

pub(in crate::view) fn min(min: i32) -> String {
    format!("min {min}")
}

// The steps.

pub(in crate::view) fn fetch_failed(kind: &str) -> String {
    // The reason of the condition ScalingActive.
    format!("none: FailedGet{kind}Metric")
}

pub(in crate::view) fn raised_to_min(min: i32) -> String {
    format!("raised to min {min}")
}

pub(in crate::view) fn cut_to_max(max: i32) -> String {
    format!("limited to max {max}")
}

pub(in crate::view) fn within_limits(min: i32, size: i32, max: i32) -> String {
    format!("{min} ≤ {size} ≤ {max}")
}

pub(in crate::view) fn above_max(current: i32, max: i32) -> String {
    format!("{current} is above max {max}")
}

pub(in crate::view) fn below_min(current: i32, min: i32) -> String {
    format!("{current} is below min {min}")
}

pub(in crate::view) const SCALED_TO_ZERO: &str = "something else scaled it to 0: the HPA waits";

pub(in crate::view) fn kept(size: i32, until: &str, is_bound: bool) -> String {
    format!("kept at {size} until {until}{}", if is_bound { " at the latest" } else { "" })
}

/// The reason of a hold: the sync that wanted more.
pub(in crate::view) fn kept_because(kept: &str, since: &str, wanted: i32) -> String {
    format!("{kept} ({since} wanted {wanted})")
}

pub(in crate::view) fn kept_until_then(size: i32, held: i32, until: &str) -> String {
    format!("{size}; kept at {held} until {until}")
}

pub(in crate::view) fn nothing_held(size: i32) -> String {
    format!("{size}, nothing held")
}

pub(in crate::view) fn default_rate(allowed: i32, binds: bool) -> String {
    let rest = if binds { "; more at the next sync" } else { "" };
    format!("at most {allowed}: double, or 4{rest}")
}

pub(in crate::view) const DIRECTION_DISABLED: &str = "this direction is disabled";

pub(in crate::view) fn no_policy(allowed: i32) -> String {
    format!("{allowed}, no policy")
}

/// The bound that a policy sets, and its rule.
pub(in crate::view) fn policy(is_up: bool, allowed: i32, rule: (i32, &str, i32)) -> [String; 2] {
    let bound = if is_up { "at most" } else { "at least" };
    let (value, unit, period) = rule;
    [format!("{bound} {allowed}: {value} {unit} in {period} s"), format!("{bound} {allowed}")]
}

pub(in crate::view) fn policy_unit(is_percent: bool, value: i32) -> &'static str {
    match (is_percent, value) {
        (true, _) => "%",
        (false, 1) => "pod",
        (false, _) => "pods",
    }
}

pub(in crate::view) fn next_allowed(rule: &str, left: &str) -> String {
    format!("{rule}; next in {left}")
}

pub(in crate::view) fn next_allowed_at(rule: &str, left: &str, clock: &str) -> String {
    format!("{rule}; next in {left} ({clock})")
}

pub(in crate::view) fn average_ratio(total: &str, target: &str, pods: i32) -> [String; 2] {
    [format!("{total} ÷ ({target} × {pods})"), format!("ceil({total} ÷ {target})")]
}

pub(in crate::view) fn value_ratio(total: &str, target: &str, pods: i32) -> [String; 2] {
    [format!("{total} ÷ {target}"), format!("ceil(ratio × {pods} ready)")]
}

pub(in crate::view) fn ratio_of_pods(pods: i32) -> String {
    format!("ceil(ratio × {pods} pods)")
}

pub(in crate::view) const NO_RATIO: &str = "no ratio";

pub(in crate::view) fn named(name: &str, text: &str) -> String {
    format!("{name}: {text}")
}

/// One of several metrics.
pub(in crate::view) fn metric_line(name: &str, arithmetic: &str, ratio: &str, proposal: i32) -> String {
    format!("{name}: {arithmetic} = {ratio}, raw {proposal}")
}

pub(in crate::view) fn metric_line_short(name: &str, ratio: &str, proposal: i32) -> String {
    format!("{ratio}, raw {proposal}: {name}")
}

pub(in crate::view) fn equals(left: &str, right: &str) -> String {
    format!("{left} = {right}")
}

pub(in crate::view) fn no_pod(compared: &str) -> String {
    format!("{compared}: no pod to divide by")
}

pub(in crate::view) fn tolerance(is_within: bool, low: &str, high: &str) -> String {
    format!("{} {low} … {high}", if is_within { "within" } else { "outside" })
}

pub(in crate::view) fn unchanged(size: i32) -> String {
    format!("{size} (unchanged)")
}

// The screen.

pub(in crate::view) const NEEDS: &str = "next change";
pub(in crate::view) const SCALED_TO_ZERO_BY_HPA: &str = "scaled to zero by the HPA: its metric wakes it";
pub(in crate::view) const CONTROLLER: &str = "controller";
pub(in crate::view) const NO_DESIRED: &str = "has set no size yet";
pub(in crate::view) const NOT_SYNCED: &str = "has not synced yet";
pub(in crate::view) const AS_CALCULATED: &str = "= as calculated";

pub(in crate::view) const PERIOD_ASSUMED: &str = "assumed";
pub(in crate::view) const PERIOD_SEEN: &str = "observed";
pub(in crate::view) const PERIOD_CONFIGURED: &str = "as configured";

pub(in crate::view) fn sync_period(seconds: f64, source: &str) -> String {
    format!("sync every {seconds} s, {source}")
}

/// The reason of the controller's condition, with the time of the last rescale where there is room.
pub(in crate::view) fn controller_reason(reason: &str, rescale: Option<&str>) -> Vec<String> {
    let short = format!("  {reason}");
    let Some(rescale) = rescale else { return vec![short] };
    let rescaled = format!("{short}, last rescale {rescale} ±1 s");
    vec![format!("{rescaled} by its clock"), rescaled, short]
}

pub(in crate::view) fn other_reason(calculated: &str, reported: &str) -> String {
    format!("≠ same size, another reason: calculated {calculated}, reported {reported}")
}

pub(in crate::view) fn other_size(calculated: i32, reported: i32, cause: &str) -> String {
    format!("≠ calculated {calculated}, the controller reports {reported}: {cause}")
}
