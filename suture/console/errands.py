"""Errands: what was decided about more than can be carried out while somebody waits, done one by one in a thread of its own.

Nothing but the progress is kept here. Each step is journaled as a decision, so an errand that a restart cuts short is begun
again with the same form and goes on where it was.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator

#: Errands that wait or are under way at most, and how many that are over are remembered.
WAITING_MOST, OVER_MOST = 8, 50

#: How long whoever stops waits for the step under way, in seconds.
REST_S = 30.0

_log = logging.getLogger(__name__)


class Busy(RuntimeError):
    """Too many errands wait already."""


class Errand:
    """One of them: how many steps it has, what became of those that were done, and why it stopped before its end, if it did."""

    def __init__(self, id: str, total: int, steps: Iterator[str]) -> None:
        """``steps`` takes one step each time that it is asked, and says what became of it."""
        self.id, self.total, self.steps = id, total, steps
        self.fates: Counter[str] = Counter()
        self.stopped = ""

    @property
    def done(self) -> int:
        """How many steps have been taken."""
        return sum(self.fates.values())

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.stopped) or self.done >= self.total


class Errands:
    """All of one console, carried out in the order in which they were asked for; any thread may ask."""

    def __init__(self, closing: Callable[[], bool]) -> None:
        """Whoever is about to stop says so by ``closing``; the errand under way then stops after its step."""
        self._closing = closing
        self._lock = threading.Lock()
        self._waiting: deque[Errand] = deque()
        self._known: dict[str, Errand] = {}
        self._thread: threading.Thread | None = None

    def begin(self, id: str, total: int, steps: Iterator[str]) -> Errand:
        """Have it carried out; the same id while it is under way is the same errand. Raises Busy."""
        with self._lock:
            known = self._known.get(id)
            if known and not known.over:
                return known
            if sum(not each.over for each in self._known.values()) >= WAITING_MOST:
                raise Busy("too much is under way already; wait until some of it is done")
            errand = self._known[id] = Errand(id, total, steps)
            self._waiting.append(errand)
            self._forget()
            if self._thread is None:
                # each step is whole in the journal: whoever stops waits for the one under way and not for the others
                self._thread = threading.Thread(target=self._work, name="errands", daemon=True)
                self._thread.start()
            return errand

    def of(self, id: str) -> Errand | None:
        """The errand of this id, if this console was asked for it."""
        return self._known.get(id)

    @property
    def busy(self) -> bool:
        """Whether anything waits or is under way."""
        with self._lock:
            return any(not each.over for each in self._known.values())

    def rest(self) -> None:
        """Wait until nothing is under way any more; whoever calls this has said before that they are about to stop."""
        thread = self._thread
        if thread is not None:
            thread.join(REST_S)

    def _forget(self) -> None:
        over = [id for id, each in self._known.items() if each.over]
        for id in over[:-OVER_MOST]:
            del self._known[id]

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                errand = self._waiting.popleft()
            if self._closing():
                errand.stopped = "the console was stopped"
            else:
                self._carry_out(errand)

    def _carry_out(self, errand: Errand) -> None:
        try:
            for fate in errand.steps:
                errand.fates[fate] += 1
                if self._closing():
                    errand.stopped = "the console was stopped"
                    return
        except Exception as error:  # the thread has nobody above it who could be told
            if self._closing():
                errand.stopped = "the console was stopped"
                return
            _log.exception("an errand has failed")
            # its own words may hold what nobody here may read
            errand.stopped = f"it failed ({type(error).__name__}); the console's log has the cause"
            return
        if not errand.over:
            errand.stopped = "fewer were left than were asked for"
