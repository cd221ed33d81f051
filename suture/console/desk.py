"""The desk: the one place of the console where the journal is read and decisions are made, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from suture.console.page import Ask
from suture.model import Decision
from suture.runtime.clock import Clock
from suture.runtime.command import command
from suture.runtime.wiring import Wiring
from suture.views.kept import kept_books
from suture.views.trail import Trail


class Desk:
    """A journal to look into and to decide on; any thread may ask, one at a time.

    ``books`` is the file of the kept books beside the journal, ``actor`` who decides, ``at`` a time as of which pages tell
    ages and deadlines instead of the clock's; decisions carry the clock's time always.
    """

    def __init__(
        self, wiring: Wiring, books: Path, actor: str, clock: Clock, *, place: str = ".", at: datetime | None = None
    ) -> None:
        self.wiring, self.books, self.actor, self.clock = wiring, books, actor, clock
        self.place, self.at = place, at
        self._trail = Trail()
        self._one = threading.Lock()

    @contextmanager
    def ask(self, query: Mapping[str, str]) -> Iterator[Ask]:
        """What a page may look at, caught up with the journal; raises Unavailable."""
        journal = self.wiring.journal
        with self._one, kept_books(journal, self.books) as books:
            self._trail.catch_up(journal)
            yield Ask(journal, books, self._trail, query, self.at or self.clock.now(), self.place)

    def decide(self, decision: Decision) -> str:
        """Carry out a decision; returns one sentence. Raises what ``runtime.command.command`` raises."""
        with self._one:
            self.wiring.refresh_book()
            return command(self.wiring, decision, decision.at)
