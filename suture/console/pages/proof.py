"""Proof: whether the ledger balances, up to where the journal is sealed, and how anybody can check both, here or elsewhere."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.console.verification import Verification
from suture.journal import Checkpoint
from suture.views.ledger import balance
from suture.views.verification import Verified


class Verifying(Struct, frozen=True, kw_only=True):
    """The last time that somebody had everything read again: how far it is, and what was ``found``; None until it is over.

    ``stopped`` says why it came to no end, if it did not.
    """

    actor: str
    at: datetime
    read: int
    total: int
    found: Verified | None
    stopped: str


class Proof(Struct, frozen=True, kw_only=True):
    """The two sums of the ledger, and the latest checkpoint of the seal; ``position`` is how far the journal has come."""

    accepted: int
    delivered: int
    refused: int
    compensated: int
    parked: int
    in_flight: int
    debits: int
    credits: int
    open: int
    repeated: int
    balanced: bool
    strays: tuple[str, ...]
    by_name: dict[str, dict[str, int]]
    checkpoint: Checkpoint | None
    position: int
    place: str
    verifying: Verifying | None
    verify_denied: str


def load(ask: Ask) -> Proof:
    """No query."""
    told = balance(ask.books, sum(ask.journal.repeats().values()), ask.now)
    return Proof(
        accepted=told.accepted,
        delivered=told.delivered,
        refused=told.refused,
        compensated=told.compensated,
        parked=told.parked,
        in_flight=told.in_flight,
        debits=told.debits,
        credits=told.credits,
        open=told.open,
        repeated=told.repeated,
        balanced=told.balanced,
        strays=told.strays,
        by_name=told.by_name,
        checkpoint=ask.journal.checkpoint(),
        position=ask.trail.position,
        place=ask.place,
        verifying=_verifying(ask.verification) if ask.verification else None,
        verify_denied=ask.may("proof.verify").reason,
    )


def _verifying(one: Verification) -> Verifying:
    return Verifying(actor=one.actor, at=one.at, read=one.read, total=one.total, found=one.found, stopped=one.stopped)


PAGE = Page(path="/proof", title="Proof", allow="proof.read", section="Govern", rank=10, load=load, template="proof.html")
