"""The package `pika` on the broker of AMQP_URL."""

import os
import uuid

import pika

from check import check, eventually, finish

URL = pika.URLParameters(os.environ["AMQP_URL"])
QUEUE = f"clients-pika-{uuid.uuid4().hex[:8]}"

connection = pika.BlockingConnection(URL)
channel = connection.channel()
channel.confirm_delivery()


def closed_with(code, step):
    """The step must end its channel with that code."""
    other = connection.channel()
    try:
        step(other)
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == code, error
    else:
        raise AssertionError("the broker accepted it")


@check("declare a durable queue, and again")
def _():
    for _ in range(2):
        assert channel.queue_declare(QUEUE, durable=True).method.message_count == 0


@check("refuse another declaration with 406")
def _():
    closed_with(406, lambda other: other.queue_declare(QUEUE, durable=False))


@check("report a missing queue with 404")
def _():
    closed_with(404, lambda other: other.queue_declare("clients-missing", passive=True))


@check("publish with confirms")
def _():
    for number in range(10):
        channel.basic_publish("", QUEUE, f"job {number}", pika.BasicProperties(delivery_mode=2, headers={"number": number}), mandatory=True)
    assert channel.queue_declare(QUEUE, passive=True).method.message_count == 10


@check("return a message without a queue")
def _():
    try:
        channel.basic_publish("", "clients-missing", "lost", mandatory=True)
    except pika.exceptions.UnroutableError:
        return
    raise AssertionError("the message was not returned")


@check("deliver in order, with headers, within the prefetch count")
def _():
    other = connection.channel()
    other.basic_qos(prefetch_count=3)
    numbers = []
    for method, properties, _body in other.consume(QUEUE, inactivity_timeout=5):
        assert method, "no delivery in 5 s"
        numbers.append(properties.headers["number"])
        if len(numbers) == 3:
            other.basic_ack(method.delivery_tag, multiple=True)
        elif len(numbers) > 3:
            break
    assert numbers == [0, 1, 2, 3], numbers
    other.cancel()
    other.close()


@check("get a redelivered message")
def _():
    method, properties, body = channel.basic_get(QUEUE)
    assert method.redelivered and body == b"job 3" and properties.headers["number"] == 3, (method, body)
    channel.basic_nack(method.delivery_tag, requeue=True)


@check("dead-letter a rejected message")
def _():
    dead = QUEUE + "-dead"
    channel.queue_declare(dead, exclusive=True)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    name = channel.queue_declare("", exclusive=True, arguments=arguments).method.queue
    channel.basic_publish("", name, "bad")
    method, _properties, _body = channel.basic_get(name)
    channel.basic_reject(method.delivery_tag, requeue=False)
    eventually("the dead letter", lambda: channel.queue_declare(dead, passive=True).method.message_count)
    _method, properties, body = channel.basic_get(dead, auto_ack=True)
    assert body == b"bad" and properties.headers["x-death"][0]["reason"] == "rejected", properties


@check("route by a direct, a fanout and a topic exchange")
def _():
    for kind, binding, key in [("direct", "red", "red"), ("fanout", "", "any"), ("topic", "a.*.#", "a.b.c.d")]:
        exchange = f"{QUEUE}-{kind}"
        channel.exchange_declare(exchange, kind, auto_delete=True)
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(name, exchange, binding)
        channel.basic_publish(exchange, key, kind, mandatory=True)
        method, _properties, body = channel.basic_get(name, auto_ack=True)
        assert (method.exchange, method.routing_key, body) == (exchange, key, kind.encode()), method
        channel.queue_unbind(name, exchange, binding)


@check("purge and delete")
def _():
    assert channel.queue_purge(QUEUE).method.message_count == 7
    channel.queue_delete(QUEUE, if_unused=True, if_empty=True)


@check("close")
def _():
    connection.close()


finish()
