"""The door for proofs: what a part is told, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

#: Called with one line whenever there is progress to show.
Tell = Callable[[str], None]


class Task(Struct, frozen=True, kw_only=True):
    """What a part is to do: ``share`` of its full size (1 is the published proof), in an empty ``folder`` of its own."""

    share: float
    folder: Path
    tell: Tell

    def of(self, full: int, least: int = 1) -> int:
        """So many of ``full`` repetitions, but at least ``least``."""
        return max(least, round(full * self.share))


class Table(Struct, frozen=True, kw_only=True):
    """A table of the report; cells are texts, numbers already written the way people read them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Result(Struct, frozen=True, kw_only=True):
    """What a part saw: whether everything held, in sentences and tables; ``figures`` are the same numbers for machines.

    ``skipped`` is the reason why it could not run here; then nothing was proven and nothing failed.
    """

    held: bool
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: dict[str, float] = {}
    skipped: str = ""


class Part(Struct, frozen=True, kw_only=True):
    """A proof. ``name`` is its word on the command line, ``order`` its place in the report; ``minutes`` about how long
    the full size takes on two cores."""

    name: str
    order: int
    title: str
    minutes: int
    run: Callable[[Task], Result]
