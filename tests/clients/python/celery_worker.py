"""Celery with its own exchanges on the broker of AMQP_URL: a worker carries out a task."""

import os
import subprocess
import sys
import uuid

from celery import Celery

from check import check, finish

NAME = f"clients-celery-{os.environ.get('CLIENTS_RUN') or uuid.uuid4().hex[:8]}"
app = Celery("celery_worker", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.update(task_default_queue=NAME, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task
def add(one, other):
    return one + other


if __name__ == "__main__":
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "celery_worker", "worker", "--pool", "solo", "--loglevel", "warning"],
        env={**os.environ, "CLIENTS_RUN": NAME.removeprefix("clients-celery-")},
        cwd=os.path.dirname(os.path.abspath(__file__)),
        stderr=subprocess.STDOUT,
        stdout=subprocess.DEVNULL,
    )
    try:
        @check("carry out tasks and return results")
        def _():
            results = [add.delay(number, 1) for number in range(5)]
            assert [result.get(timeout=40) for result in results] == [1, 2, 3, 4, 5]

        @check("ask the worker for its state")
        def _():
            assert app.control.ping(timeout=5), "no worker answered"
    finally:
        worker.terminate()
        worker.wait(20)

    finish()
