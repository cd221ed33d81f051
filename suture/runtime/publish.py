"""Publishing master data and policies: documents of the house itself become facts of the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from suture.formats import Format, Profile
from suture.journal import Event, Route, Unit
from suture.model import Document, encode
from suture.runtime.decide import decide
from suture.runtime.wiring import Wiring

BATCH = 500
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
    """Accept documents in the name of the house itself; what is filed already is left alone. Returns how many are new."""
    waiting, new = list(documents), 0
    while waiting:
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        results = wiring.journal.commit([_unit(wiring, document, now, source) for document in batch])
        new += sum(1 for result in results if not result.repeated)
    while decide(wiring, range(wiring.journal.partitions), now):
        pass
    return new


def _unit(wiring: Wiring, document: Document, now: datetime, source: str) -> Unit:
    once = f"{source}/{_digest(document)}"
    event = Event(once=once, kind="commanded", source=source, at=now, data=document, root=once)
    return Unit(events=[event], routes=[Route(0, process, key) for process, key in wiring.routes(document)])


def _digest(document: Document) -> str:
    return hashlib.sha256(encode(document)).hexdigest()[:32]
