"""The package `kr8s` on the cluster of KUBECONFIG, which has the demo in NAMESPACE."""

import os
import urllib.request

import kr8s
from kr8s.objects import ConfigMap, Deployment, HorizontalPodAutoscaler, Namespace, Pod, Service

from check import check, eventually, finish

DEMO = os.environ.get("NAMESPACE", "autoscaling-demo")
OWN = f"clients-{os.getpid()}"


def answers(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert answer.status == 200


@check("read the version and the kinds")
def _():
    api = kr8s.api()
    assert api.version()["major"] == "1"
    assert any(kind["kind"] == "Deployment" for kind in api.api_resources())


@check("create a namespace")
def _():
    Namespace({"metadata": {"name": OWN}}).create()


@check("create, patch and delete an object")
def _():
    one = ConfigMap({"metadata": {"name": "one", "namespace": OWN}, "data": {"key": "1"}})
    one.create()
    one.patch({"data": {"key": "2"}})
    one.refresh()
    assert one.data.key == "2"
    one.delete()
    eventually("the end of the object", lambda: not one.exists())


@check("wait for a condition")
def _():
    Deployment.get("worker", namespace=DEMO).wait("condition=Available", timeout=30)


@check("read an HPA")
def _():
    assert HorizontalPodAutoscaler.get("worker-scaler", namespace=DEMO).spec.maxReplicas > 0


@check("watch pods")
def _():
    kind, _pod = next(iter(kr8s.watch("pods", namespace=DEMO)))
    assert kind == "ADDED"


@check("read logs")
def _():
    pod = next(iter(Deployment.get("producer", namespace=DEMO).pods()))
    assert any(pod.logs(tail_lines=5))


@check("forward a port to a pod")
def _():
    name = next(iter(Deployment.get("producer", namespace=DEMO).pods())).name
    with Pod.get(name, namespace=DEMO).portforward(remote_port=3000, local_port="auto") as port:
        answers(port)


@check("forward a port to a Service")
def _():
    with Service.get("producer", namespace=DEMO).portforward(remote_port=3000, local_port="auto") as port:
        for _ in range(3):
            answers(port)


@check("delete the namespace")
def _():
    own = Namespace.get(OWN)
    own.delete()
    eventually("the end of the namespace", lambda: not own.exists(), 60)


finish()
