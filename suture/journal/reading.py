"""The reading half of a journal in SQL: one set of queries for both databases.

A query is written with ``:name`` for a value and ``(:names...)`` for a list of texts; each database has its own way to say them.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from suture.journal import rows
from suture.journal.journal import Journal
from suture.journal.records import Backlog, Checkpoint, Delivery, Recorded, State, Timer, Work
from suture.journal.rows import DELIVERIES, HAS_ENDED, IS_OPEN, WAITS, Row
from suture.journal.shelves import Keys
from suture.model import Ref

_T = TypeVar("_T")

_DELIVERIES = f"select {', '.join(DELIVERIES)} from deliveries"
_FIRST_OF_ITS_KEY = f"""not exists (
    select 1 from deliveries earlier
    where earlier.instance = d.instance and earlier.key = d.key and earlier.sequence < d.sequence and earlier.{IS_OPEN})"""
_CHECKPOINTS = "select position, events, head, at, signature from checkpoints"

_SCAN_STATES = """select process, key, version, data from states
where process = :process and key > :after order by key limit :limit"""
# the choice is made on the index alone; only what was chosen is fetched from the table
_DUE_DELIVERIES = f"""{_DELIVERIES} where sequence in (
    select d.sequence from deliveries d
    where d.{IS_OPEN} and d.status in (:statuses...) and d.due <= :now and d.instance not in (:shut...) and {_FIRST_OF_ITS_KEY}
    order by d.priority, d.sequence limit :limit)
order by priority, sequence"""
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
_NEXT_DUE = f"""select min(due) from (
    select due from (select min(due) as due from timers) as timer
    union all
    select due from (
        select d.due from deliveries d where d.{WAITS} and {_FIRST_OF_ITS_KEY} order by d.due limit 1) as delivery
) as waits"""
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


class Reading(Journal):
    """Everything a journal answers from its tables; a database adds how it is asked, and how facts are read without a gap."""

    _keys: Keys
    _key: bytes

    @abstractmethod
    def _rows(self, query: str, **values: str | int | list[str]) -> list[Row]:
        """The rows that a query finds; raises Unavailable."""

    @abstractmethod
    def _work(self, partitions: list[int], limit: int) -> list[Row]:
        """(id, process, key, position, body) in order of id."""

    @abstractmethod
    def _states(self, keys: list[tuple[str, str]]) -> list[Row]:
        """(process, key, version, data) of these (process, key)."""

    def work(self, partitions: Iterable[int], limit: int) -> list[Work]:
        return rows.works(self._work(list(partitions), limit), self._key)

    def states(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], State]:
        return {(state.process, state.key): state for state in rows.states(self._states(list(keys)), self._key)}

    def scan_states(self, process: str, after: str = "", limit: int = 1000) -> list[State]:
        return rows.states(self._rows(_SCAN_STATES, process=process, after=after, limit=limit), self._key)

    def deliveries(
        self, now: datetime, limit: int, statuses: Sequence[str] = ("queued", "unknown"), exclude: Iterable[str] = ()
    ) -> list[Delivery]:
        due = self._rows(_DUE_DELIVERIES, now=rows.micros(now), statuses=list(statuses), shut=list(exclude), limit=limit)
        return rows.deliveries(due, self._key)

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
        [(due,)] = self._rows(_NEXT_DUE)
        return None if due is None else rows.instant(due)

    def read(self, after: int, limit: int) -> list[Recorded]:
        return rows.recorded(self.bodies(after, limit), self._key)

    def find(self, ref: Ref, limit: int = 1000) -> list[Recorded]:
        return rows.recorded(self._rows(_FIND, id=ref.id, type=ref.type, limit=limit), self._key)

    def names(self, prefix: str, limit: int = 10) -> list[str]:
        found = (id for (id,) in self._rows(_NAMES, prefix=prefix, limit=limit))
        return list(itertools.takewhile(lambda id: id.startswith(prefix), found))[:limit]

    def by_once(self, onces: Iterable[str]) -> dict[str, Recorded]:
        found = rows.recorded(self._rows(_BY_ONCE, onces=list(onces)), self._key)
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

    def repeats(self) -> Mapping[str, int]:
        return dict(self._rows(_REPEATS))

    def counts(self) -> Mapping[str, int]:
        return dict(self._rows(_COUNTS))

    def undecided(self, most: int) -> int:
        return int(self._rows(_UNDECIDED, most=most)[0][0])

    def backlog(self) -> list[Backlog]:
        return [Backlog(instance, status, count, rows.instant(at)) for instance, status, count, at in self._rows(_BACKLOG)]


def _first(found: Sequence[_T]) -> _T | None:
    return found[0] if found else None
