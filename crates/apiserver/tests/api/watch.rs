//! Lists and watches, through a kube client over HTTPS.

use std::time::Duration;

use crate::common::{pod, start, start_with};
use apiserver::{Config, Limits};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use kube::{Api, ResourceExt as _};
use serde_json::json;
use testkit::wait::DEADLINE;

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"a": "b"}}})).unwrap()
}

async fn next<T>(
    stream: &mut (impl futures::Stream<Item = kube::Result<WatchEvent<T>>> + Unpin),
) -> WatchEvent<T> {
    tokio::time::timeout(DEADLINE, stream.next())
        .await
        .expect("an event in time")
        .expect("the watch goes on")
        .unwrap()
}

#[tokio::test]
async fn a_watch_continues_a_list_with_every_change() {
    let running = start().await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let list = api.list(&ListParams::default()).await.unwrap();
    let version = list.metadata.resource_version.unwrap();
    let mut events = Box::pin(api.watch(&WatchParams::default(), &version).await.unwrap());
    api.create(&PostParams::default(), &config_map("b")).await.unwrap();
    let change = Patch::Merge(json!({"data": {"k": "v"}}));
    let changed = api.patch("a", &PatchParams::default(), &change).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(matches!(next(&mut events).await, WatchEvent::Added(o) if o.name_any() == "b"));
    assert!(
        matches!(next(&mut events).await, WatchEvent::Modified(o) if o.resource_version() == changed.resource_version())
    );
    let WatchEvent::Deleted(last) = next(&mut events).await else { panic!("expected the deletion") };
    let number = |o: &ConfigMap| o.resource_version().unwrap().parse::<u64>().unwrap();
    assert!(number(&last) > number(&changed), "a deletion has its own version");

    // A client resumes after the last event that it received.
    let mut events =
        Box::pin(api.watch(&WatchParams::default(), &changed.resource_version().unwrap()).await.unwrap());
    assert!(matches!(next(&mut events).await, WatchEvent::Deleted(o) if o.name_any() == "a"));
}

#[tokio::test]
async fn leaving_the_selection_is_a_deletion() {
    let running = start().await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let params = WatchParams::default().labels("a=b");
    let mut events = Box::pin(api.watch(&params, "0").await.unwrap());
    api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    assert!(matches!(next(&mut events).await, WatchEvent::Added(_)));
    for (label, expected) in [("c", "deleted"), ("d", ""), ("b", "added")] {
        let change = Patch::Merge(json!({"metadata": {"labels": {"a": label}}}));
        api.patch("a", &PatchParams::default(), &change).await.unwrap();
        match expected {
            "deleted" => {
                assert!(matches!(next(&mut events).await, WatchEvent::Deleted(o) if o.labels()["a"] == "b"));
            }
            "added" => {
                assert!(matches!(next(&mut events).await, WatchEvent::Added(o) if o.labels()["a"] == "b"));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_old_version_gets_410() {
    let running = start_with(Config { history: 4, ..Config::default() }).await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let first = api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    for number in 0..8 {
        let change = Patch::Merge(json!({"data": {"n": number.to_string()}}));
        api.patch("a", &PatchParams::default(), &change).await.unwrap();
    }
    let mut events =
        Box::pin(api.watch(&WatchParams::default(), &first.resource_version().unwrap()).await.unwrap());
    let WatchEvent::Error(status) = next(&mut events).await else { panic!("the version is too old") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    assert!(status.message.starts_with("too old resource version: "), "{}", status.message);

    // kube's watcher lists again.
    let mut objects = Box::pin(watcher(api, watcher::Config::default()));
    let found = tokio::time::timeout(DEADLINE, async {
        while let Some(event) = objects.try_next().await.unwrap() {
            if let watcher::Event::InitApply(object) = event {
                return object.name_any();
            }
        }
        panic!("the watcher ended");
    });
    assert_eq!(found.await.unwrap(), "a");
}

#[tokio::test]
async fn a_slow_watcher_delays_no_one_and_gets_410() {
    let limits = Limits { watch_backlog: 64 * 1024, ..Limits::default() };
    let running = start_with(Config { limits, ..Config::default() }).await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    let mut slow = Box::pin(api.watch(&WatchParams::default(), "0").await.unwrap());
    api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    assert!(matches!(next(&mut slow).await, WatchEvent::Added(_)));
    // This exceeds the sockets, buffers and the event log together.
    let filler = "x".repeat(256 * 1024);
    for number in 0..64 {
        let change = Patch::Merge(json!({"data": {"n": number.to_string(), "filler": filler}}));
        api.patch("a", &PatchParams::default(), &change).await.unwrap();
    }
    let mut received = 0;
    let ended = tokio::time::timeout(DEADLINE, async {
        while let Some(event) = slow.next().await {
            match event {
                Ok(WatchEvent::Error(status)) => return Some(status.code),
                Ok(_) => received += 1,
                Err(_) => return None,
            }
        }
        None
    });
    assert_eq!(ended.await.unwrap(), Some(410));
    assert!(received < 64, "{received}");
}

#[tokio::test]
async fn a_watch_ends_with_its_timeout_or_the_server() {
    let running = start().await;
    let api: Api<Pod> = Api::all(running.client.clone());
    let mut short = Box::pin(api.watch(&WatchParams::default().timeout(1), "0").await.unwrap());
    let ended = tokio::time::timeout(DEADLINE, short.next()).await.expect("the watch ends");
    assert!(ended.is_none());

    let mut long = Box::pin(api.watch(&WatchParams::default(), "0").await.unwrap());
    running.shutdown.cancel();
    let ended = tokio::time::timeout(DEADLINE, long.next()).await.expect("the watch ends");
    assert!(!matches!(ended, Some(Ok(_))));
}

#[tokio::test]
async fn the_number_of_watches_is_limited() {
    let limits = Limits { watches: 1, ..Limits::default() };
    let running = start_with(Config { limits, ..Config::default() }).await;
    let api: Api<Pod> = Api::all(running.client.clone());
    let first = api.watch(&WatchParams::default(), "0").await.unwrap();
    match api.watch(&WatchParams::default(), "0").await.err() {
        Some(kube::Error::Api(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (429, "TooManyRequests"));
        }
        other => panic!("{other:?}"),
    }
    drop(first);
    testkit::wait::until("a free watch", || async {
        api.watch(&WatchParams::default(), "0").await.ok().map(drop)
    })
    .await;
}

#[tokio::test]
async fn pages_show_one_version() {
    let running = start().await;
    let api: Api<ConfigMap> = Api::namespaced(running.client.clone(), "default");
    for name in ["a", "b", "c", "d", "e"] {
        api.create(&PostParams::default(), &config_map(name)).await.unwrap();
    }
    let page = api.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(page.metadata.remaining_item_count, Some(3));
    let version = page.metadata.resource_version.clone();
    api.create(&PostParams::default(), &config_map("aa")).await.unwrap();
    api.delete("d", &DeleteParams::default()).await.unwrap();
    let mut names: Vec<String> = page.items.iter().map(kube::ResourceExt::name_any).collect();
    let mut token = page.metadata.continue_;
    while let Some(next) = token.filter(|token| !token.is_empty()) {
        let page = api.list(&ListParams::default().limit(2).continue_token(&next)).await.unwrap();
        assert_eq!(page.metadata.resource_version, version);
        names.extend(page.items.iter().map(kube::ResourceExt::name_any));
        token = page.metadata.continue_;
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let stale =
        api.list(&ListParams::default().continue_token("eyJhdCI6MSwicnYiOjEsInMiOjF9")).await.unwrap_err();
    assert!(matches!(stale, kube::Error::Api(status) if status.code == 410 && status.reason == "Expired"));
}

#[tokio::test]
async fn a_watcher_works_on_the_router() {
    let running = start().await;
    let client = kube::Client::new(running.server.router(), "default");
    let pods: Api<Pod> = Api::namespaced(client, "default");
    let mut events = Box::pin(watcher(pods.clone(), watcher::Config::default()));
    let pod: Pod = serde_json::from_value(pod("p")).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let seen = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match events.try_next().await.unwrap() {
                Some(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod)) => return pod,
                Some(_) => {}
                None => panic!("the watcher ended"),
            }
        }
    });
    assert_eq!(seen.await.unwrap().status.unwrap().phase.as_deref(), Some("Pending"));
}
