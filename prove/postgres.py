"""A private PostgreSQL server that can be killed: Debian's binaries, a folder of its own, an unprivileged account, loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from prove.house import free_ports

#: How long the server may take to answer after a start or a crash, in seconds.
START_WITHIN_S = 60.0


def binaries() -> Path | None:
    """The folder of the newest server's programs, if there is one on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    places = [*found, *([Path(on_path).parent] if on_path else [])]
    return next((place for place in places if (place / "initdb").exists()), None)


class Postgres:
    """One server with its own settings for durability (fsync is on). ``address`` is the journal's database."""

    def __init__(self, programs: Path, folder: Path, host: str = "127.0.0.1", inside: Sequence[str] = ()) -> None:
        """``inside`` goes before the server's command: the words that run it on another host."""
        self.programs, self.folder, self.host, self._inside = programs, folder, host, inside
        self.port = free_ports(1)[0]
        self.address = f"postgresql://postgres@{host}:{self.port}/journal"
        self._user = account()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the cluster and its empty database, and leave the server running."""
        self.folder.mkdir()
        enterable(self.folder)
        self.run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8")
        with (self.folder / "data" / "pg_hba.conf").open("a") as lets:
            lets.write("host all all samenet trust\n")
        self.start()
        self.run("createdb", "-h", self.host, "-p", str(self.port), "-U", "postgres", "journal")

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs; returns what it said, raises RuntimeError with its complaint."""
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command, user=self._user, cwd=self.folder, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout

    def start(self) -> None:
        """Start the server and wait until it answers; what a crash left is recovered first."""
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder)]
        settings = ["-c", f"listen_addresses={self.host}", "-c", "shared_buffers=64MB", "-c", "max_connections=40"]
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            process = self._begin([*command, *settings])
            if self._answers(process, deadline):
                self._process = process
                return
            # children of a killed server may hold its memory for a moment: then the new one refuses to start
            if time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:])
            time.sleep(0.2)

    def _begin(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            if self._inside:
                return subprocess.Popen([*self._inside, *command], cwd=self.folder, env=environment(), stdout=log, stderr=log)
            return subprocess.Popen(command, user=self._user, cwd=self.folder, env=environment(), stdout=log, stderr=log)

    def _answers(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        ready = [str(self.programs / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        while process.poll() is None and time.monotonic() < deadline:
            if subprocess.run(ready, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End the server: SIGKILL, or SIGQUIT, which is what ``pg_ctl stop -m immediate`` sends."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


def account() -> str | None:
    """PostgreSQL refuses to run as root: then it runs as somebody without rights."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def enterable(folder: Path) -> None:
    """Give a folder to the account that servers run as, which has to be able to reach it."""
    user = account()
    if user is None:
        return
    shutil.chown(folder, user)
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent.name.startswith("suture-prove-"):
            parent.chmod(0o711)


def environment() -> dict[str, str]:
    """What servers get from ours, in a language that nobody translates."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}
