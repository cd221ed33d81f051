"""The process dies at every commit, before it is written or before it hears so; the next one ends the day all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from suture.journal import Committed, Journal, Unit
from suture.model import Decision, Ref
from suture.processes.rehearsal import START
from suture.runtime.clock import ManualClock
from suture.runtime.command import command
from suture.sandbox.still import Still
from suture.views import exceptions, history, ledger
from tests.small_network import Peers, arrivals, small_network, started, story

*MESSAGES, PAID = arrivals(story(1))


class Died(BaseException):
    """The process is gone."""


class Brittle:
    """A journal whose process dies at one of its commits."""

    def __init__(self, journal: Journal, at: int, written: bool) -> None:
        self.journal, self.left, self.written = journal, at, written

    def __getattr__(self, name: str) -> object:
        return getattr(self.journal, name)

    def commit(self, units: Sequence[Unit]) -> Sequence[Committed]:
        """Write, unless this is where the process dies."""
        self.left -= 1
        if self.left == 0 and not self.written:
            raise Died
        answers = self.journal.commit(units)
        if self.left == 0:
            raise Died
        return answers


def day(still: Still, peers: Peers, brittle: Brittle) -> Still:
    """All messages; who was not answered says it again to the process that comes after. The bank speaks of what it has."""
    for message in [*MESSAGES, PAID, None]:
        if message is PAID and not peers.told("bank"):
            continue
        try:
            _step(still, message)
        except Died:
            still = started(brittle.journal, peers, ManualClock(still.clock.now()))
            _step(still, message)
    return still


def _step(still: Still, message: object) -> None:
    if message is None:
        still.until(START + timedelta(hours=12))
    else:
        still.accept(message)  # type: ignore[arg-type]  # one of MESSAGES
        still.settle()


def lived(at: int, *, written: bool) -> tuple[Still, Peers, Brittle]:
    """A day on which the process dies at its n-th commit; at 0 it lives."""
    still, peers = small_network()
    brittle = Brittle(still.wiring.journal, at, written)
    dying = started(brittle, peers, ManualClock(START))  # type: ignore[arg-type]  # all but commit is the journal's own
    return day(dying, peers, brittle), peers, brittle


def phases(still: Still) -> dict[str, str]:
    """Where every conversation stands."""
    decoders = still.wiring.state_decoders
    return {
        f"{name}/{state.key}": getattr(decoders[name].decode(state.data), "phase", "")
        for name in still.wiring.processes
        for state in still.wiring.journal.scan_states(name)
    }


def told(peers: Peers) -> dict[str, list[str]]:
    """What each was told, in whatever order; what it says of the time depends on when."""
    return {name: sorted(path for path, _ in peers.told(name)) for name in peers.taken}


WHOLE, WHOLE_PEERS, UNBROKEN = lived(0, written=True)
COMMITS = -UNBROKEN.left


def test_the_day_has_steps_enough() -> None:
    assert COMMITS > 20
    assert set(phases(WHOLE).values()) >= {"ordered", "received", "paid", "settled"}


def asked(still: Still) -> None:
    """Whether the payment left is in doubt, and the bank never speaks of it: it has not gone again, a person finds out."""
    still.until(START + timedelta(days=3))
    (doubtful,) = still.wiring.journal.open_deliveries("bank")
    case = next(row for row in exceptions(history(still.wiring.journal)) if Ref("Delivery", doubtful.id) in row.case.objects)
    assert case.case.reason == "no_word"
    decision = Decision(
        id="D1",
        subject=Ref("Case", case.case.id),
        verb="release",
        actor="treasurer-1",
        at=still.clock.now(),
        reason="the bank says that it has nothing",
        position=case.position,
    )
    command(still.wiring, decision, still.clock.now())
    still.settle()
    _step(still, PAID)


@pytest.mark.parametrize("written", [False, True], ids=["not written", "written"])
def test_dying_at_any_step_loses_and_doubles_nothing(written: bool) -> None:
    for at in range(1, COMMITS + 1):
        still, peers, _ = lived(at, written=written)
        where = f"after dying at commit {at}"
        if in_doubt := not peers.told("bank"):
            asked(still)
        assert phases(still) == phases(WHOLE), where
        assert told(peers) == told(WHOLE_PEERS), where
        assert in_doubt or exceptions(history(still.wiring.journal)) == [], where
        assert ledger(history(still.wiring.journal)).balanced, where
