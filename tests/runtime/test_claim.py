"""A claim whose commit got no answer: nothing was said to anybody, and nobody is left waiting for a word about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from suture.journal import Committed, Fenced, Journal, MemoryJournal, Unavailable, Unit
from suture.sandbox.still import Still
from suture.systems import OutcomeClass
from tests.runtime.house import NOON, Peer, arrival, house, order


class Mute:
    """A journal that writes a claim and does not answer, as a database does whose primary dies at that moment."""

    def __init__(self, journal: Journal) -> None:
        self.journal, self.mute = journal, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.journal, name)

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        """Write; the first commits that claim something end without an answer."""
        answers = self.journal.commit(units)
        claims = any(each.status == "sending" for unit in units for each in (*unit.settlements, *unit.deliveries))
        if claims and self.mute:
            self.mute -= 1
            raise Unavailable("the server went away")
        return answers


def interrupted(outcome: OutcomeClass, script: list[str] | None = None) -> tuple[Still, Peer, Mute]:
    """The service at the moment when the answer to its next claim is lost."""
    mute = Mute(MemoryJournal(b"k" * 32))
    still, peer = house(outcome, journal=mute, peer=Peer(script=script or []))  # type: ignore[arg-type]  # all else is the journal's
    still.accept(arrival(order("PO-1")))
    return still, peer, mute


@pytest.mark.parametrize("outcome", ["key", "lookup", "readback", "statement", "none"])
def test_what_was_claimed_and_never_said_goes_out_without_doubt(outcome: OutcomeClass) -> None:
    still, peer, mute = interrupted(outcome)
    mute.mute = 1
    with pytest.raises(Unavailable):
        still.settle()
    assert peer.keys == []
    assert still.delivering.recover(NOON) == 1
    still.settle()
    assert peer.kept == ["PO-1"], "said once, and nobody was asked whether it had been"
    assert peer.asked == 0


def test_a_doubt_from_before_stays_a_doubt() -> None:
    still, peer, mute = interrupted("statement", ["silent"])
    still.settle()
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries()] == ["unknown"]
    still.clock.move_to(NOON + timedelta(minutes=5))
    mute.mute = 1
    with pytest.raises(Unavailable):
        still.settle()
    still.delivering.recover(still.clock.now())
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries()] == ["unknown"]
    still.settle()
    assert [delivery.status for delivery in still.wiring.journal.open_deliveries()] == ["awaiting"]
    assert len(peer.keys) == 1, "what may have been said is not said again"


def test_another_process_finds_it_in_doubt() -> None:
    still, peer, mute = interrupted("statement")
    mute.mute = 1
    with pytest.raises(Unavailable):
        still.settle()
    after = Still(still.wiring, still.clock, {"peer": peer.handle})
    after.settle()
    assert [delivery.status for delivery in after.wiring.journal.open_deliveries()] == ["awaiting"]
    assert peer.keys == [], "it cannot know that nothing was said"


def test_what_was_to_go_with_the_commit_that_owes_it_goes_out_without_doubt_when_that_got_no_answer() -> None:
    still, peer, mute = interrupted("none")
    still.settle()
    still.accept(arrival(order("PO-2")))
    mute.mute = 1
    with pytest.raises(Unavailable):
        still.settle()
    assert [(delivery.key, delivery.status) for delivery in still.wiring.journal.open_deliveries()] == [("PO-2", "sending")]
    assert still.delivering.recover(NOON) == 1
    still.settle()
    assert peer.kept == ["PO-1", "PO-2"]


def test_what_went_with_a_commit_in_a_turn_that_was_fenced_later_goes_out_without_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    still, peer, _ = interrupted("none")
    still.settle()
    still.accept(arrival(order("PO-2")))

    def overtaken(now: object) -> None:
        raise Fenced("somebody else was there")

    with monkeypatch.context() as patch:
        patch.setattr(still.delivering, "tell", overtaken)
        with pytest.raises(Fenced):
            still.settle()
    assert still.delivering.recover(NOON) == 1
    still.settle()
    assert peer.kept == ["PO-1", "PO-2"]
