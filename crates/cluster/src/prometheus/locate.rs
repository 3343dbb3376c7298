//! The address of Prometheus: from the command line, else the Services of the Prometheus Operator.

use std::str::FromStr;
use std::time::Duration;

use contract::names;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::endpoint::{Endpoint, Port};
use crate::errors::{self, Failure};

/// Timeout of the search.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

/// `NAMESPACE/SERVICE:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Namespace.
    pub namespace: String,
    /// Service.
    pub service: String,
    /// Port of the Service.
    pub port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("{text:?} is not NAMESPACE/SERVICE:PORT, such as monitoring/prometheus-operated:9090");
        let (namespace, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (service, port) = rest.split_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        if namespace.is_empty() || service.is_empty() {
            return Err(wrong());
        }
        Ok(Self { namespace: namespace.to_owned(), service: service.to_owned(), port })
    }
}

/// The Prometheus endpoints. Without the right to list Services in all namespaces it is the default namespace's.
///
/// # Errors
/// If there is no Service, or the API does not answer.
pub async fn servers(client: &Client, address: Option<&Address>) -> Result<Vec<Endpoint>, Failure> {
    if let Some(address) = address {
        let port = Port::Number(address.port);
        return Ok(vec![Endpoint {
            namespace: address.namespace.clone(),
            service: address.service.clone(),
            port,
        }]);
    }
    let at = |namespace: String| Endpoint {
        namespace,
        service: names::PROMETHEUS_SERVICE.to_owned(),
        port: Port::Number(names::PROMETHEUS_PORT),
    };
    let what = format!("listing Services named {}", names::PROMETHEUS_SERVICE);
    let services: Api<Service> = Api::all(client.clone());
    let named = ListParams::default().fields(&format!("metadata.name={}", names::PROMETHEUS_SERVICE));
    match tokio::time::timeout(SEARCH_TIMEOUT, services.list(&named)).await {
        Err(_elapsed) => Err(Failure::Lost(format!("{what}: no answer within {SEARCH_TIMEOUT:?}"))),
        Ok(Err(error)) if errors::is_forbidden(&error) => Ok(vec![at(names::MONITORING.to_owned())]),
        Ok(Err(error)) => Err(errors::failure(&what, &error)),
        Ok(Ok(found)) if found.items.is_empty() => Err(Failure::Unavailable(format!(
            "no Service is named {}; use --prometheus NAMESPACE/SERVICE:PORT",
            names::PROMETHEUS_SERVICE
        ))),
        Ok(Ok(found)) => Ok(found.items.iter().filter_map(ResourceExt::namespace).map(at).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_complete() {
        let address: Address = "monitoring/prometheus-operated:9090".parse().unwrap();
        assert_eq!((address.namespace.as_str(), address.port), ("monitoring", 9090));
        for bad in ["", "a", "a/b", "a/b:", "a/b:0", "a/b:70000", "/b:1", "a/:1"] {
            assert!(bad.parse::<Address>().unwrap_err().contains("NAMESPACE/SERVICE:PORT"), "{bad:?}");
        }
    }
}
