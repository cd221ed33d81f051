"""The trail: what people decided, in order, and when each counterpart last spoke and last took something."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from suture.journal import Journal, Recorded
from suture.journal.drafts import decode_event
from suture.model import Decision, Delivered, MessageReceived

#: Events that are looked at in one step.
PAGE = 5000
#: Decisions that are held, the latest; a table that shows them says so when there were more.
DECISIONS_MOST = 50_000
#: Only events whose bytes hold one of these words are worth reading.
_WORTH = tuple(f'"{kind.__name__}"'.encode() for kind in (Decision, Delivered, MessageReceived))


#: What a note is about, which moves nothing, in the place of what it is written beside.
NOTE = "Note"


class Decided(Struct, frozen=True):
    """A person's decision and its position."""

    position: int
    decision: Decision


class Trail:
    """One reader of the journal with its own position, in memory; not safe for two threads."""

    def __init__(self) -> None:
        self.position = 0
        self.decisions: list[Decided] = []
        #: The latest of them about each subject, by its id.
        self._last: dict[str, Decided] = {}
        #: How many decisions there were before those that are held.
        self.dropped = 0
        self.heard: dict[str, datetime] = {}
        self.taken: dict[str, datetime] = {}

    def catch_up(self, journal: Journal) -> None:
        """Read whatever has been written since; the first time that is everything."""
        while page := journal.bodies(self.position, PAGE):
            for position, body in page:
                if any(word in body for word in _WORTH):
                    self._enter(Recorded(position, decode_event(body)))
            self.position = page[-1][0]
            self._forget()

    def last(self, id: str) -> Decided | None:
        """The latest decision about a subject of this id; a note is none."""
        return self._last.get(id)

    def _enter(self, row: Recorded) -> None:
        match row.event.data:
            case Decision() as decision:
                self.decisions.append(Decided(row.position, decision))
                if decision.subject.type != NOTE:
                    self._last[decision.subject.id] = self.decisions[-1]
            case Delivered(outcome="done") as end:
                self.taken[end.instance] = max(end.at, self.taken.get(end.instance, end.at))
            case MessageReceived():
                self.heard[row.event.source] = max(row.event.at, self.heard.get(row.event.source, row.event.at))

    def _forget(self) -> None:
        surplus = len(self.decisions) - DECISIONS_MOST
        if surplus > 0:
            self.dropped += surplus
            for each in self.decisions[:surplus]:
                if self._last.get(each.decision.subject.id) is each:
                    del self._last[each.decision.subject.id]
            del self.decisions[:surplus]
