"""What operations watch: one process's own counts, the journal's backlog, and both as text that Prometheus reads.

Counters are of this process and begin at zero with it, as Prometheus expects: add them up over all processes. What is told
about the journal is the same from every process: take the largest. No label holds content, and all have few
values. A counterpart is an instance of the network; Prometheus itself calls the process scraped "instance".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Generic, TypeVar

from msgspec import Struct

from suture.journal import Backlog, Checkpoint, Delivery, Unavailable
from suture.runtime.decide import CASES
from suture.runtime.deliver import Attempt, Delivering
from suture.runtime.wiring import Wiring
from suture.systems import Again, Awaiting, Done, Outcome, Refused
from suture.transports import Answer, Arrival

#: The bounds of the buckets of times, in seconds: 10 ms to an hour, and a day.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
#: How the state of an exception begins that is open (``decide.OpenCase``).
_OPEN = b'{"phase":"open"'
#: The states of a breaker, as numbers.
STATES = {"closed": 0, "half-open": 1, "open": 2}
_OUTCOMES: dict[type, str] = {Done: "done", Refused: "refused", Awaiting: "awaiting", Again: "again"}

T = TypeVar("T")
Labels = tuple[str, ...]


class Times:
    """A histogram: how often something took how long."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """It took so long once more; a clock that was set back counts as nothing."""
        seconds = max(0.0, seconds)
        self.buckets[sum(bound < seconds for bound in BOUNDS)] += 1
        self.sum += seconds


class Tally:
    """What one process has seen since it began; touched by the event loop alone."""

    def __init__(self) -> None:
        #: (counterpart, channel, outcome): messages that were answered.
        self.messages: Counter[Labels] = Counter()
        #: (counterpart, channel): those among them that had come before.
        self.repeats: Counter[Labels] = Counter()
        #: (counterpart, document, outcome): conversations that ended so.
        self.conversations: Counter[Labels] = Counter()
        #: (counterpart, document): from owed to done.
        self.delivered: dict[Labels, Times] = {}
        #: (counterpart,): from the first failure in a row to the next answer.
        self.recovered: dict[Labels, Times] = {}
        self._down: dict[str, datetime] = {}

    def took(self, arrivals: Iterable[Arrival], answers: Iterable[Answer]) -> None:
        """These were taken in and committed."""
        for arrival, answer in zip(arrivals, answers, strict=True):
            self.messages[arrival.instance, arrival.channel, answer.outcome] += 1
            if answer.repeated:
                self.repeats[arrival.instance, arrival.channel] += 1

    def turned_away(self, arrival: Arrival) -> None:
        """It could not be taken in; its sender is to come again."""
        self.messages[arrival.instance, arrival.channel, "busy"] += 1

    def ended(self, outcomes: Iterable[tuple[Attempt, Outcome]], now: datetime) -> None:
        """These conversations ended and were committed."""
        for attempt, outcome in outcomes:
            flow = _flow(attempt.delivery)
            self.conversations[*flow, _OUTCOMES.get(type(outcome), "unsure")] += 1
            if isinstance(outcome, Done):
                self.delivered.setdefault(flow, Times()).add((now - attempt.delivery.created).total_seconds())
            self._availability(attempt.instance.name, isinstance(outcome, Done | Refused | Awaiting), now)

    def _availability(self, instance: str, answered: bool, now: datetime) -> None:
        if not answered:
            self._down.setdefault(instance, now)
        elif since := self._down.pop(instance, None):
            self.recovered.setdefault((instance,), Times()).add((now - since).total_seconds())


def _flow(delivery: Delivery) -> Labels:
    return delivery.instance, type(delivery.document).__name__


class Standing(Struct, frozen=True):
    """How the journal and the gates stood at a moment."""

    at: datetime
    backlog: Sequence[Backlog]
    exceptions: int
    sealed: Checkpoint | None
    breakers: Mapping[str, str]
    under_way: Mapping[str, int]


def standing(wiring: Wiring, delivering: Delivering, now: datetime) -> Standing:
    """Ask the journal, in the thread of the river; raises Unavailable. Breakers are told of the instances that are ours."""
    ours = {name: gate for name, gate in delivering.gates.items() if wiring.share.delivers(name)}
    return Standing(
        at=now,
        backlog=wiring.journal.backlog(),
        exceptions=wiring.journal.count_states(CASES, _OPEN),
        sealed=wiring.journal.checkpoint(),
        breakers={name: gate.breaker.state(now) for name, gate in ours.items()},
        under_way={name: len(gate.under_way) for name, gate in ours.items()},
    )


# -- as text


def exposition(tally: Tally, stands: Standing | None, *, ready: bool) -> str:
    """The text exposition format of Prometheus, version 0.0.4. Without ``stands`` the journal did not answer."""
    lines = [
        *_plain("suture_ready", "gauge", "1 if this process is ready", ready),
        *many("suture_messages_total", "Messages answered", ("counterpart", "channel", "outcome"), tally.messages),
        *many("suture_repeats_total", "Messages that had come before", ("counterpart", "channel"), tally.repeats),
        *many("suture_conversations_total", "Conversations ended", ("counterpart", "document", "outcome"), tally.conversations),
        *times("suture_delivery_seconds", "From owed to done", ("counterpart", "document"), tally.delivered),
        *times("suture_recovery_seconds", "From the first failure to the next answer", ("counterpart",), tally.recovered),
    ]
    if stands is not None:
        lines += _stands(stands)
    return "\n".join(lines) + "\n"


def turned_away(refused: Mapping[str, int]) -> str:
    """What was refused at the door before it was taken in, by reason: an unknown channel, a wrong signature, too much at once."""
    rows: dict[Labels, float] = {(name,): float(count) for name, count in refused.items()}
    lines = many("suture_turned_away_total", "Requests refused at the door", ("reason",), rows)
    return "".join(f"{line}\n" for line in lines)


def _stands(stands: Standing) -> Iterator[str]:
    number: dict[Labels, float] = {}
    oldest: dict[Labels, float] = {}
    for row in stands.backlog:
        number[row.instance, row.status] = row.count
        oldest[row.instance, row.status] = max(0.0, (stands.at - row.oldest).total_seconds())
    names = ("counterpart", "status")
    yield from many("suture_open_deliveries", "Deliveries not at an end", names, number, "gauge")
    yield from many("suture_oldest_delivery_seconds", "Age of the oldest open delivery", names, oldest, "gauge")
    yield from _plain(
        "suture_open_exceptions", "gauge", "Open exceptions of processes, outages and reconciliation", stands.exceptions
    )
    breakers: dict[Labels, float] = {(name,): STATES[state] for name, state in stands.breakers.items()}
    yield from many("suture_breaker", "0 closed, 1 half-open, 2 open", ("counterpart",), breakers, "gauge")
    under_way: dict[Labels, float] = {(name,): count for name, count in stands.under_way.items()}
    yield from many("suture_under_way", "Conversations under way", ("counterpart",), under_way, "gauge")
    if stands.sealed is not None:
        yield from _plain("suture_sealed_events", "gauge", "Events under the last seal", stands.sealed.events)
        at = stands.sealed.at.timestamp()
        yield from _plain("suture_sealed_timestamp_seconds", "gauge", "When the last seal was made", at)


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _plain(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, text)
    yield f"{name} {_number(value)}"


def many(name: str, text: str, labels: Labels, values: Mapping[Labels, float], kind: str = "counter") -> Iterator[str]:
    """A metric of several values, one for each combination of labels."""
    if values:
        yield from _head(name, kind, text)
    for key in sorted(values):
        yield f"{name}{_labelled(labels, key)} {_number(values[key])}"


def times(name: str, text: str, labels: Labels, values: Mapping[Labels, Times]) -> Iterator[str]:
    """A histogram for each combination of labels."""
    if values:
        yield from _head(name, "histogram", text)
    for key in sorted(values):
        times = values[key]
        *within, count = accumulate(times.buckets)
        for bound, number in zip((*map(_number, BOUNDS), "+Inf"), (*within, count), strict=True):
            yield f"{name}_bucket{_labelled((*labels, 'le'), (*key, bound))} {number}"
        yield f"{name}_sum{_labelled(labels, key)} {_number(times.sum)}"
        yield f"{name}_count{_labelled(labels, key)} {count}"


def _labelled(names: Labels, values: Labels) -> str:
    said = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(said)}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


class Look(Generic[T]):
    """A question to the journal, asked once at a time; its answer is good for ``good_s`` seconds, however many ask us."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, good_s: float, patience_s: float) -> None:
        self._ask, self._good_s, self._patience_s = ask, good_s, patience_s
        self._asking: asyncio.Task[T | None] | None = None
        self._good_until = 0.0

    async def answer(self) -> T | None:
        """What it says; None if it cannot, or not in time."""
        loop = asyncio.get_running_loop()
        if self._asking is None or (self._asking.done() and loop.time() >= self._good_until):
            self._asking = loop.create_task(self._asked())
        await asyncio.wait([self._asking], timeout=self._patience_s)
        return self._asking.result() if self._asking.done() else None

    async def _asked(self) -> T | None:
        try:
            answer = await self._ask()
        except Unavailable:
            return None
        self._good_until = asyncio.get_running_loop().time() + self._good_s
        return answer
