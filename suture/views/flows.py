"""Flows: for each way in what came, what had come before, and what became of all that it led to, in five numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from suture.journal import Recorded
from suture.journal.rows import instant, micros
from suture.kpis.tables import opened
from suture.model import Decided, Decision, Delivered, MessageReceived, Owed, Parked, Repaired

TABLES = """
create table flows (number integer primary key, instance text not null, channel text not null, unique (instance, channel));
create table passed (
    id text primary key, flow integer not null, peer text not null, kind text not null, about text not null, state text not null,
    again integer not null default 0, at integer not null, ended integer
) without rowid;
create index passed_ended on passed (peer, ended) where ended is not null;
create index passed_by on passed (flow, state, at);
create index passed_again on passed (flow, at) where again;
create table passes (
    flow integer, peer text, kind text, state text, number integer not null, primary key (flow, peer, kind, state)
) without rowid;
create table flow_days (
    flow integer, day integer, received integer not null, sent integer not null, errored integer not null,
    primary key (day, flow)
) without rowid;
"""
#: The five numbers, and which states of messages and deliveries each counts; ``filtered`` counts what came again.
FIVE: Mapping[str, tuple[str, ...]] = {
    "received": ("accepted", "rejected", "held"),
    "filtered": (),
    "queued": ("queued",),
    "sent": ("sent",),
    "errored": ("rejected", "held", "refused", "parked"),
}
Five = Literal["received", "filtered", "queued", "sent", "errored"]
#: What has no message at its beginning: what people and the network itself have said.
OURSELVES = "suture"
#: Deliveries of one counterpart from which its latency is told, the latest.
LATEST = 500

_ARRIVED = {"accepted": "accepted", "refused": "rejected", "parked": "held"}
_ENDED = {"done": "sent", "refused": "refused", "parked": "parked", "cancelled": "cancelled"}
#: Microseconds of a day, and what a state that is reached adds to the day: (received, sent, errored).
DAY = 86_400_000_000
_ADDS = {
    "accepted": (1, 0, 0),
    "rejected": (1, 0, 1),
    "held": (1, 0, 1),
    "sent": (0, 1, 0),
    "refused": (0, 0, 1),
    "parked": (0, 0, 1),
}
_ADD = """insert into flow_days values (?, ?, ?, ?, ?) on conflict do update set
received = received + excluded.received, sent = sent + excluded.sent, errored = errored + excluded.errored"""
_PASS = """insert into passes values (?, ?, ?, ?, ?)
on conflict do update set number = number + excluded.number"""


class Flow(Struct, frozen=True, kw_only=True):
    """One way in: messages received, those recognised as having come before, and the deliveries that it led to: waiting, made,
    and failed (with messages that were not accepted)."""

    instance: str
    channel: str
    received: int
    filtered: int
    queued: int
    sent: int
    errored: int


class Leg(Struct, frozen=True, kw_only=True):
    """What a way in led to: one kind of document, brought to one counterpart."""

    peer: str
    kind: str
    queued: int
    sent: int
    errored: int


class Passed(Struct, frozen=True, kw_only=True):
    """One message or delivery behind a number; ``again`` is how often it came again."""

    about: str
    kind: str
    peer: str
    state: str
    again: int
    at: datetime


class Latency(Struct, frozen=True, kw_only=True):
    """How long deliveries took: half of them within ``median``, nineteen in twenty within ``slow``."""

    number: int
    median: timedelta
    slow: timedelta


class FlowDay(Struct, frozen=True):
    """One day (UTC, its beginning): messages received, deliveries made, and how often one or the other failed."""

    day: datetime
    received: int
    sent: int
    errored: int


class Flows:
    """The fold: ``enter`` every event in order; not safe for two threads."""

    def __init__(self, db: sqlite3.Connection | None = None) -> None:
        """Flows in a database that holds ``TABLES``; without one, empty ones in memory."""
        self._ask = opened(TABLES, db).execute

    def enter(self, row: Recorded) -> None:
        """Take one event into the flows."""
        event, data = row.event, row.event.data
        if isinstance(data, MessageReceived):
            kind = ", ".join(dict.fromkeys(data.kinds)) or data.format
            self._put(
                event.once, self._number(data.instance, data.channel), data.instance, kind, data.number or data.id, event.at
            )
            self._move(event.once, _ARRIVED[data.outcome], event.at)
        match data:
            case MessageReceived(owes=owes) | Decided(owes=owes) | Repaired(owes=owes):
                self._owe(owes, event.root, event.at)
            case Delivered(delivery=delivery, outcome=outcome):
                self._move(delivery, _ENDED[outcome], data.at)
                if outcome == "done":
                    self._ask("update passed set ended = ? where id = ?", (micros(data.at), delivery))
            case Decision(verb="release" | "repair", subject=subject) if subject.type == "Delivery":
                self._again_queued(subject.id, event.at)
            case _ if event.kind == "accepted" and event.root != event.once and not isinstance(data, Parked):
                self._released(_message(event.root), event.at)

    def came_again(self, repeats: Mapping[str, int]) -> None:
        """How often these messages have come again by now."""
        for once, times in repeats.items():
            self._ask("update passed set again = ? where id = ? and again <> ?", (times, once, times))

    # -- what it tells

    def all(self) -> list[Flow]:
        """Every way in, by name."""
        states: dict[int, dict[str, int]] = {}
        for flow, state, count in self._ask("select flow, state, sum(number) from passes group by 1, 2"):
            states.setdefault(flow, {})[state] = count
        again = dict(self._ask("select flow, sum(again) from passed where again group by 1").fetchall())
        rows = self._ask("select number, instance, channel from flows order by instance, channel").fetchall()
        return [Flow(instance=of, channel=by, **_five(states.get(flow, {}), again.get(flow, 0))) for flow, of, by in rows]

    def legs(self, instance: str, channel: str) -> list[Leg]:
        """What one way in led to, by counterpart and kind."""
        states: dict[tuple[str, str], dict[str, int]] = {}
        query = """select peer, kind, state, passes.number from passes join flows on flows.number = flow
        where instance = ? and channel = ? and state not in ('accepted', 'rejected', 'held') order by 1, 2"""
        for peer, kind, state, count in self._ask(query, (instance, channel)):
            states.setdefault((peer, kind), {})[state] = count
        legs = []
        for (peer, kind), counts in states.items():
            five = _five(counts, 0)
            legs.append(Leg(peer=peer, kind=kind, queued=five["queued"], sent=five["sent"], errored=five["errored"]))
        return legs

    def behind(self, instance: str, channel: str, which: Five, *, limit: int, skip: int = 0) -> list[Passed]:
        """The messages and deliveries behind one of the five numbers, the latest first."""
        states = FIVE[which]
        condition = f"state in ({', '.join('?' * len(states))})" if states else "again"
        query = f"""select about, kind, peer, state, again, at from passed
        where flow = (select number from flows where instance = ? and channel = ?) and {condition}
        order by at desc, id limit ? offset ?"""
        rows = self._ask(query, (instance, channel, *states, limit, skip))
        return [
            Passed(about=about, kind=kind, peer=peer, state=state, again=again, at=instant(at))
            for about, kind, peer, state, again, at in rows
        ]

    def days(self, first: datetime, until: datetime, way: tuple[str, str] | None = None) -> list[FlowDay]:
        """What happened on each day between two moments, by every way in or by one (its instance and channel), in order."""
        only = "and flow = (select number from flows where instance = ? and channel = ?)" if way else ""
        query = f"""select day, sum(received), sum(sent), sum(errored) from flow_days
        where day >= ? and day < ? {only} group by day order by day"""
        rows = self._ask(query, (micros(first) // DAY, -(-micros(until) // DAY), *(way or ())))
        return [FlowDay(instant(day * DAY), *counts) for day, *counts in rows]

    def begun(self) -> datetime | None:
        """The first day on which anything came; None before it."""
        [(day,)] = self._ask("select min(day) from flow_days")
        return None if day is None else instant(day * DAY)

    def latency(self, peer: str) -> Latency | None:
        """How long the last deliveries to a counterpart took from owed to done; None before the first."""
        query = "select ended - at from passed where peer = ? and ended is not null order by ended desc limit ?"
        spans = sorted(max(0, span) for (span,) in self._ask(query, (peer, LATEST)))
        if not spans:
            return None
        median, slow = (spans[-(-each * len(spans) // 100) - 1] for each in (50, 95))
        return Latency(number=len(spans), median=timedelta(microseconds=median), slow=timedelta(microseconds=slow))

    # -- entering

    def _owe(self, owes: Iterable[Owed], root: str, at: datetime) -> None:
        for debt in owes:
            self._put(debt.delivery, self._flow_of(root), debt.instance, debt.document.type, debt.document.id, at)
            self._move(debt.delivery, "queued", at)

    def _put(self, id: str, flow: int, peer: str, kind: str, about: str, at: datetime) -> None:
        self._ask(
            "insert or ignore into passed values (?, ?, ?, ?, ?, '', 0, ?, null)", (id, flow, peer, kind, about, micros(at))
        )

    def _move(self, id: str, state: str, at: datetime) -> None:
        row = self._ask("select flow, peer, kind, state from passed where id = ?", (id,)).fetchone()
        if row is None or row[3] == state:
            return
        flow, peer, kind, was = row
        self._ask("update passed set state = ? where id = ?", (state, id))
        if was:
            self._ask(_PASS, (flow, peer, kind, was, -1))
        self._ask(_PASS, (flow, peer, kind, state, 1))
        # a message that was held and is released was received on the day on which it came
        if state in _ADDS and was != "held":
            self._ask(_ADD, (flow, micros(at) // DAY, *_ADDS[state]))

    def _again_queued(self, delivery: str, at: datetime) -> None:
        if self._state(delivery) in ("parked", "refused"):
            self._move(delivery, "queued", at)

    def _released(self, message: str, at: datetime) -> None:
        if self._state(message) == "held":
            self._move(message, "accepted", at)

    def _state(self, id: str) -> str:
        row = self._ask("select state from passed where id = ?", (id,)).fetchone()
        return row[0] if row else ""

    def _flow_of(self, root: str) -> int:
        row = self._ask("select flow from passed where id = ?", (_message(root),)).fetchone()
        return int(row[0]) if row else self._number(OURSELVES, "commands")

    def _number(self, instance: str, channel: str) -> int:
        self._ask("insert into flows (instance, channel) values (?, ?) on conflict do nothing", (instance, channel))
        [(number,)] = self._ask("select number from flows where instance = ? and channel = ?", (instance, channel))
        return int(number)


def _message(root: str) -> str:
    """The message at the beginning: documents in it are numbered after a ``#``."""
    return root.rpartition("#")[0] or root


def _five(states: Mapping[str, int], again: int) -> dict[str, Any]:
    return {
        name: again if name == "filtered" else sum(states.get(state, 0) for state in counted) for name, counted in FIVE.items()
    }
