"""The governed feed for analytics: what happened as tables, with schema, lineage and freshness, in files that come whole.

One folder per type of document, one row per event that may leave (see ``views.events``), in files named by the position of their
first row. ``feed.json`` says up to which position they hold, under which seal, from which systems and mappings, how old they may
be, and how many rows there are and were withheld, so that they can be added up against the ledger. A file that it does not count
is what an interrupted run left, and goes at the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from suture.journal import Checkpoint, Journal, Recorded
from suture.model import Document, Money
from suture.model.schema import SCHEMA_VERSION
from suture.views.event_schema import event_schema_text
from suture.views.events import CROSSING, MAJOR, crossing, history

#: Rows of one file, and rows of all types that are held in memory, at most.
FILE_ROWS, HELD_ROWS = 20_000, 100_000
#: How old the feed may become before somebody is told, in seconds.
FRESH_S = 900
#: What stands before the document's own fields in every row.
LINEAGE: Mapping[str, type] = {
    "_position": int,
    "_at": datetime,
    "_id": str,
    "_kind": str,
    "_source": str,
    "_subject": str,
    "_cause": str,
    "_root": str,
    "_raw_sha256": str,
    "_mapping": str,
}

Row = dict[str, Any]
#: Writes the rows of one type into a file; whoever calls it puts the file in its place.
Write = Callable[[type[Document], Sequence[Row], Path], None]


class Dataset(Struct, kw_only=True):
    """What lies in one folder: rows by kind of event, what was withheld, money by currency, and where it all came from."""

    schema: str
    version: str = SCHEMA_VERSION
    rows: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    withheld: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, Decimal] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    files: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    mappings: dict[str, int] = field(default_factory=dict)
    #: Owner, class, retention and whatever else the house says of the events.
    contract: dict[str, Any] = field(default_factory=dict)


class Seal(Struct, frozen=True):
    """The latest checkpoint that covers rows of the feed."""

    position: int
    head: str


class Feed(Struct, kw_only=True):
    """``feed.json``: the state of the whole feed. ``latest`` is when the last event happened, ``written`` when this was said."""

    network: str
    format: str
    position: int = 0
    written: datetime | None = None
    latest: datetime | None = None
    fresh_within_s: int = FRESH_S
    seal: Seal | None = None
    datasets: dict[str, Dataset] = field(default_factory=dict)

    def fresh(self, now: datetime) -> bool:
        """Whether it was brought up to date as lately as was promised."""
        return self.written is not None and (now - self.written).total_seconds() <= self.fresh_within_s


class NotThisFeed(ValueError):
    """The folder holds another network's feed, one in another format, or none that can be read."""


def feed_of(target: Path, network: str, format: str) -> Feed:
    """What stands in the folder, or an empty feed; raises NotThisFeed."""
    try:
        found = _decoder.decode((target / "feed.json").read_bytes())
    except FileNotFoundError:
        return Feed(network=network, format=format)
    except (msgspec.MsgspecError, OSError) as error:
        raise NotThisFeed(f"{target / 'feed.json'} cannot be read: {type(error).__name__}") from None
    if (found.network, found.format) != (network, format):
        raise NotThisFeed(f"{target} holds the feed of {found.network} as {found.format}")
    return found


def extend(
    journal: Journal,
    target: Path,
    feed: Feed,
    upto: int,
    now: datetime,
    write: Write,
    contracts: Mapping[type[Document], Mapping[str, Any]] | None = None,
) -> Feed:
    """Bring a feed up to a position of the journal; it counts what was written only when all of it lies there."""
    target.mkdir(parents=True, exist_ok=True)
    _forget_after(target, feed.position)
    writing = _Writing(target, feed, write)
    for recorded in history(journal, feed.position):
        if recorded.position > upto:
            break
        writing.take(recorded)
    writing.flush()
    feed.position, feed.written, feed.seal = max(upto, feed.position), now, _seal(journal, upto) or feed.seal
    for kind, contract in (contracts or {}).items():
        if kind.__name__ in feed.datasets:
            feed.datasets[kind.__name__].contract = dict(contract)
    whole(target / f"schema-{MAJOR}.json", lambda draft: draft.write_text(event_schema_text(), "utf-8"))
    whole(target / "feed.json", lambda draft: draft.write_bytes(msgspec.json.format(_encode(feed), indent=1) + b"\n"))
    return feed


def differences(feed: Feed, accepted: Mapping[str, int]) -> list[str]:
    """Where the feed does not add up to the ledger: accepted documents by type are its rows and what it withheld."""
    found = []
    for name in sorted(kind.__name__ for kind in CROSSING):
        dataset = feed.datasets.get(name)
        mine = dataset.kinds.get("accepted", 0) + dataset.withheld.get("accepted", 0) if dataset else 0
        if mine != accepted.get(name, 0):
            found.append(f"{name}: {mine:,} in the feed, {accepted.get(name, 0):,} in the ledger")
    return found


def row(recorded: Recorded, subject: str) -> Row:
    """One event as a row: where it comes from, and the document without what does not leave."""
    event = recorded.event
    said: Row = {
        "_position": recorded.position,
        "_at": event.at,
        "_id": event.once,
        "_kind": event.kind,
        "_source": event.source,
        "_subject": subject,
        "_cause": event.cause,
        "_root": event.root or event.once,
        "_raw_sha256": event.blob,
        "_mapping": event.mapping,
    }
    withheld = CROSSING[type(event.data)]
    return said | {name: value for name, value in plain(event.data).items() if name not in withheld}


def plain(value: Any) -> Any:
    """A document as tables of its fields, each of them present."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def write_lines(kind: type[Document], rows: Sequence[Row], path: Path) -> None:
    """The rows as JSON Lines; decimals are strings, so that none loses a digit."""
    with path.open("wb") as file:
        for each in rows:
            file.write(_encode(each) + b"\n")


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """A file appears whole and on the disk, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class _Writing:
    """Rows on their way into files."""

    def __init__(self, target: Path, feed: Feed, write: Write) -> None:
        self._target, self._feed, self._write = target, feed, write
        self._rows: dict[type[Document], list[Row]] = {}

    def take(self, recorded: Recorded) -> None:
        kind = type(recorded.event.data)
        if kind not in CROSSING:
            return
        dataset = self._dataset(kind)
        event = crossing(recorded, self._feed.network)
        if event is None:
            _count(dataset.withheld, recorded.event.kind)
            return
        self._counted(dataset, recorded)
        rows = self._rows.setdefault(kind, [])
        rows.append(row(recorded, event.subject))
        if len(rows) >= FILE_ROWS or sum(map(len, self._rows.values())) >= HELD_ROWS:
            self._file(max(self._rows, key=lambda each: len(self._rows[each])))

    def _dataset(self, kind: type[Document]) -> Dataset:
        schema = f"urn:suture:events:{MAJOR}:{kind.__name__}"
        return self._feed.datasets.setdefault(kind.__name__, Dataset(schema=schema))

    def _counted(self, dataset: Dataset, recorded: Recorded) -> None:
        event = recorded.event
        dataset.rows += 1
        dataset.first, dataset.last = dataset.first or recorded.position, recorded.position
        _count(dataset.kinds, event.kind)
        _count(dataset.sources, event.source)
        if event.mapping:
            _count(dataset.mappings, event.mapping)
        amount = getattr(event.data, "total", None) or getattr(event.data, "amount", None)
        if isinstance(amount, Money):
            dataset.amounts[amount.currency] = dataset.amounts.get(amount.currency, Decimal(0)) + amount.amount
        self._feed.latest = event.at if self._feed.latest is None else max(event.at, self._feed.latest)

    def _file(self, kind: type[Document]) -> None:
        rows = self._rows.pop(kind)
        path = self._target / kind.__name__ / f"{rows[0]['_position']:019}.{self._feed.format}"
        whole(path, lambda draft: self._write(kind, rows, draft))
        self._feed.datasets[kind.__name__].files += 1

    def flush(self) -> None:
        """Write what is left."""
        for kind in list(self._rows):
            self._file(kind)


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _seal(journal: Journal, upto: int) -> Seal | None:
    found: Checkpoint | None = None
    after = 0
    while page := journal.checkpoints(after, 1000):
        after = page[-1].position
        found = next((each for each in reversed(page) if each.position <= upto), found)
        if after > upto:
            break
    return Seal(found.position, found.head) if found else None


def _forget_after(target: Path, position: int) -> None:
    """Remove what an interrupted run left."""
    for path in target.glob("*/*"):
        if path.is_file() and (path.name.startswith(".") or (path.stem.isdigit() and int(path.stem) > position)):
            path.unlink()


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decoder = msgspec.json.Decoder(Feed)
