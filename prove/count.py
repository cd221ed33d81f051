"""The count after an attack: what partners were promised, what the twins hold, and the verdict of the independent verifier."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from msgspec import Struct

from prove.house import House, swallowed, twice
from prove.service import command
from suture.journal import Journal, open_journal
from suture.journal.shelves import load_keys
from suture.sandbox.audit import audit
from suture.sandbox.demo import explained
from suture.views import history

#: States of a delivery that goes on by itself.
MOVING = ("queued", "sending", "unknown", "awaiting")


class Counted(Struct, frozen=True, kw_only=True):
    """What was found. ``lost`` are promises that nobody keeps, ``doubled`` what a counterpart holds twice."""

    documents: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    sound: bool
    said: str
    left: str = ""

    @property
    def held(self) -> bool:
        """Whether everything accepted arrived, once, and a third party agrees."""
        return self.sound and not self.lost and not self.doubled and not self.left

    def trouble(self) -> tuple[str, ...]:
        """What did not hold, in sentences."""
        found = [f"lost: {'; '.join(self.lost[:5])}"] * bool(self.lost) + [f"doubled: {'; '.join(self.doubled[:5])}"] * bool(
            self.doubled
        )
        return (*found, *([f"not done: {self.left}"] * bool(self.left)), *([f"verifier: {self.said}"] * (not self.sound)))


def journal_of(folder: Path, database: str = "") -> Journal:
    """The journal of the network in this folder."""
    return open_journal(database or folder / "suture.db", load_keys(folder))


async def drained(
    house: House, database: str = "", folder: Path | None = None, still_s: float = 180.0, limit_s: float = 1800.0
) -> str:
    """Wait until nobody has anything left to say or to do; returns "" or what was still to be done.

    It gives up where nothing has changed for ``still_s`` seconds, and after ``limit_s`` in any case: on a machine with other
    work a long queue is slow, and only one that no longer moves is stuck.
    """
    began = moved = time.monotonic()
    moving = "nothing was looked at"
    journal = await asyncio.to_thread(journal_of, folder or house.folder, database)
    try:
        while time.monotonic() < min(moved + still_s, began + limit_s):
            await asyncio.sleep(0.5)
            owed = {} if house.busy() else await asyncio.to_thread(_owed, journal)
            before, moving = moving, ", ".join(f"{count} {what}" for what, count in (house.busy() or owed).items())
            if not moving:
                return ""
            moved = time.monotonic() if moving != before else moved
    finally:
        journal.close()
    return moving


def _owed(journal: Journal) -> dict[str, int]:
    counts = journal.counts()
    names = ("work", *(f"deliveries.{status}" for status in MOVING))
    return {name: counts[name] for name in names if counts.get(name)}


async def verified(folder: Path, database: str = "") -> tuple[bool, str]:
    """Export the journal and have it checked: whether it is sound, and the report as JSON or what was complained of."""
    where = ("--journal", database or "suture.db")
    code, said = await command(folder, "suture", "export", "day.jsonl", *where)
    if code == 0:
        code, said = await command(folder, "verifier", "day.jsonl", "--json")
    return code == 0, said


async def count(house: House, left: str, database: str = "", folder: Path | None = None) -> Counted:
    """Count everything, once the service has stopped."""
    place = folder or house.folder
    sound, said = await verified(place, database)
    documents = json.loads(said)["balance"]["accepted"] if sound else 0
    lost, doubled = await asyncio.to_thread(_compared, house, place, database)
    return Counted(documents=documents, lost=lost, doubled=doubled, sound=sound, said="" if sound else said[-500:], left=left)


def _compared(house: House, folder: Path, database: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    journal = journal_of(folder, database)
    try:
        named = explained([row.event.data for row in history(journal)])
    finally:
        journal.close()
    found = audit(house.stage, named)
    kept = _kept(folder / "day.jsonl")
    lost = [f"a message that was accepted ({digest[:12]})" for digest in house.accepted if digest not in kept]
    lost += [f"a message from {message.instance} that never got an answer" for message in house.unheard]
    lost += [f"what {name} took for a repeat of another document ({key})" for name, key in swallowed(house.stage)]
    return (*lost, *found.lost), (*found.doubled, *twice(house.stage))


def _kept(export: Path) -> set[str]:
    """The messages whose bytes an event of the export names."""
    if not export.exists():
        return set()
    with export.open("rb") as lines:
        return {json.loads(line)["event"].get("blob", "") for line in lines if line.startswith(b'{"position"')}
