"""Verification: a journal read again from its first event, its chain, its seals and its ledger made anew beside nothing kept."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from suture.journal import Checkpoint
from suture.journal.seal import Sealed, verify
from suture.views.kept import kept_books
from suture.views.ledger import Ledger, balance

#: Faults that are told.
FAULTS_TOLD = 20


class Verified(Struct, frozen=True, kw_only=True):
    """What was found up to a position: no ``faults`` where all of it is as it was sealed and the ledger balances.

    ``signed`` says whether the signatures of the seals could be judged, which takes the public key.
    """

    position: int
    seals: int
    accepted: int
    debits: int
    signed: bool
    faults: tuple[str, ...]


class Reading:
    """What is sealed, read page by page; counts what was read, so that somebody who waits may see it grow."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self.read, self.position, self.seals = 0, 0, set[int]()

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """See ``Sealed``."""
        page = self._sealed.bodies(after, limit)
        self.read += len(page)
        self.position = max(self.position, page[-1][0] if page else 0)
        return page

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        """See ``Sealed``."""
        page = self._sealed.checkpoints(after, limit)
        self.seals.update(seal.position for seal in page)
        return page


def verified(reading: Reading, public_key: Ed25519PublicKey | None, scratch: Path) -> Verified:
    """Read everything twice: once for the chain and the seals, once for the ledger, which is written below ``scratch``.

    Raises Unavailable if the journal does not answer.
    """
    faults = [f"{finding.path}: {finding.text}" for finding in verify(reading, public_key)]
    with kept_books(reading, scratch / "verification.ledger") as books:
        told = balance(books)
    faults += [*told.strays, *_unbalanced(told)]
    return Verified(
        position=reading.position,
        seals=len(reading.seals),
        accepted=told.accepted,
        debits=told.debits,
        signed=public_key is not None,
        faults=tuple(faults[:FAULTS_TOLD]),
    )


def _unbalanced(told: Ledger) -> list[str]:
    if told.balanced or told.strays:
        return []
    ended = told.delivered + told.refused + told.compensated + told.parked + told.in_flight
    known = told.credits + told.open
    return [f"{told.accepted} documents were accepted and {ended} are known; {told.debits} deliveries are owed and {known} known"]
