//! The broker and its metrics, each through a tunnel to a pod behind its Service.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::names;
use futures::future::join_all;
use http::{HeaderValue, StatusCode, header};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::Client;

use super::ask;
use super::exposition::samples;
use cluster::endpoint::{Endpoint, Port};
use cluster::http::get;
use cluster::percent;
use cluster::persistent_connection::PersistentConnection;
use diagnosis::facts::{Broker, Custom, Fact, MetricsEndpoint, MonitorSpec, Queue, Seen, ServicePort};
use diagnosis::monitor_covers;

/// Port of the exporter.
pub(super) const EXPORTER: u16 = 9419;

/// The exporter's path.
pub(super) const METRICS: &str = "/metrics";

/// The management API's paths: the queues with their totals, and with their consumers.
pub(super) const QUEUES: [&str; 2] =
    ["/api/queues?disable_stats=true&enable_queue_totals=true", "/api/queues"];

/// The plugin's path that has the series of single queues.
pub(super) const DETAILED: &str = "/metrics/detailed?family=queue_coarse_metrics&family=queue_consumer_count";

/// ConfigMaps read for the statistics interval.
const MAX_SETTINGS: usize = 8;

/// Looks at the broker in `namespace`, if there is one.
pub(super) async fn look(
    client: &Client,
    namespace: &str,
    services: &[Service],
    pods: &[Pod],
    monitors: &[Custom<MonitorSpec>],
) -> Broker {
    let management = services.iter().find_map(|service| {
        let port = port(service, |number, name| {
            number == names::RABBITMQ_MANAGEMENT.number || name == names::RABBITMQ_MANAGEMENT.name
        })?;
        Some(at(namespace, service, port))
    });
    let queues = async {
        match &management {
            Some(at) => queues(client, at).await,
            None => Fact::not_asked("no Service leads to RabbitMQ's management port"),
        }
    };
    let endpoints = endpoints(namespace, services, monitors);
    let endpoints = join_all(endpoints.into_iter().map(|endpoint| scrape(client, endpoint)));
    let settings = settings(client, namespace, services, pods);
    let (queues, endpoints, settings) = tokio::join!(queues, endpoints, settings);
    Broker { management, queues, endpoints, settings }
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

/// Whether AMQP or the management API is behind it.
fn is_broker(service: &Service) -> bool {
    port(service, |number, _| {
        number == names::RABBITMQ_AMQP.number || number == names::RABBITMQ_MANAGEMENT.number
    })
    .is_some()
}

struct Scraped {
    at: ServicePort,
    path: String,
    monitor: Option<String>,
}

/// Where the figures are to be had: where monitors lead, else the usual path of each Service that has the port.
fn endpoints(namespace: &str, services: &[Service], monitors: &[Custom<MonitorSpec>]) -> Vec<Scraped> {
    let mut found = Vec::new();
    for service in services {
        let usual = port(service, |number, _| number == names::RABBITMQ_METRICS.number || number == EXPORTER);
        let named = |name: &str| port(service, |_, known| known == name);
        let mut led = false;
        for monitor in monitors.iter().filter(|monitor| monitor_covers(monitor, service)) {
            for endpoint in &monitor.spec.endpoints {
                let Some(port) = endpoint.port.as_deref().and_then(named) else { continue };
                if usual != Some(port) && !is_broker(service) {
                    continue;
                }
                let parameters: Vec<String> = endpoint
                    .params
                    .iter()
                    .flat_map(|(key, values)| values.iter().map(move |value| (key, value)))
                    .map(|(key, value)| format!("{}={}", percent::encode(key), percent::encode(value)))
                    .collect();
                let mut path = endpoint.path.clone().unwrap_or_else(|| METRICS.to_owned());
                if !parameters.is_empty() {
                    path = format!("{path}?{}", parameters.join("&"));
                }
                found.push(Scraped {
                    at: at(namespace, service, port),
                    path,
                    monitor: Some(monitor.name().to_owned()),
                });
                led = true;
            }
        }
        if let Some(port) = usual.filter(|_| !led) {
            let path = if port == EXPORTER { METRICS } else { DETAILED };
            found.push(Scraped { at: at(namespace, service, port), path: path.to_owned(), monitor: None });
        }
    }
    found
}

fn kept(client: &Client, at: &ServicePort) -> PersistentConnection {
    let endpoint = Endpoint {
        namespace: at.namespace.clone(),
        service: at.service.clone(),
        port: Port::Number(at.port),
    };
    PersistentConnection::new(client.clone(), endpoint)
}

async fn scrape(client: &Client, scraped: Scraped) -> MetricsEndpoint {
    let Scraped { at, path, monitor } = scraped;
    let how = format!(
        "kubectl get --raw '/api/v1/namespaces/{}/services/{}:{}/proxy{path}'",
        at.namespace, at.service, at.port
    );
    let seen = match get(&at.service, &path) {
        Err(error) => Seen::Failed(format!("{path} is no path: {error}")),
        Ok(request) => match ask::pod(&mut kept(client, &at), &request).await {
            Err(seen) => seen,
            Ok(answer) if answer.status == StatusCode::OK => {
                Seen::Value(samples(&String::from_utf8_lossy(&answer.body)))
            }
            Ok(answer) => Seen::Failed(format!("{at}{path} answered {}", answer.status)),
        },
    };
    MetricsEndpoint { at, path, monitor, samples: Fact { how, seen } }
}

/// The queues of all virtual hosts: their totals as the queues themselves say, and their consumers by the statistics.
async fn queues(client: &Client, at: &ServicePort) -> Fact<Vec<Queue>> {
    let how = format!(
        "kubectl port-forward -n {} service/{} {port}:{port} & curl -u USER:PASSWORD localhost:{port}/api/queues",
        at.namespace,
        at.service,
        port = at.port
    );
    let seen = match credentials(client, at).await {
        Ok(authorization) => match listed(client, at, &authorization).await {
            Ok(queues) => Seen::Value(queues),
            Err(seen) => seen,
        },
        Err(seen) => seen,
    };
    Fact { how, seen }
}

async fn listed(
    client: &Client,
    at: &ServicePort,
    authorization: &HeaderValue,
) -> Result<Vec<Queue>, Seen<Vec<Queue>>> {
    let mut kept = kept(client, at);
    let mut answers = Vec::new();
    for path in QUEUES {
        let mut request = get(&at.service, path).map_err(|error| Seen::Failed(error.to_string()))?;
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        let answer = ask::pod(&mut kept, &request).await?;
        match answer.status {
            StatusCode::OK => {
                answers.push(serde_json::from_slice::<Vec<Queue>>(&answer.body).map_err(|error| {
                    Seen::Failed(format!("the broker's list of queues is not what it should be: {error}"))
                })?);
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Seen::NotPermitted(format!(
                    "the broker's management API refused the user of Secret {} ({})",
                    at.service,
                    answer.status.as_u16()
                )));
            }
            status => return Err(Seen::Failed(format!("the broker's management API answered {status}"))),
        }
    }
    let with_statistics = answers.pop().unwrap_or_default();
    let mut queues = answers.pop().unwrap_or_default();
    for queue in &mut queues {
        let same =
            with_statistics.iter().find(|other| other.name == queue.name && other.vhost == queue.vhost);
        queue.consumers = same.and_then(|other| other.consumers);
    }
    Ok(queues)
}

/// `Authorization` from the Secret that bears the Service's name.
async fn credentials<T>(client: &Client, at: &ServicePort) -> Result<HeaderValue, Seen<T>> {
    let (namespace, name) = (&at.namespace, &at.service);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let fact: Fact<Secret> =
        ask::object(client, format!("kubectl get secret {name} -n {namespace}"), &path).await;
    let secret = match fact.seen {
        Seen::Value(secret) => secret,
        Seen::Failed(sentence) => return Err(Seen::Failed(sentence)),
        Seen::NotPermitted(sentence) => return Err(Seen::NotPermitted(sentence)),
        Seen::Absent | Seen::NotAsked(_) => {
            let sentence = format!(
                "there is no Secret {name} with the broker's user, so its queues cannot be asked for"
            );
            return Err(Seen::NotPermitted(sentence));
        }
    };
    let field = |key: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        bytes.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).ok_or_else(|| {
            Seen::NotPermitted(format!("Secret {name} has no key {key}, so the broker cannot be asked"))
        })
    };
    let pair = format!("{}:{}", field(names::SECRET_USERNAME)?, field(names::SECRET_PASSWORD)?);
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).map_err(|_broken| {
            Seen::Failed(format!("Secret {name} holds no user and password that HTTP can carry"))
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The ConfigMaps that the broker's pods mount.
async fn settings(
    client: &Client,
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
    let how = format!("kubectl get configmap -n {namespace}");
    if names.is_empty() {
        return Fact::not_asked("the broker's pods mount no ConfigMap");
    }
    let maps = join_all(names.into_iter().take(MAX_SETTINGS).map(async |name| {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        ask::object::<ConfigMap>(client, format!("kubectl get configmap {name} -n {namespace}"), &path).await
    }))
    .await;
    let denied = maps.iter().find_map(|map| match &map.seen {
        Seen::NotPermitted(sentence) => Some(sentence.clone()),
        _ => None,
    });
    let found: Vec<ConfigMap> = maps.iter().filter_map(Fact::get).cloned().collect();
    match denied {
        Some(sentence) if found.is_empty() => Fact { how, seen: Seen::NotPermitted(sentence) },
        _ => Fact::seen(how, found),
    }
}
