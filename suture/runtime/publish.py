"""Publishing master data and policies: documents of the house itself become facts of the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from suture.formats import Format, Profile
from suture.journal import Event, Route, State, Unit
from suture.model import Document, Policy, encode
from suture.runtime.decide import decide
from suture.runtime.turn import undisturbed
from suture.runtime.wiring import Wiring

BATCH = 500
#: Built-in state: the digest of the last word of each source about each thing.
PUBLISHED = "published"
FORMATS = {".json": "json", ".jsonl": "json", ".csv": "csv"}


class BadMasters(ValueError):
    """Master data that cannot be read; the message names file, place and reason."""


def read_masters(wiring: Wiring, folder: Path) -> list[Document]:
    """The documents in a folder's JSON and CSV files, in order of file names; raises BadMasters."""
    if not folder.is_dir():
        raise BadMasters(f"there is no folder {folder}; put items, suppliers, prices, people and policies there")
    documents: list[Document] = []
    for path in sorted(folder.iterdir()):
        name = FORMATS.get(path.suffix)
        if name is not None:
            documents += _read(wiring.formats[name], path)
    return documents


def _read(format: Format, path: Path) -> tuple[Document, ...]:
    reading = format.read(path.read_bytes(), Profile())
    if reading.errors:
        raise BadMasters("; ".join(f"{path.name}: {finding}" for finding in reading.errors[:10]))
    return reading.documents


def publish(wiring: Wiring, documents: Iterable[Document], now: datetime, source: str = "masters") -> int:
    """Accept documents in the name of the house itself; what this source said last of a thing is not said again.

    Going back to an earlier word is a new one: a supplier that was blocked can be active again. Returns how many are new.
    """
    new = len(say(wiring, documents, now, source))
    while decide(wiring, range(wiring.journal.partitions), now).more:
        pass
    return new


def say(wiring: Wiring, documents: Iterable[Document], now: datetime, source: str = "masters") -> list[int]:
    """The same without deciding, which is for the owners of the partitions where several processes share the work; returns the
    positions of what is new. ``undecided`` tells when they have."""
    waiting, new = list({_thing(document, source): document for document in documents}.values()), list[int]()
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        new += undisturbed(partial(_said, wiring, batch, now, source))
    return new


def undecided(wiring: Wiring, position: int) -> bool:
    """Whether something up to this position still waits to be decided."""
    oldest = wiring.journal.work(range(wiring.journal.partitions), 1)
    return bool(oldest) and oldest[0].position <= position


def _said(wiring: Wiring, documents: Sequence[Document], now: datetime, source: str) -> list[int]:
    answers = wiring.journal.commit(_units(wiring, documents, now, source))
    return [position for answer in answers for position in answer.positions]


def _units(wiring: Wiring, documents: Sequence[Document], now: datetime, source: str) -> list[Unit]:
    """One unit for each document that says something else than this source's last word about the same thing."""
    last = wiring.journal.states([(PUBLISHED, _thing(document, source)) for document in documents])
    units = []
    for document in documents:
        key, digest = (PUBLISHED, _thing(document, source)), _digest(document)
        said = last.get(key)
        if said is None or said.data != digest:
            last[key] = State(*key, (said.version if said else 0) + 1, digest)
            units.append(_unit(wiring, document, now, source, last[key]))
    return units


def _unit(wiring: Wiring, document: Document, now: datetime, source: str, word: State) -> Unit:
    once = f"{word.key}/{word.version}/{word.data.decode()}"
    event = Event(once=once, kind="commanded", source=source, at=now, data=document, root=once)
    return Unit(events=[event], routes=[Route(0, process, key) for process, key in wiring.routes(document)], states=[word])


def _thing(document: Document, source: str) -> str:
    version = f"/{document.version}" if isinstance(document, Policy) else ""
    return f"{source}/{type(document).__name__}:{getattr(document, 'id', '')}{version}"


def _digest(document: Document) -> bytes:
    return hashlib.sha256(encode(document)).hexdigest()[:32].encode()
