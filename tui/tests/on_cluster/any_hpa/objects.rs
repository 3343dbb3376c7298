//! The objects of the test: workloads whose load follows the clock, and an HPA of each kind on one of them.

use serde_json::{Value, json};

/// The namespace of all of them.
pub(super) const NAMESPACE: &str = "surge-any-hpa";

/// The Service before the pods that expose the metric.
const SERVICE: &str = "level";

/// Name of the series, and of the custom metrics from it.
const SERIES: &str = "any_hpa_level";

/// Name of the external metric from the same series.
const EXTERNAL: &str = "any_hpa_total";

/// Uses the processor, holds memory and exposes a gauge, all in a wave over PERIOD seconds.
///
/// Arguments: thousandths of a core and mebibytes, each lowest and highest, then the period.
const PROGRAM: &str = r#"
use IO::Socket::INET;
my ($cpu_low, $cpu_high, $mem_low, $mem_high, $period) = @ARGV;
$SIG{TERM} = sub { kill 'KILL', $child if $child; exit 0 };
sub wave { my ($low, $high) = @_; my $part = (time % $period) / $period; $low + ($high - $low) * ($part < 0.5 ? 2 * $part : 2 - 2 * $part) }
unless ($child = fork) {
    my $held = '';
    while (1) {
        my $bytes = int(wave($mem_low, $mem_high)) << 20;
        if (abs(length($held) - $bytes) >= 1 << 20) { undef $held; $held = 'x' x $bytes }
        my $until = (times)[0] + 2 * wave($cpu_low, $cpu_high) / 1000;
        while ((times)[0] < $until) {}
        select undef, undef, undef, 2;
    }
}
my $server = IO::Socket::INET->new(LocalPort => 8080, Listen => 8, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
    my $text = sprintf "any_hpa_level %d\n", wave(4, 60);
    print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    close $client;
}
"#;

/// An HPA with its workload.
pub(super) struct Case {
    pub(super) name: &'static str,
    metrics: Value,
    behavior: Value,
    load: Load,
}

/// The part of a pod that follows the wave.
#[derive(Clone, Copy)]
enum Load {
    Cpu,
    Memory,
    Both,
    /// Only the exposed gauge.
    Gauge,
}

impl Load {
    fn arguments(self) -> [&'static str; 5] {
        match self {
            Self::Cpu => ["6", "44", "8", "8", "240"],
            Self::Memory => ["0", "0", "8", "56", "200"],
            Self::Both => ["6", "40", "8", "48", "280"],
            Self::Gauge => ["0", "0", "1", "1", "150"],
        }
    }
}

/// Down at once, up at once.
fn quick() -> Value {
    json!({"scaleDown": {"stabilizationWindowSeconds": 0}})
}

/// Down after 20 s, and one pod at a time in both directions.
fn careful() -> Value {
    let policies = json!([{"type": "Pods", "value": 1, "periodSeconds": 15}]);
    json!({"scaleUp": {"policies": policies, "stabilizationWindowSeconds": 10},
        "scaleDown": {"policies": policies, "stabilizationWindowSeconds": 20}})
}

/// An HPA of every kind that needs no KEDA.
pub(super) fn cases() -> Vec<Case> {
    let resource =
        |name: &str, target: Value| json!({"type": "Resource", "resource": {"name": name, "target": target}});
    let utilization = |percent: i32| json!({"type": "Utilization", "averageUtilization": percent});
    let average = |value: &str| json!({"type": "AverageValue", "averageValue": value});
    let total = |value: &str| json!({"type": "Value", "value": value});
    let pods = || json!({"type": "Pods", "pods": {"metric": {"name": SERIES}, "target": average("20")}});
    let object = |target: Value| {
        json!({"type": "Object", "object": {"metric": {"name": SERIES}, "target": target,
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": SERVICE}}})
    };
    let external = |target: Value| {
        json!({"type": "External", "external": {"metric": {"name": EXTERNAL,
            "selector": {"matchLabels": {"service": SERVICE}}}, "target": target}})
    };
    let container = json!({"type": "ContainerResource",
        "containerResource": {"name": "cpu", "container": "app", "target": utilization(80)}});
    let case =
        |name, load, metrics: Vec<Value>, behavior| Case { name, metrics: json!(metrics), behavior, load };
    vec![
        case("cpu-utilization", Load::Cpu, vec![resource("cpu", utilization(80))], quick()),
        case("cpu-average", Load::Cpu, vec![resource("cpu", average("20m"))], careful()),
        // The API server's defaults: down after five minutes.
        case("cpu-default", Load::Cpu, vec![resource("cpu", utilization(60))], json!(null)),
        case("memory-utilization", Load::Memory, vec![resource("memory", utilization(80))], quick()),
        case("memory-average", Load::Memory, vec![resource("memory", average("40Mi"))], careful()),
        case("container", Load::Cpu, vec![container], quick()),
        case(
            "cpu-and-memory",
            Load::Both,
            vec![resource("cpu", utilization(80)), resource("memory", average("30Mi"))],
            quick(),
        ),
        case("pods", Load::Gauge, vec![pods()], quick()),
        case("object-value", Load::Gauge, vec![object(total("25"))], careful()),
        case("object-average", Load::Gauge, vec![object(average("15"))], quick()),
        case("external-average", Load::Gauge, vec![external(average("15"))], careful()),
        case("external-value", Load::Gauge, vec![external(total("25"))], quick()),
        case("pods-and-external", Load::Gauge, vec![pods(), external(average("25"))], quick()),
    ]
}

impl Case {
    /// The HPA.
    pub(super) fn hpa(&self) -> Value {
        let mut spec = json!({"minReplicas": 1, "maxReplicas": 4, "metrics": self.metrics,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name}});
        if !self.behavior.is_null() {
            spec["behavior"] = self.behavior.clone();
        }
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": self.name, "namespace": NAMESPACE}, "spec": spec})
    }

    /// The Deployment.
    pub(super) fn deployment(&self, image: &str) -> Value {
        let container = |name: &str, arguments: &[&str]| {
            let command: Vec<&str> = ["perl", "-e", PROGRAM].iter().chain(arguments).copied().collect();
            json!({"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "command": command,
                "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}}})
        };
        let mut containers = vec![container("app", &self.load.arguments())];
        if self.name == "container" {
            let mut idle = container("side", &[]);
            idle["command"] = json!(["sleep", "infinity"]);
            containers.push(idle);
        }
        let mut labels = json!({"app": self.name});
        if matches!(self.load, Load::Gauge) {
            labels["level"] = "yes".into();
            containers[0]["ports"] = json!([{"name": "metrics", "containerPort": 8080}]);
        }
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {"selector": {"matchLabels": {"app": self.name}}, "template": {"metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": containers}}}})
    }
}

/// The Service and its monitor, with the labels that the operator's Prometheus selects monitors by.
pub(super) fn monitored(labels: &Value) -> [Value; 2] {
    let metadata = |labels: Value| json!({"name": SERVICE, "namespace": NAMESPACE, "labels": labels});
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(json!({"app": SERVICE})),
            "spec": {"selector": {"level": "yes"}, "ports": [{"name": "metrics", "port": 8080}]}}),
        json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": metadata(labels.clone()),
            "spec": {"selector": {"matchLabels": {"app": SERVICE}},
                "endpoints": [{"port": "metrics", "interval": "10s", "scrapeTimeout": "5s"}]}}),
    ]
}

/// Adds the rules for the gauge to the adapter's configuration: an average, so that more pods do not raise it.
pub(super) fn add_rules(config: &mut Value) {
    let query = json!({"seriesQuery": format!("{SERIES}{{namespace!=\"\",service!=\"\"}}"),
        "metricsQuery": "avg(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"});
    let mut custom = query.clone();
    custom["resources"] = json!({"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"},
        "service": {"resource": "service"}}});
    let mut external = query;
    external["resources"] = json!({"overrides": {"namespace": {"resource": "namespace"}}});
    external["name"] = json!({"matches": "^any_hpa_level$", "as": EXTERNAL});
    external["metricsQuery"] = "avg(<<.Series>>{<<.LabelMatchers>>})".into();
    for (list, rule) in [("rules", custom), ("externalRules", external)] {
        if !config[list].is_array() {
            config[list] = json!([]);
        }
        config[list].as_array_mut().expect("a list").push(rule);
    }
}

/// A Deployment without load.
pub(super) fn idle(name: &str, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", "image": image,
                "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}]}}}})
}
