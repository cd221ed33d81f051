"""Two PostgreSQL servers under Patroni with etcd, synchronous, on loopback: a journal that can lose a machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from prove.house import free_ports
from prove.postgres import account, enterable, environment

#: How long the pair may take to become whole, at the beginning and after a takeover, in seconds.
WHOLE_WITHIN_S = 180.0
#: A primary that says nothing for so long has lost its lease (Patroni takes no less); how often each node looks around.
LEASE_S, LOOK_S, RETRY_S = 20, 1, 3
_PACKAGES = ("patroni", "etcd-server", "python3-etcd")


def missing() -> str:
    """Why Patroni cannot run here, or nothing; Debian's packages are installed where that is allowed."""
    if not (_there() or _installed()):
        return "Debian's patroni and etcd-server are not installed and could not be"
    return ""


def _there() -> bool:
    return bool(shutil.which("patroni") and shutil.which("etcd"))


def _installed() -> bool:
    """Install what is missing, without starting any service of its own."""
    if os.getuid() != 0 or not shutil.which("apt-get"):
        return False
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_PACKAGES]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        subprocess.run(command, env=quiet, capture_output=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return False
    return _there()


class Node:
    """One machine: a Patroni and the PostgreSQL that it minds."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.port, self.rest = free_ports(2)
        self._patroni: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start Patroni, which makes or mends its server."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            command = ["patroni", str(self.folder / f"{self.name}.yml")]
            self._patroni = subprocess.Popen(command, user=account(), cwd=self.folder, env=environment(), stdout=log, stderr=log)

    def running(self) -> bool:
        """Whether its Patroni lives."""
        return self._patroni is not None and self._patroni.poll() is None

    def cluster(self) -> dict[str, str]:
        """What its Patroni knows of the pair: the role of every node whose server runs; empty if it does not answer.

        A standby is ``sync_standby`` once etcd says so, which is what a takeover goes by; PostgreSQL knows a moment earlier.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/cluster", timeout=2) as reply:
                members: list[dict[str, str]] = json.loads(reply.read())["members"]
        except (OSError, ValueError, KeyError):
            return {}
        return {member["name"]: member["role"] for member in members if member.get("state") in ("running", "streaming")}

    def kill_server(self) -> None:
        """SIGKILL to PostgreSQL's first process, as the kernel does when memory runs out."""
        pid = int((self.folder / self.name / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL to both, as when the machine loses its power."""
        if self._patroni is not None:
            self._patroni.kill()
            self._patroni.wait()
            self._patroni = None
        self.kill_server()

    def end(self) -> None:
        """Stop Patroni, which stops its server."""
        if self._patroni is not None:
            self._patroni.terminate()
            try:
                self._patroni.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


class Patroni:
    """The pair and its etcd. ``address`` names both servers; whoever is primary takes the writes."""

    title = "Patroni with etcd, synchronous"
    lines: tuple[str, ...] = (
        f"Debian's Patroni and etcd: two nodes, `synchronous_mode`, a lease of {LEASE_S} s, the least that Patroni takes.",
        "A killed server is noticed by its own Patroni, which gives the lease up; a killed machine keeps it until it runs out.",
        "One etcd, since it is not what fails here.",
    )

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.nodes = [Node(name, folder) for name in ("a", "b")]
        self._client, self._peer = free_ports(2)
        self._etcd: subprocess.Popen[bytes] | None = None
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        self.address = f"postgresql://postgres@{hosts}/journal?target_session_attrs=read-write"

    def make(self) -> None:
        """Start etcd and both nodes, and make the empty database."""
        enterable(self.folder)
        self._start_etcd()
        for node in self.nodes:
            config = self.folder / f"{node.name}.yml"
            config.write_text(json.dumps(self._config(node)))  # JSON is YAML
            node.start()
            if node is self.nodes[0]:
                self._await(lambda: "leader" in self.nodes[0].cluster().values(), "a primary")
        self.mend()
        primary = ["-h", "127.0.0.1", "-p", str(self.primary().port), "-U", "postgres"]
        subprocess.run([str(self.programs / "createdb"), *primary, "journal"], check=True, capture_output=True)

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._client, self._peer))
        command = ["etcd", "--data-dir", str(self.folder / "etcd"), "--name", "only", "--initial-cluster", f"only={peer}"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--logger", "zap", "--log-level", "error"]
        with (self.folder / "etcd.log").open("ab") as log:
            self._etcd = subprocess.Popen(command, user=account(), cwd=self.folder, env=environment(), stdout=log, stderr=log)

    def _config(self, node: Node) -> dict[str, Any]:
        settings = {"shared_buffers": "64MB", "max_connections": 40, "wal_keep_size": "512MB"}
        dynamic = {
            "ttl": LEASE_S,
            "loop_wait": LOOK_S,
            "retry_timeout": RETRY_S,
            "primary_start_timeout": 0,  # rather hand over than wait for a crashed primary
            "synchronous_mode": True,
            "postgresql": {"use_pg_rewind": True, "parameters": settings},
        }
        rest = f"127.0.0.1:{node.rest}"
        return {
            "scope": "journal",
            "name": node.name,
            "etcd3": {"host": f"127.0.0.1:{self._client}"},
            "restapi": {"listen": rest, "connect_address": rest},
            "bootstrap": {"dcs": dynamic, "initdb": [{"encoding": "UTF8"}, "data-checksums"]},
            "postgresql": self._server(node),
        }

    def _server(self, node: Node) -> dict[str, Any]:
        there = "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust", "local all all trust"
        return {
            "listen": f"127.0.0.1:{node.port}",
            "connect_address": f"127.0.0.1:{node.port}",
            "data_dir": str(self.folder / node.name),
            "bin_dir": str(self.programs),
            "pgpass": str(self.folder / f"{node.name}.pgpass"),
            "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}},
            "parameters": {"unix_socket_directories": str(self.folder)},
            "pg_hba": there,
        }

    def primary(self) -> Node:
        """The node that holds the lease."""
        roles = next(roles for node in self.nodes if (roles := node.cluster()))
        return next(node for node in self.nodes if roles.get(node.name) == "leader")

    def kill(self, number: int) -> str:
        """Kill the primary: the server and the whole machine by turns; returns which."""
        primary = self.primary()
        if number % 2:
            primary.kill_server()
            return "server"
        primary.kill()
        return "machine"

    def take_over(self) -> None:
        """Patroni does that by itself."""

    def mend(self) -> None:
        """Bring back whoever is gone, and return when there are a primary and a synchronous standby again."""
        for node in self.nodes:
            if not node.running():
                node.start()
        self._await(self._whole, "a primary and a synchronous standby")

    def _whole(self) -> bool:
        return all(sorted(node.cluster().values()) == ["leader", "sync_standby"] for node in self.nodes)

    def _await(self, held: Any, what: str) -> None:
        deadline = time.monotonic() + WHOLE_WITHIN_S
        while not held():
            if time.monotonic() > deadline:
                words = "\n".join(path.read_text("utf-8", "replace")[-800:] for path in sorted(self.folder.glob("*.log")))
                raise RuntimeError(f"no {what} within {WHOLE_WITHIN_S:g} s\n{words}")
            time.sleep(0.2)

    def end(self) -> None:
        """Stop everything that was started."""
        for node in self.nodes:
            node.end()
        if self._etcd is not None:
            self._etcd.terminate()
            self._etcd.wait(30)
