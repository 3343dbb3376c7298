//! Watches that end in every way in which servers and networks end them: the dashboard continues, and misses nothing.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use testkit::fault_proxy::{Fault, FaultProxy, RecordedRequest, StreamEnd};

use super::dashboard::Dashboard;
use super::site::Site;

/// The dashboard's watches, by their resource.
const WATCHED: [&str; 4] = ["horizontalpodautoscalers", "deployments", "pods", "events"];

fn all_open(proxy: &FaultProxy) -> bool {
    WATCHED.iter().all(|plural| proxy.open_streams(|asked| asked.watches(plural)) == 1)
}

fn wait_until_all_are_open(site: &Site, proxy: &FaultProxy, when: &str) {
    site.wait(&format!("every watch to be open {when}"), || all_open(proxy).then_some(()));
}

/// Writes an event about the HPA, and waits until it is on the screen: the watch on events delivers.
fn see_an_event(site: &Site, dashboard: &Dashboard, reason: &str) {
    let api: Api<Event> = Api::namespaced(site.client.clone(), &site.namespace);
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let event = json!({
        "metadata": {"generateName": "surge-e2e-", "namespace": site.namespace},
        "involvedObject": {"kind": "HorizontalPodAutoscaler", "name": contract::names::HPA,
            "namespace": site.namespace, "apiVersion": "autoscaling/v2"},
        "type": "Normal", "reason": reason, "message": "written by a test", "source": {"component": "surge-e2e"},
        "firstTimestamp": now, "lastTimestamp": now, "count": 1,
    });
    let written =
        site.run(api.create(&PostParams::default(), &serde_json::from_value(event).unwrap())).unwrap();
    dashboard.wait(&format!("the event {reason}"), |screen| screen.says(reason).then_some(()));
    let name = written.metadata.name.unwrap();
    site.run(api.delete(&name, &DeleteParams::default())).unwrap();
}

fn maximum(site: &Site) -> i32 {
    site.run(site.hpas().get(contract::names::HPA)).unwrap().spec.unwrap().max_replicas
}

fn set_maximum(site: &Site, maximum: i32) {
    let patch = json!({"spec": {"maxReplicas": maximum}});
    let patched = site.hpas();
    site.run(patched.patch(contract::names::HPA, &PatchParams::default(), &Patch::Merge(&patch))).unwrap();
}

fn wait_for_maximum(dashboard: &Dashboard, maximum: i32) {
    dashboard.wait(&format!("the maximum of {maximum}"), |screen| {
        screen.0.contains(&format!("max {maximum} ")).then_some(())
    });
}

/// Gives the HPA another maximum, and waits until it is on the screen: the watch on the HPA delivers.
fn see_another_maximum(site: &Site, dashboard: &Dashboard, maximum: i32) {
    set_maximum(site, maximum);
    wait_for_maximum(dashboard, maximum);
}

/// Deletes the worker and waits until its successor is on the screen: the watch on pods delivers.
fn see_another_pod(site: &Site, dashboard: &Dashboard) {
    let old = site.ready_pods(contract::names::WORKER).remove(0).metadata.name.unwrap();
    site.run(site.pods().delete(&old, &DeleteParams::default())).unwrap();
    let new = site.wait("another worker", || {
        site.ready_pods(contract::names::WORKER)
            .into_iter()
            .find_map(|pod| pod.metadata.name.filter(|name| *name != old))
    });
    dashboard.wait(&format!("the worker {new} and not {old}"), |screen| {
        (screen.lists_worker(&new) && !screen.lists_worker(&old)).then_some(())
    });
}

/// Every watch ends at once, in each of the ways; afterwards each delivers as before.
pub(crate) fn ended_watches_come_back(site: &Site) {
    let proxy = site.proxy();
    let dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    let maximum = maximum(site);
    for (turn, ending) in
        [StreamEnd::Clean, StreamEnd::Cut, StreamEnd::Torn, StreamEnd::Expired].into_iter().enumerate()
    {
        wait_until_all_are_open(site, &proxy, &format!("before {ending:?}"));
        let before = proxy.requests().len();
        assert_eq!(proxy.end_streams(RecordedRequest::is_watch, ending), WATCHED.len(), "{ending:?}");
        wait_until_all_are_open(site, &proxy, &format!("after {ending:?}"));
        let since = proxy.requests().split_off(before);
        let lists = WATCHED.map(|plural| since.iter().filter(|asked| asked.lists(plural)).count());
        match ending {
            // Nothing is listed again: the watch is resumed. (Samples list pods for their tunnels.)
            StreamEnd::Clean => assert_eq!([lists[0], lists[1], lists[3]], [0; 3], "{ending:?}"),
            StreamEnd::Expired => assert!(lists.iter().all(|lists| *lists > 0), "{ending:?}: {lists:?}"),
            // The position of such an end decides if it looks clean.
            StreamEnd::Cut | StreamEnd::Torn => {}
        }
        dashboard
            .wait(&format!("a live dashboard after {ending:?}"), |screen| screen.is_live().then_some(()));
        see_an_event(site, &dashboard, &format!("SurgeE2E{turn}"));
        see_another_maximum(site, &dashboard, maximum - 1 - i32::try_from(turn % 2).unwrap());
    }
    see_another_maximum(site, &dashboard, maximum);
    see_another_pod(site, &dashboard);
    dashboard.quit();
}

/// A watch on something that does not change is resumed from the last bookmark, not from a version that the server may have
/// forgotten by then.
pub(crate) fn a_watch_resumes_from_its_bookmark(site: &Site) {
    let proxy = site.proxy();
    let dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "at first");
    // A cluster writes other objects all the time; here the test must move its version on.
    see_an_event(site, &dashboard, "SurgeE2EMoves");
    let is_deployments = |asked: &RecordedRequest| asked.watches("deployments");
    let version = site.wait("a bookmark on the Deployment's watch", || {
        proxy
            .bookmarks()
            .into_iter()
            .rev()
            .find(|(asked, _)| is_deployments(asked))
            .map(|(_, version)| version)
    });
    let before = proxy.requests().len();
    assert_eq!(proxy.end_streams(is_deployments, StreamEnd::Clean), 1);
    let resumed = site.wait("the watch to be resumed", || {
        proxy.requests().split_off(before).into_iter().find(|asked| is_deployments(asked))
    });
    let last = proxy.bookmarks().into_iter().rev().find(|(asked, _)| is_deployments(asked)).unwrap().1;
    assert!(
        [version, last].iter().any(|version| resumed.has(&format!("resourceVersion={version}"))),
        "{} is not where the bookmark was",
        resumed.query
    );
    assert!(resumed.has("allowWatchBookmarks=true"), "{}", resumed.query);
    dashboard.quit();
}

/// The API server goes away: connections are refused. The screen marks its data as stale; when the server is back, so is
/// everything, and the next burst is accepted.
pub(crate) fn a_lost_server_is_awaited(site: &Site) {
    let proxy = site.proxy();
    let mut dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    proxy.stop_listening();
    let worker = site.ready_pods(contract::names::WORKER).remove(0).metadata.name.unwrap();
    let screen = dashboard.wait_for("not reachable for");
    assert!(screen.shows_worker(&worker), "the known data stays on the screen:\n{}", screen.0);
    dashboard.wait_for("refused");
    proxy.listen_again();
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "again");
    dashboard.fire_and_finish("1", 1);
    see_an_event(site, &dashboard, "SurgeE2EBack");
    dashboard.quit();
    site.wait_for_rest();
}

/// The API server hangs: connections stay open, and nothing arrives. The screen still marks its data as stale, keys work, and
/// when the server continues, so does everything.
pub(crate) fn a_hanging_server_differs_from_an_idle_one(site: &Site) {
    let proxy = site.proxy();
    let mut dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "at first");
    let before = maximum(site);
    proxy.freeze();
    set_maximum(site, before - 1);
    dashboard.wait_for("cluster lost the API server gave no answer within 10s");
    dashboard.wait_for("not reachable for");
    dashboard.send("?");
    dashboard.wait_for("fire a burst: one request per job");
    dashboard.send("?");
    proxy.thaw();
    dashboard.wait_until_live();
    wait_for_maximum(&dashboard, before - 1);
    see_another_maximum(site, &dashboard, before);
    dashboard.fire_past_a_lost_tunnel("1", 1);
    dashboard.quit();
    site.wait_for_rest();
}

/// Every connection dies silently, as after a sleep of the machine: watches are opened again in about two minutes.
pub(crate) fn silently_dead_connections_are_replaced(site: &Site) {
    let proxy = site.proxy();
    let mut dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "at first");
    let before = maximum(site);
    let began = Instant::now();
    proxy.strand();
    see_another_maximum(site, &dashboard, before - 1);
    dashboard.wait_until_live();
    assert!(began.elapsed() < Duration::from_secs(200), "it took {:?}", began.elapsed());
    see_another_maximum(site, &dashboard, before);
    dashboard.fire_past_a_lost_tunnel("1", 1);
    dashboard.quit();
    site.wait_for_rest();
}

/// A server that answers every list with an error is polled again, less and less often, and its message is shown.
pub(crate) fn a_failing_server_is_quoted_and_polled_less(site: &Site) {
    let proxy = site.proxy();
    let dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "at first");
    for (code, reason, message) in [
        (500, "InternalError", "etcdserver: request timed out"),
        (503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        (429, "TooManyRequests", "too many requests, please try again later"),
    ] {
        let trouble =
            proxy.inject(|asked| !asked.is_stream(), Fault::Status(code, reason, message.to_owned()));
        proxy.end_streams(RecordedRequest::is_watch, StreamEnd::Cut);
        dashboard.wait_for(&format!("{message} ({code})"));
        let (before, began) = (proxy.requests().len(), Instant::now());
        dashboard
            .wait("ten seconds of trouble", |_| (began.elapsed() > Duration::from_secs(10)).then_some(()));
        let hpa = proxy
            .requests()
            .split_off(before)
            .iter()
            .filter(|asked| asked.lists("horizontalpodautoscalers"))
            .count();
        assert!(hpa <= 12, "{hpa} lists of the HPA in ten seconds of trouble");
        drop(trouble);
        dashboard.wait_until_live();
        wait_until_all_are_open(site, &proxy, "again");
    }
    see_an_event(site, &dashboard, "SurgeE2EBetter");
    dashboard.quit();
}

/// Every answer comes two seconds late: the dashboard still comes up, and a burst is accepted.
pub(crate) fn a_slow_server_is_borne(site: &Site) {
    let proxy = site.proxy();
    let _slow = proxy.inject(|_| true, Fault::Delay(Duration::from_secs(2)));
    let mut dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    dashboard.fire_and_finish("1", 1);
    dashboard.quit();
    site.wait_for_rest();
}

/// An idle dashboard has listed each kind of object once, and watches it once.
pub(crate) fn nothing_is_asked_for_twice(site: &Site) {
    let proxy = site.proxy();
    let dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    wait_until_all_are_open(site, &proxy, "at first");
    let began = Instant::now();
    dashboard.wait("five quiet seconds", |_| (began.elapsed() > Duration::from_secs(5)).then_some(()));
    for plural in ["horizontalpodautoscalers", "deployments", "events"] {
        // A watch is requested again when its time is up; a list is not.
        let lists = proxy.requests().iter().filter(|asked| asked.lists(plural)).count();
        assert_eq!((lists, proxy.open_streams(|asked| asked.watches(plural))), (1, 1), "{plural}");
    }
    dashboard.quit();
}
