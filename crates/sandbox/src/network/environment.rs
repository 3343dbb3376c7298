//! The environment variables by which a pod finds Services, as every kubelet sets them. Pure.

/// A Service as its clients in pods see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// Its name.
    pub(crate) name: String,
    /// Its ports in their order.
    pub(crate) ports: Vec<FrontPort>,
}

/// One port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrontPort {
    /// Its name, when it has one.
    pub(crate) name: Option<String>,
    /// The number in the manifest.
    pub(crate) declared: u16,
    /// Where it listens on 127.0.0.1.
    pub(crate) real: u16,
}

const HOST: &str = "127.0.0.1";

/// The variables of all Services. Values are where a Service listens in truth; the names hold the declared port.
pub(crate) fn variables(fronts: &[Front]) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for front in fronts {
        let prefix = variable_name(&front.name);
        let Some(first) = front.ports.first() else { continue };
        variables.push((format!("{prefix}_SERVICE_HOST"), HOST.to_owned()));
        variables.push((format!("{prefix}_SERVICE_PORT"), first.real.to_string()));
        for port in &front.ports {
            if let Some(name) = &port.name {
                let name = variable_name(name);
                variables.push((format!("{prefix}_SERVICE_PORT_{name}"), port.real.to_string()));
            }
        }
        // The form of Docker's links, which Kubernetes still sets.
        for (index, port) in front.ports.iter().enumerate() {
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
    fn a_service_has_the_variables_that_kubernetes_gives_it() {
        let front = Front {
            name: "my-broker".into(),
            ports: vec![
                FrontPort { name: Some("amqp".into()), declared: 5672, real: 40001 },
                FrontPort { name: Some("web-ui".into()), declared: 15672, real: 40002 },
            ],
        };
        let variables = variables(&[front]);
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
