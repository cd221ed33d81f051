"""Approvals: what waits for a person with authority, with the reason where this person's answer would not count."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.console.page import Ask, Page
from suture.gateway import About
from suture.model import Money, Ref
from suture.runtime.notes import against
from suture.views.search import Question

#: Questions on one page.
PAGE_ROWS = 25


class Asked(Struct, frozen=True):
    """One question: what about, by whom, whose role may answer, and why the caller may not approve it; "" where they may."""

    id: str
    subject: Ref
    requester: str
    role: str
    amount: Money
    reason: str
    at: datetime
    answered_by: tuple[str, ...]
    denied: str
    may_reject: str


class Approvals(Struct, frozen=True):
    """The questions, the oldest first; ``position`` is what an answer rests on."""

    count: int
    mine: int
    asked: tuple[Asked, ...]
    position: int
    more: int


def load(ask: Ask) -> Approvals:
    """Query: ``skip``."""
    count, skip = ask.index.asked(), ask.number("skip")
    shown = tuple(_asked(ask, each) for each in ask.index.questions(PAGE_ROWS, skip))
    more = skip + PAGE_ROWS if skip + PAGE_ROWS < count else 0
    return Approvals(count, sum(not each.denied for each in shown), shown, ask.trail.position, more)


def _asked(ask: Ask, question: Question) -> Asked:
    request = question.request
    allowed = ask.may("approvals.decide", About(amount=request.amount))
    denied = allowed.reason if not allowed else against(ask.wiring, request, ask.caller.subject, ask.now)
    return Asked(
        id=request.id,
        subject=request.subject,
        requester=request.requester,
        role=request.role,
        amount=request.amount,
        reason=request.reason,
        at=request.at,
        answered_by=question.answered_by,
        denied=denied,
        may_reject=ask.may("approvals.decide").reason,
    )


PAGE = Page(
    path="/approvals",
    title="Approvals",
    allow="approvals.read",
    section="Work",
    rank=40,
    load=load,
    template="approvals.html",
)
