"""The lines on which we speak to the twins, and what gets lost on them, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from msgspec import Struct, structs

from suture.runtime.clock import ManualClock
from suture.sandbox.simulator.disk import Crash
from suture.sandbox.simulator.faults import GONE, Fault, Weather
from suture.sandbox.stage import Stage
from suture.sandbox.still import Perform
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.supplier import SupplierTwin
from suture.sandbox.twins.twin import RestTwin
from suture.transports import Drop, Http, HttpReply, NoReply, NotSent, Reply, Request, Taken

PAGE = b"<html><body>Please log in to the hotel's network.</body></html>"


class Took(Struct, frozen=True):
    """That a counterpart took something: its instance, the kind, the order or key that it is about, and its version."""

    instance: str
    kind: str
    key: str
    version: int = 0


class Closed(Struct, frozen=True):
    """When a counterpart could not be talked to, and how it behaved then: one of ``OUTAGES``, or gone."""

    kind: str
    since: datetime
    until: datetime


class Lines:
    """All lines of one run, from us to the twins."""

    def __init__(self, stage: Stage, weather: Weather, clock: ManualClock, mark: Callable[[Fault], None]) -> None:
        self.stage, self.weather, self.clock, self.mark = stage, weather, clock, mark
        self.links: dict[str, Perform] = {name: partial(self._perform, name) for name in stage.twins}
        self.inboxes: dict[str, dict[str, bytes]] = {name: {} for name in stage.file_twins()}
        #: In the order in which counterparts took things.
        self.took: list[Took] = []
        #: Places at which the process may have died: before a request, before its reply and after it.
        self.points = 0
        #: When each counterpart was closed, in order; a later outage takes the place of what is left of an earlier one.
        self.closed: dict[str, list[Closed]] = {}
        self._swallowing, self._doomed = 0, False
        self._away: dict[str, datetime] = {}

    # -- outages

    def close(self, fault: Fault) -> None:
        """A partner goes away for a while."""
        name = fault.whom or Random(fault.chance).choice(sorted(self.stage.twins))
        now, past = self.clock.now(), self.closed.setdefault(name, [])
        if past and past[-1].until > now:
            past[-1] = structs.replace(past[-1], until=now)
        past.append(Closed(fault.kind, now, min(now + timedelta(minutes=fault.lasts), self.weather.ends)))
        if fault.kind == GONE:
            self.stage.agenda.at(past[-1].until, lambda now: None)  # what it had to say comes then

    def gone(self, name: str) -> bool:
        """Whether a counterpart does nothing at all just now."""
        return self._mood(name) == GONE

    def _mood(self, name: str) -> str:
        last = self.closed.get(name, [])[-1:]
        return last[0].kind if last and self.clock.now() < last[0].until else ""

    def away(self, name: str, since: datetime, until: datetime) -> timedelta:
        """How long a counterpart was closed between two moments."""
        overlaps = (min(until, closed.until) - max(since, closed.since) for closed in self.closed.get(name, ()))
        return sum((overlap for overlap in overlaps if overlap > timedelta()), timedelta())

    # -- what we send

    def _perform(self, name: str, request: Request) -> Reply:
        struck = self.weather.next("request", self.clock.now())
        for fault in struck:
            self.mark(fault)
            if fault.kind == "replies lost for a while":
                self._swallowing = fault.lasts
        kinds = {fault.kind: fault for fault in struck}
        mood = self._mood(name)
        self.points += 3
        if "crash before a request" in kinds:
            raise Crash
        if "connection refused" in kinds or mood in ("partner refuses", GONE):
            raise NotSent("connection refused")
        if "request lost" in kinds or mood == "partner silent":
            raise NoReply("timed out")
        if "too many requests" in kinds or mood == "partner busy":
            return self._busy(request)
        wrong = kinds.get("wrong answer") or kinds.get("error after acting")
        if wrong is not None:
            return self._wrong(name, request, wrong)
        reply = self._act(name, request)
        if "crash before the reply" in kinds:
            raise Crash
        self._doomed = "crash after the reply" in kinds
        if self._swallowing:
            self._swallowing -= 1
            raise NoReply("the reply was lost")
        if "reply lost" in kinds or mood == "partner swallows replies":
            raise NoReply("the reply was lost")
        return reply

    def heard(self) -> None:
        """A conversation has ended, and what came of it is not written yet."""
        if self._doomed:
            self._doomed = False
            raise Crash

    def _busy(self, request: Request) -> Reply:
        if isinstance(request, Http):
            return HttpReply(status=429, headers={"retry-after": "30"})
        raise NotSent("the folder is locked")

    def _wrong(self, name: str, request: Request, fault: Fault) -> Reply:
        """Somebody in between answers, whether the partner got it or not."""
        if fault.chance % 2:
            self._act(name, request)
        if not isinstance(request, Http):
            raise NoReply("the line broke")
        return HttpReply(status=200 if fault.kind == "wrong answer" else 500, body=PAGE)

    def _act(self, name: str, request: Request) -> Reply:
        twin = self.stage.twins[name]
        if isinstance(twin, RestTwin):
            assert isinstance(request, Http)
            self.stage.agenda.now = max(self.stage.agenda.now, self.clock.now())
            before = _booked(twin)
            reply = twin.handle(request)
            self.took += [Took(name, *one) for one in _new(twin, before)]
            return reply
        assert isinstance(request, Drop)
        self.inboxes[name].setdefault(request.name, request.body)
        return Taken()

    def look_into_inboxes(self) -> int:
        """The file partners take what lies there, unless they are closed; how many files they took."""
        return sum(self._look(name, twin) for name, twin in self.stage.file_twins().items() if self.inboxes[name])

    def _look(self, name: str, twin: SupplierTwin | BankTwin) -> int:
        now = self.clock.now()
        shut = isinstance(twin, SupplierTwin) and twin.closed_until is not None
        if shut or self.gone(name) or now < self._away.get(name, now):
            return 0
        files = self._chosen(name, sorted(self.inboxes[name].items()))
        self.stage.agenda.now = max(self.stage.agenda.now, now)
        for file, raw in files:
            self.inboxes[name].pop(file, None)
            before = _booked(twin)
            twin.receive(raw, now)
            self.took += [Took(name, *one) for one in _new(twin, before)]
        return len(files)

    def _chosen(self, name: str, files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """What the partner takes this time, in its order; the rest it finds when it looks again."""
        now = self.clock.now()
        for fault in self.weather.next("folder", now):
            if fault.kind == "file taken twice" and name == self.stage.bank.name:
                continue  # a bank counts what it got twice, and its own jobs do not make it more
            self.mark(fault)
            match fault.kind:
                case "files taken in part":
                    files = files[: fault.chance % (len(files) or 1)]
                    self._away[name] = now + timedelta(minutes=1 + fault.chance % 600)
                    self.stage.agenda.at(self._away[name], lambda now: None)
                case "files taken out of order":
                    Random(fault.chance).shuffle(files)
                case "file taken twice":
                    files = [*files, *files[: 1 + fault.chance % 3]]
        return files


def _shelves(twin: object) -> list[tuple[str, list[object]]]:
    match twin:
        case ErpTwin():
            return [("order", twin.orders), ("change", twin.changes), ("receipt", twin.receipts)]  # type: ignore[list-item]
        case SupplierTwin():
            return [("order", twin.orders), ("change", twin.changes)]  # type: ignore[list-item]
    return []


def _booked(twin: object) -> list[int]:
    return [len(shelf) for _, shelf in _shelves(twin)]


def _new(twin: object, before: list[int]) -> list[tuple[str, str, int]]:
    found = []
    for (kind, shelf), count in zip(_shelves(twin), before, strict=True):
        for one in shelf[count:]:
            body = getattr(one, "body", None)
            if body is not None:
                key = body.get("order") or getattr(one, "reference", "")
            else:
                key = getattr(one, "order", "") or getattr(one, "id", "")
            found.append((kind, str(key), int(getattr(one, "version", 0))))
    return found
