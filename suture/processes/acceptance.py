"""The judgement over all orders of a claim, and who accepts what does not match: then the ledger, then the day it is due."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from suture.model import CreditNote, Decision, Person
from suture.processes.cases import within
from suture.processes.claim import (
    MOVED,
    Claim,
    Told,
    Turn,
    bill_of,
    clear,
    creator_of,
    entity_of,
    note,
    owed,
    raise_case,
    refresh,
    requesters_of,
    send,
    stop,
    tell,
)
from suture.processes.course import in_force
from suture.processes.process import Wait
from suture.processes.release import await_due, tainted
from suture.rules.dossiers import at_stake
from suture.rules.match_reasons import advice_for, owner_of, text_of
from suture.rules.payments import ACCEPTERS, accept_fault, duty_conflict
from suture.rules.tolerances import NAME as TOLERANCES
from suture.rules.tolerances import tolerances
from suture.rules.totals import Verdict, verdict

OPEN = ("new", "waiting", "exception")


def judge(turn: Turn) -> None:
    """Join the answers of all orders and let the claim go on, wait, or stop."""
    state = turn.state
    if state.bill is None or state.phase == "rejected":
        return
    found = verdict_of(turn)
    if state.phase in MOVED:
        _regret(turn, found.outcome, found.reasons)
        return
    if found.outcome == "matched" or covered(state, found):
        if state.phase in OPEN:
            _go_on(turn, () if found.outcome == "matched" else ("accepted",))
    elif found.outcome == "waiting":
        hold_back(turn, found)
    else:
        object_to(turn, found)


def _go_on(turn: Turn, reasons: tuple[str, ...]) -> None:
    turn.want(Wait(name="receipt_overdue", until=None))
    clear(turn, "accepted" if reasons else "matched")
    if not reasons:  # whoever accepted a difference has no part in what is none
        turn.become(accepted_by=(), accepted=None)
        if not turn.state.erp:
            tell(turn, "matched")
    if turn.state.erp == "done":
        posted(turn)
    else:
        to_ledger(turn, reasons)


def _regret(turn: Turn, outcome: str, reasons: tuple[str, ...]) -> None:
    """The money is moving or gone when the match is lost: nothing is called back, but a person must know."""
    if outcome == "exception" and turn.state.phase != "returned" and not covered(turn.state, verdict_of(turn)):
        text = f"it no longer matches, and it is {turn.state.phase}: {text_of(reasons)}"
        suggestion = "ask the supplier for a credit note or a refund"
        raise_case(turn, "match_lost", text, suggestion=suggestion, money=owed(turn.state))


def posted(turn: Turn) -> None:
    """The ledger has it. A credit note has arrived; one that corrects no invoice stays on the supplier's account."""
    bill = bill_of(turn)
    turn.become(phase="posted")
    clear(turn, "posted")
    tell(turn, "posted")
    if not isinstance(bill, CreditNote):
        due(turn)
    elif not bill.corrects:
        suggestion = "ask for a refund, or set it against the next invoice"
        raise_case(turn, "credit_on_account", "the credit names no invoice", suggestion=suggestion, money=bill.total)


def due(turn: Turn) -> None:
    """Wait for the day or pay, after a last look at who accepted it: what they may not have accepted is judged again."""
    if tainted(turn):
        turn.become(phase="exception")
        judge(turn)
    else:
        await_due(turn)


def accept(turn: Turn, decision: Decision) -> None:
    """One person accepts the differences; the exception stays open until enough different people have."""
    state, found, actor = turn.state, verdict_of(turn), decision.actor
    if not still_accepted(state, found):
        turn.become(accepted_by=())
    before, amount = turn.state.accepted_by, owed(state)
    policy, person = in_force(turn.seen, "approval_limits"), turn.seen.one(Person, actor)
    fault = duty_conflict(actor, creator_of(turn), requesters_of(state), before)
    fault = fault or accept_fault(policy.values if policy else {}, amount, actor, person, entity_of(state))
    if fault is not None:
        raise_case(turn, fault.code, fault.text, owner="treasury", detail=actor, suggestion="another person has to accept it")
        return
    turn.become(accepted_by=(*before, actor), accepted=found)
    note(turn, f"accepted by {actor}: {decision.reason}")
    if covered(turn.state, found):
        clear(turn, "accept", actor, decision.reason)
    judge(turn)


def reject(turn: Turn, decision: Decision) -> None:
    """It will not be paid; what it held of its orders is free again. What the ledger has already, a person reverses."""
    reasons = turn.state.told.reasons if turn.state.told else ()
    clear(turn, "reject", decision.actor, decision.reason)
    turn.become(phase="rejected")
    turn.want(*(Wait(name=name, until=None) for name in ("receipt_overdue", "release_overdue", "due")))
    note(turn, f"rejected by {decision.actor}: {decision.reason}")
    tell(turn, "rejected", reasons)
    if turn.state.erp:
        suggestion = "reverse the posting in the ERP, or ask the supplier for a credit note"
        raise_case(turn, "reverse_posting", "it was posted before it was rejected", suggestion=suggestion, money=owed(turn.state))


def retry(turn: Turn, decision: Decision) -> None:
    """What stood in the way is mended: look at everything again, and ask again where people release."""
    clear(turn, "retry", decision.actor, decision.reason)
    note(turn, f"retried by {decision.actor}: {decision.reason}")
    turn.become(phase="exception", released_by=())
    judge(turn)


def verdict_of(turn: Turn) -> Verdict:
    """Where the claim stands now, under the tolerances in force for its supplier."""
    bill = bill_of(turn)
    return verdict(bill, turn.state.results, tolerances(in_force(turn.seen, TOLERANCES), bill.supplier))


def covered(state: Claim, found: Verdict) -> bool:
    """Whether enough people have accepted these differences, and these have not grown since."""
    accepters = 1 if isinstance(state.bill, CreditNote) else ACCEPTERS
    return len(state.accepted_by) >= accepters and still_accepted(state, found)


def still_accepted(state: Claim, found: Verdict) -> bool:
    """Whether what was accepted is what stands now, or more than that."""
    if state.accepted is None or not set(found.reasons) <= set(state.accepted.reasons):
        return False
    return _amount(found) <= _amount(state.accepted)


def _amount(found: Verdict) -> Decimal:
    return found.variance.amount if found.variance else Decimal(0)


def object_to(turn: Turn, found: Verdict) -> None:
    """It does not match: an exception with everything a clerk wants to know."""
    reason = "no_order" if "no_order" in found.reasons else "match_exception"
    if turn.state.phase != "exception" or turn.state.told != Told("exception", found.reasons):
        for former in ("match_exception", "no_order", "receipt_overdue"):
            refresh(turn, former)
    turn.become(phase="exception")
    turn.want(Wait(name="receipt_overdue", until=None))
    tell(turn, "exception", found.reasons)
    credit = isinstance(turn.state.bill, CreditNote)
    raise_case(
        turn,
        reason,
        text_of(found.reasons),
        owner=owner_of(found.reasons),
        actions=("accept",) if credit else ("accept", "reject"),
        suggestion=advice_for(found.reasons),
        money=at_stake(bill_of(turn), found.variance),
    )


def hold_back(turn: Turn, found: Verdict) -> None:
    """It may match by itself when the order or the goods are there; not for ever."""
    for former in ("match_exception", "no_order"):
        refresh(turn, former)
    if turn.state.phase != "waiting":
        turn.become(phase="waiting")
        turn.want(Wait(name="receipt_overdue", until=turn.seen.now + within(turn.seen, "receipt_hours")))
    if found.reasons != ("match_awaited",):  # which is over in a moment
        tell(turn, "waiting", found.reasons)


def overdue(turn: Turn) -> None:
    """The goods have not come for too long."""
    found = verdict_of(turn)
    credit = isinstance(turn.state.bill, CreditNote)
    raise_case(
        turn,
        "receipt_overdue",
        f"still waiting: {text_of(found.reasons)}",
        owner="ap" if credit else "supply_chain",
        actions=("accept",) if credit else ("accept", "reject"),
        suggestion=advice_for(found.reasons),
        money=at_stake(bill_of(turn), found.variance),
    )


def to_ledger(turn: Turn, reasons: Sequence[str]) -> None:
    """Approved: the ERP posts it, once."""
    entity = entity_of(turn.state)
    if not entity:
        stop(
            turn, "entity_unknown", "nothing says which entity owes it", suggestion="ask the supplier to name the bill-to entity"
        )
        return
    turn.become(phase="approved")
    tell(turn, "approved", reasons)
    if not turn.state.erp:
        turn.become(erp="sent")
        send(turn, "erp", structs.replace(bill_of(turn), entity=entity))
