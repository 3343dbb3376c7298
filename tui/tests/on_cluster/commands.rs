//! `surge up --skip-stack`, `status`, `doctor` and `down` in a namespace of their own, with the profile of the cluster's stack.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::process::{Command, Output};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::on_cluster::handles;
use crate::scenarios::dashboard::SURGE;
use crate::scenarios::site::Site;

const NAMESPACE: &str = "surge-e2e-commands";

/// The kinds that `up` may install. True if the kind has a status, which changes its resource version.
const KINDS: [(&str, &str, &str, bool); 13] = [
    ("", "v1", "ConfigMap", false),
    ("", "v1", "Secret", false),
    ("", "v1", "Service", false),
    ("", "v1", "ServiceAccount", false),
    ("networking.k8s.io", "v1", "NetworkPolicy", false),
    ("rbac.authorization.k8s.io", "v1", "Role", false),
    ("monitoring.coreos.com", "v1", "ServiceMonitor", false),
    ("monitoring.coreos.com", "v1", "PrometheusRule", false),
    ("policy", "v1", "PodDisruptionBudget", true),
    ("apps", "v1", "Deployment", true),
    ("apps", "v1", "StatefulSet", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", true),
    ("keda.sh", "v1alpha1", "ScaledObject", true),
];

/// A demo of this test, with the profile of the cluster's stack.
struct Own {
    site: Site,
    profile: &'static str,
}

impl Own {
    /// Removes all of it, also after an earlier run that was interrupted.
    fn new(namespace: &str) -> Self {
        handles::helm();
        let mut site = handles::cluster();
        namespace.clone_into(&mut site.namespace);
        let own = Self { profile: profile(&site), site };
        own.succeed(&["down", "--yes", "--namespaces"]);
        own.until_gone();
        own
    }

    /// The command, with another kubeconfig.
    fn surge_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        let kubeconfig = kubeconfig.to_str().unwrap();
        Command::new(SURGE)
            .args(arguments)
            .args(["--kubeconfig", kubeconfig, "--namespace", &self.site.namespace])
            .output()
            .unwrap()
    }

    fn surge(&self, arguments: &[&str]) -> Output {
        self.surge_as(&self.site.kubeconfig, arguments)
    }

    /// Runs it and expects exit code 0; returns its output.
    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        ended(&self.surge(arguments), 0, arguments)
    }

    /// The arguments of `up` that fit the cluster, and `more`.
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut words = vec!["up", "--skip-stack", "--yes", "--profile", self.profile];
        let classes: Api<StorageClass> = Api::all(self.site.client.clone());
        if self.site.run(classes.list(&ListParams::default())).unwrap().items.is_empty() {
            words.extend(["--set", "rabbitmq.persistence.enabled=false"]);
        }
        // Jobs and the scale-down window are short, so that a burst ends soon.
        words.extend(["--set", "worker.workDuration=1s"]);
        words.extend(["--set", "hpa.behavior.scaleDown.stabilizationWindowSeconds=15"]);
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        words.extend(handles::images().into_iter().flat_map(|image| ["--image".to_owned(), image]));
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    }

    #[track_caller]
    fn up(&self, more: &[&str]) -> String {
        let arguments = self.arguments(more);
        self.succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[track_caller]
    fn up_fails(&self, more: &[&str]) -> String {
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        ended(&self.surge(&arguments), 4, &arguments)
    }

    /// Waits until the doctor finds no failure.
    fn until_fine(&self) {
        self.site
            .wait("the doctor to find no failure", || self.surge(&["doctor"]).status.success().then_some(()));
    }

    fn until_gone(&self) {
        let namespaces: Api<Namespace> = Api::all(self.site.client.clone());
        self.site.wait("the namespace to be gone", || {
            self.site.run(namespaces.get_opt(&self.site.namespace)).unwrap().is_none().then_some(())
        });
    }

    /// Kind, name and version of every object: the resource version, or the generation where a status changes that.
    fn versions(&self) -> Vec<(&'static str, String, Option<String>)> {
        let mut found = Vec::new();
        for (group, version, kind, has_status) in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.site.client.clone(), &self.site.namespace, &resource);
            // A kind that the cluster does not know has no objects.
            let listed = self.site.run(api.list(&ListParams::default()));
            for object in listed.map(|listed| listed.items).unwrap_or_default() {
                let metadata = object.metadata;
                let version = if has_status {
                    metadata.generation.map(|generation| generation.to_string())
                } else {
                    metadata.resource_version
                };
                found.push((kind, metadata.name.unwrap_or_default(), version));
            }
        }
        found
    }

    /// Asks the producer for jobs, through the API server's proxy.
    fn burst(&self, jobs: u32) {
        let path = format!(
            "/api/v1/namespaces/{}/services/producer:http/proxy/generate?count={jobs}",
            self.site.namespace
        );
        let request = http::Request::post(path).body(Vec::new()).unwrap();
        let answer: Value = self.site.run(self.site.client.request(request)).unwrap();
        assert_eq!(answer["confirmed"], jobs, "{answer}");
    }

    fn ready_workers(&self) -> usize {
        self.site.ready_pods(contract::names::WORKER).len()
    }

    /// Removes it, and checks that it is gone.
    fn down(self) {
        self.succeed(&["down", "--yes", "--namespaces"]);
        self.until_gone();
    }
}

/// The output of a command that ended with the expected code.
#[track_caller]
fn ended(output: &Output, code: i32, arguments: &[&str]) -> String {
    let written =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "surge {}:\n{written}", arguments.join(" "));
    written
}

/// The profile of the component that serves the external metrics API.
fn profile(site: &Site) -> &'static str {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io";
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    let service: Value = site.run(site.client.request(request)).unwrap();
    let is_keda = service["spec"]["service"]["name"].as_str().is_some_and(|name| name.contains("keda"));
    match (is_keda, handles::is_exporter()) {
        (true, _) => "keda",
        (false, true) => "exporter",
        (false, false) => "plugin",
    }
}

#[test]
#[ignore = "needs a cluster and Helm"]
fn the_profile_scales_a_burst_up_and_down() {
    let own = Own::new(NAMESPACE);
    let empty = own.surge(&["status"]);
    assert!(ended(&empty, 1, &["status"]).contains("not installed: surge up"), "{empty:?}");

    let first = own.up(&[]);
    assert!(first.contains(" answers: "), "{first}");
    // The autoscaler may not have synced yet, which is no failure.
    let status = own.succeed(&["status"]);
    assert_eq!(status.lines().count(), 10, "{status}");
    assert!(status.contains(&format!("installed by surge up, profile {}", own.profile)), "{status}");
    own.site.wait_for_rest();
    own.until_fine();

    let before = own.versions();
    let second = own.up(&[]);
    assert!(second.contains("0 created, 0 changed, "), "{second}");
    assert_eq!(own.versions(), before);

    own.burst(120);
    own.site.wait("workers for the burst", || (own.ready_workers() >= 3).then_some(()));
    own.site.wait("status to find nothing wrong with the workers there", || {
        own.surge(&["status"]).status.success().then_some(())
    });
    own.site.wait_for_rest();

    let other = if own.profile == "keda" { "plugin" } else { "keda" };
    let refused = ended(&own.surge(&["up", "--skip-stack", "--yes", "--profile", other]), 4, &["up", other]);
    assert!(refused.contains("both want to be it"), "{refused}");
    assert!(refused.contains("nothing was changed"), "{refused}");
    own.down();
}

/// Also the broker's image: its StatefulSet would wait for its existing pod.
#[test]
#[ignore = "needs a cluster and Helm"]
fn an_unavailable_image_is_reported_early() {
    let own = Own::new("surge-e2e-images");
    for name in ["rabbitmq", "worker"] {
        let image = format!("{name}=registry.invalid/nothing/{name}:1");
        let said = own.up_fails(&["--timeout", "30m", "--image", &image]);
        for expected in [
            format!("image registry.invalid/nothing/{name}:1 cannot be had, for "),
            format!("name an image that the nodes can pull: --image {name}=REF"),
            format!("kubectl describe pod {name}-"),
            "go on with: surge up".to_owned(),
        ] {
            assert!(said.contains(&expected), "{expected:?} is not in {said}");
        }
    }
    own.up(&[]);
    own.down();
}

/// A user without rights, bound to nothing.
#[test]
#[ignore = "needs a cluster and Helm"]
fn a_user_without_rights_changes_nothing() {
    let own = Own::new("surge-e2e-rights");
    let accounts: Api<ServiceAccount> = Api::namespaced(own.site.client.clone(), "default");
    let name = format!("surge-e2e-{:x}", fastrand::u32(..));
    let account = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    own.site.run(accounts.create(&PostParams::default(), &account)).unwrap();
    let path = format!("/api/v1/namespaces/default/serviceaccounts/{name}/token");
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}});
    let request = http::Request::post(path).body(serde_json::to_vec(&body).unwrap()).unwrap();
    let token: Value = own.site.run(own.site.client.request(request)).unwrap();
    let guest = own.site.kubeconfig_for("guest", json!({"token": token["status"]["token"]}));
    let arguments = own.arguments(&[]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outputs =
        [arguments.as_slice(), &["down", "--yes"], &["status"]].map(|words| own.surge_as(&guest, words));
    own.site.run(accounts.delete(&name, &DeleteParams::default())).unwrap();
    let [up, down, status] = outputs.map(|output| {
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    });
    assert_eq!(up.0, Some(4), "{}", up.1);
    assert!(up.1.contains("forbidden") && up.1.contains("nothing was changed"), "{}", up.1);
    assert!(up.1.contains("ask for that right"), "{}", up.1);
    assert_eq!(down.0, Some(4), "{}", down.1);
    assert!(down.1.contains("forbidden"), "{}", down.1);
    assert!(status.1.contains("forbidden") || status.1.contains("not permitted"), "{}", status.1);
    let namespaces: Api<Namespace> = Api::all(own.site.client.clone());
    assert_eq!(own.site.run(namespaces.get_opt("surge-e2e-rights")).unwrap(), None);
}

/// Failures that every component reports as fine: a selector without a match, whose metric is a constant 0, and a queue that
/// is not declared any more.
#[test]
#[ignore = "needs a cluster, Helm and kubectl"]
fn the_doctor_finds_a_wrong_selector_and_queue() {
    let kubectl = handles::kubectl();
    let own = Own::new("surge-e2e-silent");
    let run = |words: &[&str]| {
        let output = Command::new(&kubectl)
            .arg("--kubeconfig")
            .arg(&own.site.kubeconfig)
            .args(["-n", &own.site.namespace])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "kubectl {words:?}: {output:?}");
    };
    let reported = |check: &str, words: &str| {
        own.site.wait(&format!("the doctor to tell {check}"), || {
            let output = own.surge(&["doctor", "--output", "json"]);
            let report: Value = serde_json::from_slice(&output.stdout).ok()?;
            let fix = &report["fix"];
            let text = fix["text"].as_str().filter(|_| fix["check"] == check)?.to_owned();
            (output.status.code() == Some(1) && text.contains(words)).then_some(text)
        })
    };
    own.up(&[]);
    own.site.wait_for_rest();
    own.until_fine();
    // KEDA chooses the selector of its own HPA.
    if own.profile != "keda" {
        run(&[
            "patch",
            "hpa",
            contract::names::HPA,
            "--type=json",
            "-p",
            r#"[{"op":"add","path":"/spec/metrics/0/external/metric/selector/matchLabels/shard","value":"a"}]"#,
        ]);
        let fix = reported("selector", "matchLabels/shard");
        let output = Command::new("sh")
            .args(["-ec", &fix.replace("kubectl ", &format!("{kubectl} "))])
            .env("KUBECONFIG", &own.site.kubeconfig)
            .output()
            .unwrap();
        assert!(output.status.success(), "{fix}: {output:?}");
        own.until_fine();
    }

    let programs = [contract::names::PRODUCER, contract::names::WORKER];
    let deployments: Api<Deployment> = own.site.deployments();
    for program in programs {
        run(&["set", "env", &format!("deployment/{program}"), "QUEUE=Elsewhere"]);
    }
    for program in programs {
        run(&["rollout", "status", &format!("deployment/{program}"), "--timeout=120s"]);
    }
    run(&["exec", "rabbitmq-0", "--", "rabbitmqctl", "delete_queue", contract::queue::ORDERS]);
    reported("queue", "rollout restart deployment/worker");
    assert!(own.site.run(deployments.get_opt(contract::names::WORKER)).unwrap().is_some());
    own.down();
}
