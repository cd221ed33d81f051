"""Where the live run keeps things: environments and the bootstrapped database under ``.live``, a folder for each run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE.parent / ".live"

#: The peers, each with a pinned requirements file beside this module and an environment of its own.
PEERS = ("tryton", "mock-sap", "mock-edi", "mock-bank", "faulty", "nats", "openbao")


def requirements(peer: str) -> Path:
    """The pinned packages of a peer."""
    return HERE / f"requirements-{peer}.txt"


def program(peer: str, name: str) -> str:
    """The path of a program in a peer's environment."""
    return str(HOME / peer / "bin" / name)


def run_folder(name: str = "") -> Path:
    """A new folder for the logs and files of one run, named after the time."""
    folder = HOME / "runs" / (name or datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f"))
    folder.mkdir(parents=True)
    return folder
