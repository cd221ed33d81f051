"""Many units folded into one set of rows: repeats left out, and what follows from the order of units settled in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence

import msgspec

from suture.journal.drafts import Draft
from suture.journal.records import Committed, Delivery, Fenced, Settlement, Timer
from suture.journal.rows import Row, checkpoint_row, delivery_row, event_row, micros, partition_of, work_id

#: (process, key, name) of a timer.
Name = tuple[str, str, str]


class Repeated(Exception):
    """Some of what is to be written stands in the journal already, or may: look which before it is folded again."""


class Batch:
    """The rows of one commit; raises Fenced where units contradict each other."""

    def __init__(self, first: int, known: Container[str], partitions: int) -> None:
        """``first`` is the next free position, ``known`` the onces of this commit that the journal already holds."""
        self.repeats: Counter[str] = Counter()
        self.next = first
        self._known, self._fresh, self._partitions = known, set[str](), partitions
        self._answers: list[Committed] = []
        self._events: list[Row] = []
        #: (id, type, position, role)
        self._refs: list[Row] = []
        #: (id, partition, process, key)
        self._work: list[Row] = []
        self._blobs: dict[str, bytes] = {}
        self._done: set[int] = set()
        self._states: dict[tuple[str, str], tuple[int, int, bytes]] = {}
        self._deliveries: dict[str, tuple[Delivery, bytes]] = {}
        #: Those that are to go out at once, with the place of their unit among the answers.
        self._sending: dict[str, int] = {}
        self._settled: dict[str, tuple[Settlement, Settlement, bytes]] = {}
        self._fired: dict[Name, int] = {}
        self._timers: dict[Name, Timer] = {}
        self._cursors: dict[str, int] = {}
        self._seals: dict[int, Row] = {}

    def add(self, draft: Draft) -> None:
        """Fold one more unit in, or answer it as a repeat."""
        unit = draft.unit
        repeated = next((event.once for event in unit.events if event.once in self._known or event.once in self._fresh), "")
        if repeated:
            self.repeats[repeated] += 1
            self._answers.append(Committed(repeated=repeated))
            return
        self._add_events(draft)
        self._add_done(draft)
        self._add_states(draft)
        self._add_settlements(draft)
        self._add_deliveries(draft)
        self._add_timers(draft)
        self._blobs.update(draft.blobs)
        self._cursors.update(unit.cursors)
        self._add_seals(draft)

    def sending(self) -> list[str]:
        """The new deliveries that are to go out at once, unless an open one stands before them under their key."""
        return [id for id in self._sending if self._deliveries[id][0].status == "sending"]

    def answers(self, sending: Mapping[str, int], first: int = 0) -> list[Committed]:
        """What became of each unit, where these deliveries go out at once, by id with their numbers.

        ``first`` is what positions were counted from, if that was not known.
        """
        told = [dict[str, int]() for _ in self._answers]
        for id, number in sending.items():
            told[self._sending[id]][id] = number
        return [
            Committed(tuple(first + position for position in answer.positions), answer.repeated, going)
            for answer, going in zip(self._answers, told, strict=True)
        ]

    def tables(self) -> Mapping[str, Sequence[Row]]:
        """The rows of each table that gets any, in the order in which they are written.

        Where a table is changed each row must be found as expected: ``done``, ``moved``, ``settled`` and ``fired`` change exactly
        as many rows as they have, and ``begun``, ``deliveries`` and ``seals`` add as many; fewer mean Fenced.
        """
        tables: dict[str, Sequence[Row]] = {
            "events": self._events,
            "refs": self._refs,
            "work": self._work,
            "blobs": list(self._blobs.items()),
            "repeats": list(self.repeats.items()),
            "done": [(id,) for id in self._done],
            "begun": self._begun(),
            "moved": self._moved(),
            "settled": self._settlements(),
            "deliveries": [delivery_row(*new) for new in self._deliveries.values()],
            "fired": [(*name, due) for name, due in self._fired.items()],
            "armed": self._armed(),
            # they need not be there, but must not stay
            "cancelled": [name for name, timer in self._timers.items() if timer.due is None],
            "cursors": list(self._cursors.items()),
            "seals": list(self._seals.values()),
        }
        return {table: rows for table, rows in tables.items() if rows}

    def _begun(self) -> list[Row]:
        """New states: (process, key, version, data)."""
        return [(*key, version, data) for key, (was, version, data) in self._states.items() if was == 0]

    def _moved(self) -> list[Row]:
        """Changed states: (version, data, process, key, version expected)."""
        return [(version, data, *key, was) for key, (was, version, data) in self._states.items() if was > 0]

    def _armed(self) -> list[Row]:
        """Timers that begin or move: (process, key, name, due, cause, root)."""
        return [(*name, micros(timer.due), timer.cause, timer.root) for name, timer in self._timers.items() if timer.due]

    def _settlements(self) -> list[Row]:
        """Changed deliveries: (status, attempts, due, reference or "", note, document or b"", id, status was, attempts were)."""
        return [
            (last.status, last.attempts, micros(last.due), last.reference, last.note, document, id, first.was, first.attempts_was)
            for id, (first, last, document) in self._settled.items()
        ]

    # -- folding

    def _add_events(self, draft: Draft) -> None:
        positions = tuple(range(self.next, self.next + len(draft.events)))
        self.next += len(positions)
        for position, event, body, refs in zip(positions, draft.events, draft.bodies, draft.refs, strict=True):
            self._fresh.add(event.once)
            self._events.append(event_row(position, event, body))
            self._refs += [(ref.id, ref.type, position, ref.role) for ref in refs]
        for number, route in enumerate(draft.unit.routes):
            partition = partition_of(route.process, route.key, self._partitions)
            self._work.append((work_id(positions[route.event], number), partition, route.process, route.key))
        self._answers.append(Committed(positions=positions))

    def _add_done(self, draft: Draft) -> None:
        for id in draft.unit.done:
            if id in self._done:
                raise Fenced(f"work {id} is done twice")
            self._done.add(id)

    def _add_states(self, draft: Draft) -> None:
        for state in draft.unit.states:
            key = (state.process, state.key)
            was, version, _ = self._states.get(key, (state.version - 1, state.version - 1, b""))
            if state.version != version + 1 or was < 0:
                raise Fenced(f"state {state.process}/{state.key} cannot go from version {version} to {state.version}")
            self._states[key] = (was, state.version, state.data)

    def _add_deliveries(self, draft: Draft) -> None:
        for delivery, document in zip(draft.unit.deliveries, draft.documents, strict=True):
            if delivery.id in self._deliveries:
                raise Fenced(f"delivery {delivery.id} exists")
            if delivery.status == "sending":
                self._sending[delivery.id] = len(self._answers) - 1
            self._deliveries[delivery.id] = (delivery, document)

    def _add_settlements(self, draft: Draft) -> None:
        for change, document in zip(draft.unit.settlements, draft.repairs, strict=True):
            if change.id in self._deliveries:
                self._settle_new(change, document)
            else:
                self._settle(change, document)

    def _settle_new(self, change: Settlement, document: bytes) -> None:
        delivery, before = self._deliveries[change.id]
        _follows(change, delivery.status, delivery.attempts)
        after = msgspec.structs.replace(
            delivery,
            status=change.status,
            attempts=change.attempts,
            due=change.due,
            reference=change.reference or delivery.reference,
            note=change.note,
        )
        self._deliveries[change.id] = (after, document or before)

    def _settle(self, change: Settlement, document: bytes) -> None:
        earlier = self._settled.get(change.id)
        if earlier is None:
            self._settled[change.id] = (change, change, document)
            return
        first, last, before = earlier
        _follows(change, last.status, last.attempts)
        kept = msgspec.structs.replace(change, reference=change.reference or last.reference)
        self._settled[change.id] = (first, kept, document or before)

    def _add_timers(self, draft: Draft) -> None:
        for process, key, name, due in draft.unit.fired:
            self._fire((process, key, name), micros(due))
        for timer in draft.unit.timers:
            self._timers[timer.process, timer.key, timer.name] = timer

    def _fire(self, name: Name, due: int) -> None:
        here = self._timers.get(name)
        if here is not None:
            if here.due is None or micros(here.due) != due:
                raise Fenced(f"timer {'/'.join(name)} is not there")
            self._timers[name] = msgspec.structs.replace(here, due=None)
        elif name in self._fired:
            raise Fenced(f"timer {'/'.join(name)} fired twice")
        else:
            self._fired[name] = due

    def _add_seals(self, draft: Draft) -> None:
        for seal in draft.unit.checkpoints:
            if seal.position in self._seals:
                raise Fenced(f"a seal at {seal.position} exists")
            self._seals[seal.position] = checkpoint_row(seal)


def _follows(change: Settlement, status: str, attempts: int) -> None:
    if (change.was, change.attempts_was) != (status, attempts):
        raise Fenced(f"delivery {change.id} is not {change.was} after {change.attempts_was} attempts")
