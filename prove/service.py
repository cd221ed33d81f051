"""The service under attack: ``suture run`` as a process of its own, and other commands of the house."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: How long a start may take before it counts as a hang, and how long a stop, in seconds.
START_WITHIN_S, STOP_WITHIN_S = 60.0, 60.0


class Service:
    """One running ``suture run``; what it complains of goes to ``service.log`` beside the network file."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process, self._log = process, log

    @classmethod
    async def begin(cls, network: Path, *options: str) -> Service:
        """Start it, as a shell would."""
        log = network.parent / "service.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "suture", "run", str(network), *options),
                cwd=network.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdout=PIPE,
                stderr=errors,
            )
        return cls(process, log)

    async def listening(self) -> None:
        """Return when it says that it serves; raises RuntimeError with its last words if it does not."""
        assert self.process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(self.process.stdout.readline(), START_WITHIN_S)
        if b"Ctrl-C stops" not in line:
            raise RuntimeError(f"the service did not start: {line!r} {self.last_words()}")

    def last_words(self) -> str:
        """The end of what it complained of."""
        return self._log.read_text("utf-8", "replace")[-2000:]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process and to no other."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def killed(self) -> None:
        """Kill it, at whatever it is doing."""
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def stopped(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), STOP_WITHIN_S)


@contextlib.asynccontextmanager
async def serving(network: Path, *options: str) -> AsyncIterator[Service]:
    """A service that listens, and that is gone afterwards whatever happens."""
    service = await Service.begin(network, *options)
    try:
        await service.listening()
        yield service
    finally:
        if service.process.returncode is None:
            await service.killed()


async def command(folder: Path, *words: str, within_s: float = 600.0) -> tuple[int, str]:
    """Run ``python -m WORDS`` in a folder; returns exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words), cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"{words[0]} took more than {within_s:g} s"
    assert process.returncode is not None
    return process.returncode, (out + err).decode("utf-8", "replace")
