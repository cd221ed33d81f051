"""``python -m bench.where_is [--events N] [--postgres]``: how fast the ledger answers on a long journal.

A day of the demo is lived once; its business events and deliveries are then written again and again under other identifiers,
through ``Journal.commit``, until the journal holds N events. Then the command itself is timed, with its start: the first
``suture ledger``, which enters all events into its books, the second, which has nothing to add, one after another day, and
``suture ledger ID`` for random identifiers of all kinds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from suture.journal import Delivery, Event, Journal, Recorded, Unit, load_or_create_key, open_journal
from suture.journal.drafts import decode_event, encode_event
from suture.model import Delivered, Document, decode, encode
from suture.sandbox.demo import Demo
from suture.views import history
from suture.views.whereabouts import near, where

ROOT = Path(__file__).resolve().parents[1]
#: Master data stands once in a journal; a person's or supplier's number is no document's.
ONCE = ("Crosswalk", "StockPolicy", "Item", "ContractPrice", "Person", "Place", "CostCenter", "Supplier", "Policy", "Entity")
#: What people hold in their hands: one of each kind is drawn as often as any other.
KINDS = (
    *("Requisition", "PurchaseOrder", "OrderAcknowledgement", "ShipNotice", "GoodsReceipt", "Invoice", "Payment", "Usage"),
    *("Lot", "Serial", "Encounter", "Delivery", "Message", "File", "Case", "ApprovalRequest"),
)
#: A message is called INSTANCE/NUMBER/HASH, and what came in it by that and an index.
MESSAGE = re.compile(r"^([^/]+/.*)(/[0-9a-f]{24}.*)$")
#: Every hundredth delivery has not arrived.
OWED_EVERY = 100
BATCH = 500
#: The number of the day under which templates are kept; no journal is that long.
TEMPLATE = 9999


class Day:
    """One lived day, ready to be told again under other identifiers."""

    def __init__(self, journal: Journal) -> None:
        rows = [row for row in history(journal) if not _master(row)]
        self.events = [row.event for row in rows]
        self.deliveries = {row.id: row for row in map(journal.delivery, self._owed()) if row}
        self.names = self._names()
        self.kinds = self._kinds()
        # told once under a number of its own: the next telling is a replacement in the bytes
        self._events = [encode_event(msgspec.convert(self._told(_plain(event), TEMPLATE), Event)) for event in self.events]
        self._documents = {
            id: encode(msgspec.convert(self._told(_plain(row.document), TEMPLATE), type(row.document)))
            for id, row in self.deliveries.items()
        }

    def _owed(self) -> list[str]:
        return [owed.delivery for event in self.events for owed in getattr(event.data, "owes", ())]

    def _names(self) -> frozenset[str]:
        """Every identifier of the day: objects, facts, deliveries, and the fields that objects are called by."""
        refs = {ref.id for event in self.events for ref in event.refs() if ref.type not in ONCE}
        fields = {getattr(event.data, field, "") for event in self.events for field in ("number", "bank_reference", "file")}
        names = refs | fields | {event.once for event in self.events} | set(self.deliveries)
        # a short count (an order's number at its supplier) could be a quantity as well, and comes again every day
        return frozenset(name for name in names if len(name) > 5 or not name.isdecimal()) - {""}

    def _kinds(self) -> dict[str, list[str]]:
        found: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for event in self.events:
            for ref in event.refs():
                # an acknowledgement is called by its order and the supplier's number: people hold the number
                if ref.type in found and ref.id in self.names and (ref.type != "OrderAcknowledgement" or ref.role):
                    found[ref.type].add(ref.id)
        return {kind: sorted(ids) for kind, ids in found.items() if ids}

    def again(self, number: int) -> Iterator[Unit]:
        """The day once more, every identifier with ``number`` at its end."""
        later = timedelta(days=number)
        for first in range(0, len(self.events), BATCH):
            events = [self._event(each, number, later) for each in self._events[first : first + BATCH]]
            fates = {event.data.delivery for event in events if isinstance(event.data, Delivered)}
            yield Unit(events=[event for event in events if not _late(event)], deliveries=self._sent(fates, number, later))

    def _sent(self, ids: set[str], number: int, later: timedelta) -> list[Delivery]:
        """The deliveries that came to their end in this page, as they stand at the end of the day."""
        mine = [
            (id, self.deliveries[old]) for id, old in ((id, _without(id, number)) for id in sorted(ids)) if old in self.deliveries
        ]
        return [
            msgspec.structs.replace(
                row,
                id=id,
                key=named(row.key, number),
                root=self._told(row.root, number),
                cause=self._told(row.cause, number),
                document=decode(_again(self._documents[_without(id, number)], number)),
                created=row.created + later,
                status="queued" if _is_late(id) else row.status,
                note="no reply in 10 s" if _is_late(id) else row.note,
            )
            for id, row in mine
        ]

    def _event(self, template: bytes, number: int, later: timedelta) -> Event:
        event = decode_event(_again(template, number))
        return msgspec.structs.replace(event, at=event.at + later)

    def _told(self, said: Any, number: int) -> Any:
        """The same with other identifiers."""
        if isinstance(said, str):
            return named(said, number) if said in self.names else said
        if isinstance(said, dict):
            return {key: self._told(value, number) for key, value in said.items()}
        if isinstance(said, list | tuple):
            return [self._told(value, number) for value in said]
        return said


def _plain(told: Event | Document) -> Any:
    return msgspec.to_builtins(told, builtin_types=())


def _again(template: bytes, number: int) -> bytes:
    return template.replace(b"-D%04d" % TEMPLATE, b"-D%04d" % number)


def named(id: str, number: int) -> str:
    """An identifier on the ``number``-th day; a message keeps its number where people look for it."""
    message = MESSAGE.match(id)
    return f"{message[1]}-D{number:04}{message[2]}" if message else f"{id}-D{number:04}"


def _without(id: str, number: int) -> str:
    return id.replace(f"-D{number:04}", "")


def _is_late(delivery: str) -> bool:
    return sum(delivery.encode()) % OWED_EVERY == 0


def _late(event: Event) -> bool:
    return isinstance(event.data, Delivered) and _is_late(event.data.delivery)


def _master(row: Recorded) -> bool:
    data = row.event.data
    return type(data).__name__ in ONCE or getattr(data, "process", "") == "masters"


# -- writing


def lived(folder: Path) -> Path:
    """A day of the demo, kept."""
    folder.mkdir()
    asyncio.run(Demo(folder, seed=1, requisitions=60, usages=40).run())
    return folder / "suture.db"


def fill(journal: Journal, day: Day, events: int) -> int:
    """Write days until there are so many events; returns how many days."""
    number = 0
    while journal.counts()["events"] < events:
        number += 1
        for unit in day.again(number):
            journal.commit([unit])
    return number


# -- measuring


class Took(NamedTuple):
    """How long something took by the clock, and how much of it was work of the processor, in seconds."""

    clock: float
    work: float


def suture(folder: Path, *arguments: str) -> tuple[Took, int, str]:
    """Time, exit code and output of the command, with its start."""
    command = [sys.executable, "-m", "suture", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    after = os.times()
    work = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(time.perf_counter() - began, work), done.returncode, done.stdout + done.stderr


def drawn(day: Day, days: int, count: int) -> list[tuple[str, str]]:
    """Random identifiers with their kinds, every kind as often."""
    chance = random.Random(1)
    kinds = sorted(day.kinds)
    return [
        (kind, named(chance.choice(day.kinds[kind]), chance.randint(1, days)))
        for kind in (kinds[index % len(kinds)] for index in range(count))
    ]


def measure(journal: Journal, address: str, folder: Path, day: Day, days: int, ids: int) -> bool:
    """Time the commands and print the table; whether every identifier was found, and in a second of work."""
    say(f"{'':<54}{'clock, s':>10}{'work, s':>10}")
    for what in ("suture ledger, the first time", "suture ledger, the second time"):
        row(what, suture(folder, "ledger", "-j", address)[0])
    for unit in day.again(days + 1):
        journal.commit([unit])
    row(f"suture ledger after {len(day.events):,} more events", suture(folder, "ledger", "-j", address)[0])
    inside, outside, missed = [], [], []
    for kind, id in drawn(day, days, ids):
        inside.append(answered(partial(where, journal, id)))
        took, code, said = suture(folder, "ledger", id, "-j", address)
        outside.append(took)
        if code:
            missed.append(f"{kind} {id}: {said.strip()}")
    for what, times in (("where is, within a process", inside), ("suture ledger ID, with its start", outside)):
        row(f"{what}, median of {ids}", Took(*(sorted(column)[ids // 2] for column in zip(*times, strict=True))))
        row(f"{what}, slowest", Took(*map(max, zip(*times, strict=True))))
    row("offers for an unknown number, within a process", answered(lambda: near(journal, "po-req-00001")))
    say("\n".join(["not found:", *missed]) if missed else f"found: all {ids}")
    return not missed and max(took.work for took in outside) <= 1.0


def answered(ask: Callable[[], object]) -> Took:
    """The time of a question within this process."""
    began, worked = time.perf_counter(), time.process_time()
    ask()
    return Took(time.perf_counter() - began, time.process_time() - worked)


def row(what: str, took: Took) -> None:
    """A line of the table."""
    say(f"{what:<54}{took.clock:>10.3f}{took.work:>10.3f}")


def say(line: str) -> None:
    """At once, also into a file."""
    print(line, flush=True)


@contextlib.contextmanager
def place(folder: Path, *, postgres: bool) -> Iterator[str]:
    """The address of an empty journal."""
    if not postgres:
        yield str(folder / "long.db")
        return
    from prove.postgres import Postgres, binaries

    programs = binaries()
    if programs is None:
        sys.exit("no PostgreSQL server binary on this machine")
    # the server runs as somebody else, who has to reach its folder
    folder.chmod(0o711)
    server = Postgres(programs, folder / "pg")
    server.make()
    try:
        yield server.address
    finally:
        server.stop()


def main() -> int:
    """0 if every identifier was found within a second of the processor's work; the clock depends on who else works beside."""
    parser = argparse.ArgumentParser(prog="bench.where_is", description="How fast the ledger answers on a long journal.")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--ids", type=int, default=50, help="how many identifiers are looked for")
    parser.add_argument("--postgres", action="store_true", help="in a PostgreSQL of our own instead of SQLite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="suture-where-") as made, place(Path(made), postgres=asked.postgres) as address:
        folder = Path(made)
        lived_in = lived(folder / "day")
        source = open_journal(str(lived_in), load_or_create_key(folder / "day" / "blobs.key"))
        day = Day(source)
        source.close()
        journal = open_journal(address, load_or_create_key(folder / "blobs.key"))
        began = time.perf_counter()
        days = fill(journal, day, asked.events)
        events, seconds = journal.counts()["events"], time.perf_counter() - began
        say(f"{events:,} events of {days} days written in {seconds:.0f} s; load of the machine {os.getloadavg()[0]:.0f}")
        held = measure(journal, address, folder, day, days, asked.ids)
        journal.close()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
