"""Verify now: somebody has the whole journal read again while the console goes on, and sees how far it is and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suture.console.errands import Errand, Errands
from suture.journal import Checkpoint
from suture.journal.seal import Sealed
from suture.model import Decision
from suture.views.verification import Reading, Verified, verified


class Verification:
    """One of them: who asked for it and when, how much has been read by now, and what was found; None until it is over."""

    def __init__(self, reading: Reading, folder: Path, total: int, asked: Decision) -> None:
        """``folder`` is where the seal's key lies; ``total`` is how many events there are."""
        self._reading, self._folder, self._asked = reading, folder, asked
        # once for the seals, once for the ledger
        self.total = 2 * total
        self.found: Verified | None = None
        self.errand: Errand | None = None

    def begin(self, errands: Errands) -> None:
        """In its turn among the errands. Raises Busy."""
        self.errand = errands.begin(self._asked.id, 1, self._steps())

    def _steps(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="suture-verification-") as scratch:
            self.found = verified(self._reading, public_key(self._folder), Path(scratch))
        yield "verified"

    @property
    def over(self) -> bool:
        """Whether nothing more is read."""
        return self.errand is None or self.errand.over

    @property
    def stopped(self) -> str:
        """Why it came to no end, if it did not."""
        return self.errand.stopped if self.errand else ""

    @property
    def read(self) -> int:
        """How much has been read by now, never more than the total."""
        return min(self._reading.read, self.total)

    @property
    def actor(self) -> str:
        """Who asked for it."""
        return self._asked.actor

    @property
    def at(self) -> datetime:
        """When they did."""
        return self._asked.at


class Closing(RuntimeError):
    """The journal is about to be closed."""


class InTurns:
    """What is sealed, for whoever reads it beside others: each page by itself, under the lock that all of them take.

    Both methods raise Closing once ``closing`` says that nothing may be read any more.
    """

    def __init__(self, sealed: Sealed, lock: AbstractContextManager[object], closing: Callable[[], bool]) -> None:
        self._sealed, self._lock, self._closing = sealed, lock, closing

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """See ``Sealed``."""
        with self._turn():
            return self._sealed.bodies(after, limit)

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        """See ``Sealed``."""
        with self._turn():
            return self._sealed.checkpoints(after, limit)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._lock:
            if self._closing():
                raise Closing
            yield


def public_key(folder: Path) -> Ed25519PublicKey | None:
    """The key that judges the seals of the journal in this folder; None where it does not lie there, or is of another kind."""
    for name in ("seal.pub", "seal.key"):
        try:
            pem = (folder / name).read_bytes()
            key = (
                serialization.load_pem_public_key(pem)
                if name == "seal.pub"
                else serialization.load_pem_private_key(pem, password=None).public_key()
            )
        except (OSError, ValueError, TypeError):
            continue
        if isinstance(key, Ed25519PublicKey):
            return key
    return None
