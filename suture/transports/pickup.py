"""What every file drop agrees on, local or remote: which names are files, when a file is whole, and where it goes when done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

import msgspec
from msgspec import Struct

from suture.transports.exchange import TOO_LARGE, Answer

#: How a partner shows that a file is whole: a marker beside it (NAME.done), renaming it into place, or nothing at all (then
#: it must have kept its size and time for a while).
Whole = Literal["marker", "rename", "stable"]

MARKER = ".done"
FINDINGS = ".findings"
TAKEN, ARCHIVE, REFUSED = ".taken", ".archive", ".refused"

#: Leaves room in a file system's 255 bytes for what is added to a name when it is filed away.
LONGEST_NAME = 200

#: What programs call a file that they are still writing.
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".swp", "~")


class Entry(Struct, frozen=True):
    """A line of a folder's listing; ``modified`` is in any unit that only grows. Folders are not listed."""

    name: str
    size: int
    modified: float


class Claim(Struct, frozen=True, kw_only=True):
    """A file that was set aside for us, under a token of its own; ``name`` is the partner's name for it."""

    token: str
    name: str

    @property
    def place(self) -> str:
        """Where it is, relative to the inbox."""
        return f"{TAKEN}/{self.token}/{self.name}"


class Watch:
    """Which files of a folder are whole, from one look at it to the next.

    Under "stable" a file is whole when it was the same in ``looks`` looks running and for ``quiet_s`` seconds of ``clock``.
    """

    def __init__(self, pattern: str, whole: Whole, clock: Callable[[], datetime], looks: int = 3, quiet_s: float = 2.0) -> None:
        self._pattern, self._whole, self._clock = pattern, whole, clock
        self._looks, self._quiet = looks, timedelta(seconds=quiet_s)
        self._known: dict[str, tuple[Entry, int, datetime]] = {}

    def look(self, entries: Iterable[Entry]) -> list[str]:
        """The names of whole files that match the pattern, oldest first."""
        listing = {entry.name: entry for entry in entries}
        files = [entry for entry in listing.values() if self._is_ours(entry.name)]
        if self._whole == "marker":
            files = [entry for entry in files if entry.name + MARKER in listing]
        elif self._whole == "stable":
            files = self._settled(files)
        return [entry.name for entry in sorted(files, key=lambda entry: (entry.modified, entry.name))]

    def _is_ours(self, name: str) -> bool:
        unfinished = name.startswith(".") or name.endswith((*_UNFINISHED, MARKER))
        return not unfinished and fnmatchcase(name, self._pattern)

    def _settled(self, files: list[Entry]) -> list[Entry]:
        now = self._clock()
        known, self._known = self._known, {}
        for entry in files:
            before, looks, since = known.get(entry.name, (None, 0, now))
            self._known[entry.name] = (entry, looks + 1, since) if entry == before else (entry, 1, now)
        return [entry for entry, looks, since in self._known.values() if looks >= self._looks and now - since >= self._quiet]


def is_plain(name: str) -> bool:
    """Whether a name can stand in any folder: visible, no path, no control characters, at most 200 bytes of UTF-8."""
    if not name or name.startswith(".") or "/" in name or "\\" in name or not name.isprintable():
        return False
    return len(name.encode(errors="replace")) <= LONGEST_NAME


def shown(name: str) -> str:
    """A name made plain: what may be said of a file that a stranger named."""
    visible = "".join(letter if letter.isprintable() and letter not in "/\\" else "_" for letter in name)
    return visible.lstrip(".").encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore") or "_"


def problem_of(name: str, size: int, limit: int) -> str:
    """What the sender of a regular file must hear of before anybody reads it, or nothing."""
    if not is_plain(name):
        return f"the file's name holds control characters or is longer than {LONGEST_NAME} bytes"
    if size == 0:
        return "the file is empty"
    if size > limit:
        return f"{TOO_LARGE}: the file has more than {limit} bytes"
    return ""


def folder_for(answer: Answer, now: datetime) -> str:
    """Where a file goes after this answer, relative to the inbox."""
    return REFUSED if answer.outcome == "refused" else f"{ARCHIVE}/{now:%Y-%m-%d}"


def sidecar(answer: Answer, name: str) -> bytes:
    """What lies beside a refused file: the format's own words, or the bare fact."""
    return answer.body or msgspec.json.encode({"file": name, "outcome": answer.outcome})
