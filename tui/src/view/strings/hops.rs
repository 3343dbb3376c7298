//! Text of the panel that compares the queue's value at the four hops: broker, Prometheus, metrics API and HPA.

use dashboard::chain::beliefs::ChainHop;

pub(in crate::view) const TITLE: &str = "Who believes what";
pub(in crate::view) const ALL_AGREE: &str = "all agree";
pub(in crate::view) const AS_USUAL: &str = "no delay beyond the intervals";
pub(in crate::view) const TARGET: &str = "target";
pub(in crate::view) const IN_ALL: &str = "in all";
pub(in crate::view) const NONE_YET: &str = "none yet";
pub(in crate::view) const NO_READING: &str = "no reading";
pub(in crate::view) const STALE: &str = "stale";
pub(in crate::view) const NOT_READ: &str = "not read";
pub(in crate::view) const LOADING: &str = "loading";

/// The names of a hop: in full and short.
pub(in crate::view) type HopName = (&'static str, &'static str);

pub(in crate::view) const BROKER: HopName = (ChainHop::Broker.title(), "broker");
pub(in crate::view) const PROMETHEUS: HopName = (ChainHop::Prometheus.title(), "prom");
pub(in crate::view) const EXTERNAL_API: HopName = (ChainHop::ExternalApi.title(), "API");
pub(in crate::view) const HPA: HopName = (ChainHop::Hpa.title(), "HPA");

pub(in crate::view) const KUBELET: &str = "kubelet";
pub(in crate::view) const METRICS_API: &str = "metrics API";

pub(in crate::view) fn samples(count: usize) -> String {
    if count == 1 { "1 sample".to_owned() } else { format!("{count} samples") }
}

pub(in crate::view) fn oldest(age: &str, window: &str) -> String {
    format!("oldest {age}, over {window}")
}

pub(in crate::view) fn sample_is_old(age: &str) -> String {
    format!("The oldest sample is {age} old: the API serves it until a new one arrives.")
}

/// A hop that has stopped reporting.
pub(in crate::view) fn stopped(name: &str, time: &str, is_drill: bool) -> String {
    if is_drill { format!("{name} stopped, {time}") } else { format!("{name} does not answer, {time}") }
}

pub(in crate::view) fn lags(name: &str) -> String {
    format!("{name} lags")
}

pub(in crate::view) fn old(age: &str) -> String {
    format!("{age} old")
}

pub(in crate::view) fn at_most_old(age: &str) -> String {
    format!("≤ {age} old")
}

pub(in crate::view) fn behind(lag: &str) -> String {
    format!("{lag} behind")
}

pub(in crate::view) fn for_time(time: &str) -> String {
    format!("for {time}")
}

pub(in crate::view) fn product(per_pod: &str, replicas: i32) -> String {
    format!("{per_pod} × {replicas}")
}

// The line of a small window.

pub(in crate::view) const LINE: &str = "believed  ";
pub(in crate::view) const TARGET_PART: &str = "   target ";
pub(in crate::view) const READY_ONLY: &str = "   ready only";
pub(in crate::view) const LAGS_SIGN: &str = " ◄";

pub(in crate::view) fn silent_part(time: &str) -> String {
    format!(" ◄ silent {time}")
}

pub(in crate::view) fn behind_part(lag: &str) -> String {
    format!(" ◄ {lag} behind")
}

// Sources that do not deliver.

pub(in crate::view) fn stale_hop(name: &str, sentence: &str) -> String {
    format!("! {name}: {sentence}")
}

pub(in crate::view) fn waiting_hop(name: &str) -> String {
    format!("waiting for the first value of {name}")
}

// Why the hops disagree. The first sentence is the most important one.

pub(in crate::view) fn scrape_lags_most(interval: &str) -> String {
    format!("Prometheus lags most: it scrapes about every {interval}.")
}

pub(in crate::view) fn scrape_is_old(ago: &str, interval: &str, prometheus: &str, broker: &str) -> String {
    format!(
        "Prometheus scraped {prometheus} {ago} ago, the broker has {broker} now. It scrapes about every {interval}."
    )
}

pub(in crate::view) const QUERY_TIME: &str = "The adapter reports query time, so an old sample looks fresh.";
pub(in crate::view) const NO_SAMPLE: &str =
    "Prometheus has no sample of this queue: it does not scrape the broker.";
pub(in crate::view) const NO_VALUE: &str = "The external metrics API has no value for this metric.";

pub(in crate::view) fn api_asked_earlier(then: &str, now: &str) -> String {
    format!("The external API was queried before Prometheus' newest sample: {then} then, {now} now.")
}

pub(in crate::view) fn api_differs(value: &str, time: &str, before: &str) -> String {
    format!("The external API has reported {value} for {time}, while Prometheus has {before}.")
}

pub(in crate::view) const ADAPTER_DIFFERS: &str =
    "The adapter may query another Prometheus or series, or cache its answers.";

pub(in crate::view) fn hpa_is_behind(lag: &str, period: &str) -> String {
    format!("HPA status is {lag} behind: the HPA reads only when it syncs, every {period}.")
}

/// The metric began to exist after the HPA's last sync.
pub(in crate::view) fn not_read_yet(next: Option<&str>) -> String {
    let next = next.map_or_else(|| "at its next sync".to_owned(), |time| format!("in {time}"));
    format!("The HPA has not read the metric yet: it reads again {next}.")
}

pub(in crate::view) fn hpa_has_no_reading(why: Option<&str>) -> String {
    match why {
        Some(why) => format!("The HPA has no reading: {why}"),
        None => "The HPA has no reading yet: it reads only when it syncs.".to_owned(),
    }
}

pub(in crate::view) fn more_than(lag: &str) -> String {
    format!("more than {lag}")
}

pub(in crate::view) fn keda_ready_only(unacked: &str) -> String {
    format!("KEDA's AMQP scaler counts only ready messages: it leaves out {unacked} unacked.")
}

pub(in crate::view) fn broker_statistics(age: &str) -> String {
    format!("The broker's value comes from its statistics, up to {age} old.")
}
