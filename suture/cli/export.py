"""``suture export``: the sealed journal as one self-contained file that a third party can read and check."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Protocol, cast

import msgspec
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from rich.progress import Progress

from suture.cli.output import JournalOption, JsonOption, console, counted, errors, existing_journal, fail, write_json
from suture.extensions import found
from suture.gateway.openapi import document
from suture.gateway.operation import operations
from suture.gateway.system_apis import system_apis
from suture.journal import Checkpoint, Fenced, Journal, Unavailable, load_or_create_signing_key
from suture.journal.seal import BEGINNING, link, public_pem, seal
from suture.model.schema import SCHEMA_VERSION, schema
from suture.runtime.clock import SystemClock
from suture.runtime.network import read_network
from suture.systems import System

_PAGE = 2000
#: Events that one checkpoint covers at most when the export seals.
_PORTION = 100_000


class Written(Struct, frozen=True):
    """What lies in the file: how many events and checkpoints, the chain's head over what was written, and SHA-256 of all
    bytes before the trailer."""

    events: int
    checkpoints: int
    head: str
    sha256: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    target: Annotated[str, typer.Argument(metavar="FILE", help="Where to write: JSON Lines, packed if it ends in .gz.")],
    journal: Annotated[str, JournalOption] = ".",
    no_seal: Annotated[bool, typer.Option("--no-seal", help="Do not seal first: write up to the last checkpoint.")] = False,
    json: Annotated[str, JsonOption] = "",
    only_schema: Annotated[bool, typer.Option("--schema", help="Write the JSON Schema of all documents instead.")] = False,
    only_openapi: Annotated[bool, typer.Option("--openapi", help="Write the gateway's contract (OpenAPI 3.1) instead.")] = False,
    network: Annotated[
        str, typer.Option(metavar="NETWORK.TOML", help="With --openapi: also the operations of its connected systems.")
    ] = "",
) -> None:
    """Write header, every sealed event byte for byte, the signed checkpoints and a trailer, for `python -m verifier`.

    Seals the journal first with the seal.key beside it; the network may go on running meanwhile. Exit code 1 if what
    stands in the journal is not what was sealed.

    Examples:

      suture export day.jsonl.gz --journal day

      suture export documents.json --schema

      suture export openapi.json --openapi
    """
    if only_openapi:
        Path(target).write_bytes(msgspec.json.format(_contract(network), indent=2) + b"\n")
        console.print(f"OpenAPI written to {target}")
        return
    if only_schema:
        Path(target).write_bytes(msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n")
        console.print(f"schema written to {target}")
        return
    opened, folder = existing_journal(journal)
    try:
        key = _signing_key(folder, journal, no_seal)
        last = _sealed(opened, None if no_seal else key, SystemClock().now(), journal)
        written = write(opened, Path(target), last, public_pem(key) if key else b"")
    finally:
        opened.close()
    _report(target, json, last, written)


def _contract(network: str) -> bytes:
    derived = system_apis(read_network(Path(network)), found("suture.systems", "SYSTEM", System)) if network else {}
    return document([*operations().values(), *derived.values()])


def _report(target: str, json: str, last: Checkpoint, written: Written) -> None:
    sound = (written.events, written.head) == (last.events, last.head)
    if json:
        write_json(json, {"file": target, "to": last.position, "as_sealed": sound, **msgspec.structs.asdict(written)})
    if json != "-":
        said = f"{counted(written.events, 'event')} and {counted(written.checkpoints, 'checkpoint')} written to {target}"
        console.print(said, soft_wrap=True, markup=False)
    if not sound:
        fail("what stands in the journal is not what was sealed", f"`python -m verifier {target}` says where", 1)


# -- what is sealed


def _signing_key(folder: Path, journal: str, no_seal: bool) -> Ed25519PrivateKey | None:
    """The key that lies there; an export never makes one."""
    if (folder / "seal.key").is_file():
        return load_or_create_signing_key(folder / "seal.key")
    if no_seal:
        return None
    fail(
        f"{journal} cannot be sealed: there is no {folder / 'seal.key'}",
        "go where the network runs, or pass --no-seal to write what has been sealed already",
    )


def _sealed(journal: Journal, key: Ed25519PrivateKey | None, now: datetime, place: str) -> Checkpoint:
    """The checkpoint up to which is written; seals what stands there now, not what others go on writing."""
    if key is not None:
        _seal(journal, key, now)
    last = journal.checkpoint()
    if last is None:
        fail(f"{place} has never been sealed: nothing in it can be proven yet", _how_to_seal(journal, key))
    return last


def _how_to_seal(journal: Journal, key: Ed25519PrivateKey | None) -> str:
    if key is None:
        return "`suture run` seals every minute; or leave --no-seal away where its seal.key lies"
    return "it holds no events yet: let the network take something in first"


def _seal(journal: Journal, key: Ed25519PrivateKey, now: datetime) -> None:
    latest = journal.checkpoint()
    before = latest.events if latest else 0
    try:
        while sealed := seal(journal, key, now, _PORTION):
            if sealed.events - before < _PORTION:
                return
            before = sealed.events
    except (Fenced, Unavailable):  # others seal or write at this moment: what they have sealed is enough
        return


# -- the file


class Sealed(Protocol):
    """What can be exported: a journal, or what was archived of one."""

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]: ...

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]: ...


def write(journal: Sealed, target: Path, last: Checkpoint, public: bytes) -> Written:
    """Write everything up to a checkpoint, a page at a time; ``public`` is the PEM of the key, b"" if it is not known."""
    checkpoints = sum(1 for _ in _checkpoints(journal, last))
    with _opened(target) as raw, Progress(console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("Exporting", total=max(last.events, 1))
        out = _Out(raw)
        out.line(msgspec.json.encode(_header(journal, last, checkpoints, public)))
        for page in _pages(journal, last):
            out.events(page)
            bar.update(task, completed=out.count)
        for checkpoint in _checkpoints(journal, last):
            out.line(b'{"checkpoint":%b}' % msgspec.json.encode(checkpoint))
        written = Written(out.count, checkpoints, out.head.hex(), out.sha256.hexdigest())
        trailer = {"count": written.events, "checkpoints": checkpoints, "head": written.head, "sha256": written.sha256}
        out.line(msgspec.json.encode({"trailer": trailer}))
    return written


def _header(journal: Sealed, last: Checkpoint, checkpoints: int, public: bytes) -> dict[str, Any]:
    first = journal.bodies(0, 1)
    return {
        "suture-export": 1,
        "schema_version": SCHEMA_VERSION,
        "public_key": public.decode(),
        "count": last.events,
        "checkpoints": checkpoints,
        "covers": {"from": first[0][0] if first else 0, "to": last.position},
        "schema": schema(),
    }


class _Out:
    """Lines on their way to the file, and what the trailer will say of them."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.count, self.head, self.sha256 = 0, BEGINNING, hashlib.sha256()

    def line(self, said: bytes) -> None:
        self.sha256.update(said + b"\n")
        self._raw.write(said + b"\n")

    def events(self, page: list[tuple[int, bytes]]) -> None:
        for position, body in page:
            self.line(b'{"position":%d,"event":%b}' % (position, body))
            self.head = link(self.head, position, body)
        self.count += len(page)


def _pages(journal: Sealed, last: Checkpoint) -> Iterator[list[tuple[int, bytes]]]:
    after = 0
    while after < last.position and (page := journal.bodies(after, _PAGE)):
        after = page[-1][0]
        yield [row for row in page if row[0] <= last.position]


def _checkpoints(journal: Sealed, last: Checkpoint) -> Iterator[Checkpoint]:
    after = 0
    while after < last.position and (page := journal.checkpoints(after)):
        after = page[-1].position
        yield from (checkpoint for checkpoint in page if checkpoint.position <= last.position)


@contextmanager
def _opened(target: Path) -> Iterator[BinaryIO]:
    """The file to write, packed if its name says so: without name and time, so that the same journal gives the same bytes."""
    with target.open("wb") as raw:
        if target.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
            yield cast(BinaryIO, packed)
