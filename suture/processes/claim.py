"""What a supplier claims or gives back: the state of an invoice or credit note, and how its changes and exceptions are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from suture.model import (
    Approval,
    Case,
    ContractPrice,
    CreditNote,
    Invoice,
    InvoiceStatus,
    MatchResult,
    Money,
    Ref,
    Supplier,
)
from suture.processes.cases import case_id, close_case, deadline, open_case, reason_of
from suture.processes.course import Course
from suture.processes.process import Effect, Emit, Send
from suture.rules.dossiers import dossier
from suture.rules.payments import payable
from suture.rules.totals import Verdict

NAME = "invoice_to_payment"
#: What the procurement suite is told of an invoice; the steps in between are the AP platform's own business.
OF_INTEREST_TO_BUYERS = frozenset({"exception", "posted", "paid", "returned", "rejected"})
HISTORY_KEPT = 12
#: Exceptions that stand in the way; going on, or ending it, closes them.
BLOCKING = frozenset(
    {
        "match_exception",
        "no_order",
        "receipt_overdue",
        "erp_refused",
        "supplier_unknown",
        "supplier_blocked",
        "no_account",
        "entity_unknown",
        "release_refused",
        "release_overdue",
        "payment_returned",
        "limit_exceeded",
        "second_person",
    }
)
#: Phases in which the money is on its way or there: no judgement calls it back.
MOVED = ("scheduled", "paid", "returned")


class Credit(Struct, frozen=True):
    """A credit note that comes off this invoice."""

    note: str
    amount: Money


class Paying(Struct, frozen=True):
    """One payment of this invoice."""

    id: str
    amount: Money
    state: Literal["sent", "settled", "returned"] = "sent"


Word = Literal["received", "matched", "waiting", "exception", "approved", "posted", "scheduled", "paid", "returned", "rejected"]


class Told(Struct, frozen=True):
    """What was told last of a claim."""

    state: Word = "received"
    reasons: tuple[str, ...] = ()
    payment: str = ""


class Claim(Struct, frozen=True, omit_defaults=True):
    """All that is known of one invoice or credit note."""

    phase: str = "new"
    bill: Invoice | CreditNote | None = None
    #: Digests of the copies that came, by any route.
    copies: tuple[str, ...] = ()
    #: The latest word of each order.
    results: tuple[MatchResult, ...] = ()
    credits: tuple[Credit, ...] = ()
    told: Told | None = None
    #: Who accepted a difference, and which.
    accepted_by: tuple[str, ...] = ()
    accepted: Verdict | None = None
    erp: Literal["", "sent", "done"] = ""
    asks: int = 0
    #: Answers to questions that have not been asked yet.
    early: tuple[Approval, ...] = ()
    released_by: tuple[str, ...] = ()
    payments: tuple[Paying, ...] = ()
    cases: tuple[str, ...] = ()
    history: tuple[str, ...] = ()


Turn = Course[Claim]
Answer = tuple[Claim, Sequence[Effect]]


def bill_of(turn: Turn) -> Invoice | CreditNote:
    """The invoice or credit note; called only where one is known."""
    assert turn.state.bill is not None
    return turn.state.bill


def entity_of(state: Claim) -> str:
    """Which legal entity owes it: the one that ordered, else the one it is addressed to."""
    return next((result.entity for result in state.results if result.entity), state.bill.entity if state.bill else "")


def requesters_of(state: Claim) -> tuple[str, ...]:
    """Who requested the orders that it bills."""
    return tuple(dict.fromkeys(result.requester for result in state.results if result.requester))


def creator_of(turn: Turn) -> str:
    """Who created the supplier."""
    supplier: Supplier | None = turn.seen.one(Supplier, bill_of(turn).supplier)
    return supplier.created_by if supplier else ""


def owed(state: Claim) -> Money:
    """What is to be paid after credits."""
    assert state.bill is not None
    return payable(state.bill.total, (credit.amount for credit in state.credits))


# -- telling


def send(turn: Turn, role: str, document: Invoice | InvoiceStatus) -> None:
    """Bring a document to whoever plays ``role``."""
    state = turn.state
    facility = next((result.facility for result in state.results if result.facility), "")
    supplier = state.bill.supplier if state.bill else ""
    turn.want(
        Send(role=role, document=document, key=turn.seen.key, entity=entity_of(state), facility=facility, supplier=supplier)
    )


def tell(turn: Turn, word: Word, reasons: Sequence[str] = (), payment: str = "", *, emit: bool = True) -> None:
    """Say a change of state once, to all who listen, to AP and to procurement."""
    told = Told(word, tuple(reasons), payment)
    if turn.state.told == told:
        return
    status = InvoiceStatus(
        invoice=turn.seen.key,
        state=word,
        at=turn.seen.now,
        reasons=told.reasons,
        orders=turn.state.bill.orders() if turn.state.bill else (),
        payment=payment,
    )
    turn.become(told=told)
    note(turn, f"{word} {' '.join((*reasons, payment))}".strip())
    if emit:
        turn.want(Emit(document=status))
    send(turn, "ap", status)
    if word in OF_INTEREST_TO_BUYERS:
        send(turn, "procurement", status)


def note(turn: Turn, line: str) -> None:
    """Add a line to the history that exceptions show."""
    turn.become(history=(*turn.state.history, f"{turn.seen.now:%Y-%m-%d %H:%M} {line}")[-HISTORY_KEPT:])


def raise_case(
    turn: Turn,
    reason: str,
    text: str,
    *,
    owner: str = "ap",
    actions: tuple[str, ...] = ("accept",),
    suggestion: str = "",
    detail: str = "",
    money: Money | None = None,
    objects: tuple[Ref, ...] = (),
) -> None:
    """Open an exception with the full context of the claim."""
    state, seen = turn.state, turn.seen
    prices = [price for kind, id in seen.masters if kind == "ContractPrice" for price in seen.all(ContractPrice, id)]
    context = dossier(state.bill, state.results, prices, state.history) if state.bill else {}
    case = Case(
        id=case_id(NAME, seen.key, reason, detail),
        reason=reason,
        text=text[:2000],
        objects=(*(state.bill.refs() if state.bill else (Ref("Invoice", seen.key),)), *objects),
        owner=owner,
        at=seen.now,
        deadline=deadline(seen),
        money=money,
        actions=actions,
        context=context,
        suggestion=suggestion,
    )
    open_case(turn, case)


def clear(turn: Turn, action: str, actor: str = NAME, reason: str = "") -> None:
    """Close every exception that stood in the way."""
    for id in turn.state.cases:
        if reason_of(id, NAME, turn.seen.key)[0] in BLOCKING:
            close_case(turn, id, action, actor, reason)


def refresh(turn: Turn, reason: str) -> None:
    """Close an exception whose facts have changed, so that it is opened with those of now."""
    close_case(turn, case_id(NAME, turn.seen.key, reason), "superseded", NAME)


def stop(turn: Turn, reason: str, text: str, *, owner: str = "ap", suggestion: str = "") -> None:
    """Something outside of the match stands in the way; a person mends it and retries."""
    turn.become(phase="held")
    tell(turn, "exception", (reason,))
    actions = ("retry",) if isinstance(turn.state.bill, CreditNote) else ("retry", "reject")
    raise_case(turn, reason, text, owner=owner, actions=actions, suggestion=suggestion, money=owed(turn.state))
