"""Every message may come five times and before what it follows from: the day ends as if each had come once, in order."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import Decision, Document, Invoice, Ref
from suture.processes.rehearsal import START
from suture.runtime.command import command
from suture.runtime.replay import replay
from suture.sandbox.still import Still
from suture.transports import Arrival
from suture.views import exceptions, history, ledger
from tests.small_network import Peers, arrivals, small_network, story

PURCHASES = (1, 2)
DOCUMENTS = [document for number in PURCHASES for document in story(number)]
MESSAGES = arrivals(DOCUMENTS)
#: A bank cannot speak of a payment before it has heard of it.
AFTERWARDS = [message for message in MESSAGES if message.instance == "bank"]
#: Nobody here acknowledges an interchange: a day later that would be told.
EVENING = START + timedelta(hours=12)


def run(messages: list[Arrival], *, together: int = 1) -> tuple[Still, Peers]:
    """These messages in this order, so many at a time, until the evening."""
    still, peers = small_network()
    say(still, [message for message in messages if message not in AFTERWARDS], together)
    say(still, [message for message in messages if message in AFTERWARDS], together)
    still.until(EVENING)
    return still, peers


def say(still: Still, messages: list[Arrival], together: int = 1) -> None:
    """Messages arrive, so many at a time."""
    for start in range(0, len(messages), together):
        still.accept(*messages[start : start + together])
        still.settle()


def binding(peers: Peers) -> dict[str, Counter[tuple[str, bytes]]]:
    """What each peer was told that binds it; news of where something stands may be fewer or more."""
    return {
        name: Counter(line for line in peers.told(name) if not line[0].endswith("/status") and "expected" not in line[0])
        for name in peers.taken
    }


def standing(still: Still) -> dict[str, str]:
    """In which phase each conversation has ended; the watch over feeds looks at messages, of which a refused one is one."""
    decoders = still.wiring.state_decoders
    return {
        f"{name}/{state.key}": getattr(decoders[name].decode(state.data), "phase", "")
        for name in still.wiring.processes
        if name not in ("masters", "feeds")
        for state in still.wiring.journal.scan_states(name)
    }


def totals(peers: Peers) -> dict[str, Counter[str]]:
    """How many documents of each kind a peer was told that bind it."""
    return {name: Counter(path for path, _ in told.elements()) for name, told in binding(peers).items()}


@cache
def once() -> tuple[Still, Peers]:
    """The day as it is written in the book."""
    return run(MESSAGES)


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_end_is_the_same(dice: random.Random, together: int) -> None:
    messages = [message for message in MESSAGES for _ in range(dice.randint(1, 5))]
    dice.shuffle(messages)
    still, peers = run(messages, together=together)
    assert standing(still) == standing(once()[0])
    assert totals(peers) == totals(once()[1])
    for name in ("erp", "bank", "supplier"):
        assert all(times == 1 for times in binding(peers)[name].values()), f"{name} was told something twice"
    assert exceptions(history(still.wiring.journal)) == []
    assert sum(still.wiring.journal.repeats().values()) == len(messages) - len(MESSAGES)
    balance = ledger(history(still.wiring.journal))
    assert balance.balanced
    assert balance.accepted == len(DOCUMENTS)


def test_each_is_paid_once_and_every_decision_can_be_made_again() -> None:
    still, peers = once()
    assert len(peers.told("bank")) == len(PURCHASES)
    assert set(standing(still).values()) >= {"ordered", "received", "paid", "settled"}
    again = replay(still.wiring.journal, still.wiring.processes)
    assert (again.decisions > 50, again.differences) == (True, ())


@pytest.mark.parametrize("first", ["portal", "edi"])
def test_one_bill_by_two_routes_is_one_payable_and_one_exception(first: str) -> None:
    (bill,) = [document for document in story(1) if isinstance(document, Invoice)]
    routes = sorted(("portal", "edi"), reverse=first == "portal")
    copies: list[Document] = [structs.replace(bill, route=route) for route in routes]
    others: list[Document] = [document for document in story(1) if document is not bill]
    still, peers = run(arrivals([*others[:-1], *copies, others[-1]]))
    assert totals(peers)["erp"]["/api/supplier-invoices"] == 1
    assert len(peers.told("bank")) == 1
    assert [row.case.reason for row in exceptions(history(still.wiring.journal))] == ["duplicate_invoice"]


def test_a_poisoned_message_stops_nothing_and_goes_on_when_repaired() -> None:
    poisoned, *rest = [message for message in MESSAGES if message not in AFTERWARDS]
    broken = structs.replace(poisoned, raw=poisoned.raw.replace(b'"10"', b'"ten"'))
    assert broken.raw != poisoned.raw
    still, peers = run([broken, *rest])
    assert totals(peers)["erp"]["/api/purchase-orders"] == 1
    assert len(peers.told("bank")) == 1
    case = next(row for row in exceptions(history(still.wiring.journal)) if row.case.reason == "refused_message")
    decision = Decision(
        id="D1",
        subject=Ref("Case", case.case.id),
        verb="repair",
        actor="ops",
        at=START,
        reason="a number is a number",
        position=case.position,
    )
    command(still.wiring, decision, still.clock.now(), raw=poisoned.raw)
    still.settle()
    say(still, AFTERWARDS)
    assert standing(still) == standing(once()[0])
    assert totals(peers) == totals(once()[1])
    assert exceptions(history(still.wiring.journal)) == []
