//! The chart with the real Helm, for each profile and each supported release of Kubernetes: rendering, refused values, and
//! the result with kustomize and kubernetes-validate. `.ci/tools` installs the programs.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod common;
mod server;

use std::collections::BTreeSet;
use std::process::Command;

use common::{PROFILES, custom_resources, find, manifests, objects, path};
use serde_json::Value;

/// Supported releases of Kubernetes.
const RELEASES: [&str; 5] = ["1.33", "1.34", "1.35", "1.36", "1.37"];

const CHART: &str = "charts/autoscaling-demo";

/// Runs a program in the repository's folder. Returns its success, output and error output.
fn run(program: &str, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(program).args(arguments).current_dir(path("")).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; `.ci/tools FOLDER` installs it"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Returns the output of `helm template`, or its error output.
fn template(arguments: &[&str]) -> Result<String, String> {
    let common = ["template", "autoscaling-demo", CHART, "--namespace", "autoscaling-demo"];
    let (success, printed, error) = run("helm", &[&common, arguments].concat());
    if success { Ok(printed) } else { Err(error) }
}

/// Compares the objects without their order.
fn same_objects(left: Vec<Value>, right: Vec<Value>) -> Result<(), String> {
    let texts = |objects: Vec<Value>| -> BTreeSet<String> { objects.iter().map(Value::to_string).collect() };
    let (left, right) = (texts(left), texts(right));
    if left == right {
        return Ok(());
    }
    let lost: Vec<&String> = left.difference(&right).collect();
    let new: Vec<&String> = right.difference(&left).collect();
    Err(format!("only in the first: {lost:#?}\nonly in the second: {new:#?}"))
}

#[test]
#[ignore = "needs helm"]
fn lint_finds_nothing() {
    for profile in PROFILES {
        for release in RELEASES {
            let source = format!("metrics.source={profile}");
            let (success, printed, error) =
                run("helm", &["lint", "--strict", CHART, "--kube-version", release, "--set", &source]);
            assert!(success, "{profile}, {release}: {printed}{error}");
        }
    }
}

#[test]
#[ignore = "needs helm"]
fn manifests_match_the_chart() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["manifests", "--check"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs helm"]
fn every_release_gets_the_same_objects() {
    for profile in PROFILES {
        for release in RELEASES {
            let source = format!("metrics.source={profile}");
            let values = "managedBy=kustomize,tests.enabled=false,rabbitmq.auth.create=false";
            let rendered = template(&["--kube-version", release, "--set", &source, "--set", values]).unwrap();
            same_objects(objects(&rendered), manifests(profile)).unwrap();
        }
    }
}

/// Values other than the defaults, as snapshots.
#[test]
#[ignore = "needs helm"]
fn values_render_as_recorded() {
    let people = "rbac.viewers[0].kind=Group,rbac.viewers[0].name=developers,rbac.operators[0].kind=ServiceAccount,\
                  rbac.operators[0].name=surge,rbac.operators[0].namespace=tools";
    let cases: [(&str, &[&str]); 3] = [
        (
            "plugin_with_everything",
            &[
                "namespace.create=true,namespace.podSecurity=baseline",
                "rabbitmq.auth.username=ann,rabbitmq.auth.password=geheim",
                "rabbitmq.persistence.size=3Gi,rabbitmq.persistence.storageClass=fast,queue.type=quorum",
                "hpa.targetType=Value,hpa.target=30,hpa.minReplicas=2,hpa.maxReplicas=7",
                "hpa.behavior.scaleUp.policies[0].type=Pods,hpa.behavior.scaleUp.policies[0].value=9",
                "hpa.behavior.scaleUp.policies[0].periodSeconds=15",
                "serviceMonitor.labels.release=stack,serviceMonitor.interval=15s,serviceMonitor.scrapeTimeout=10s",
                "prometheusRule.labels.role=alerts,dashboard.annotations.folder=Demo,images.pullSecrets[0]=registry",
                "worker.workDuration=1m30s,worker.terminationGracePeriodSeconds=120,worker.prefetch=2",
                "rbac.prometheus.enabled=true,rbac.doctor.enabled=true,monitoring.namespace=watch",
                people,
            ],
        ),
        (
            "exporter_with_little",
            &[
                "metrics.source=exporter,tests.enabled=false,rabbitmq.auth.create=false",
                "rabbitmq.persistence.enabled=false,images.exporter=mirror/exporter@sha256:0,images.rabbitmq=mirror/rabbitmq:3",
                "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,prometheusRule.enabled=false",
                "dashboard.enabled=false,rbac.create=false",
            ],
        ),
        (
            "keda_to_zero_by_http",
            &[
                "metrics.source=keda,keda.protocol=http,hpa.minReplicas=0,keda.namespace=scaling,rabbitmq.auth.create=false",
                "serviceMonitor.enabled=false,dashboard.enabled=false,prometheusRule.enabled=false,rbac.create=false",
            ],
        ),
    ];
    for (name, values) in cases {
        let arguments: Vec<&str> = values.iter().flat_map(|values| ["--set", *values]).collect();
        let rendered = template(&[&["--kube-version", "1.34"], arguments.as_slice()].concat()).unwrap();
        assert_eq!(custom_resources::errors(&objects(&rendered)).1, [""; 0], "{name}");
        insta::assert_snapshot!(name, rendered);
    }
}

#[test]
#[ignore = "needs helm"]
fn invalid_values_are_refused_with_a_reason() {
    for (values, kubernetes, expected) in [
        ("hpa.minReplica=1", "1.37", "additional properties 'minReplica' not allowed"),
        ("hpa.target=many", "1.37", "at '/hpa/target': got string, want integer"),
        ("metrics.source=both", "1.37", "value must be one of 'plugin', 'exporter', 'keda'"),
        ("serviceMonitor.interval=1 second", "1.37", "at '/serviceMonitor/interval'"),
        ("hpa.minReplicas=11", "1.37", "hpa.minReplicas 11 is more than hpa.maxReplicas 10"),
        ("hpa.minReplicas=0", "1.36", "hpa.minReplicas 0 needs Kubernetes 1.37, and this is v1.36"),
        (
            "metrics.source=keda,hpa.minReplicas=0,hpa.targetType=Value",
            "1.37",
            "0 workers times anything is 0",
        ),
        (
            "worker.workDuration=1m",
            "1.37",
            "worker.terminationGracePeriodSeconds 30 is not longer than a job",
        ),
        ("worker.workDuration=30s", "1.37", "is not longer than a job"),
        (
            "serviceMonitor.interval=1s500ms,serviceMonitor.scrapeTimeout=2s",
            "1.37",
            "serviceMonitor.scrapeTimeout 2s is longer than serviceMonitor.interval 1s500ms",
        ),
        ("worker.workDuration=soon", "1.37", "at '/worker/workDuration'"),
        (
            "rbac.viewers[0].kind=ServiceAccount,rbac.viewers[0].name=x",
            "1.37",
            "missing property 'namespace'",
        ),
        ("images.worker=", "1.37", "at '/images/worker'"),
        ("hpa.minReplicas=1", "1.32", "chart requires kubeVersion: >=1.33.0-0"),
    ] {
        let error = template(&["--kube-version", kubernetes, "--set", values]).unwrap_err();
        assert!(error.contains(expected), "{values}: {error:?} should contain {expected:?}");
    }
    for (values, kubernetes) in [
        ("hpa.minReplicas=0", "1.37"),
        ("hpa.minReplicas=0,hpa.allowScaleToZero=true", "1.34"),
        ("hpa.minReplicas=0,metrics.source=keda", "1.33"),
        ("worker.workDuration=29s", "1.33"),
        ("worker.workDuration=29s999ms", "1.33"),
        ("serviceMonitor.interval=1m,serviceMonitor.scrapeTimeout=59s", "1.33"),
    ] {
        assert!(template(&["--kube-version", kubernetes, "--set", values]).is_ok(), "{values}");
    }
}

#[test]
#[ignore = "needs helm"]
fn notes_name_the_next_command() {
    for profile in PROFILES {
        let source = format!("metrics.source={profile}");
        let (success, printed, error) = run(
            "helm",
            &["install", "demo", CHART, "--namespace", "here", "--dry-run=client", "--set", &source],
        );
        assert!(success, "{error}");
        let (_, notes) = printed.split_once("\nNOTES:\n").unwrap();
        for expected in ["surge --namespace here", "kubectl -n here get hpa worker-scaler"] {
            assert!(notes.contains(expected), "{profile}: {notes}");
        }
        assert_eq!(notes.contains("ready messages only"), profile == "keda", "{notes}");
        assert!(!notes.contains("{{") && !notes.contains("<no value>"), "{notes}");
    }
}

#[test]
#[ignore = "needs kubectl from helm's wheel"]
fn kustomize_renders_the_same_objects() {
    for profile in PROFILES {
        let (success, printed, error) =
            run("kubectl", &["kustomize", &format!("manifests/overlays/{profile}")]);
        assert!(success, "{error}");
        same_objects(objects(&printed), manifests(profile)).unwrap();
    }
    let (success, printed, error) = run("kubectl", &["kustomize", "manifests"]);
    assert!(success, "{error}");
    same_objects(objects(&printed), manifests("plugin")).unwrap();
}

#[test]
#[ignore = "needs helm, and kubectl from its wheel"]
fn the_ephemeral_component_matches_the_chart_value() {
    // Kustomize accepts only relative paths.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let up = path("manifests").canonicalize().unwrap();
    let depth = folder.path().canonicalize().unwrap().components().count() - 1;
    let manifests = format!("{}{}", "../".repeat(depth), up.to_str().unwrap().trim_start_matches('/'));
    let kustomization =
        format!("resources: [{manifests}/overlays/plugin]\ncomponents: [{manifests}/components/ephemeral]\n");
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();
    let (success, printed, error) = run("kubectl", &["kustomize", folder.path().to_str().unwrap()]);
    assert!(success, "{error}");
    let values = "managedBy=kustomize,tests.enabled=false,rabbitmq.auth.create=false,\
                  rabbitmq.persistence.enabled=false";
    let rendered = template(&["--kube-version", "1.34", "--set", values]).unwrap();
    same_objects(objects(&printed), objects(&rendered)).unwrap();
}

#[test]
#[ignore = "needs kubernetes-validate and helm"]
fn objects_fit_the_schemas_of_every_release() {
    let folder = tempfile::tempdir().unwrap();
    // Custom resources; `custom_resources_fit_their_schemas` checks them.
    let custom = ["ServiceMonitor", "PrometheusRule", "ScaledObject", "TriggerAuthentication"];
    for profile in PROFILES {
        let file = folder.path().join(format!("{profile}.yaml"));
        let values = format!(
            "metrics.source={profile},rbac.prometheus.enabled=true,rbac.doctor.enabled=true,rbac.operators[0].kind=User,\
             rbac.operators[0].name=ann"
        );
        std::fs::write(&file, template(&["--kube-version", "1.34", "--set", &values]).unwrap()).unwrap();
        for release in RELEASES {
            let (success, printed, error) =
                run("kubernetes-validate", &["--strict", "-k", release, file.to_str().unwrap()]);
            let text = printed + &error;
            assert!(success, "{profile}, {release}: {text}");
            // kubernetes-validate only warns about an unknown kind.
            for warning in text.lines().filter(|line| line.starts_with("WARN")) {
                let known = custom.iter().any(|kind| warning.contains(&format!("for kind {kind} ")));
                assert!(known, "{profile}, {release}: {warning}");
            }
            let passed = text.lines().filter(|line| line.contains(" passed for resource ")).count();
            assert!(passed > 20, "{profile}, {release}: only {passed} objects were checked");
        }
    }
    let file = folder.path().join("wrong.yaml");
    let wrong = template(&["--kube-version", "1.34"]).unwrap().replace("maxReplicas: 10", "maxReplica: 10");
    std::fs::write(&file, wrong).unwrap();
    assert!(
        !run("kubernetes-validate", &["--strict", "-k", "1.34", file.to_str().unwrap()]).0,
        "a misspelt field"
    );
}

/// Helm installs on an API server whose external.metrics.k8s.io has an owner.
#[test]
#[ignore = "needs helm, and kubectl from its wheel"]
fn install_checks_the_metrics_api_and_upgrade_keeps_the_password() {
    let server = server::Server::start();
    let helm = |arguments: &[&str]| {
        let mut command = Command::new("helm");
        // Ignores the Helm configuration of the user.
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, server.folder());
        }
        let output =
            command.args(arguments).env("KUBECONFIG", server.kubeconfig()).current_dir(path("")).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let install = |source: &str| {
        let source = format!("metrics.source={source}");
        helm(&["install", "demo", CHART, "--namespace", "demo", "--create-namespace", "--set", &source])
    };
    server.external_metrics_by("keda", "keda-metrics-apiserver");
    for source in ["plugin", "exporter"] {
        let (success, error) = install(source);
        assert!(!success);
        let expected = format!(
            "metrics.source={source} needs prometheus-adapter, but KEDA (Service keda/keda-metrics-apiserver) serves"
        );
        assert!(error.contains(&expected), "{error}");
    }
    server.external_metrics_by("monitoring", "prometheus-adapter");
    let (success, error) = install("keda");
    assert!(!success);
    assert!(
        error.contains("metrics.source=keda, but Service monitoring/prometheus-adapter serves"),
        "{error}"
    );
    let (success, error) = install("plugin");
    assert!(success, "{error}");

    let password = || server.get("secret", "demo", "rabbitmq")["data"]["password"].clone();
    let first = password();
    assert!(first.is_string());
    let arguments = ["upgrade", "demo", CHART, "--namespace", "demo", "--set", "hpa.maxReplicas=5"];
    let (success, error) = helm(&arguments);
    assert!(success, "{error}");
    assert_eq!(password(), first, "an upgrade keeps the password of the install");
    assert_eq!(server.get("hpa", "demo", "worker-scaler")["spec"]["maxReplicas"], 5);
    let (success, error) = helm(&["uninstall", "demo", "--namespace", "demo"]);
    assert!(success, "{error}");
    let namespace = server.get("namespace", "demo", "demo");
    assert_eq!(namespace["status"]["phase"], "Active", "it may contain other objects");
}

#[test]
#[ignore = "needs helm"]
fn chart_and_script_make_the_same_secrets() {
    let rendered = template(&["--set", "rabbitmq.auth.password=geheim-1,managedBy=kustomize"]).unwrap();
    let rendered = objects(&rendered);
    let script =
        Command::new("sh").arg(path("manifests/secrets.sh")).env("PASSWORD", "geheim-1").output().unwrap();
    let made = objects(&String::from_utf8(script.stdout).unwrap());
    for name in ["rabbitmq", "rabbitmq-definitions"] {
        assert_eq!(find(&rendered, "Secret", name), find(&made, "Secret", name));
    }
}

#[test]
#[ignore = "needs helm"]
fn the_chart_is_packaged_reproducibly() {
    let package = || {
        let folder = tempfile::tempdir().unwrap();
        let (success, _, error) = run(".ci/dist", &["chart", "helm", folder.path().to_str().unwrap()]);
        assert!(success, "{error}");
        let file = folder.path().join(concat!("autoscaling-demo-", env!("CARGO_PKG_VERSION"), ".tgz"));
        let (_, names, _) = run("tar", &["-tzf", file.to_str().unwrap()]);
        (std::fs::read(file).unwrap(), names)
    };
    let (first, names) = package();
    assert!(first == package().0, "two packages of one commit differ");
    for expected in ["Chart.yaml", "values.schema.json", "README.md", "templates/tests/job.yaml"] {
        assert!(
            names.lines().any(|line| line == format!("autoscaling-demo/{expected}")),
            "{expected}: {names}"
        );
    }
}
