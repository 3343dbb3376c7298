//! Intervals.

messages! {
    no_scrape_no_decision() = "without scrapes there is no decision";
    burst_to_decision(least, mean, worst, sum) = "time from a burst to the decision: {least} to {worst}, {mean} on average ({sum}; computed, not measured)";
    sum_of_adapter(statistics, scrape, sync) = "{statistics} statistics + {scrape} scrape + {sync} sync";
    sum_without_statistics(scrape, sync) = "{scrape} scrape + {sync} sync";
    sum_of_keda(sync) = "{sync} sync, when KEDA asks the broker";
    polling_interval(seconds) = "pollingInterval is {seconds} s. It applies at 0 replicas only; above, the HPA's sync applies";
    statistics_interval(interval, through_exporter) = "the broker updates its statistics every {interval}{through_exporter}";
    statistics_assumed(interval, reason, through_exporter) = "the broker updates its statistics every {interval} (assumed: {reason}){through_exporter}";
    through_exporter() = ". The exporter reads the management API, which adds up to 5 s";
    settings_hidden() = "you may not read its settings";
    settings_missing() = "no collect_statistics_interval found";
    scrapes_missed(actual, wanted) = "Prometheus has samples every {actual} but should scrape every {wanted}. Scrapes are missing";
    fix_scrapes_missed() = "check how long a scrape takes, and the load of Prometheus";
    the_broker() = "the broker";
    scrape_by_samples(subject, interval) = "Prometheus scrapes {subject} every {interval}, by its samples";
    scrape_by_target(subject, interval) = "Prometheus scrapes {subject} every {interval}, by its target";
    no_scrape() = "Prometheus has no scrape of the series";
    relist_unknown() = "the adapter's Deployment could not be read. A new metric waits for its next relist";
    max_age_short(max_age, scrape) = "the adapter drops series older than {max_age} (--metrics-max-age), but scrapes are {scrape} apart. The metric comes and goes";
    fix_max_age() = "raise the max-age";
    relist(relist, default, max_age) = "the adapter lists series every {relist}{default} with max-age {max_age}. Only a new metric waits for it";
    by_default() = " (default)";
    sync_by_flag(period) = "the HPA syncs every {period}, by the controller manager's flag";
    sync_by_default() = "the HPA syncs every 15 s, the default: the controller manager has no such flag";
    sync_by_config_map(period, config_map) = "the HPA syncs every {period}, by ConfigMap {config_map} of kube-system";
    sync_assumed(reason) = "the HPA syncs every 15 s (assumed: {reason})";
    flag_hidden() = "you may not read the flag";
    flag_unknown() = "the flag cannot be read here";
}
