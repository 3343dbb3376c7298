//! The broker and its metrics endpoints, each through a tunnel to a pod behind its Service.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::names;
use futures::future::join_all;
use http::{HeaderValue, StatusCode, header};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use promfmt::{exposition, percent};
use text::command::Command;

use crate::request::{self, Cluster, Tunnel, get_one};
use cluster::endpoint::{Endpoint, Port};
use cluster::http::get;
use diagnosis::facts::{
    Broker, Fact, MetricsEndpoint, Monitor, MonitorEndpoint, Outcome, Queue, Sample, ServicePort,
};
use diagnosis::selects_service;

/// Port of the exporter.
const EXPORTER: u16 = 9419;

/// Path of the exporter.
const METRICS: &str = "/metrics";

/// Paths of the management API: the queues with their totals, and with their consumers.
const QUEUES: [&str; 2] = ["/api/queues?disable_stats=true&enable_queue_totals=true", "/api/queues"];

/// Path of the plugin with the series per queue.
const DETAILED: &str = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count";

/// The paths of RabbitMQ's plugin and of exporters that have series per queue.
const OTHER_PATHS: [&str; 3] = [DETAILED, METRICS, "/metrics/per-object"];

/// Number of characters of a malformed line that are quoted.
const MAX_QUOTED: usize = 120;

/// Number of ConfigMaps that are read for the statistics interval at most.
const MAX_SETTINGS: usize = 8;

/// Number of samples of an endpoint that are kept at most.
const MAX_SAMPLES: usize = 5_000;

/// Reads the broker in `namespace`, if it has one.
pub(crate) async fn read(
    cluster: &Cluster,
    namespace: &str,
    services: &[Service],
    pods: &[Pod],
    monitors: &[Monitor],
    series: &[String],
) -> Broker {
    let management = services.iter().find_map(|service| {
        let port = port(service, |number, name| {
            number == names::RABBITMQ_MANAGEMENT.number || name == names::RABBITMQ_MANAGEMENT.name
        })?;
        Some(at(namespace, service, port))
    });
    let queues = async {
        match &management {
            Some(at) => queues(cluster, at).await,
            None => Fact::not_asked("no Service has RabbitMQ's management port"),
        }
    };
    let endpoints = endpoints(namespace, services, monitors);
    let endpoints = join_all(endpoints.into_iter().map(|endpoint| scrape(cluster, endpoint, series)));
    let settings = settings(cluster, namespace, services, pods);
    let (queues, mut endpoints, settings) = tokio::join!(queues, endpoints, settings);
    // Other endpoints of the namespace matter only if they have the series of a rule.
    let at_usual_port = |at: &ServicePort| [names::RABBITMQ_METRICS.number, EXPORTER].contains(&at.port);
    endpoints.retain(|endpoint| {
        at_usual_port(&endpoint.at)
            || is_brokers(services, &endpoint.at)
            || !endpoint.samples.all().is_empty()
    });
    Broker { management, queues, endpoints, settings }
}

/// The numbers of a broker that was read before: its queues, and the samples of its endpoints.
pub(crate) async fn numbers(
    cluster: &Cluster,
    broker: &Broker,
    series: &[String],
) -> (Fact<Vec<Queue>>, Vec<Fact<Vec<Sample>>>) {
    let queues = async {
        match &broker.management {
            Some(at) => queues(cluster, at).await,
            None => broker.queues.clone(),
        }
    };
    let samples = broker.endpoints.iter().map(async |endpoint| {
        let scraped = Scraped { at: endpoint.at.clone(), path: endpoint.path.clone(), monitor: None };
        body(cluster, &scraped).await.map(|body| samples(&body, series).0)
    });
    tokio::join!(queues, join_all(samples))
}

fn at(namespace: &str, service: &Service, port: u16) -> ServicePort {
    ServicePort {
        namespace: namespace.to_owned(),
        service: service.metadata.name.clone().unwrap_or_default(),
        port,
    }
}

fn port(service: &Service, wanted: impl Fn(u16, &str) -> bool) -> Option<u16> {
    let ports = service.spec.as_ref()?.ports.as_deref()?;
    ports.iter().find_map(|port| {
        let number = u16::try_from(port.port).ok()?;
        wanted(number, port.name.as_deref().unwrap_or_default()).then_some(number)
    })
}

/// Returns whether a Service has a port of AMQP or of the management API.
fn is_broker(service: &Service) -> bool {
    port(service, |number, _| {
        number == names::RABBITMQ_AMQP.number || number == names::RABBITMQ_MANAGEMENT.number
    })
    .is_some()
}

/// Returns whether the Service of an endpoint is a broker's.
fn is_brokers(services: &[Service], at: &ServicePort) -> bool {
    let name = Some(&at.service);
    services.iter().any(|service| service.metadata.name.as_ref() == name && is_broker(service))
}

struct Scraped {
    at: ServicePort,
    path: String,
    monitor: Option<MonitorEndpoint>,
}

/// The metrics endpoints that monitors select, or else the usual path of each Service with a metrics port.
fn endpoints(namespace: &str, services: &[Service], monitors: &[Monitor]) -> Vec<Scraped> {
    let mut found = Vec::new();
    for service in services {
        let usual = port(service, |number, _| number == names::RABBITMQ_METRICS.number || number == EXPORTER);
        let named = |name: &str| port(service, |_, known| known == name);
        let mut is_monitored = false;
        for monitor in monitors.iter().filter(|monitor| selects_service(monitor, service)) {
            for (index, endpoint) in monitor.spec.endpoints.iter().enumerate() {
                let Some(port) = endpoint.port.as_deref().and_then(named) else { continue };
                let parameters = endpoint.params.iter();
                let parameters = parameters
                    .flat_map(|(key, values)| values.iter().map(|value| (key.as_str(), value.as_str())));
                let query = percent::query(parameters);
                let mut path = endpoint.path.clone().unwrap_or_else(|| METRICS.to_owned());
                if !query.is_empty() {
                    path = format!("{path}?{query}");
                }
                found.push(Scraped {
                    at: at(namespace, service, port),
                    path,
                    monitor: Some(MonitorEndpoint {
                        namespace: monitor.namespace().to_owned(),
                        name: monitor.name().to_owned(),
                        index,
                    }),
                });
                is_monitored = true;
            }
        }
        if let Some(port) = usual.filter(|_| !is_monitored) {
            let path = if port == EXPORTER { METRICS } else { DETAILED };
            found.push(Scraped { at: at(namespace, service, port), path: path.to_owned(), monitor: None });
        }
    }
    found
}

fn tunnel(cluster: &Cluster, at: &ServicePort) -> Tunnel {
    let endpoint = Endpoint {
        namespace: at.namespace.clone(),
        service: at.service.clone(),
        port: Port::Number(at.port),
    };
    Tunnel::new(cluster, endpoint)
}

async fn scrape(cluster: &Cluster, scraped: Scraped, series: &[String]) -> MetricsEndpoint {
    let body = body(cluster, &scraped).await;
    let (read, malformed) = body.get().map(|body| samples(body, series)).unwrap_or_default();
    let has_queues = |samples: &[Sample]| {
        samples.iter().any(|sample| is_queue_series(sample.label("__name__")) && sample.labels.len() > 1)
    };
    let Scraped { at, path, monitor } = scraped;
    let mut better_path = None;
    let is_usual = [names::RABBITMQ_METRICS.number, EXPORTER].contains(&at.port);
    if is_usual && malformed.is_none() && !has_queues(&read) {
        for other in OTHER_PATHS.into_iter().filter(|other| *other != path) {
            let scraped = Scraped { at: at.clone(), path: other.to_owned(), monitor: None };
            let body = self::body(cluster, &scraped).await;
            if body.get().is_some_and(|body| has_queues(&samples(body, &[]).0)) {
                better_path = Some(other.to_owned());
                break;
            }
        }
    }
    MetricsEndpoint { at, path, monitor, samples: body.map(|_| read), malformed, better_path }
}

/// The body that an endpoint serves.
async fn body(cluster: &Cluster, scraped: &Scraped) -> Fact<String> {
    let Scraped { at, path, .. } = scraped;
    let outcome = match get(&at.service, path) {
        Err(error) => Outcome::Failed(format!("{path} is not a path: {error}")),
        Ok(request) => match tunnel(cluster, at).request(&request).await {
            Err(outcome) => outcome,
            Ok(response) if response.status == StatusCode::OK => {
                Outcome::Value(String::from_utf8_lossy(&response.body).into_owned())
            }
            Ok(response) => Outcome::Failed(format!("{at}{path} answered {}", response.status)),
        },
    };
    Fact::new(request::proxied(at, path), outcome)
}

fn is_queue_series(name: &str) -> bool {
    name.starts_with("rabbitmq_queue_messages") || name.starts_with("rabbitmq_detailed_queue_messages")
}

/// The samples of RabbitMQ's queue families, of the given series, and of `rabbitmq_up`; and the first malformed line.
fn samples(body: &str, series: &[String]) -> (Vec<Sample>, Option<String>) {
    let is_wanted = |name: &str| {
        name == "rabbitmq_up" || is_queue_series(name) || series.iter().any(|series| series == name)
    };
    let (mut samples, mut malformed) = (Vec::new(), None);
    for sample in exposition::samples(body) {
        let labels = match &sample {
            Ok(sample) => exposition::labels(sample.series).map_err(|problem| {
                let text: String = sample.series.chars().take(MAX_QUOTED).collect();
                format!("{problem} in {text:?}")
            }),
            Err(error) => Err(error.to_string()),
        };
        match (sample, labels) {
            (Ok(sample), Ok(labels)) if is_wanted(sample.name()) && samples.len() < MAX_SAMPLES => {
                let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
                samples.push(Sample { labels: labels.collect(), value: sample.value });
            }
            (_, Ok(_)) => {}
            (_, Err(error)) => {
                malformed.get_or_insert(error);
            }
        }
    }
    (samples, malformed)
}

/// The queues of all virtual hosts: their totals, and their consumers by the statistics.
async fn queues(cluster: &Cluster, at: &ServicePort) -> Fact<Vec<Queue>> {
    let port = at.port;
    let command = Command::kubectl(["port-forward"])
        .namespace(&at.namespace)
        .args([format!("service/{}", at.service), format!("{port}:{port}")])
        .background(
            Command::new("curl")
                .args(["-u", "USER:PASSWORD"])
                .arg(format!("http://localhost:{port}/api/queues")),
        );
    let outcome = match credentials(cluster, at).await {
        Ok(authorization) => match list_queues(cluster, at, &authorization).await {
            Ok(queues) => Outcome::Value(queues),
            Err(outcome) => outcome,
        },
        Err(outcome) => outcome,
    };
    Fact::new(command, outcome)
}

async fn list_queues(
    cluster: &Cluster,
    at: &ServicePort,
    authorization: &HeaderValue,
) -> Result<Vec<Queue>, Outcome<Vec<Queue>>> {
    let mut tunnel = tunnel(cluster, at);
    let mut responses = Vec::new();
    for path in QUEUES {
        let mut request = get(&at.service, path).map_err(|error| Outcome::Failed(error.to_string()))?;
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        let response = tunnel.request(&request).await?;
        match response.status {
            StatusCode::OK => {
                let queues = serde_json::from_slice::<Vec<Queue>>(&response.body);
                responses.push(queues.map_err(|error| {
                    Outcome::Failed(format!("the broker's list of queues is invalid: {error}"))
                })?);
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Outcome::NotPermitted(format!(
                    "the broker's management API refused the user of Secret {} ({})",
                    at.service,
                    response.status.as_u16()
                )));
            }
            status => {
                return Err(Outcome::Failed(format!("the broker's management API answered {status}")));
            }
        }
    }
    let with_statistics = responses.pop().unwrap_or_default();
    let mut queues = responses.pop().unwrap_or_default();
    for queue in &mut queues {
        let same =
            with_statistics.iter().find(|other| other.name == queue.name && other.vhost == queue.vhost);
        queue.consumers = same.and_then(|other| other.consumers);
    }
    Ok(queues)
}

/// A Secret with the broker's user: how its name follows from the Service's, and its keys.
struct Login {
    suffix: &'static str,
    user: &'static str,
    password: &'static str,
    /// The user of a Secret without that key.
    default_user: Option<&'static str>,
}

/// The Secrets of the demo's chart, of RabbitMQ's cluster operator, and of Bitnami's chart.
const LOGINS: [Login; 3] = [
    Login { suffix: "", user: names::SECRET_USERNAME, password: names::SECRET_PASSWORD, default_user: None },
    Login { suffix: "-default-user", user: "username", password: "password", default_user: None },
    Login {
        suffix: "",
        user: "rabbitmq-username",
        password: "rabbitmq-password",
        default_user: Some("user"),
    },
];

/// `Authorization` from the first Secret that has a login. Without one, the outcome of the first Secret.
async fn credentials<T>(cluster: &Cluster, at: &ServicePort) -> Result<HeaderValue, Outcome<T>> {
    let mut first = None;
    for login in &LOGINS {
        match authorization(cluster, at, login).await {
            Ok(value) => return Ok(value),
            Err(outcome) => first = first.or(Some(outcome)),
        }
    }
    Err(first.unwrap_or_else(|| Outcome::NotAsked("no Secret is known".to_owned())))
}

async fn authorization<T>(
    cluster: &Cluster,
    at: &ServicePort,
    login: &Login,
) -> Result<HeaderValue, Outcome<T>> {
    let (namespace, name) = (&at.namespace, &format!("{}{}", at.service, login.suffix));
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let fact: Fact<Secret> = request::object(cluster, get_one("secret", name, namespace), &path).await;
    let secret = match fact.outcome {
        Outcome::Value(secret) => secret,
        Outcome::Failed(sentence) => return Err(Outcome::Failed(sentence)),
        Outcome::NotPermitted(sentence) => return Err(Outcome::NotPermitted(sentence)),
        Outcome::Absent | Outcome::NotAsked(_) => {
            let sentence = format!("Secret {name} with the broker's user does not exist");
            return Err(Outcome::NotPermitted(sentence));
        }
    };
    let field = |key: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        bytes.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).ok_or_else(|| {
            Outcome::NotPermitted(format!(
                "Secret {name} has no key {key}, so there is no login to the broker"
            ))
        })
    };
    let user = field(login.user).or_else(|refused| login.default_user.map(str::to_owned).ok_or(refused))?;
    let pair = format!("{user}:{}", field(login.password)?);
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).map_err(|_invalid| {
            Outcome::Failed(format!("user and password of Secret {name} are invalid in HTTP"))
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The ConfigMaps that the broker's pods mount.
async fn settings(
    cluster: &Cluster,
    namespace: &str,
    services: &[Service],
    pods: &[Pod],
) -> Fact<Vec<ConfigMap>> {
    let selectors: Vec<_> = services
        .iter()
        .filter(|service| is_broker(service))
        .filter_map(|service| service.spec.as_ref()?.selector.as_ref())
        .filter(|selector| !selector.is_empty())
        .collect();
    let is_brokers = |pod: &&Pod| {
        let labels = pod.metadata.labels.as_ref();
        selectors.iter().any(|selector| {
            selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        })
    };
    let volumes =
        pods.iter().filter(is_brokers).filter_map(|pod| pod.spec.as_ref()?.volumes.as_deref()).flatten();
    let names: BTreeSet<&str> =
        volumes.filter_map(|volume| volume.config_map.as_ref()).map(|map| map.name.as_str()).collect();
    if names.is_empty() {
        return Fact::not_asked("the broker's pods mount no ConfigMap");
    }
    let maps = join_all(names.into_iter().take(MAX_SETTINGS).map(async |name| {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        request::object::<ConfigMap>(cluster, get_one("configmap", name, namespace), &path).await
    }))
    .await;
    let command = request::get("configmap", namespace);
    let denied = maps.iter().find_map(|map| match &map.outcome {
        Outcome::NotPermitted(sentence) => Some(sentence.clone()),
        _ => None,
    });
    let found: Vec<ConfigMap> = maps.iter().filter_map(Fact::get).cloned().collect();
    match denied {
        Some(sentence) if found.is_empty() => Fact::new(command, Outcome::NotPermitted(sentence)),
        _ => Fact::value(command, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_families_are_read() {
        let body = "# TYPE rabbitmq_queue_messages gauge\n\
                    rabbitmq_queue_messages 3\n\
                    rabbitmq_detailed_queue_messages{vhost=\"/\",queue=\"a\\\"b, c\"} 5 1700000000000\n\
                    rabbitmq_up{node=\"n\"} 0\n\
                    erlang_vm 1\n\
                    rabbitmq_queue_messages{queue=\"broken\n";
        let (samples, malformed) = samples(body, &[]);
        assert!(malformed.is_some_and(|line| line.contains("line 6")));
        let read: Vec<(&str, &str, f64)> =
            samples.iter().map(|s| (s.label("__name__"), s.label("queue"), s.value)).collect();
        assert_eq!(
            read,
            [
                ("rabbitmq_queue_messages", "", 3.0),
                ("rabbitmq_detailed_queue_messages", "a\"b, c", 5.0),
                ("rabbitmq_up", "", 0.0)
            ]
        );
    }
}
