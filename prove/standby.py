"""Two PostgreSQL servers with plain streaming replication, synchronous, and a script that promotes: what runs without Patroni."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

from prove.house import free_ports
from prove.postgres import account, enterable, environment

#: How long a server may take to answer, and a standby to become synchronous, in seconds.
WITHIN_S = 90.0
#: The script looks so often, and promotes after so many looks without an answer.
LOOK_S, LOOKS = 0.25, 4


class Server:
    """One server: a data folder, a port, and its process while it runs."""

    def __init__(self, programs: Path, folder: Path, name: str) -> None:
        self.programs, self.folder, self.data = programs, folder, folder / name
        self.port = free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs; returns what it said, raises RuntimeError with its complaint."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command, user=account(), cwd=self.folder, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout

    def asked(self, question: str) -> str:
        """One value, asked past Suture."""
        return self.run("psql", *self.where(), "-At", "-c", question, "postgres").strip()

    def where(self) -> list[str]:
        """How its programs find it."""
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def answers(self) -> bool:
        """Whether it takes connections."""
        ready = [str(self.programs / "pg_isready"), "-q", *self.where()]
        return subprocess.run(ready, check=False).returncode == 0

    def start(self) -> None:
        """Start it and wait for its answer."""
        settings = {
            "port": self.port,
            "unix_socket_directories": self.folder,
            "listen_addresses": "127.0.0.1",
            "shared_buffers": "64MB",
            "max_connections": 40,
            "wal_keep_size": "512MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / f"{self.data.name}.log").open("ab") as log:
            command = [str(self.programs / "postgres"), "-D", str(self.data), *options]
            self._process = subprocess.Popen(command, user=account(), cwd=self.folder, env=environment(), stdout=log, stderr=log)
        awaited(self.answers, f"an answer from {self.data.name}")

    def require(self, standbys: str) -> None:
        """Which standbys a commit waits for ("*": any one, "": none), from now on."""
        (self.data / "waits.conf").write_text(f"synchronous_standby_names = '{standbys}'\n")
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def end(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it, SIGKILL or SIGQUIT."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


class Standby:
    """A primary and a synchronous standby. ``address`` names both; whoever is primary takes the writes."""

    title = "Streaming replication, synchronous, promoted by a script"
    lines: tuple[str, ...] = (
        "Patroni could not run here: plain streaming replication instead (`pg_basebackup`, `synchronous_standby_names`), and a "
        f"script that promotes the standby after {LOOKS} looks without an answer, {LOOK_S} s apart.",
    )

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self.primary, self.other = (Server(programs, folder, name) for name in ("a", "b"))
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in (self.primary, self.other))
        self.address = f"postgresql://postgres@{hosts}/journal?target_session_attrs=read-write"

    def make(self) -> None:
        """Make the primary with the empty database, and its standby."""
        enterable(self.folder)
        self.primary.run("initdb", "-D", str(self.primary.data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        with (self.primary.data / "postgresql.conf").open("a") as settings:
            settings.write("include_if_exists = 'waits.conf'\n")
        self.primary.start()
        self.primary.run("createdb", *self.primary.where(), "journal")
        self.mend()

    def kill(self, number: int) -> str:
        """SIGKILL to the primary; returns what was killed."""
        self.primary.end(signal.SIGKILL)
        return "server"

    def take_over(self) -> None:
        """The script: look, and promote the standby once the primary is silent. It waits for nobody until there is one again."""
        silent = 0
        while silent < LOOKS:
            silent = 0 if self.primary.answers() else silent + 1
            time.sleep(LOOK_S)
        self.primary, self.other = self.other, self.primary
        self.primary.run("pg_ctl", "promote", "-D", str(self.primary.data))

    def mend(self) -> None:
        """Make the other one anew as a standby, and return when commits wait for it."""
        shutil.rmtree(self.other.data, ignore_errors=True)
        self.other.run("pg_basebackup", *self.primary.where(), "-D", str(self.other.data), "-R", "-X", "stream", "-c", "fast")
        self.other.require("")
        self.other.start()
        self.primary.require("*")
        awaited(lambda: self.primary.asked("select sync_state from pg_stat_replication") == "sync", "a synchronous standby")

    def end(self) -> None:
        """Stop both."""
        self.other.end()
        self.primary.end()


def awaited(held: object, what: str) -> None:
    """Return when it holds; raises RuntimeError after the limit."""
    assert callable(held)
    deadline = time.monotonic() + WITHIN_S
    while not held():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no {what} within {WITHIN_S:g} s")
        time.sleep(0.1)
