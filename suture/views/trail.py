"""The trail: what people decided, in order, the views they keep, and when each counterpart last spoke and took something."""

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


#: What a view is kept or given up by, and how many are held.
VIEW, VIEWS_MOST = "View", 500


class View(Struct, frozen=True, kw_only=True):
    """An address of the console that somebody keeps under a name, for themselves or for everybody, and for what."""

    id: str
    owner: str
    name: str
    address: str
    shared: bool
    why: str
    at: datetime
    position: int


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
        self.views: dict[str, View] = {}
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

    def views_for(self, subject: str) -> list[View]:
        """What somebody sees: their own views and those that are kept for everybody, by name."""
        mine = (view for view in self.views.values() if view.shared or view.owner == subject)
        return sorted(mine, key=lambda view: (view.name.lower(), view.id))

    def _enter(self, row: Recorded) -> None:
        match row.event.data:
            case Decision() as decision:
                self.decisions.append(Decided(row.position, decision))
                if decision.subject.type == VIEW:
                    self._view(row.position, decision)
                elif decision.subject.type != NOTE:
                    self._last[decision.subject.id] = self.decisions[-1]
            case Delivered(outcome="done") as end:
                self.taken[end.instance] = max(end.at, self.taken.get(end.instance, end.at))
            case MessageReceived():
                self.heard[row.event.source] = max(row.event.at, self.heard.get(row.event.source, row.event.at))

    def _view(self, position: int, decision: Decision) -> None:
        id, values = decision.subject.id, decision.values
        self.views.pop(id, None)
        if decision.verb == "keep" and len(self.views) < VIEWS_MOST:
            self.views[id] = View(
                id=id,
                owner=decision.actor,
                name=values.get("name", ""),
                address=values.get("address", ""),
                shared=values.get("shared") == "yes",
                why=decision.reason,
                at=decision.at,
                position=position,
            )

    def _forget(self) -> None:
        surplus = len(self.decisions) - DECISIONS_MOST
        if surplus > 0:
            self.dropped += surplus
            for each in self.decisions[:surplus]:
                if self._last.get(each.decision.subject.id) is each:
                    del self._last[each.decision.subject.id]
            del self.decisions[:surplus]
