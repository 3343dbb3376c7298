//! The environment variables of Services that a kubelet sets in pods. Pure.

/// A Service with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceEnv {
    /// Its name.
    pub(crate) name: String,
    /// Its ports in order.
    pub(crate) ports: Vec<ServiceEnvPort>,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceEnvPort {
    /// Its name, if it has one.
    pub(crate) name: Option<String>,
    /// The number in the manifest.
    pub(crate) declared: u16,
    /// The port of 127.0.0.1 on which it listens.
    pub(crate) real: u16,
}

const HOST: &str = "127.0.0.1";

/// The variables of all Services. Values contain real ports; names contain declared ports.
pub(crate) fn variables(services: &[ServiceEnv]) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for service in services {
        let prefix = variable_name(&service.name);
        let Some(first) = service.ports.first() else { continue };
        variables.push((format!("{prefix}_SERVICE_HOST"), HOST.to_owned()));
        variables.push((format!("{prefix}_SERVICE_PORT"), first.real.to_string()));
        for port in &service.ports {
            if let Some(name) = &port.name {
                let name = variable_name(name);
                variables.push((format!("{prefix}_SERVICE_PORT_{name}"), port.real.to_string()));
            }
        }
        // Docker's legacy link variables, which Kubernetes still sets.
        for (index, port) in service.ports.iter().enumerate() {
            let url = format!("tcp://{HOST}:{}", port.real);
            if index == 0 {
                variables.push((format!("{prefix}_PORT"), url.clone()));
            }
            let prefix = format!("{prefix}_PORT_{}_TCP", port.declared);
            variables.push((prefix.clone(), url));
            variables.push((format!("{prefix}_PROTO"), "tcp".to_owned()));
            variables.push((format!("{prefix}_PORT"), port.real.to_string()));
            variables.push((format!("{prefix}_ADDR"), HOST.to_owned()));
        }
    }
    variables
}

fn variable_name(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_kubernetes_variables() {
        let service = ServiceEnv {
            name: "my-broker".into(),
            ports: vec![
                ServiceEnvPort { name: Some("amqp".into()), declared: 5672, real: 40001 },
                ServiceEnvPort { name: Some("web-ui".into()), declared: 15672, real: 40002 },
            ],
        };
        let variables = variables(&[service]);
        let text: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            text,
            [
                "MY_BROKER_SERVICE_HOST=127.0.0.1",
                "MY_BROKER_SERVICE_PORT=40001",
                "MY_BROKER_SERVICE_PORT_AMQP=40001",
                "MY_BROKER_SERVICE_PORT_WEB_UI=40002",
                "MY_BROKER_PORT=tcp://127.0.0.1:40001",
                "MY_BROKER_PORT_5672_TCP=tcp://127.0.0.1:40001",
                "MY_BROKER_PORT_5672_TCP_PROTO=tcp",
                "MY_BROKER_PORT_5672_TCP_PORT=40001",
                "MY_BROKER_PORT_5672_TCP_ADDR=127.0.0.1",
                "MY_BROKER_PORT_15672_TCP=tcp://127.0.0.1:40002",
                "MY_BROKER_PORT_15672_TCP_PROTO=tcp",
                "MY_BROKER_PORT_15672_TCP_PORT=40002",
                "MY_BROKER_PORT_15672_TCP_ADDR=127.0.0.1",
            ]
        );
    }
}
