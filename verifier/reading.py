"""The file as lines: plain or gzip, one bounded line in memory at a time, and the exact bytes of every event.

An export is JSON Lines in this order, each line ended by one line feed:

    {"suture-export":1,"schema_version":…,"public_key":…,"count":…,"checkpoints":…,"covers":{"from":…,"to":…},"schema":{…}}
    {"position":1,"event":{…}}            one for each event; the event's bytes exactly as the journal stores them
    {"checkpoint":{"position":…,"events":…,"head":…,"at":…,"signature":…}}
    {"trailer":{"count":…,"checkpoints":…,"head":…,"sha256":…}}

``sha256`` is that of all bytes before the trailer.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

#: The longest line that is read, in bytes; a longer one is no event of a journal.
LONGEST = 64 * 1024 * 1024
FORMAT = "suture-export"
VERSION = 1
_GZIP = b"\x1f\x8b"
_EVENT = re.compile(rb'\{"position":([1-9][0-9]{0,18}),"event":(\{.*\})\}\n', re.DOTALL)
#: How the lines of checkpoints and the trailer begin.
CHECKPOINT, TRAILER = b'{"checkpoint":', b'{"trailer":'

Json = dict[str, object]


class NotAnExport(ValueError):
    """The file is no export of Suture that this program could check; the message says why."""


class Malformed(ValueError):
    """A line or an event that does not have the shape it must have; the message says what is wrong with it."""


class Broken(ValueError):
    """The file cannot be read on: it is cut off, its compression is damaged, or a line has no end."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: what the file says about itself. ``public_key`` is PEM, "" if the exporter did not have it."""

    schema_version: str
    public_key: str
    count: int
    checkpoints: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to and including ``position`` there are ``events`` events and the chain's head is ``head``; ``at`` is RFC 3339."""

    position: int
    events: int
    head: str
    at: str
    signature: str


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a seekable stream from its beginning, each with its line feed; raises Broken where it cannot go on."""
    stream.seek(0)
    packed = stream.read(2) == _GZIP
    stream.seek(0)
    source = cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if packed else stream
    try:
        while line := source.readline(LONGEST + 1):
            if not line.endswith(b"\n"):
                raise Broken(f"a line is longer than {LONGEST:,} bytes" if len(line) > LONGEST else "the last line is cut off")
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Broken(f"the compression is damaged: {error}") from error


def header_of(line: bytes) -> Header:
    """The first line; raises NotAnExport for anything else, and for a version that this program does not know."""
    try:
        said = decode(line)
        if FORMAT not in said:
            raise NotAnExport("the first line is not the header of a Suture export")
        if said[FORMAT] != VERSION:
            raise NotAnExport(f"the export has format {said[FORMAT]!r}, this verifier knows {VERSION}: use a later one")
        covers = mapping(said, "covers")
        return Header(
            schema_version=text(said, "schema_version"),
            public_key=text(said, "public_key"),
            count=number(said, "count"),
            checkpoints=number(said, "checkpoints"),
            first=number(covers, "from"),
            last=number(covers, "to"),
        )
    except Malformed as error:
        raise NotAnExport(f"the header is damaged: {error}") from error


def event_of(line: bytes) -> tuple[int, bytes] | None:
    """Position and stored bytes of an event's line; None for a line of another kind."""
    found = _EVENT.fullmatch(line)
    return (int(found[1]), found[2]) if found else None


def checkpoint_of(line: bytes) -> Checkpoint:
    """A checkpoint's line; raises Malformed."""
    said = mapping(decode(line), "checkpoint")
    return Checkpoint(
        position=number(said, "position"),
        events=number(said, "events"),
        head=text(said, "head"),
        at=text(said, "at"),
        signature=text(said, "signature"),
    )


def trailer_line(count: int, checkpoints: int, head: str, sha256: str) -> bytes:
    """The one way in which the last line may say this."""
    said = {"trailer": {"count": count, "checkpoints": checkpoints, "head": head, "sha256": sha256}}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


# -- JSON with types


def decode(raw: bytes) -> Json:
    """A JSON object in UTF-8 in which no name stands twice; raises Malformed."""
    try:
        said = json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"it is no JSON: {error}"[:200]) from error
    if not isinstance(said, dict):
        raise Malformed("it is no JSON object")
    return said


def _once_each(pairs: list[tuple[str, object]]) -> Json:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("a name stands twice in one object")
    return made


def _no_number(name: str) -> object:
    raise Malformed(f"{name} is no JSON number")


def text(said: Json, name: str, default: str | None = None) -> str:
    """A string by its name; raises Malformed if it is absent without a default, or no string."""
    value = said.get(name, default)
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a text")
    return value


def number(said: Json, name: str) -> int:
    """A whole number from 0 to 2^63 - 1 by its name; raises Malformed."""
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise Malformed(f"{name} is not a whole number that fits")
    return value


def mapping(said: Json, name: str) -> Json:
    """An object by its name; raises Malformed."""
    value = said.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
    return value


def objects(said: Json, name: str) -> list[Json]:
    """A list of objects by its name, empty if absent; raises Malformed."""
    value = said.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Malformed(f"{name} is not a list of objects")
    return value
