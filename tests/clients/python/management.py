"""RabbitMQ's management API at MANAGEMENT_URL, as monitoring tools and rabbitmqadmin call it."""

import base64
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from check import check, eventually, finish

ADDRESS = urllib.parse.urlsplit(os.environ["MANAGEMENT_URL"])
QUEUE = f"clients-management-{os.getpid()}"
LOGIN = base64.b64encode(f"{urllib.parse.unquote(ADDRESS.username)}:{urllib.parse.unquote(ADDRESS.password)}".encode()).decode()


def call(path, method="GET", body=None):
    request = urllib.request.Request(
        f"http://{ADDRESS.hostname}:{ADDRESS.port}/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {LOGIN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def get(path):
    return call(path)[1]


@check("read the overview")
def _():
    overview = get("/overview")
    assert overview["rabbitmq_version"] and "queue_totals" in overview and overview["object_totals"]["queues"] >= 0


@check("read who asks")
def _():
    assert get("/whoami")["name"] == urllib.parse.unquote(ADDRESS.username)


@check("list nodes, virtual hosts and exchanges")
def _():
    assert get("/nodes")[0]["running"] is True
    assert "/" in [vhost["name"] for vhost in get("/vhosts")]
    assert {"", "amq.direct", "amq.topic"} <= {exchange["name"] for exchange in get("/exchanges/%2F")}


@check("pass the health checks")
def _():
    for name in ["alarms", "local-alarms", "virtual-hosts"]:
        assert get(f"/health/checks/{name}")["status"] == "ok"


@check("declare a queue, and again")
def _():
    assert call(f"/queues/%2F/{QUEUE}", "PUT", {"durable": True})[0] == 201
    assert call(f"/queues/%2F/{QUEUE}", "PUT", {"durable": True})[0] == 204


@check("refuse another declaration with 400")
def _():
    try:
        call(f"/queues/%2F/{QUEUE}", "PUT", {"durable": False})
    except urllib.error.HTTPError as error:
        assert error.code == 400 and b"inequivalent arg 'durable'" in error.read()
    else:
        raise AssertionError("the broker accepted it")


@check("publish, get and purge")
def _():
    message = {"properties": {}, "routing_key": QUEUE, "payload": "hello", "payload_encoding": "string"}
    assert call("/exchanges/%2F/amq.default/publish", "POST", message)[1] == {"routed": True}
    assert call("/exchanges/%2F/amq.default/publish", "POST", {**message, "routing_key": "clients-missing"})[1] == {"routed": False}
    taken = call(f"/queues/%2F/{QUEUE}/get", "POST", {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"})[1]
    assert taken[0]["payload"] == "hello" and taken[0]["routing_key"] == QUEUE, taken
    eventually("the count of messages", lambda: get(f"/queues/%2F/{QUEUE}").get("messages") == 1)
    assert call(f"/queues/%2F/{QUEUE}/contents", "DELETE")[0] == 204


@check("bind the queue")
def _():
    assert call(f"/bindings/%2F/e/amq.direct/q/{QUEUE}", "POST", {"routing_key": "key", "arguments": {}})[0] == 201
    bindings = get(f"/queues/%2F/{QUEUE}/bindings")
    assert ("amq.direct", "key") in [(binding["source"], binding["routing_key"]) for binding in bindings], bindings


@check("list connections, channels and consumers")
def _():
    for kind in ["connections", "channels", "consumers"]:
        assert isinstance(get(f"/{kind}"), list)


@check("list users, permissions and policies")
def _():
    assert get("/users")[0]["name"]
    assert get("/permissions")[0]["configure"] == ".*"
    assert isinstance(get("/policies"), list)


@check("delete the queue")
def _():
    assert call(f"/queues/%2F/{QUEUE}", "DELETE")[0] == 204
    try:
        get(f"/queues/%2F/{QUEUE}")
    except urllib.error.HTTPError as error:
        assert error.code == 404
    else:
        raise AssertionError("the queue is still there")


finish()
