"""The reading half of a journal in SQL: one set of queries for both databases.

A query is written with ``:name`` for a value and ``(:names...)`` for a list of texts; each database has its own way to say them.
"""

from __future__ import annotations

import heapq
import itertools
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from suture.journal import rows
from suture.journal.journal import Journal
from suture.journal.locks import keyed, unlock
from suture.journal.records import Backlog, Checkpoint, Delivery, Recorded, State, Timer, Unavailable, Unit, Work
from suture.journal.rows import DELIVERIES, HAS_ENDED, IS_OPEN, WAITING, WAITS, Row
from suture.journal.shelves import Keys
from suture.model import Document, Ref, decode, encode

if TYPE_CHECKING:
    from suture.journal.parquet import Archive

_T = TypeVar("_T")

_DELIVERIES = f"select {', '.join(DELIVERIES)} from deliveries"
# one step on the index each; as "not exists" PostgreSQL may read the whole backlog for every row
_FIRST_OF_ITS_KEY = f"""d.sequence = (
    select min(e.sequence) from deliveries e where e.instance = d.instance and e.key = d.key and e.{IS_OPEN})"""
#: Up to so many keys with open deliveries an instance has few.
FEW_KEYS = 64
_CHECKPOINTS = "select position, events, head, at, signature from checkpoints"

_SCAN_STATES = """select process, key, version, data from states
where process = :process and key > :after order by key limit :limit"""
# A head is the first open delivery of its key. Where an instance has few keys they are found key by key, in steps on the index,
# so that what waits behind a head costs nothing; an instance whose last key was not reached (id is NULL at the end) has many.
_HEADS = f"""with recursive busy (instance) as (
    select min(instance) from deliveries where {IS_OPEN}
    union all
    select (select min(d.instance) from deliveries d where d.{IS_OPEN} and d.instance > busy.instance)
    from busy where instance is not null
), lane (instance, key, number) as (
    select instance, (select min(d.key) from deliveries d where d.{IS_OPEN} and d.instance = busy.instance), 1
    from busy where instance is not null and instance not in (:shut...)
    union all
    select instance,
        (select min(d.key) from deliveries d where d.{IS_OPEN} and d.instance = lane.instance and d.key > lane.key), number + 1
    from lane where key is not null and number <= :few
)
select head.instance, d.status, d.due, d.priority, d.sequence, d.id from (
    select instance, (
        select min(d.sequence) from deliveries d where d.{IS_OPEN} and d.instance = lane.instance and d.key = lane.key) as first
    from lane) as head left join deliveries d on d.sequence = head.first"""
# Where it has many, most are heads: walked in order, until there are enough.
_WALKED = f"""select d.priority, d.sequence, d.id from deliveries d
where d.{IS_OPEN} and d.instance = :instance and d.status = :status and d.due <= :now and {_FIRST_OF_ITS_KEY}
order by d.priority, d.sequence limit :limit"""
_THESE = f"{_DELIVERIES} where id in (:ids...)"
_DELIVERY = f"{_DELIVERIES} where id = :id"
_AWAITING = f"""{_DELIVERIES}
where status = 'awaiting' and instance = :instance and reference = :reference order by sequence limit 1"""
# "+ 0" keeps the databases from walking the whole history, which is in this order, to find the few that are open
_OPEN_DELIVERIES = f"""{_DELIVERIES} where sequence in (
    select sequence from deliveries
    where {IS_OPEN} and :instance in ('', instance) and :status in ('', status) order by sequence + 0 limit :limit)
order by sequence + 0"""
_OWED = f"""{_DELIVERIES} where sequence in (
    select sequence from deliveries where {IS_OPEN} and root in (:roots...) order by sequence + 0 limit :limit)
order by sequence + 0"""
_SCAN_DELIVERIES = f"{_DELIVERIES} where instance = :instance and sequence > :after order by sequence limit :limit"
_TIMERS = """select process, key, name, due, cause, root from timers
where due <= :now order by due, process, key, name limit :limit"""
_ALARM = "select min(due) from timers"
_WAITS_FOR = f"""select min(due) from (
    select d.due from deliveries d where d.{WAITS} and d.instance in (:many...) and {_FIRST_OF_ITS_KEY}
    order by d.due limit 1) as waits"""
_FIND = """select position, body from events where position in (
    select distinct position from refs where id = :id and :type in ('', type) order by position limit :limit)
order by position + 0"""
# from one id to the next on the index: however often an object is spoken of, it costs one step
_NAMES = """with recursive named (id, number) as (
    select min(id), 1 from refs where id >= :prefix
    union all
    select (select min(id) from refs where refs.id > named.id), number + 1 from named where id is not null and number < :limit)
select id from named where id is not null"""
_BY_ONCE = "select position, body from events where once in (:onces...)"
#: Where the bodies of old events are, if they are not here any more, and how far they went.
_ARCHIVE = "select value from meta where name = 'archive'"
_KEEP_AT = "insert into meta (name, value) values ('archive', :place) on conflict (name) do update set value = excluded.value"
_MOVED = "moved to the archive"
_PAGE_TO = "select max(position) from (select position from events where position > :after order by position limit 1000) as page"
# an empty body: what is written is never empty
_LET_GO = """update events set body = substr(body, 1, 0)
where position > :after and position <= :upto and body <> substr(body, 1, 0)"""
_CURSOR = "select position from cursors where name = :name"
_CHECKPOINT = f"{_CHECKPOINTS} order by position desc limit 1"
_CHECKPOINTS_AFTER = f"{_CHECKPOINTS} where position > :after order by position limit :limit"
_BLOB = "select sealed from blobs where address = :address"
_REPEATS = "select once, times from repeats"
_UNDECIDED = "select count(*) from (select id from work order by id limit :most) as waiting"
_COUNTS = f"""select 'events', count(*) from events
union all select 'work', count(*) from work
union all select 'timers', count(*) from timers
union all select 'blobs', count(*) from blobs
union all select 'repeats', cast(coalesce(sum(times), 0) as bigint) from repeats
union all select 'deliveries.' || status, count(*) from deliveries where {IS_OPEN} group by status
union all select 'deliveries.' || status, count(*) from deliveries where {HAS_ENDED} group by status"""


# the oldest is found on the index, and only its row is fetched
_BACKLOG = f"""select o.instance, o.status, o.number, d.created from (
    select instance, status, count(*) as number, min(sequence) as sequence from deliveries where {IS_OPEN}
    group by instance, status) o join deliveries d on d.sequence = o.sequence order by o.instance, o.status"""


class _Head(NamedTuple):
    """What decides whether the first open delivery of a key may go now."""

    status: str
    due: int
    priority: int
    sequence: int
    id: str


class Reading(Journal):
    """Everything a journal answers from its tables; a database adds how it is asked, and how facts are read without a gap."""

    _keys: Keys
    _key: bytes
    _archive: Archive | None = None

    @abstractmethod
    def _rows(self, query: str, **values: str | int | list[str]) -> list[Row]:
        """The rows that a query finds; raises Unavailable."""

    @abstractmethod
    def _write(self, statement: str, **values: str | int) -> int:
        """Run one statement in a transaction of its own; returns how many rows it wrote; raises Unavailable."""

    @abstractmethod
    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        """(id, process, key, position, body) in order of id."""

    @abstractmethod
    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        """(process, key, version, data) of these (process, key)."""

    def work(self, partitions: Iterable[int], limit: int) -> list[Work]:
        return rows.works(self._whole(self._work(list(partitions), limit)), self._key)

    def states(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], State]:
        return {(state.process, state.key): state for state in rows.states(self._states(list(keys)), self._key)}

    def scan_states(self, process: str, after: str = "", limit: int = 1000) -> list[State]:
        return rows.states(self._rows(_SCAN_STATES, process=process, after=after, limit=limit), self._key)

    def deliveries(
        self, now: datetime, limit: int, statuses: Sequence[str] = ("queued", "unknown"), exclude: Iterable[str] = ()
    ) -> list[Delivery]:
        moment, (heads, many) = rows.micros(now), self._heads(list(exclude))
        due = [(head.priority, head.sequence, head.id) for head in heads if head.status in statuses and head.due <= moment]
        for instance, status in itertools.product(many, statuses):
            due += self._rows(_WALKED, instance=instance, status=status, now=moment, limit=limit)
        chosen = [id for _, _, id in heapq.nsmallest(limit, due)]
        found = rows.deliveries(self._rows(_THESE, ids=chosen) if chosen else [], self._key)
        # another process may have moved one on since it was chosen
        still = (delivery for delivery in found if delivery.status in statuses and delivery.due <= now)
        return sorted(still, key=lambda delivery: (delivery.priority, delivery.sequence))

    def _heads(self, shut: list[str]) -> tuple[list[_Head], list[str]]:
        """The heads of all instances but these that have few keys, and the names of those that have many."""
        found = self._rows(_HEADS, shut=shut, few=FEW_KEYS)
        few = {instance for instance, *_, id in found if id is None}
        heads = [_Head(*head) for instance, *head in found if instance in few and head[-1] is not None]
        return heads, sorted({instance for instance, *_ in found} - few)

    def delivery(self, id: str) -> Delivery | None:
        return _first(rows.deliveries(self._rows(_DELIVERY, id=id), self._key))

    def awaiting(self, instance: str, reference: str) -> Delivery | None:
        return _first(rows.deliveries(self._rows(_AWAITING, instance=instance, reference=reference), self._key))

    def open_deliveries(self, instance: str = "", status: str = "", limit: int = 1000) -> list[Delivery]:
        return rows.deliveries(self._rows(_OPEN_DELIVERIES, instance=instance, status=status, limit=limit), self._key)

    def owed(self, roots: Iterable[str], limit: int = 1000) -> list[Delivery]:
        return rows.deliveries(self._rows(_OWED, roots=list(roots), limit=limit), self._key)

    def scan_deliveries(self, instance: str, after: int = 0, limit: int = 1000) -> list[Delivery]:
        return rows.deliveries(self._rows(_SCAN_DELIVERIES, instance=instance, after=after, limit=limit), self._key)

    def timers(self, now: datetime, limit: int) -> list[Timer]:
        return rows.timers(self._rows(_TIMERS, now=rows.micros(now), limit=limit))

    def next_due(self) -> datetime | None:
        heads, many = self._heads([])
        waits = [head.due for head in heads if head.status in WAITING]
        asked = [self._rows(_ALARM), self._rows(_WAITS_FOR, many=many) if many else []]
        waits += [due for (due,) in itertools.chain(*asked) if due is not None]
        return rows.instant(min(waits)) if waits else None

    def read(self, after: int, limit: int) -> list[Recorded]:
        return rows.recorded(self.bodies(after, limit), self._key)

    def find(self, ref: Ref, limit: int = 1000) -> list[Recorded]:
        return rows.recorded(self._whole(self._rows(_FIND, id=ref.id, type=ref.type, limit=limit)), self._key)

    def names(self, prefix: str, limit: int = 10) -> list[str]:
        found = (id for (id,) in self._rows(_NAMES, prefix=prefix, limit=limit))
        return list(itertools.takewhile(lambda id: id.startswith(prefix), found))[:limit]

    def by_once(self, onces: Iterable[str]) -> dict[str, Recorded]:
        found = rows.recorded(self._whole(self._rows(_BY_ONCE, onces=list(onces))), self._key)
        return {recorded.event.once: recorded for recorded in found}

    def cursor(self, name: str) -> int:
        found = self._rows(_CURSOR, name=name)
        return int(found[0][0]) if found else 0

    def checkpoint(self) -> Checkpoint | None:
        return _first(rows.checkpoints(self._rows(_CHECKPOINT)))

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        return rows.checkpoints(self._rows(_CHECKPOINTS_AFTER, after=after, limit=limit))

    def blob(self, address: str) -> bytes:
        found = self._rows(_BLOB, address=address)
        if not found:
            raise KeyError(address)
        return self._keys.open(address, found[0][0])

    def opened(self, document: Document) -> Document:
        return decode(unlock(self._key, encode(document)))

    def keyed(self, text: str) -> str:
        return keyed(self._key, text)

    def repeats(self) -> Mapping[str, int]:
        return dict(self._rows(_REPEATS))

    def counts(self) -> Mapping[str, int]:
        return dict(self._rows(_COUNTS))

    def undecided(self, most: int) -> int:
        return int(self._rows(_UNDECIDED, most=most)[0][0])

    def backlog(self) -> list[Backlog]:
        return [Backlog(instance, status, count, rows.instant(at)) for instance, status, count, at in self._rows(_BACKLOG)]

    # -- what has moved to the archive

    def moved(self) -> int:
        """The position up to which the bodies of events are in the archive only; 0 if none are."""
        return self.cursor(_MOVED)

    def let_go(self, place: Path, upto: int) -> int:
        """Empty the bodies of events up to a position, which are read from the archive at ``place`` from now on.

        Returns how many went. Whoever calls has seen that they are there: see ``moving``. Raises Unavailable; called again, it
        goes on where it ended.
        """
        self._write(_KEEP_AT, place=str(place))
        after, gone = self.moved(), 0
        while after < upto:
            [(last,)] = self._rows(_PAGE_TO, after=after)
            last = min(last, upto)
            gone += self._write(_LET_GO, after=after, upto=last)
            self.commit([Unit(cursors=[(_MOVED, last)])])
            after = last
        return gone

    def _whole(self, found: list[Row]) -> list[Row]:
        """Rows that end in position and body, each with its body, wherever that is."""
        gone = [row[-2] for row in found if not row[-1]]
        if not gone:
            return found
        kept = self._kept(gone)
        return [row if row[-1] else (*row[:-1], kept[row[-2]]) for row in found]

    def _kept(self, positions: list[int]) -> dict[int, bytes]:
        [(place,)] = self._rows(_ARCHIVE)
        try:
            # pyarrow is an extra: only who lets events move needs it
            from suture.journal.parquet import Archive, NotThisArchive
        except ImportError:
            raise Unavailable(f"old events are in the archive {place}: pip install 'suture[archive]'") from None
        try:
            opened = self._archive
            if opened is None or opened.target != Path(place) or opened.mark.position < max(positions):
                opened = self._archive = Archive(Path(place))
            return opened.these(positions)
        except (NotThisArchive, OSError) as error:
            self._archive = None
            raise Unavailable(f"old events are in the archive {place}, which cannot be used: {error}") from None


def _first(found: Sequence[_T]) -> _T | None:
    return found[0] if found else None
