"""The peers, started and ended: Tryton and mock-sap as ERP, mock-edi as supplier, mock-bank as bank, faulty before each."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from live import database
from live.database import Database
from live.place import program
from live.processes import answers, free_port, listens, running

#: faulty looks at its keyboard ten times a second.
_KEYBOARD_S = 0.35


@contextlib.contextmanager
def tryton(folder: Path) -> Iterator[tuple[str, Database]]:
    """Tryton on a fresh copy of its database: its address, and the database for counting past it."""
    with database.copy() as base:
        port = free_port()
        config = folder / "trytond.conf"
        session = "[session]\ntimeout = 3600\n"
        config.write_text(f"{base.settings()}[web]\nlisten = 127.0.0.1:{port}\n{session}")
        argv = [program("tryton", "trytond"), "-c", str(config), "-d", database.NAME]
        with running(argv, folder / "tryton.log", answers(f"http://127.0.0.1:{port}/")):
            yield f"http://127.0.0.1:{port}", base


@contextlib.contextmanager
def mock_sap(folder: Path) -> Iterator[str]:
    """An ERP that speaks SAP's OData, with its demo data and nothing of ours; its address."""
    port = free_port()
    argv = [program("mock-sap", "mock-sap"), "--port", str(port), "--quiet"]
    with running(argv, folder / "mock-sap.log", answers(f"http://127.0.0.1:{port}/_mock/health")):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def mock_edi(folder: Path) -> Iterator[str]:
    """A supplier that trades X12; its address."""
    port = free_port()
    argv = [program("mock-edi", "mock-edi"), "--port", str(port)]
    with running(argv, folder / "mock-edi.log", answers(f"http://127.0.0.1:{port}/_mock/health")):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def mock_bank(folder: Path, clock: str) -> Iterator[str]:
    """A bank that speaks ISO 20022, with its clock at ``clock`` (YYYY-MM-DDTHH:MM, UTC); its address."""
    port = free_port()
    argv = [program("mock-bank", "mock-bank"), "--port", str(port), "--clock", clock]
    with running(argv, folder / "mock-bank.log", answers(f"http://127.0.0.1:{port}/_mock/health")):
        yield f"http://127.0.0.1:{port}"


class Faulty:
    """A running faulty proxy whose rules are switched through its keyboard; it begins with its rules on."""

    def __init__(self, address: str, process: subprocess.Popen[bytes]) -> None:
        self.address = address
        self._process = process

    def heal(self) -> None:
        """Let everything through from now on."""
        self._press(b"c")

    def hurt(self) -> None:
        """Apply the rules it was started with again."""
        self._press(b"r")

    def _press(self, key: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(key)
        self._process.stdin.flush()
        time.sleep(_KEYBOARD_S)


@contextlib.contextmanager
def faulty(folder: Path, target: str, drop_down: float) -> Iterator[Faulty]:
    """A proxy before ``target`` (http://127.0.0.1:PORT) that loses this share of what the target says back."""
    port, peer = free_port(), target.removeprefix("http://")
    argv = [program("faulty", "faulty"), f"127.0.0.1:{port}", peer, "--drop-down", str(drop_down)]
    log = folder / f"faulty-{peer.rpartition(':')[2]}.log"
    with running(argv, log, listens(port), stdin=subprocess.PIPE) as process:
        yield Faulty(f"http://127.0.0.1:{port}", process)
