"""The database under Tryton: PostgreSQL where a server binary is found, else SQLite; made once, copied for each run."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from live.place import HOME
from live.processes import free_port

NAME = "erp"
#: The bootstrapped database: a pg_dump archive, or a SQLite file.
DUMP = HOME / "erp.dump"
FILE = HOME / "erp.sqlite"


class Database(Struct, frozen=True, kw_only=True):
    """A database for one run: what Tryton's configuration says of it, and how to put questions past Tryton."""

    kind: str
    uri: str
    folder: Path
    port: int = 0

    def settings(self) -> str:
        """The [database] section of trytond's configuration."""
        return f"[database]\nuri = {self.uri}\npath = {self.folder}\n"


def postgres_binaries() -> Path | None:
    """The newest PostgreSQL server's programs, or None."""
    if "SUTURE_LIVE_SQLITE" in os.environ:
        return None
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    if found is None and (on_path := shutil.which("initdb")):
        found = Path(on_path)
    return found.parent if found else None


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as the user ``postgres``."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def cluster() -> Iterator[Database]:
    """An empty PostgreSQL server on a loopback port, gone with the block. No durability is claimed of it (fsync off)."""
    binaries = postgres_binaries()
    if binaries is None:
        raise FileNotFoundError("no PostgreSQL server binary here")
    port, prefix = free_port(), _as_postgres()
    with tempfile.TemporaryDirectory(prefix="suture-live-pg-", ignore_cleanup_errors=True) as folder:
        if prefix:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        data = f"{folder}/data"
        _run([*prefix, f"{binaries}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        pg_ctl = [*prefix, f"{binaries}/pg_ctl", "-D", data, "-w"]
        _run([*pg_ctl, "-o", options, "-l", f"{folder}/log", "start"])
        try:
            yield Database(kind="postgresql", uri=f"postgresql://postgres@127.0.0.1:{port}/", folder=Path(folder), port=port)
        finally:
            _run([*pg_ctl, "-m", "immediate", "stop"])


def _run(argv: list[str], stdin: Path | None = None) -> None:
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        done = subprocess.run(argv, stdin=source, capture_output=True, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")


def create(database: Database) -> None:
    """An empty database called ``erp``."""
    if database.kind == "sqlite":
        (database.folder / f"{NAME}.sqlite").touch()
        return
    _run([str(_binary("createdb")), "-h", "127.0.0.1", "-p", str(database.port), "-U", "postgres", NAME])


def keep(database: Database) -> None:
    """Keep the bootstrapped database for later runs."""
    if database.kind == "sqlite":
        shutil.copyfile(database.folder / f"{NAME}.sqlite", FILE)
        return
    partial = DUMP.with_suffix(".partial")
    where = ["-h", "127.0.0.1", "-p", str(database.port), "-U", "postgres"]
    _run([str(_binary("pg_dump")), *where, "-Fc", "-f", str(partial), NAME])
    partial.rename(DUMP)


def archive() -> Path:
    """Where the bootstrapped database is kept for the kind of server found here."""
    return DUMP if postgres_binaries() else FILE


@contextlib.contextmanager
def scratch() -> Iterator[Database]:
    """An empty server or folder for bootstrapping."""
    if postgres_binaries():
        with cluster() as database:
            yield database
        return
    with tempfile.TemporaryDirectory(prefix="suture-live-sqlite-") as folder:
        yield Database(kind="sqlite", uri="sqlite://", folder=Path(folder))


@contextlib.contextmanager
def copy() -> Iterator[Database]:
    """A fresh copy of the bootstrapped database for one run."""
    with scratch() as database:
        if database.kind == "sqlite":
            shutil.copyfile(FILE, database.folder / f"{NAME}.sqlite")
        else:
            create(database)
            where = ["-h", "127.0.0.1", "-p", str(database.port), "-U", "postgres"]
            _run([str(_binary("pg_restore")), *where, "-d", NAME, "--no-owner"], stdin=DUMP)
        yield database


def _binary(name: str) -> Path:
    binaries = postgres_binaries()
    assert binaries is not None
    return binaries / name
