//! The requests of `surge status` as commands, for `--dry-run`.

use contract::names;
use promfmt::percent;

use crate::hints::Hints;
use crate::owner;
use crate::plan::API_SERVICE;
use crate::survey;

/// The requests, a line each. Those through a tunnel are comments.
#[must_use]
pub fn requests(hints: &Hints) -> String {
    let namespace = hints.namespace();
    let workloads = [
        &format!("statefulset/{}", names::RABBITMQ),
        &format!("deployment/{}", names::PRODUCER),
        &format!("deployment/{}", names::WORKER),
        &format!("hpa/{}", names::HPA),
    ];
    let kinds = survey::plurals().join(",");
    let metric = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}?labelSelector=queue%3D{}",
        percent::encode(namespace),
        names::EXTERNAL_METRIC,
        contract::queue::ORDERS
    );
    let objects = hints.kubectl(&["get", &kinds, "-l", &owner::selector(), "-n", namespace]);
    let workloads: Vec<&str> = workloads.into_iter().map(String::as_str).collect();
    let workloads = hints.kubectl(&[&["get"], workloads.as_slice(), &["-n", namespace]].concat());
    [
        "# surge status only reads:".to_owned(),
        hints.kubectl(&["get", "--raw", "/version"]).to_string(),
        objects.to_string(),
        hints.helm(&["list", "--all-namespaces", "--selector", &survey::release_selector()]).to_string(),
        hints.kubectl(&["get", "apiservice", API_SERVICE]).to_string(),
        workloads.to_string(),
        "# the metric of the HPA, by default:".to_owned(),
        hints.kubectl(&["get", "--raw", &metric]).to_string(),
        "# through a tunnel to the broker (pods/portforward, Secret rabbitmq): the queue's depth".to_owned(),
        "# through a tunnel to Prometheus, unless KEDA serves the metric: the queue's newest sample"
            .to_owned(),
    ]
    .map(|line| line + "\n")
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::connect::ConnectFlags;

    #[test]
    fn each_request_is_a_command_for_the_cluster() {
        let flags = ConnectFlags { kubeconfig: None, context: Some("far".into()) };
        let text = requests(&Hints::new(&flags, "demo"));
        for expected in [
            "kubectl get statefulset/rabbitmq deployment/producer deployment/worker hpa/worker-scaler -n demo --context far\n",
            "kubectl get --raw '/apis/external.metrics.k8s.io/v1beta1/namespaces/demo/rabbitmq_queue_length?labelSelector=queue%3DOrders' --context far\n",
            "helm list --all-namespaces --selector app.kubernetes.io/managed-by=surge --kube-context far\n",
            "configmaps,secrets,services,",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in {text}");
        }
    }
}
