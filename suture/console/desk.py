"""The desk: the one place of the console where the journal is read and decisions are made, one at a time."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from suture.console.errands import Errands
from suture.console.page import Ask
from suture.console.verification import InTurns, Verification
from suture.gateway import Access, Caller
from suture.gateway.identity import emergency
from suture.journal import Unavailable
from suture.model import Decision
from suture.runtime.clock import Clock
from suture.runtime.command import command
from suture.runtime.wiring import Wiring
from suture.views.kept import kept, kept_books
from suture.views.search import INDEX, Index
from suture.views.trail import Trail
from suture.views.verification import Reading

#: Who asks where no person does; may do nothing.
NOBODY = Caller(subject="nobody", roles=())


class Desk:
    """A journal to look into and to decide on; any thread may ask, one at a time.

    ``books`` is the file of the kept books beside the journal (the index lies beside it), ``at`` a time as of which pages tell
    ages and deadlines instead of the clock's; decisions carry the clock's time always.
    """

    def __init__(
        self,
        wiring: Wiring,
        books: Path,
        clock: Clock,
        *,
        access: Access | None = None,
        place: str = ".",
        at: datetime | None = None,
    ) -> None:
        self.wiring, self.books, self.clock = wiring, books, clock
        self.access = access or Access()
        self.place, self.at = place, at
        #: Set by whoever is about to stop the server: open streams then end by themselves.
        self.closing = False
        #: What was decided about more than can be carried out while somebody waits.
        self.errands = Errands(lambda: self.closing)
        #: The last time that somebody had everything read again.
        self.verification: Verification | None = None
        self._trail = Trail()
        self._one = threading.RLock()
        self._held: dict[Path, sqlite3.Connection] = {}
        self._lasting: dict[str, Any] = {}
        self._memo: tuple[tuple[int, int], dict[str, Any]] = ((-1, 0), {})

    @contextmanager
    def ask(
        self,
        query: Mapping[str, str],
        caller: Caller = NOBODY,
        unmasked: frozenset[str] = frozenset(),
        drafts: Mapping[str, str] = MappingProxyType({}),
        tell: Callable[[int], None] = lambda position: None,
    ) -> Iterator[Ask]:
        """What a page may look at, caught up with the journal; ``tell`` hears how far it has come. Raises Unavailable."""
        journal, index = self.wiring.journal, self.books.with_suffix(".index")
        with self._one:
            # the trail first: its position is told as the page's, and nothing up to there may be missing from the others
            self._trail.catch_up(journal)
            with kept_books(journal, self.books, tell) as books, kept(journal, index, INDEX, tell) as db:
                self._hold(self.books, index)
                now = self.at or self.clock.now()
                figures = self.books.with_suffix(".figures")
                rest = caller, self.access, self.place, unmasked, figures, self._remembered(now), drafts, self.errands.of
                yield Ask(self.wiring, books, self._trail, Index(db), query, now, *rest, self.verification)

    def _hold(self, *files: Path) -> None:
        """Keep the caches open: SQLite tidies a file up, and waits for the disk, whenever nobody has it open any more."""
        for file in files:
            if file not in self._held and file.exists():
                held = self._held[file] = sqlite3.connect(file, check_same_thread=False)
                held.execute("select position from mark").fetchone()
                weakref.finalize(self, held.close)

    def _remembered(self, now: datetime) -> dict[str, Any]:
        """What was worked out at this position within this minute."""
        key = self._trail.position, int(now.timestamp()) // 60
        if self._memo[0] != key:
            self._memo = key, {"lasting": self._lasting}
        return self._memo[1]

    def rights(self, caller: Caller) -> Caller:
        """Who asks, with the emergency rights that they hold at the moment; a journal that does not answer gives nobody any."""
        try:
            with self._one:
                held = emergency.held(self.wiring.journal, caller.subject, self.clock.now())
        except Unavailable:
            return caller
        return emergency.with_rights(self.access, caller, held)

    def moved(self, position: int) -> bool:
        """Whether the journal has come further than this. Raises Unavailable."""
        with self._one:
            return bool(self.wiring.journal.bodies(position, 1))

    def decide(self, decision: Decision, *, raw: bytes = b"") -> str:
        """Carry out a decision; returns one sentence. Raises what ``runtime.command.command`` raises."""
        with self._one:
            self.wiring.refresh_book()
            return command(self.wiring, decision, decision.at, raw=raw)

    def act(self, how: Callable[[Wiring, Decision], str], decision: Decision) -> str:
        """Carry out what ``runtime.notes`` knows beside decisions; returns one sentence. Raises what it raises."""
        with self._one:
            return how(self.wiring, decision)

    def verify(self, asked: Decision) -> None:
        """Have everything read again in the background; while that goes on there is no second time. Raises Busy."""
        if self.verification and not self.verification.over:
            return
        reading = Reading(InTurns(self.wiring.journal, self._one, lambda: self.closing))
        verification = Verification(reading, self.books.parent, self._trail.position, asked)
        verification.begin(self.errands)
        self.verification = verification

    def close(self) -> None:
        """Nothing is begun any more, and nothing goes on in the background; the journal may be closed."""
        self.closing = True
        self.errands.rest()
