//! Chains as other people have them, on a real adapter and a real operator: every hop answers, and a number on the way is wrong.
//! The printed fix must make the HPA read what the broker has.

use serde_json::{Value, json};

use super::restored::{Removed, Restored};
use super::{Profile, Site, is_fix, seen, verdicts};
use crate::on_cluster::handles;

/// The series of the plugin, as a rule of the adapter selects them.
const SERIES: &str = r#"rabbitmq_detailed_queue_messages{namespace!="",queue!=""}"#;

/// An External metric. The target is large, so that nothing scales meanwhile.
fn external(name: &str, selector: &Value) -> Value {
    let mut metric = json!({"name": name});
    if !selector.is_null() {
        metric["selector"] = selector.clone();
    }
    json!({"type": "External", "external": {"metric": metric,
        "target": {"type": "AverageValue", "averageValue": "1000"}}})
}

fn queue(name: &str) -> Value {
    external("rabbitmq_queue_length", &json!({"matchLabels": {"queue": name}}))
}

/// One rule for the queue length with this query.
fn rule(series: &str, query: &str) -> Value {
    json!({"externalRules": [{"seriesQuery": series, "metricsQuery": query,
        "resources": {"overrides": {"namespace": {"resource": "namespace"}}},
        "name": {"as": "rabbitmq_queue_length"}}]})
}

/// The chain of the demo, put back in the end: the HPA, the monitor, the adapter and its rules.
struct Chain<'a> {
    site: &'a Site,
    hpa: Restored<'a>,
    monitor: Restored<'a>,
    rules: Restored<'a>,
    /// The last one: it restarts the adapter with its own rules.
    adapter: Restored<'a>,
    changes: u32,
}

impl<'a> Chain<'a> {
    fn of(site: &'a Site) -> Self {
        Self {
            site,
            hpa: site.restored("hpa", "worker-scaler", "NS"),
            monitor: site.restored("servicemonitor", "rabbitmq", "NS"),
            rules: site.restored("configmap", "prometheus-adapter", "monitoring"),
            adapter: site.restored("deployment", "prometheus-adapter", "monitoring"),
            changes: 0,
        }
    }

    fn metrics(&self, metrics: &[Value]) {
        self.hpa.change(|hpa| hpa["spec"]["metrics"] = json!(metrics));
    }

    /// Gives the adapter other rules, and restarts it.
    fn rules(&mut self, rules: &Value) {
        let text = serde_saphyr::to_string(rules).unwrap();
        self.rules.change(|map| map["data"]["config.yaml"] = text.into());
        self.restart_adapter();
    }

    fn restart_adapter(&mut self) {
        self.changes += 1;
        let changes = self.changes;
        self.adapter.change(|adapter| {
            adapter["spec"]["template"]["metadata"]["annotations"]["surge-e2e"] = changes.to_string().into();
        });
        self.site.run("kubectl rollout status deployment/prometheus-adapter -n monitoring --timeout=120s");
    }

    /// Changes the first endpoint of the monitor.
    fn endpoint(&self, field: &str, value: &Value) {
        self.monitor.change(|monitor| monitor["spec"]["endpoints"][0][field] = value.clone());
    }

    /// Waits until the HPA's reading of a metric has this total.
    fn until_reading(&self, index: usize, expected: f64) {
        self.site.wait(&format!("the HPA to read {expected}"), || {
            let text = self.site.run("kubectl get hpa worker-scaler -n NS -o json");
            let hpa: Value = serde_json::from_str(&text).unwrap();
            let current = &hpa["status"]["currentMetrics"][index]["external"]["current"]["averageValue"];
            let average: hpa::Quantity = current.as_str()?.parse().ok()?;
            let pods = hpa["status"]["currentReplicas"].as_f64()?;
            let total = average.milli().ok()? as f64 / 1_000.0 * pods;
            ((total - expected).abs() <= 0.01 * pods.max(1.0)).then_some(())
        });
    }
}

/// Publishes messages into a queue without consumers, which goes with the broker's next restart or with the guard.
fn publish<'a>(site: &'a Site, queue: &str, count: u32) -> Queue<'a> {
    let rolled_out = || site.run("kubectl rollout status deployment/producer -n NS --timeout=120s");
    let producer = site.changed("deployment", "producer", "NS", |producer| {
        let environment = &mut producer["spec"]["template"]["spec"]["containers"][0]["env"];
        environment.as_array_mut().unwrap().push(json!({"name": "QUEUE", "value": queue}));
    });
    rolled_out();
    // The rollout is done when the old pod is on its way out.
    site.wait("one producer", || {
        let pods = site.run("kubectl get pods -n NS -l app.kubernetes.io/name=producer -o name");
        (pods.lines().count() == 1).then_some(())
    });
    let path = format!("services/producer:http/proxy/generate?count={count}");
    site.run(&format!("kubectl get --raw '/api/v1/namespaces/{}/{path}'", site.namespace));
    drop(producer);
    rolled_out();
    Queue { site, name: queue.to_owned() }
}

/// A queue of the broker; dropping the value deletes it.
struct Queue<'a> {
    site: &'a Site,
    name: String,
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.site.run(&format!("kubectl exec rabbitmq-0 -n NS -- rabbitmqctl delete_queue {}", self.name));
    }
}

#[test]
#[ignore = "needs a cluster"]
fn rules_that_read_other_series() {
    let site = Site::of(Profile::Plugin);
    let _invoices = publish(&site, "Invoices", 205);
    let mut chain = Chain::of(&site);
    chain.metrics(&[queue("Orders")]);

    chain.rules(&rule(SERIES, r#"sum by (vhost, queue) (rabbitmq_detailed_queue_messages{queue=~".+"})"#));
    let report = site.until_found(1, "rule-matchers", "<<.LabelMatchers>>");
    assert!(report.to_string().contains("205"), "both numbers: {report:#}");
    site.repaired_by_its_fix("rule-matchers", "<<.LabelMatchers>>");
    chain.until_reading(0, 0.0);

    chain.rules(&rule(SERIES, r#"sum(<<.Series>>{<<.LabelMatchers>>,vhost="prod"}) or vector(0)"#));
    chain.metrics(&[queue("Invoices")]);
    site.repaired_by_its_fix("rule-pins", r#"vhost=\"/\""#);
    chain.until_reading(0, 205.0);

    chain.rules(&rule(SERIES, r#"sum(<<.Series>>{<<.LabelMatchers>>} > 1000) or vector(0)"#));
    site.repaired_by_its_fix("rule-value", "metricsQuery");
    chain.until_reading(0, 205.0);

    // A rule of one queue, and an HPA without a selector: nothing is wrong.
    let own = r#"sum(max by (namespace, vhost, queue) (<<.Series>>{<<.LabelMatchers>>,queue="Invoices",vhost="/"}))"#;
    chain.rules(&rule(&SERIES.replace(r#"queue!="""#, r#"queue="Invoices""#), own));
    chain.metrics(&[external("rabbitmq_queue_length", &Value::Null)]);
    site.until_fine();
    chain.until_reading(0, 205.0);
    // A selector that contradicts it.
    chain.metrics(&[queue("Orders")]);
    site.repaired_by_its_fix("rule-pins", "matchLabels/queue");
    chain.until_reading(0, 205.0);

    // The adapter's raw template fields.
    let ranges =
        r#"sum(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<$l>>=~"<<$v>>",<<end>>vhost="/"})"#;
    chain.rules(&rule(SERIES, ranges));
    chain.metrics(&[queue("Invoices")]);
    site.until_fine();
}

#[test]
#[ignore = "needs a cluster"]
fn selectors_that_match_no_series() {
    let site = Site::of(Profile::Plugin);
    let _invoices = publish(&site, "Invoices", 205);
    let _mail = publish(&site, "mail/out", 30);
    let chain = Chain::of(&site);

    chain.metrics(&[external("rabbitmq_queue_length", &json!({"matchLabels": {"queue_name": "Orders"}}))]);
    site.repaired_by_its_fix("selector", "matchLabels/queue_name");
    chain.until_reading(0, 0.0);

    let expression =
        json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]});
    chain.metrics(&[external("rabbitmq_queue_length", &expression)]);
    site.repaired_by_its_fix("selector", "selector/matchExpressions/0");
    chain.until_reading(0, 30.0);
}

/// With another HPA on the same rule, the rule stays as it is.
#[test]
#[ignore = "needs a cluster"]
fn a_shared_rule_is_not_pinned() {
    let site = Site::of(Profile::Plugin);
    let _mail = publish(&site, "mail/out", 30);
    let chain = Chain::of(&site);
    let idle = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "idle"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "producer"}, "maxReplicas": 1,
            "metrics": [queue("Orders")]}});
    let _idle = site.created("hpa", "idle", "NS", &idle);
    let expression =
        json!({"matchExpressions": [{"key": "queue", "operator": "In", "values": ["mail/out"]}]});
    chain.metrics(&[external("rabbitmq_queue_length", &expression)]);
    site.repaired_by_its_fix("selector", "rabbitmq_queue_length_mail_out");
    chain.until_reading(0, 30.0);
    site.run("kubectl wait --for=condition=ScalingActive hpa/idle -n NS --timeout=60s");
}

#[test]
#[ignore = "needs a cluster"]
fn relabelings_that_lose_a_queue() {
    let site = Site::of(Profile::Plugin);
    let _invoices = publish(&site, "Invoices", 205);
    let chain = Chain::of(&site);
    chain.metrics(&[queue("Invoices")]);
    for entry in [
        json!({"action": "labeldrop", "regex": "queue"}),
        json!({"action": "keep", "sourceLabels": ["__name__"], "regex": "rabbitmq_queue_.*"}),
        json!({"sourceLabels": ["queue"], "targetLabel": "queue", "replacement": "q-$1"}),
    ] {
        chain.endpoint("metricRelabelings", &json!([entry]));
        site.repaired_by_its_fix("relabeling", "/spec/endpoints/0/metricRelabelings/0");
        chain.until_reading(0, 205.0);
    }
    chain.endpoint("scheme", &json!("https"));
    site.repaired_by_its_fix("target", r#"[{"op":"remove","path":"/spec/endpoints/0/scheme"}]"#);
    chain.endpoint("path", &json!("/metricz"));
    site.repaired_by_its_fix("endpoint", "/spec/endpoints/0/path");
    chain.until_reading(0, 205.0);
}

/// The monitor of another namespace, and the one that the doctor prints.
#[test]
#[ignore = "needs a cluster"]
fn a_monitor_in_another_namespace() {
    let site = Site::of(Profile::Plugin);
    let chain = Chain::of(&site);
    let text = site.run("kubectl get servicemonitor rabbitmq -n NS -o json");
    let own: Value = serde_json::from_str(&text).unwrap();
    let moved = json!({"apiVersion": own["apiVersion"], "kind": own["kind"], "spec": own["spec"],
        "metadata": {"name": "moved", "labels": own["metadata"]["labels"]}});
    let moved: Removed<'_> = site.created("servicemonitor", "moved", "monitoring", &moved);
    site.run("kubectl delete servicemonitor rabbitmq -n NS");
    site.repaired_by_its_fix("monitor-namespace", r#"{"matchNames":["#);
    drop(moved);
    let report = site.until_found(1, "monitor", "kind: ServiceMonitor");
    site.carry_out(&report);
    site.until_fine();
    drop(chain);
}

/// A PodMonitor in addition to the ServiceMonitor: a plain sum counts the queue twice.
#[test]
#[ignore = "needs a cluster"]
fn a_queue_that_is_scraped_twice() {
    let site = Site::of(Profile::Plugin);
    let _invoices = publish(&site, "Invoices", 205);
    let mut chain = Chain::of(&site);
    chain.rules(&rule(SERIES, "sum(<<.Series>>{<<.LabelMatchers>>})"));
    chain.metrics(&[queue("Invoices")]);
    site.until_fine();
    let text = site.run("kubectl get servicemonitor rabbitmq -n NS -o json");
    let own: Value = serde_json::from_str(&text).unwrap();
    let monitor = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor",
        "metadata": {"name": "rabbitmq-pods", "labels": own["metadata"]["labels"]},
        "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "rabbitmq"}},
            "podMetricsEndpoints": own["spec"]["endpoints"]}});
    let _monitor = site.created("podmonitor", "rabbitmq-pods", "NS", &monitor);
    let report = site.until("the second scrape", |code, report| {
        code == Some(1) && report.to_string().contains("410") && !report["fix"].is_null()
    });
    println!("found by {}: {}", report["fix"]["check"], report["fix"]["text"]);
    site.carry_out(&report);
    site.until_fine();
    chain.until_reading(0, 205.0);
}

#[test]
#[ignore = "needs a cluster"]
fn every_metric_is_walked() {
    let site = Site::of(Profile::Plugin);
    let _invoices = publish(&site, "Invoices", 205);
    let mut chain = Chain::of(&site);

    chain.metrics(&[queue("Orders"), queue("Invoicse")]);
    site.repaired_by_its_fix("queue", "/spec/metrics/1/external");
    chain.until_reading(1, 205.0);

    let lag = external("checkout_lag", &json!({"matchLabels": {"group": "checkout"}}));
    chain.metrics(&[queue("Orders"), lag]);
    let report = site.until_found(1, "rule", "/spec/metrics/1");
    assert!(report.to_string().contains("never down"), "{report:#}");
    site.carry_out(&report);
    site.until_fine();

    // CPU without the resource metrics API.
    let served = site.run("kubectl get apiservice v1beta1.metrics.k8s.io --ignore-not-found -o name");
    let _served = (!served.is_empty()).then(|| {
        let kept = site.restored("apiservice", "v1beta1.metrics.k8s.io", "");
        site.run("kubectl delete apiservice v1beta1.metrics.k8s.io");
        kept
    });
    let cpu = json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 70}}});
    chain.metrics(&[queue("Orders"), cpu]);
    let report = site.until("the resource metrics API", |code, report| {
        code == Some(1) && report.to_string().contains("metrics.k8s.io") && !report["fix"].is_null()
    });
    assert!(!seen(&report, "scaling-active").contains("No APIService serves external metrics"), "{report:#}");
    println!("cpu: {}: {}", report["fix"]["check"], report["fix"]["text"]);

    // A metric of no queue.
    chain.rules(&json!({"externalRules": [{"seriesQuery": "worker_busy{namespace!=\"\"}",
        "resources": {"overrides": {"namespace": {"resource": "namespace"}}}, "name": {"as": "busy_workers"},
        "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>})"}]}));
    chain.metrics(&[external("busy_workers", &json!({"matchLabels": {"job": "worker"}}))]);
    let report = site.until("content", |code, report| code == Some(0) && report["verdict"] == "ok");
    assert!(verdicts(&report, "queue").iter().all(|verdict| *verdict != "failure"), "{report:#}");
}

/// Serves its first argument on port 9419 as Prometheus' text format.
const EXPORTER: &str = r#"
use IO::Socket::INET;
my ($text) = @ARGV;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => 9419, Listen => 8, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
    print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    close $client;
}
"#;

/// The namespace of an exporter without a broker.
const SHOP: &str = "surge-e2e-shop";

/// An exporter that serves `exposed`, its Service and monitor, and an HPA of its queue Orders on an idle workload.
fn shop(site: &Site, exposed: &str) {
    let monitor = site.run("kubectl get servicemonitor rabbitmq -n NS -o json");
    let monitor: Value = serde_json::from_str(&monitor).unwrap();
    let name = "rabbitmq-exporter";
    let image = handles::perl_image();
    let deployment = |name: &str, command: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {
                "terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": image,
                    "imagePullPolicy": "IfNotPresent", "command": command,
                    "ports": [{"containerPort": 9419, "name": "publish"}]}]}}}})
    };
    let mut hpa = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "worker-scaler"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"}, "maxReplicas": 2}});
    hpa["spec"]["metrics"] = json!([queue("Orders")]);
    for object in [
        deployment(name, json!(["perl", "-e", EXPORTER, exposed])),
        deployment("worker", json!(["sleep", "infinity"])),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"selector": {"app": name}, "ports": [{"name": "publish", "port": 9419}]}}),
        json!({"apiVersion": monitor["apiVersion"], "kind": "ServiceMonitor",
            "metadata": {"name": name, "labels": monitor["metadata"]["labels"]},
            "spec": {"selector": {"matchLabels": {"app": name}},
                "endpoints": [{"port": "publish", "interval": "5s", "scrapeTimeout": "5s"}]}}),
        hpa,
    ] {
        let _output = site.shell(&format!("kubectl apply -n {SHOP} -f -"), &object.to_string());
    }
}

/// One queue name in two virtual hosts, which the rule adds: the fix chooses one of those that were seen. Then the exporter
/// writes a label twice in one line, which costs the whole scrape.
#[test]
#[ignore = "needs a cluster"]
fn an_exporter_without_a_broker() {
    let site = Site::of(Profile::Plugin);
    let _namespace = site.namespace(SHOP);
    let mut chain = Chain::of(&site);
    chain.rules(&rule(r#"rabbitmq_queue_messages{namespace!=""}"#, "sum(<<.Series>>{<<.LabelMatchers>>})"));
    let line =
        |labels: &str, count: u32| format!("rabbitmq_queue_messages{{{labels},queue=\"Orders\"}} {count}\n");
    let in_both = [line(r#"vhost="eu""#, 7), line(r#"vhost="us""#, 400)].concat();
    shop(&site, &format!("rabbitmq_up 1\n{in_both}"));

    let arguments = ["--namespace", SHOP];
    let report =
        site.until_of(&arguments, "the two virtual hosts", |_, report| is_fix(report, "series-vhost", "eu"));
    assert!(report.to_string().contains("407"), "the sum is in the report: {report:#}");
    site.carry_out(&report);
    let read = site.wait("one of the two virtual hosts", || {
        let text = site.run(&format!("kubectl get hpa worker-scaler -n {SHOP} -o json"));
        let hpa: Value = serde_json::from_str(&text).ok()?;
        let average =
            hpa["status"]["currentMetrics"][0]["external"]["current"]["averageValue"].as_str()?.to_owned();
        matches!(average.as_str(), "7" | "400").then_some(average)
    });
    println!("the HPA reads {read}");
    site.until_of(&arguments, "nothing to be wrong", |code, report| {
        code == Some(0) && verdicts(report, "series-vhost") != ["warning"]
    });

    shop(&site, &format!("rabbitmq_up 1\n{}", line(r#"vhost="eu",vhost="eu""#, 7)));
    let report = site.until_of(&arguments, "the invalid line", |code, report| {
        let command = report["fix"]["command"].as_str().unwrap_or_default();
        code == Some(1) && command.contains("get --raw") && report.to_string().contains("repeated label")
    });
    let shown = site.shell(report["fix"]["command"].as_str().unwrap(), "");
    assert!(shown.contains(r#"vhost="eu",vhost="eu""#), "the fix shows the line: {report:#}");
}

/// Another client declared the queue without the arguments of producer and worker: the broker refuses both.
#[test]
#[ignore = "needs a cluster"]
fn other_queue_arguments_come_before_the_workers() {
    let site = Site::of(Profile::Plugin);
    let _hpa = site.changed("hpa", "worker-scaler", "NS", |hpa| hpa["spec"]["maxReplicas"] = json!(1));
    site.run("kubectl scale deployment/worker --replicas=0 -n NS");
    site.run("kubectl wait --for=delete pod -l app.kubernetes.io/name=worker -n NS --timeout=60s");
    let declare = "rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"Orders\">>), true, false, [], none, <<\"user\">>).";
    site.run(&format!(
        "kubectl exec rabbitmq-0 -n NS -- rabbitmqctl delete_queue Orders && kubectl exec rabbitmq-0 -n NS -- rabbitmqctl eval '{declare}'"
    ));
    site.run("kubectl scale deployment/worker --replicas=1 -n NS");
    let report = site.until("the arguments", |code, report| {
        code == Some(1) && is_fix(report, "queue-arguments", "rabbitmqctl delete_queue -p / Orders")
    });
    let failures: Vec<&Value> =
        report["lines"].as_array().unwrap().iter().filter(|line| line["verdict"] == "failure").collect();
    assert_eq!(failures[0]["check"], "queue-arguments", "the cause before its consequences: {report:#}");
    site.carry_out(&report);
    site.until_fine();
}
