"""Key files: made once beside the database, readable by their owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def load_or_create(path: str | Path, make: Callable[[], bytes]) -> bytes:
    """The content of a key file; if there is none, ``make`` provides it and it is written with mode 0600.

    Whoever comes first wins: two processes that start together end up with the same key. Raises OSError if the folder
    cannot be written.
    """
    path = Path(path)
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(draft, make())
        # a link is atomic and refuses to replace: nobody ever sees a half-written key or loses one in use
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
