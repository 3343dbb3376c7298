//! The controllers together: scaling, updates, ordinals, Services, garbage collection.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{ResourceExt as _, api::ListParams};
use sandbox::WorkloadKind;
use serde_json::json;
use testkit::wait;

use crate::rig::{Rig, config, deployment, is_ready, is_running, pid, pod};

#[tokio::test(flavor = "multi_thread")]
async fn scaling_creates_and_deletes_pods() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let oldest = rig.list("app=web").await[0].name_any();
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    for size in [4, 1, 0, 2] {
        let change = json!({"spec": {"replicas": size}});
        api.patch_scale("web", &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
        wait::until("the requested number of pods", || async {
            let pods = rig.list("app=web").await;
            (pods.len() == size && pods.iter().all(is_ready)).then_some(())
        })
        .await;
        if size == 4 {
            assert!(rig.list("app=web").await.iter().any(|pod| pod.name_any() == oldest));
        }
    }
    let status = wait::until("the status of two replicas", || async {
        let status = api.get("web").await.unwrap().status.unwrap();
        (status.available_replicas == Some(2)).then_some(status)
    })
    .await;
    assert_eq!(
        (status.replicas, status.ready_replicas, status.unavailable_replicas),
        (Some(2), Some(2), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_keeps_the_minimum() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 3, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let before: Vec<String> = rig.list("app=web").await.iter().map(kube::ResourceExt::name_any).collect();
    rig.apply(deployment("web", 3, &json!({"env": [{"name": "VERSION", "value": "2"}]}))).await;
    wait::until("the new pods alone", || async {
        let pods = rig.list("app=web").await;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        assert!(ready >= 3 || pods.iter().any(|pod| !is_ready(pod)), "{ready} ready of {}", pods.len());
        let new = pods.iter().all(|pod| !before.contains(&pod.name_any()));
        (new && pods.len() == 3 && ready == 3).then_some(())
    })
    .await;
    let sets: Api<ReplicaSet> = Api::namespaced(rig.client.clone(), "default");
    let sets = sets.list(&ListParams::default()).await.unwrap();
    let mut revisions: Vec<&str> =
        sets.iter().map(|set| set.annotations()["deployment.kubernetes.io/revision"].as_str()).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, ["1", "2"]);
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    let conditions = wait::until("the rollout to be complete", || async {
        let conditions = api.get("web").await.unwrap().status.unwrap().conditions.unwrap();
        let progressing = conditions.iter().find(|condition| condition.type_ == "Progressing").unwrap();
        (progressing.reason.as_deref() == Some("NewReplicaSetAvailable")).then_some(conditions)
    })
    .await;
    let available = conditions.iter().find(|condition| condition.type_ == "Available").unwrap();
    assert_eq!(available.message.as_deref(), Some("Deployment has minimum availability."));
}

#[tokio::test(flavor = "multi_thread")]
async fn recreate_deletes_the_old_pods_first() {
    let rig = Rig::start(config()).await;
    let with = |version: &str| {
        let mut object = deployment("web", 2, &json!({"env": [{"name": "VERSION", "value": version}]}));
        object["spec"]["strategy"] = json!({"type": "Recreate"});
        object
    };
    rig.apply(with("1")).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    rig.apply(with("2")).await;
    wait::until("the second version", || async {
        let pods = rig.list("app=web").await;
        let versions: std::collections::BTreeSet<&str> =
            pods.iter().map(|pod| pod.labels()["pod-template-hash"].as_str()).collect();
        assert!(versions.len() <= 1, "both versions at once");
        let new = pods.iter().all(|pod| {
            pod.spec.as_ref().unwrap().containers[0].env.as_ref().unwrap()[0].value.as_deref() == Some("2")
        });
        (pods.len() == 2 && new && pods.iter().all(is_ready)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_deleted_with_dependents() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 2, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    api.delete("web", &DeleteParams::background()).await.unwrap();
    let sets: Api<ReplicaSet> = Api::namespaced(rig.client.clone(), "default");
    wait::until("ReplicaSets and pods to be deleted", || async {
        let sets = sets.list(&ListParams::default()).await.unwrap().items.len();
        (sets == 0 && rig.list("app=web").await.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphaned_dependents_stay() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 1, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    api.delete("web", &DeleteParams::orphan()).await.unwrap();
    let sets: Api<ReplicaSet> = Api::namespaced(rig.client.clone(), "default");
    let set = wait::until("the ReplicaSet to be an orphan", || async {
        let sets = sets.list(&ListParams::default()).await.unwrap().items;
        sets.into_iter().find(|set| set.owner_references().is_empty())
    })
    .await;
    assert_eq!(set.spec.unwrap().replicas, Some(1));
    assert_eq!(rig.list("app=web").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stateful_pods_have_ordinals() {
    let rig = Rig::start(config()).await;
    let mut object = deployment("db", 3, &json!({}));
    object["kind"] = "StatefulSet".into();
    object["spec"]["serviceName"] = "db".into();
    rig.apply(object).await;
    rig.ready(WorkloadKind::StatefulSet, "db").await;
    let mut pods = rig.list("app=db").await;
    pods.sort_by_key(kube::ResourceExt::name_any);
    let names: Vec<String> = pods.iter().map(kube::ResourceExt::name_any).collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    assert_eq!(pods[1].labels()["apps.kubernetes.io/pod-index"], "1");
    // Each pod was created after the one before was ready.
    let created = |index: usize| pods[index].creation_timestamp().unwrap().0;
    assert!(created(0) <= created(1) && created(1) <= created(2));

    rig.pods().delete("db-1", &DeleteParams::default()).await.unwrap();
    let recreated =
        rig.pod("db-1", "db-1 to be ready again", |pod| is_ready(pod) && pid(pod) != pid(&pods[1])).await;
    assert_ne!(recreated.uid(), pods[1].uid());
    let api: Api<StatefulSet> = Api::namespaced(rig.client.clone(), "default");
    api.patch("db", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 1}}))).await.unwrap();
    wait::until("the surplus pods to be deleted", || async {
        let pods = rig.list("app=db").await;
        (pods.len() == 1 && pods[0].name_any() == "db-0").then_some(())
    })
    .await;
    rig.event("db", "Normal SuccessfulDelete delete Pod db-2 in StatefulSet db successful").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_waits_for_pods_and_alternates() {
    let rig = Rig::start(config()).await;
    rig.apply(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }))
    .await;
    rig.apply(pod("client", &json!({}))).await;
    rig.pod("client", "the client to be ready", is_ready).await;
    let port: u16 = rig.get("client", 8080, "/env/WEB_SERVICE_PORT").await.parse().unwrap();
    let url = format!("http://127.0.0.1:{port}/pid");
    let ask = || async {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        client.get(&url).send().await.ok()?.text().await.ok()
    };
    assert_eq!(ask().await, None, "no pod is ready");
    rig.apply(deployment("web", 2, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let mut pids: Vec<String> = rig.list("app=web").await.iter().map(|pod| pid(pod).to_string()).collect();
    pids.sort_unstable();
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(wait::until("an answer through the Service", ask).await);
    }
    answers.sort_unstable();
    assert_eq!(answers, pids);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_wait_while_the_node_is_full() {
    let mut config = config();
    config.kubelet.max_pods = 1;
    let rig = Rig::start(config).await;
    rig.apply(pod("first", &json!({}))).await;
    rig.pod("first", "the first pod to be ready", is_ready).await;
    rig.apply(pod("second", &json!({}))).await;
    rig.event("second", "Warning FailedScheduling 0/1 nodes are available: 1 Too many pods.").await;
    rig.pods().delete("first", &DeleteParams::default()).await.unwrap();
    rig.pod("second", "the second pod to be scheduled", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_wait_while_the_node_is_cordoned() {
    let rig = Rig::start(config()).await;
    let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(rig.client.clone());
    let cordon = |yes: bool| Patch::Merge(json!({"spec": {"unschedulable": yes}}));
    nodes.patch("surge", &PatchParams::default(), &cordon(true)).await.unwrap();
    rig.apply(pod("p", &json!({}))).await;
    rig.event("p", "Warning FailedScheduling 0/1 nodes are available: 1 node(s) were unschedulable. ").await;
    nodes.patch("surge", &PatchParams::default(), &cordon(false)).await.unwrap();
    rig.pod("p", "the pod to be ready", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_deleted_with_its_pods() {
    let rig = Rig::start(config()).await;
    rig.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})).await;
    let mut object = deployment("web", 2, &json!({}));
    object["metadata"]["namespace"] = "short".into();
    rig.apply(object).await;
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(rig.client.clone(), "short");
    let running = wait::until("two pods", || async {
        let pods = pods.list(&ListParams::default()).await.unwrap().items;
        (pods.len() == 2 && pods.iter().all(is_ready)).then_some(pods)
    })
    .await;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(rig.client.clone());
    namespaces.delete("short", &DeleteParams::default()).await.unwrap();
    wait::until("the namespace to be deleted", || async {
        namespaces.get_opt("short").await.unwrap().is_none().then_some(())
    })
    .await;
    assert!(running.iter().all(|pod| !is_running(pid(pod))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_pods_start_and_end() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 100, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    let change = json!({"spec": {"replicas": 1}});
    api.patch_scale("web", &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
    wait::until("one pod", || async { (rig.list("app=web").await.len() == 1).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreground_deletion_removes_the_owner_last() {
    let rig = Rig::start(config()).await;
    rig.apply(deployment("web", 2, &json!({}))).await;
    rig.ready(WorkloadKind::Deployment, "web").await;
    let api: Api<Deployment> = Api::namespaced(rig.client.clone(), "default");
    api.delete("web", &DeleteParams::foreground()).await.unwrap();
    wait::until("the Deployment to be deleted", || async {
        api.get_opt("web").await.unwrap().is_none().then_some(())
    })
    .await;
    assert!(rig.list("app=web").await.is_empty(), "its pods are deleted first");
}
