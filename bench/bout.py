"""A bout: service, sink and generator in processes of their own, and what gauges and notes say afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles

import msgspec
from msgspec import Struct

from bench.contender import OURS, Contender
from bench.gauge import cpu_s, family_mb
from bench.relay import write_network
from bench.store import Store
from prove.house import free_ports

#: A bout that takes longer has got stuck.
PATIENCE_S = 600.0


class Told(Struct, frozen=True, kw_only=True):
    """What one load did: rates are of what was delivered; latencies in milliseconds, p50 and p99."""

    per_s: float
    cpu_ms: float
    service_cpu_ms: float
    memory_mb: float
    acknowledged: tuple[float, float]
    delivered: tuple[float, float]
    faults: dict[str, int]


class Bout:
    """A running service with its sink. ``load`` sends through it; ``ready_s`` is how long the start took."""

    def __init__(self, kind: str, store: Store, folder: Path, contender: Contender = OURS) -> None:
        self.kind, self._store, self._folder, self._contender = kind, store, folder, contender
        self._said = 0
        self.ready_s = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[Bout]:
        """Start everything, and end it whatever happens."""
        self._folder.mkdir()
        port, mllp = free_ports(2)
        self._port = mllp if self.kind == "mllp" else port
        address = self._store.empty()
        with started("bench.sink") as (self._sink, sink_port):
            self._sink_port = int(sink_port)
            programs = self._programs(port, mllp, address)
            if not self._contender.module:
                # the first start makes the journal and publishes masters; the second is what a restart costs
                with started(*programs[0][:-1]):
                    pass
            began = time.monotonic()
            with contextlib.ExitStack() as services:
                self._services = [services.enter_context(started(*words))[0] for words in programs]
                self.ready_s = time.monotonic() - began
                yield self
        self._store.drop(address)

    def _programs(self, port: int, mllp: int, address: str) -> list[tuple[str, ...]]:
        """The words that start each process."""
        if self._contender.module:
            return [(self._contender.module, str(self._folder), self.kind, str(self._port), str(self._sink_port), address)]
        network = write_network(self._folder, self._sink_port, port, mllp)
        return [("bench.serve", str(network), address, "relay", roles) for roles in self._contender.roles]

    def load(self, count: int, *, connections: int = 50, rate: float = 0.0) -> Told:
        """Send ``count`` messages and wait until all are delivered."""
        file = self._folder / f"said-{self._said}.json"
        before = self._count()
        cpu, own = self._cpu()
        peak = _Peak([service.pid for service in self._services])
        words = (self.kind, self._port, self._said, count, connections, rate, file)
        subprocess.run(
            [sys.executable, "-m", "bench.generator", *map(str, words)], check=True, env=_environment(), timeout=PATIENCE_S
        )
        self._said += count
        self._await(before + count)
        after, own_after = self._cpu()
        memory = peak.stop()
        notes = msgspec.json.decode(self._asked("notes"))
        said = msgspec.json.decode(file.read_bytes())
        came = notes["at"]
        first, last = min(began for began, _ in said.values()), max(came[id] for id in said)
        return Told(
            per_s=count / (last - first),
            cpu_ms=1000 * (after - cpu) / count,
            service_cpu_ms=1000 * (own_after - own) / count,
            memory_mb=memory,
            acknowledged=_p50_p99([1000 * (answered - began) for began, answered in said.values()]),
            delivered=_p50_p99([1000 * (came[id] - began) for id, (began, _) in said.items()]),
            faults=notes["faults"],
        )

    def _cpu(self) -> tuple[float, float]:
        own = sum(cpu_s(service.pid) for service in self._services)
        return own + self._store.cpu_s(), own

    def _count(self) -> int:
        return int(self._asked("count"))

    def _asked(self, what: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._sink_port}/{what}", timeout=30) as reply:
            return bytes(reply.read())

    def _await(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self._count() < count:
            if time.monotonic() > deadline or any(service.poll() is not None for service in self._services):
                raise RuntimeError(f"{self._count()} of {count} were delivered")
            time.sleep(0.05)


class _Peak:
    """The most memory that processes and their children had, looked at five times a second."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids, self._most = pids, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._most = max(self._most, self._now())

    def stop(self) -> float:
        self._over.set()
        self._thread.join()
        return max(self._most, self._now())

    def _now(self) -> float:
        return sum(map(family_mb, self._pids))


@contextlib.contextmanager
def started(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of ours and its first line, until it has ended after SIGTERM."""
    process = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True, env=_environment())
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{words[0]} did not start")
        yield process, line
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (os.getcwd(), os.environ.get("PYTHONPATH", "")) if path)}


def _p50_p99(values: list[float]) -> tuple[float, float]:
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]
