"""How far each sender has counted: what the next message of a feed should say, kept in the journal with every message.

The watch over feeds (``processes/feeds.py``) hears a message only if its number is not the next one, and otherwise one message
of a feed in a while: what goes on as it should costs no decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from suture.formats import Running
from suture.journal import Journal
from suture.model import Numbered
from suture.rules.feeds import BEGUN, LISTEN, skips

#: Counts that are kept at hand; the journal has them all.
MOST_AT_HAND = 10_000


class Place(Struct, frozen=True, kw_only=True):
    """Where one message stands: its numbers that are not the next ones and the last of each count, the marks to be written
    with it, and whether the watch is to hear of it."""

    feed: str
    numbers: tuple[Numbered, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()
    told: bool = False


class Counting:
    """The counts of all feeds that this process takes in. Where others may take in the same feed, the journal is always asked.

    Between ``place`` and the commit nobody else may count the same feeds (``Journal.alone``): who reads an old count would write
    that something is missing which the other has just taken in.

    ``place`` forgets what it looks at until ``keep``, so that a commit that fails, or whose answer is lost, leaves nothing wrong
    behind: the journal is asked again.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._marks: dict[str, int] = {}
        self._told: dict[str, datetime] = {}
        #: Counts that came back to this number though they were far beyond it.
        self._back: dict[str, int] = {}

    def place(self, messages: Sequence[tuple[str, Sequence[Running]]], now: datetime) -> list[Place]:
        """Where messages (feed, numbers) stand that are committed together; among them nobody is late."""
        found: list[list[Numbered]] = [[] for _ in messages]
        marks: dict[str, int] = {}
        for count, numbers in _by_count(messages).items():
            mark = self._mark(count)
            for index, running in numbers if self._begins_again(count, numbers, mark) else sorted(numbers, key=_number):
                again = self._begins_again(count, [(index, running)], mark)
                self._back[count] = running.number
                found[index].append(Numbered(running.number, 1 if again else mark, running.series))
                mark = running.number if again else max(mark, running.number)
            marks[count] = mark
        return self._told_of(messages, found, marks, now)

    def keep(self, places: Sequence[Place], now: datetime) -> None:
        """What was placed has been written."""
        if len(self._marks) > MOST_AT_HAND:
            self._marks.clear()
            self._back.clear()
        for place in places:
            self._marks.update(place.marks)
            if place.told:
                self._told[place.feed] = now

    def forget(self) -> None:
        """Ask the journal again: what was kept may not have been written after all."""
        self._marks.clear()
        self._told.clear()
        self._back.clear()

    def _mark(self, count: str) -> int:
        mark = self._marks.pop(count, None)
        return self._journal.cursor(count) if mark is None or self._journal.shared else mark

    def _begins_again(self, count: str, numbers: Sequence[tuple[int, Running]], mark: int) -> bool:
        """Whether a 2 follows a 1 here, below what has come; near the beginning that is somebody who was late."""
        row = [self._back.get(count, 0), *(running.number for _, running in numbers)]
        return mark > BEGUN and any(pair == (1, 2) for pair in pairwise(row))

    def _told_of(
        self, messages: Sequence[tuple[str, Sequence[Running]]], found: list[list[Numbered]], marks: dict[str, int], now: datetime
    ) -> list[Place]:
        places: list[Place] = []
        listened = {feed: at for feed, _ in messages if (at := self._told.get(feed))}
        for (feed, numbers), placed in zip(messages, found, strict=True):
            odd = [number for number in placed if number.number <= number.after or skips(number)]
            told = bool(odd) or feed not in listened or now - listened[feed] >= LISTEN
            if told:
                listened[feed] = now
            last = {number.series: number for number in placed}.values()
            places.append(
                Place(
                    feed=feed,
                    numbers=tuple(dict.fromkeys((*odd, *last))),
                    marks=tuple((count, marks[count]) for count in dict.fromkeys(_count(feed, each) for each in numbers)),
                    told=told,
                )
            )
        return places


def _by_count(messages: Sequence[tuple[str, Sequence[Running]]]) -> dict[str, list[tuple[int, Running]]]:
    """The numbers of each count with the message that they stand in, in the order in which they came."""
    found: dict[str, list[tuple[int, Running]]] = defaultdict(list)
    for index, (feed, numbers) in enumerate(messages):
        for running in numbers:
            found[_count(feed, running)].append((index, running))
    return found


def _count(feed: str, running: Running) -> str:
    return f"count/{feed}/{running.series}"


def _number(placed: tuple[int, Running]) -> int:
    return placed[1].number
