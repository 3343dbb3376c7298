"""The package `kubernetes` on the cluster of KUBECONFIG, which has the demo in NAMESPACE."""

import os
import threading
import time

from kubernetes import client, config, dynamic, stream, utils, watch

from check import check, eventually, finish

DEMO = os.environ.get("NAMESPACE", "autoscaling-demo")
OWN = f"clients-{os.getpid()}"

config.load_kube_config()
core, apps, scaling = client.CoreV1Api(), client.AppsV1Api(), client.AutoscalingV2Api()


def demo_pod(component):
    pods = core.list_namespaced_pod(DEMO, label_selector=f"app.kubernetes.io/name={component}").items
    return next(pod.metadata.name for pod in pods if pod.status.phase == "Running")


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@check("create a namespace")
def _():
    core.create_namespace({"metadata": {"name": OWN}})


@check("list in pages")
def _():
    first = core.list_namespaced_pod(DEMO, limit=1)
    rest = core.list_namespaced_pod(DEMO, limit=100, _continue=first.metadata._continue)
    assert len(first.items) == 1 and rest.items


@check("read an HPA and the metrics' status")
def _():
    hpa = scaling.read_namespaced_horizontal_pod_autoscaler("worker-scaler", DEMO)
    assert hpa.spec.max_replicas > 0 and hpa.status.desired_replicas is not None


@check("watch an object from creation to deletion")
def _():
    seen = []
    stop = watch.Watch()

    def follow():
        for event in stop.stream(core.list_namespaced_config_map, OWN, field_selector="metadata.name=seen", timeout_seconds=30):
            seen.append(event["type"])
            if event["type"] == "DELETED":
                stop.stop()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    core.create_namespaced_config_map(OWN, config_map("seen", key="1"))
    eventually("ADDED", lambda: "ADDED" in seen)
    core.patch_namespaced_config_map("seen", OWN, {"data": {"key": "2"}})
    eventually("MODIFIED", lambda: "MODIFIED" in seen)
    core.delete_namespaced_config_map("seen", OWN)
    thread.join(30)
    assert seen == ["ADDED", "MODIFIED", "DELETED"], seen


@check("refuse a stale write")
def _():
    core.create_namespaced_config_map(OWN, config_map("stale", key="1"))
    old = core.read_namespaced_config_map("stale", OWN)
    core.patch_namespaced_config_map("stale", OWN, {"data": {"key": "2"}})
    try:
        core.replace_namespaced_config_map("stale", OWN, old)
    except client.ApiException as error:
        assert error.status == 409, error.status
    else:
        raise AssertionError("the stale write succeeded")


@check("apply with the dynamic client")
def _():
    resources = dynamic.DynamicClient(client.ApiClient())
    maps = resources.resources.get(api_version="v1", kind="ConfigMap")
    for value in ["1", "2"]:
        maps.server_side_apply(body=config_map("applied", key=value), namespace=OWN, field_manager="clients")
    assert maps.get(name="applied", namespace=OWN).data.key == "2"


@check("create objects from a dictionary")
def _():
    utils.create_from_dict(client.ApiClient(), config_map("made", key="1"), namespace=OWN)


@check("scale a Deployment through its subresource")
def _():
    scale = apps.read_namespaced_deployment_scale("producer", DEMO)
    assert scale.status.replicas == scale.spec.replicas
    apps.patch_namespaced_deployment_scale("producer", DEMO, {"spec": {"replicas": scale.spec.replicas}})


@check("read logs")
def _():
    text = core.read_namespaced_pod_log(demo_pod("producer"), DEMO, tail_lines=5)
    assert text.strip()


@check("forward a port")
def _():
    forward = stream.portforward(core.connect_get_namespaced_pod_portforward, demo_pod("producer"), DEMO, ports="3000")
    socket = forward.socket(3000)
    socket.setblocking(True)
    socket.settimeout(10)
    socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: producer\r\nConnection: close\r\n\r\n")
    answer = b""
    while data := socket.recv(4096):
        answer += data
    assert b" 200 OK" in answer, answer
    assert forward.error(3000) is None, forward.error(3000)


@check("exec is refused or ends")
def _():
    begin = time.monotonic()
    try:
        stream.stream(core.connect_get_namespaced_pod_exec, demo_pod("worker"), DEMO, command=["/missing"], stdout=True, stderr=True)
    except client.ApiException:
        pass
    assert time.monotonic() - begin < 10


@check("delete the namespace")
def _():
    core.delete_namespace(OWN)

    def gone():
        try:
            core.read_namespace(OWN)
        except client.ApiException as error:
            return error.status == 404

    eventually("the end of the namespace", gone, 60)


finish()
