//! What `status` asks, as commands: it changes nothing, and this is how to see so, or to ask one of them by hand.

use crate::hints::Hints;
use crate::plan::API_SERVICE;
use crate::survey;
use contract::names;

/// The questions, a line each; what has to go through a tunnel is a comment.
#[must_use]
pub fn questions(hints: &Hints) -> String {
    let namespace = hints.namespace();
    let workloads = [
        &format!("statefulset/{}", names::RABBITMQ),
        &format!("deployment/{}", names::PRODUCER),
        &format!("deployment/{}", names::WORKER),
        &format!("hpa/{}", names::HPA),
    ];
    let mut get = vec!["get"];
    get.extend(workloads.iter().map(|name| name.as_str()));
    get.extend(["-n", namespace]);
    let kinds = survey::plurals().join(",");
    let metric = format!(
        "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{}?labelSelector=queue%3D{}",
        names::EXTERNAL_METRIC,
        contract::queue::ORDERS
    );
    let lines = [
        "# surge status only reads. It asks:".to_owned(),
        hints.kubectl(&["get", "--raw", "/version"]),
        hints.kubectl(&["get", &kinds, "-n", namespace, "-l", &crate::owner::selector()]),
        hints.helm(&["list", "--all-namespaces", "--selector", &survey::release_selector()]),
        hints.kubectl(&["get", "apiservice", API_SERVICE]),
        hints.kubectl(&get),
        "# the metric that the HPA names, by default:".to_owned(),
        hints.kubectl(&["get", "--raw", &metric]),
        "# through a tunnel to the broker (pods/portforward, Secret rabbitmq): the length of the queue"
            .to_owned(),
        "# through a tunnel to Prometheus, unless KEDA serves the metric: the newest sample of the queue"
            .to_owned(),
    ];
    lines.map(|line| line + "\n").concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster::connect::ConnectFlags;

    #[test]
    fn every_question_is_a_command_for_the_cluster_that_was_meant() {
        let flags = ConnectFlags { kubeconfig: None, context: Some("far".into()) };
        let text = questions(&Hints::new(&flags, "demo"));
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
