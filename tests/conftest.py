"""What many tests need: a PostgreSQL server for the session, a fresh database in it for each test, and a day that was kept."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.day import Day, run_day

#: Nothing here claims durability, so the server need not wait for the disk.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "autovacuum": "off",
    "log_min_messages": "panic",
}


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A small day that the demo kept; whoever changes its journal takes a copy."""
    return run_day(tmp_path_factory.mktemp("kept") / "day")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address, without a database, of a PostgreSQL server that lives as long as the tests; skips where there is none."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server binary on this machine")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    folder = Path(tempfile.mkdtemp(prefix="suture-pg-"))
    process = None
    try:
        user = _user(folder)
        port = _free_port()
        _run(user, folder, binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        process = _start(user, folder, binaries, port)
        address = f"postgresql://postgres@127.0.0.1:{port}"
        _wait(address, process, folder)
        yield address
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: str) -> str:
    """The name of a database with an empty journal, from which each test's own is copied."""
    import psycopg

    from suture.journal import open_journal

    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute("create database journal_template")
    open_journal(f"{postgres_server}/journal_template", bytes(32)).close()
    return "journal_template"


@pytest.fixture
def postgres_databases(postgres_server: str, _postgres_template: str) -> Iterator[Callable[[], str]]:
    """Makes a fresh database with an empty journal at each call and gives its address; all are dropped after the test."""
    import psycopg

    made: list[str] = []
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:

        def make() -> str:
            name = f"test_{next(_numbers)}"
            admin.execute(f"create database {name} template {_postgres_template}")
            made.append(name)
            return f"{postgres_server}/{name}"

        yield make
        for name in made:
            admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def postgres_url(postgres_databases: Callable[[], str]) -> str:
    """The address of one fresh database with an empty journal."""
    return postgres_databases()


_numbers = count(1)


def _binaries() -> Path | None:
    found = [Path(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)]
    on_path = shutil.which("initdb")
    candidates = [*found, *([Path(on_path).parent] if on_path else [])]
    return next((folder for folder in candidates if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _user(folder: Path) -> str | None:
    """Who runs the server: PostgreSQL refuses root, so then it is an unprivileged account that owns the folder."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in ("postgres", "nobody") if name in names), None)
    if name is None:
        pytest.skip("root without an unprivileged account to run PostgreSQL as")
    shutil.chown(folder, name)
    return name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(user: str | None, folder: Path, *command: object) -> None:
    done = subprocess.run(
        list(map(str, command)), user=user, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _start(user: str | None, folder: Path, binaries: Path, port: int) -> subprocess.Popen[bytes]:
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, "-c", "listen_addresses=127.0.0.1", *options],
            user=user,
            cwd=folder,
            env=_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _wait(address: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"{address}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, (folder / "log").read_text(errors="replace")
            assert time.monotonic() < deadline, "PostgreSQL did not start within 30 s"
            time.sleep(0.05)
