"""Replay: every recorded decision is made again from the journal alone, and compared with what was decided then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from suture.journal import Event, Journal, Recorded
from suture.model import Decided, Document
from suture.processes import Process, Seen
from suture.processes.masters import Filed, shelf
from suture.processes.rehearsal import said

PAGE = 2000
#: Decisions kept of a replay, of those that differ and of those asked for.
MOST_KEPT = 1000


class Remade(Struct, frozen=True, kw_only=True):
    """A decision made again: where and when it was made, and what was done ``then`` and would be done ``now``."""

    position: int
    at: datetime
    process: str
    key: str
    event: str
    then: tuple[str, ...]
    now: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether it would be another one today."""
        return self.then != self.now


class Narrowed(Struct, frozen=True, kw_only=True):
    """Which decisions are asked for: about an object, in the train of an accepted message or event, by a process, in a time."""

    object: str = ""
    cause: str = ""
    process: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, decision: Event, event: Event) -> bool:
        """Whether this decision on that event is asked for."""
        decided = decision.data
        assert isinstance(decided, Decided)
        return (
            (not self.process or decided.process == self.process)
            and (self.since is None or decision.at >= self.since)
            and (self.until is None or decision.at <= self.until)
            and (not self.cause or self.cause in (event.once, event.cause, event.root))
            and (not self.object or self.object == decided.key or any(ref.id == self.object for ref in event.refs()))
        )


class Replayed(Struct, frozen=True, kw_only=True):
    """How many of the decisions asked for were made again, which differ, and, where it was narrowed, all of them."""

    decisions: int
    differences: tuple[Remade, ...]
    chosen: tuple[Remade, ...] = ()


def replay(
    journal: Journal,
    processes: Mapping[str, Process],
    *,
    tell: Callable[[int], None] = lambda _: None,
    until: int | None = None,
    only: Narrowed | None = None,
) -> Replayed:
    """Decide again in memory; nothing is written and nothing is sent.

    With the processes that decided then, every difference is a fault. With changed ones the differences are the backtest
    of the change: what it would have done on recorded traffic. ``until`` stops at a position. Everything before is decided
    again too, whatever is asked for ``only``, since a decision rests on those before it.
    """
    rehearsal = _Rehearsal(processes)
    differences: list[Remade] = []
    chosen: list[Remade] = []
    count = 0
    for done, (row, event) in enumerate(_decisions(journal, until), 1):
        remade = rehearsal.again(row, event)
        if done % 1000 == 0:
            tell(row.position)
        if only is not None and not only.holds(row.event, event):
            continue
        count += 1
        differences += [remade] if remade.differs and len(differences) < MOST_KEPT else []
        chosen += [remade] if only is not None and len(chosen) < MOST_KEPT else []
    return Replayed(decisions=count, differences=tuple(differences), chosen=tuple(chosen))


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

    def again(self, row: Recorded, event: Event) -> Remade:
        decided = row.event.data
        assert isinstance(decided, Decided)
        process = self.processes.get(decided.process)
        then = (decided.phase, *decided.effects)
        now = ("process is gone",) if process is None else self._decide(process, decided.key, row.event, event)
        return Remade(
            position=row.position,
            at=row.event.at,
            process=decided.process,
            key=decided.key,
            event=decided.event,
            then=then,
            now=now,
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
        filed = self.states.get(shelf(kind.__name__, id))
        return filed.documents if isinstance(filed, Filed) else ()
