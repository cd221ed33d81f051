"""Keys of raw bytes by class and month, so that what is needed no longer can be destroyed, in every backup at once.

A shelf is named "CLASS-YYYY-MM" and has a key file of its own beside the journal, in no backup of it. Whoever destroys the file
has shredded every blob of the shelf wherever a copy lies; addresses, events, seals and the balance stay as they are, since none
of them covers more than the SHA-256 of the bytes. A blob of a shelf is ``version 2 | length | shelf | sealed as on no shelf``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from suture.journal import blobs
from suture.journal.keys import load_or_create

#: The folder of the shelves' keys beside the journal's own, and the form of a shelf's name.
FOLDER, NAME = "blobs.keys", re.compile(r"[a-z]{1,20}-20[0-9]{2}-(?:0[1-9]|1[0-2])", re.ASCII)
_VERSION = b"\x02"


class Shredded(KeyError):
    """The bytes were needed no longer, and the key of their shelf was destroyed; that they existed stays proven."""

    def __str__(self) -> str:
        return f"{self.args[0]} was on the shelf {self.args[1]}, whose key was destroyed, or never brought here"


class Keys:
    """The journal's own key, and those of its shelves; without a ``folder`` everything is sealed with the first.

    A shelf without a key gets one when it is first used, unless ``makes`` is False: then its blobs are sealed with the journal's
    own key, until somebody has made the shelf's and brought it to every host (``make``).
    """

    def __init__(self, master: bytes, folder: Path | None = None, *, makes: bool = True) -> None:
        self.master, self.folder, self._makes = master, folder, makes
        self._known: dict[str, bytes] = {}

    def seal(self, shelf: str, address: str, content: bytes) -> bytes:
        """The bytes to store; raises ValueError for a wrong address, key or name."""
        has = shelf in self._known or self._makes
        if not shelf or self.folder is None or not (has or self._path(shelf).is_file()):
            return blobs.seal(self.master, address, content)
        name = _checked(shelf).encode()
        return _VERSION + bytes([len(name)]) + name + blobs.seal(self._made(shelf), address, content)

    def open(self, address: str, sealed: bytes) -> bytes:
        """The content under an address; raises BlobDamaged, and Shredded where the key of its shelf is gone."""
        if sealed[:1] != _VERSION:
            return blobs.open_sealed(self.master, address, sealed)
        end = 2 + sealed[1]
        shelf = sealed[2:end].decode("ascii", "replace")
        path = self._path(shelf) if NAME.fullmatch(shelf) else None
        if path is None:
            raise blobs.BlobDamaged(f"blob {address} names a shelf that nobody can have")
        # the file is asked for each time: what was destroyed elsewhere a moment ago is gone here, too
        if not path.is_file():
            self._known.pop(shelf, None)
            raise Shredded(address, shelf)
        return blobs.open_sealed(self._made(shelf), address, sealed[end:])

    def shelves(self) -> Iterator[str]:
        """The names of the shelves that have a key, in order."""
        if self.folder is not None and self.folder.is_dir():
            yield from sorted(path.stem for path in self.folder.glob("*.key") if NAME.fullmatch(path.stem))

    def make(self, shelf: str) -> None:
        """Make the key of a shelf that has none yet."""
        self._made(_checked(shelf))

    def destroy(self, shelf: str) -> None:
        """Overwrite and remove the key of a shelf; whatever was sealed with it is noise from now on. Raises KeyError."""
        path = self._path(_checked(shelf))
        if not path.is_file():
            raise KeyError(f"there is no key of the shelf {shelf}")
        with path.open("r+b") as file:
            file.write(os.urandom(blobs.KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        self._known.pop(shelf, None)

    def _made(self, shelf: str) -> bytes:
        if shelf not in self._known:
            path = self._path(shelf)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._known[shelf] = load_or_create(path, lambda: os.urandom(blobs.KEY_BYTES))
        return self._known[shelf]

    def _path(self, shelf: str) -> Path:
        if self.folder is None:
            raise Shredded("what you ask for", shelf)
        return self.folder / f"{shelf}.key"


def keys_of(key: bytes | Keys) -> Keys:
    """A key alone is one without shelves."""
    return key if isinstance(key, Keys) else Keys(key)


def load_keys(folder: Path) -> Keys:
    """The keys in the folder of a journal, the journal's own made at first use; raises ValueError for a damaged one.

    A new journal has shelves from its first byte on. An older one has them once somebody has begun with them (``begin_shelves``),
    since from then on backups of its keys have to hold them.
    """
    own, shelves = folder / "blobs.key", folder / FOLDER
    new = not own.exists()
    key = blobs.load_or_create_key(own)
    if new:
        shelves.mkdir(mode=0o700, exist_ok=True)
    return Keys(key, shelves if shelves.is_dir() else None)


def begin_shelves(folder: Path) -> Keys:
    """Keep what comes in from now on on shelves."""
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    return load_keys(folder)


def _checked(shelf: str) -> str:
    if not NAME.fullmatch(shelf):
        raise ValueError(f"a shelf is named CLASS-YYYY-MM, not {shelf!r}")
    return shelf
