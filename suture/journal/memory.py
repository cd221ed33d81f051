"""The journal in memory: the plain reading of the law, one unit after the other, for tests and simulation."""

from __future__ import annotations

import heapq
import itertools
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from suture.journal import blobs
from suture.journal.drafts import Draft, draft
from suture.journal.journal import Journal
from suture.journal.locks import keyed, unlock
from suture.journal.records import (
    OPEN,
    Backlog,
    Beat,
    Checkpoint,
    Committed,
    Delivery,
    DeliveryStatus,
    Fenced,
    Recorded,
    Settlement,
    State,
    Timer,
    Unit,
    Work,
    behind,
)
from suture.journal.rows import partition_of, work_id
from suture.journal.shelves import Keys, keys_of
from suture.model import Document, Ref, decode, encode

_ABSENT = object()
#: (process, key, name) of a timer.
_Name = tuple[str, str, str]


class MemoryJournal(Journal):
    """Holds everything in dicts and forgets it at the end; see ``Journal`` for the law of each method."""

    shared = False

    def __init__(self, key: bytes | Keys | None = None, partitions: int = 16) -> None:
        """``key`` encrypts blobs as elsewhere; without one a key is made up."""
        self.partitions = partitions
        self._keys = keys_of(key or os.urandom(blobs.KEY_BYTES))
        self._key = self._keys.master
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._events: dict[int, tuple[Recorded, bytes]] = {}
        self._onces: dict[str, int] = {}
        self._refs: dict[str, dict[tuple[int, str], None]] = {}
        self._work: dict[int, Work] = {}
        self._states: dict[tuple[str, str], State] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._lanes: dict[tuple[str, str], dict[int, str]] = {}
        self._timers: dict[_Name, Timer] = {}
        self._alarms: list[tuple[datetime, _Name]] = []
        self._cursors: dict[str, int] = {}
        self._checkpoints: dict[int, Checkpoint] = {}
        self._blobs: dict[str, bytes] = {}
        self._repeats: dict[str, int] = {}
        self._counters: dict[str, int] = {}

    # -- writing

    def commit(self, units: Sequence[Unit]) -> list[Committed]:
        drafts = [draft(unit, self._keys) for unit in units]
        try:
            results = [self._add(each) for each in drafts]
            return [self._sent_off(each, result) for each, result in zip(drafts, results, strict=True)]
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._undo.clear()

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set a value, or remove it with _ABSENT, remembering what was there."""
        self._undo.append((table, key, table.get(key, _ABSENT)))
        if value is _ABSENT:
            table.pop(key, None)
        else:
            table[key] = value

    def _roll_back(self) -> None:
        for table, key, before in reversed(self._undo):
            if before is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = before
        # what was removed and put back stands at the end of its dict, and the order of work counts
        self._work = dict(sorted(self._work.items()))

    def _count(self, name: str, by: int = 1) -> int:
        value = self._counters.get(name, 0) + by
        self._put(self._counters, name, value)
        return value

    def _add(self, draft: Draft) -> Committed:
        repeated = next((event.once for event in draft.events if event.once in self._onces), "")
        if repeated:
            self._put(self._repeats, repeated, self._repeats.get(repeated, 0) + 1)
            return Committed(repeated=repeated)
        positions = self._add_events(draft)
        self._finish(draft.unit.done)
        self._add_states(draft.unit.states)
        for change in draft.unit.settlements:
            self._settle(change)
        for delivery in draft.unit.deliveries:
            self._add_delivery(delivery)
        self._add_timers(draft.unit)
        self._add_rest(draft)
        return Committed(positions=positions)

    def _sent_off(self, draft: Draft, result: Committed) -> Committed:
        """When all is written: which of the new deliveries go out at once, and which stand behind another."""
        asked = [each.id for each in draft.unit.deliveries if each.status == "sending" and not result.repeated]
        new = [self._deliveries[id] for id in asked if self._deliveries[id].status == "sending"]
        first = {each.id for each in new if each.sequence == min(self._lanes[each.instance, each.key])}
        for each in new:
            if each.id not in first:
                self._file(behind(each))
        return msgspec.structs.replace(result, sending={each.id: each.number for each in new if each.id in first})

    def _add_events(self, draft: Draft) -> tuple[int, ...]:
        positions = []
        for event, body, refs in zip(draft.events, draft.bodies, draft.refs, strict=True):
            position = self._count("position")
            positions.append(position)
            self._put(self._events, position, (Recorded(position, event), body))
            self._put(self._onces, event.once, position)
            for ref in refs:
                self._put(self._refs.setdefault(ref.id, {}), (position, ref.type), None)
        for number, route in sorted(enumerate(draft.unit.routes), key=lambda pair: (pair[1].event, pair[0])):
            id = work_id(positions[route.event], number)
            work = Work(id, route.process, route.key, positions[route.event], draft.events[route.event])
            self._put(self._work, id, work)
        return tuple(positions)

    def _finish(self, done: Sequence[int]) -> None:
        for id in done:
            if id not in self._work:
                raise Fenced(f"work {id} is gone")
            self._put(self._work, id, _ABSENT)

    def _add_states(self, states: Sequence[State]) -> None:
        for state in states:
            here = self._states.get((state.process, state.key))
            if state.version != (here.version if here else 0) + 1:
                raise Fenced(f"state {state.process}/{state.key} moved on")
            self._put(self._states, (state.process, state.key), state)

    def _add_delivery(self, delivery: Delivery) -> None:
        if delivery.id in self._deliveries:
            raise Fenced(f"delivery {delivery.id} exists")
        number = self._count(f"number/{delivery.instance}")
        self._file(msgspec.structs.replace(delivery, number=number, sequence=self._count("sequence")))

    def _settle(self, change: Settlement) -> None:
        here = self._deliveries.get(change.id)
        if here is None or (here.status, here.attempts) != (change.was, change.attempts_was):
            raise Fenced(f"delivery {change.id} moved on")
        after = msgspec.structs.replace(
            here,
            status=change.status,
            attempts=change.attempts,
            due=change.due,
            reference=change.reference or here.reference,
            note=change.note,
            document=change.document or here.document,
        )
        self._file(after)

    def _file(self, delivery: Delivery) -> None:
        self._put(self._deliveries, delivery.id, delivery)
        lane = self._lanes.setdefault((delivery.instance, delivery.key), {})
        self._put(lane, delivery.sequence, delivery.id if delivery.status in OPEN else _ABSENT)
        if not lane:
            self._put(self._lanes, (delivery.instance, delivery.key), _ABSENT)

    def _add_timers(self, unit: Unit) -> None:
        for process, key, name, due in unit.fired:
            here = self._timers.get((process, key, name))
            if here is None or here.due != due:
                raise Fenced(f"timer {process}/{key}/{name} is not there")
            self._put(self._timers, (process, key, name), _ABSENT)
        for timer in unit.timers:
            name_ = (timer.process, timer.key, timer.name)
            self._put(self._timers, name_, timer if timer.due else _ABSENT)
            if timer.due:
                heapq.heappush(self._alarms, (timer.due, name_))

    def _add_rest(self, draft: Draft) -> None:
        for address, sealed in draft.blobs:
            self._put(self._blobs, address, self._blobs.get(address, sealed))
        for name, position in draft.unit.cursors:
            self._put(self._cursors, name, position)
        for seal in draft.unit.checkpoints:
            if seal.position in self._checkpoints:
                raise Fenced(f"a seal at {seal.position} exists")
            self._put(self._checkpoints, seal.position, seal)

    # -- reading

    def work(self, partitions: Iterable[int], limit: int) -> list[Work]:
        wanted = set(partitions)
        mine = (work for work in self._work.values() if partition_of(work.process, work.key, self.partitions) in wanted)
        return list(itertools.islice(mine, limit))

    def states(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], State]:
        return {key: self._opened(self._states[key]) for key in keys if key in self._states}

    def scan_states(self, process: str, after: str = "", limit: int = 1000) -> list[State]:
        found = (state for state in self._states.values() if state.process == process and state.key > after)
        return [self._opened(state) for state in heapq.nsmallest(limit, found, key=lambda state: state.key)]

    def _opened(self, state: State) -> State:
        return msgspec.structs.replace(state, data=unlock(self._key, state.data))

    def deliveries(
        self, now: datetime, limit: int, statuses: Sequence[str] = ("queued", "unknown"), exclude: Iterable[str] = ()
    ) -> list[Delivery]:
        shut = set(exclude)
        first = (head for head in self._heads() if head.status in statuses and head.due <= now and head.instance not in shut)
        return heapq.nsmallest(limit, first, key=lambda delivery: (delivery.priority, delivery.sequence))

    def _heads(self) -> Iterable[Delivery]:
        return (self._deliveries[lane[min(lane)]] for lane in self._lanes.values() if lane)

    def delivery(self, id: str) -> Delivery | None:
        return self._deliveries.get(id)

    def awaiting(self, instance: str, reference: str) -> Delivery | None:
        found = (
            delivery
            for delivery in self.open_deliveries(instance, "awaiting", limit=len(self._deliveries))
            if delivery.reference == reference
        )
        return next(found, None)

    def open_deliveries(self, instance: str = "", status: str = "", limit: int = 1000) -> list[Delivery]:
        found = (
            self._deliveries[id]
            for (owner, _), lane in self._lanes.items()
            if owner == instance or not instance
            for id in lane.values()
        )
        narrowed = (delivery for delivery in found if delivery.status == status or not status)
        return heapq.nsmallest(limit, narrowed, key=lambda delivery: delivery.sequence)

    def owed(self, roots: Iterable[str], limit: int = 1000) -> list[Delivery]:
        wanted = set(roots)
        found = self.open_deliveries(limit=len(self._deliveries))
        return [delivery for delivery in found if delivery.root in wanted][:limit]

    def scan_deliveries(self, instance: str, after: int = 0, limit: int = 1000) -> list[Delivery]:
        found = (each for each in self._deliveries.values() if each.instance == instance and each.sequence > after)
        return heapq.nsmallest(limit, found, key=lambda delivery: delivery.sequence)

    def timers(self, now: datetime, limit: int) -> list[Timer]:
        found: dict[_Name, Timer] = {}
        while len(found) < limit and self._alarms and self._alarms[0][0] <= now:
            due, name = heapq.heappop(self._alarms)
            timer = self._timers.get(name)
            if timer is not None and timer.due == due:
                found[name] = timer
        for timer in found.values():
            self._rearm(timer)
        return list(found.values())

    def _rearm(self, timer: Timer) -> None:
        assert timer.due is not None
        heapq.heappush(self._alarms, (timer.due, (timer.process, timer.key, timer.name)))

    def next_due(self) -> datetime | None:
        waiting = [head.due for head in self._heads() if head.status in ("queued", "unknown", "awaiting")]
        while self._alarms:
            due, name = self._alarms[0]
            if name in self._timers and self._timers[name].due == due:
                waiting.append(due)
                break
            heapq.heappop(self._alarms)
        return min(waiting, default=None)

    def read(self, after: int, limit: int) -> list[Recorded]:
        return [self._events[position][0] for position in self._range(after, limit)]

    def latest(self) -> int:
        return len(self._events)

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        return [(position, self._events[position][1]) for position in self._range(after, limit)]

    def _range(self, after: int, limit: int) -> range:
        # positions have no gaps here
        first = max(after, 0) + 1
        return range(first, min(first + limit, len(self._events) + 1))

    def find(self, ref: Ref, limit: int = 1000) -> list[Recorded]:
        about = self._refs.get(ref.id, {})
        positions = sorted({position for position, type in about if type == ref.type or not ref.type})
        return [self._events[position][0] for position in positions[:limit]]

    def names(self, prefix: str, limit: int = 10) -> list[str]:
        return heapq.nsmallest(limit, (id for id, about in self._refs.items() if about and id.startswith(prefix)))

    def by_once(self, onces: Iterable[str]) -> dict[str, Recorded]:
        return {once: self._events[self._onces[once]][0] for once in onces if once in self._onces}

    def cursor(self, name: str) -> int:
        return self._cursors.get(name, 0)

    def checkpoint(self) -> Checkpoint | None:
        return self._checkpoints[max(self._checkpoints)] if self._checkpoints else None

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        positions = sorted(position for position in self._checkpoints if position > after)
        return [self._checkpoints[position] for position in positions[:limit]]

    def blob(self, address: str) -> bytes:
        return self._keys.open(address, self._blobs[address])

    def opened(self, document: Document) -> Document:
        return decode(unlock(self._key, encode(document)))

    def keyed(self, text: str) -> str:
        return keyed(self._key, text)

    def repeats(self) -> Mapping[str, int]:
        return dict(self._repeats)

    def counts(self) -> Mapping[str, int]:
        by_status = Counter(f"deliveries.{delivery.status}" for delivery in self._deliveries.values())
        sizes = {"events": len(self._events), "work": len(self._work), "timers": len(self._timers), "blobs": len(self._blobs)}
        return {**sizes, **by_status, "repeats": sum(self._repeats.values())}

    def backlog(self) -> list[Backlog]:
        found: dict[tuple[str, DeliveryStatus], list[datetime]] = {}
        for delivery in self.open_deliveries(limit=len(self._deliveries)):
            found.setdefault((delivery.instance, delivery.status), []).append(delivery.created)
        return [Backlog(*each, len(created), created[0]) for each, created in sorted(found.items())]

    def undecided(self, most: int) -> int:
        return min(len(self._work), most)

    def count_states(self, process: str, beginning: bytes) -> int:
        return sum(state.process == process and state.data.startswith(beginning) for state in self._states.values())

    def beat(self, worker: str, roles: Sequence[str], wanted: Iterable[str], within_s: float) -> Beat:
        return Beat(held=frozenset(wanted), members=((worker, tuple(roles)),), partitions=self.partitions)

    def wait(self, timeout_s: float) -> bool:
        return False

    def close(self) -> None:
        """Nothing to release: what is in memory stays until the journal is forgotten."""
