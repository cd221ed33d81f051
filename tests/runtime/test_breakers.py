"""Breakers in the journal: whoever looks from another process sees that a counterpart is left alone, and since when."""

from __future__ import annotations

from datetime import timedelta

from suture.journal import MemoryJournal
from suture.runtime.breakers import BREAKERS, Trip, trips
from suture.runtime.deliver import Delivering
from suture.runtime.policy import Breaker
from suture.runtime.turn import turn
from suture.sandbox.still import Still
from tests.runtime.house import NOON, Peer, arrival, house, order

AWAY = ["503"] * Breaker().trips


def fail(still: Still) -> None:
    """Orders under as many keys as it takes for the breaker to open, each failing once."""
    still.accept(*(arrival(order(f"PO-{number}")) for number in range(len(AWAY))))
    still.settle()


def test_a_breaker_that_opens_is_written_down_and_that_it_closes_too() -> None:
    still, peer = house(peer=Peer(list(AWAY)))
    assert trips(still.wiring, ["peer"]) == {}
    fail(still)
    assert trips(still.wiring, ["peer"]) == {"peer": Trip(phase="open", since=NOON, failures=len(AWAY))}
    still.until(NOON + timedelta(hours=1))
    assert len(peer.kept) == len(AWAY)
    [closed] = trips(still.wiring, ["peer"]).values()
    assert closed.phase == "closed"
    assert closed.since is not None
    assert NOON < closed.since <= NOON + timedelta(hours=1)


def test_nothing_is_written_while_nothing_changes() -> None:
    still, _ = house(peer=Peer(list(AWAY)))
    fail(still)
    stored = still.wiring.journal.states([(BREAKERS, "peer")])
    still.settle()
    assert still.wiring.journal.states([(BREAKERS, "peer")]) == stored


def test_another_process_begins_with_a_closed_one_and_says_so() -> None:
    journal = MemoryJournal(b"k" * 32)
    still, _ = house(journal=journal, peer=Peer(list(AWAY)))
    fail(still)
    turn(still.wiring, Delivering(still.wiring), NOON)
    assert trips(still.wiring, ["peer"])["peer"].phase == "closed"
    # the first knows only what it wrote: it asks again, and is right again
    turn(still.wiring, still.delivering, NOON)
    still.delivering.breakers.forget()
    turn(still.wiring, still.delivering, NOON)
    assert trips(still.wiring, ["peer"])["peer"].phase == "open"
