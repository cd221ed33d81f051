"""Replay: every recorded decision is made again from the journal alone, and compared with what was decided then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from suture.journal import Event, Journal, Recorded
from suture.model import Decided, Document
from suture.processes import Process, Seen
from suture.processes.masters import Filed
from suture.processes.rehearsal import said

PAGE = 2000
DIFFERENCES_KEPT = 1000


class Difference(Struct, frozen=True, kw_only=True):
    """A decision that would be another one today: the place, and what it did then and does now."""

    position: int
    process: str
    key: str
    event: str
    then: tuple[str, ...]
    now: tuple[str, ...]


class Replayed(Struct, frozen=True, kw_only=True):
    """How many decisions were made again, and which differ."""

    decisions: int
    differences: tuple[Difference, ...]


def replay(
    journal: Journal, processes: Mapping[str, Process], *, tell: Callable[[int], None] = lambda _: None, until: int | None = None
) -> Replayed:
    """Decide again in memory; nothing is written and nothing is sent.

    With the processes that decided then, every difference is a fault. With changed ones the differences are the backtest
    of the change: what it would have done on recorded traffic. ``until`` stops at a position.
    """
    rehearsal = _Rehearsal(processes)
    differences: list[Difference] = []
    count = 0
    for row, event in _decisions(journal, until):
        difference = rehearsal.again(row, event)
        count += 1
        if difference is not None and len(differences) < DIFFERENCES_KEPT:
            differences.append(difference)
        if count % 1000 == 0:
            tell(row.position)
    return Replayed(decisions=count, differences=tuple(differences))


def _decisions(journal: Journal, until: int | None) -> Iterator[tuple[Recorded, Event]]:
    after = 0
    while page := journal.read(after, PAGE):
        decided = [row for row in page if isinstance(row.event.data, Decided) and (until is None or row.position <= until)]
        events = journal.by_once({row.event.cause for row in decided})
        for row in decided:
            yield row, events[row.event.cause].event
        after = page[-1].position
        if until is not None and after >= until:
            return


class _Rehearsal:
    """The states of all processes as the replay builds them up."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        self.processes = processes
        self.states: dict[tuple[str, str], Struct] = {}

    def again(self, row: Recorded, event: Event) -> Difference | None:
        decided = row.event.data
        assert isinstance(decided, Decided)
        process = self.processes.get(decided.process)
        then = (decided.phase, *decided.effects)
        now = ("process is gone",) if process is None else self._decide(process, decided.key, row.event, event)
        if now == then:
            return None
        return Difference(
            position=row.position, process=decided.process, key=decided.key, event=decided.event, then=then, now=now
        )

    def _decide(self, process: Process, key: str, decision: Event, event: Event) -> tuple[str, ...]:
        state = self.states.get((process.name, key)) or process.state()
        handler = process.on.get(type(event.data))
        if handler is None:
            return (f"does not hear {type(event.data).__name__}",)
        try:
            seen = Seen(
                decision.at, {(kind.__name__, id): self._filed(kind, id) for kind, id in process.needs(state, event)}, key
            )
            after, effects = handler(state, event, seen)
        except Exception as error:  # a changed process may fail on old traffic: that is a finding of the backtest
            return (f"fails: {type(error).__name__}: {error}",)
        self.states[process.name, key] = after
        return (getattr(after, "phase", ""), *(said(effect) for effect in effects))

    def _filed(self, kind: type[Document], id: str) -> Sequence[Document]:
        filed = self.states.get(("masters", f"{kind.__name__}:{id}"))
        return filed.documents if isinstance(filed, Filed) else ()
