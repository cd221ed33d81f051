"""Commits numbered units without end and prints each number after its commit has returned; made to be killed.

Usage: ``python -m tests.journal.committer ADDRESS``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from suture.journal import Delivery, Journal, Route, State, Timer, Unit, open_journal
from tests.journal.units import KEY, delivery, event, later

UNITS_PER_COMMIT = 7


def unit(number: int) -> Unit:
    """One unit that touches every table."""
    return Unit(
        events=[event(f"e{number}")],
        routes=[Route(0, "matching", f"k{number}")],
        states=[State("matching", "all", number, b"%d" % number), State("matching", f"k{number}", 1, b"x")],
        deliveries=[delivery(f"d{number}")],
        timers=[Timer("matching", f"k{number}", "t", later(number))],
        cursors=[("view", number)],
    )


def written(journal: Journal) -> tuple[Sequence[str], Sequence[Delivery], int]:
    """Onces, deliveries and the last number that the journal holds; fails if it holds any unit in part."""
    onces = [recorded.event.once for recorded in journal.read(0, 1_000_000)]
    last = len(onces)
    assert onces == [f"e{number}" for number in range(1, last + 1)]
    deliveries = journal.open_deliveries(limit=1_000_000)
    assert [(each.id, each.number) for each in deliveries] == [(f"d{number}", number) for number in range(1, last + 1)]
    counts = journal.counts()
    assert (counts["work"], counts["timers"], journal.cursor("view")) == (last, last, last)
    states = journal.states([("matching", "all"), *(("matching", f"k{number}") for number in range(1, last + 1))])
    assert len(states) == last + bool(last)
    assert not last or states["matching", "all"].version == last
    assert last % UNITS_PER_COMMIT == 0, "half a commit"
    return onces, deliveries, last


def main(address: str) -> None:
    """Go on where the journal ends, for ever."""
    journal = open_journal(address, KEY)
    last = journal.cursor("view")
    while True:
        journal.commit([unit(number) for number in range(last + 1, last + UNITS_PER_COMMIT + 1)])
        last += UNITS_PER_COMMIT
        print(last, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
