"""HTTP JSON in, decided, HTTP JSON out: messages delivered a second, each answered after its commit."""

from __future__ import annotations

from collections.abc import Iterator

from bench.workload import Figure, Task, Workload
from bench.workloads.mllp_http import delivered


def run(task: Task) -> Iterator[Figure]:
    """Ours on each database."""
    yield from delivered(task, "http", "JSON in, JSON out")


WORKLOAD = Workload(name="http_http", order=4, title="HTTP JSON in, HTTP JSON out", run=run)
