"""Processes that we start, watch and end: by their own id, within limits, with their words kept in a file."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

#: How long a peer may take to come up, and to go, in seconds.
START_S = 60.0
STOP_S = 15.0


class DidNotStart(RuntimeError):
    """A peer ended or stayed silent while we waited for it; the message names its log."""


def heed_signals() -> None:
    """Let a polite request to end (SIGTERM) unwind like Ctrl-C does, so that whatever we started is ended too."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)


def free_port() -> int:
    """A port on the loopback interface that nobody held a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> Callable[[], bool]:
    """A readiness check: something speaks HTTP at ``url``, whatever it says."""

    def check() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return False

    return check


def listens(port: int) -> Callable[[], bool]:
    """A readiness check: somebody accepts connections on a loopback port."""

    def check() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    return check


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    log: Path,
    ready: Callable[[], bool],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] | None = subprocess.DEVNULL,
    within_s: float = START_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """The program while the block lasts; raises DidNotStart if it is not ready ``within_s`` seconds."""
    with log.open("ab") as words:
        process = subprocess.Popen(list(argv), stdout=words, stderr=subprocess.STDOUT, stdin=stdin, env=env)
    try:
        _await(process, ready, within_s, log)
        yield process
    finally:
        end(process)


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], within_s: float, log: Path) -> None:
    deadline = time.monotonic() + within_s
    while not ready():
        if process.poll() is not None:
            raise DidNotStart(f"{process.args!r} ended with {process.returncode}; see {log}")
        if time.monotonic() > deadline:
            raise DidNotStart(f"{process.args!r} was not ready within {within_s:g} s; see {log}")
        time.sleep(0.1)


def end(process: subprocess.Popen[bytes]) -> None:
    """End one process that we started: asked first, then made to."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
    if process.stdin is not None:
        process.stdin.close()
