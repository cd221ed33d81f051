"""The lines between the runtime and the twins, and what gets lost, late, doubled or garbled on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from msgspec import Struct

from suture.runtime.clock import ManualClock
from suture.sandbox.simulator.faults import Fault, Weather
from suture.sandbox.stage import Stage
from suture.sandbox.still import Perform
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.supplier import SupplierTwin
from suture.sandbox.twins.twin import Outgoing, RestTwin
from suture.transports import Drop, Http, HttpReply, NoReply, NotSent, Reply, Request, Taken

#: A sender that got no answer sends again after this long.
AGAIN = timedelta(minutes=5)
PAGE = b"<html><body>Please log in to the hotel's network.</body></html>"


class Letter(Struct, kw_only=True):
    """A message of a partner on its way to us; ``fate`` is what the weather does to this copy."""

    message: Outgoing
    raw: bytes
    fate: str = ""
    #: A copy that nobody waits for: a repeat, or bytes that were spoiled on the way.
    stray: bool = False


class Took(Struct, frozen=True):
    """That a counterpart took something: its instance, the kind, the order or key that it is about, and its version."""

    instance: str
    kind: str
    key: str
    version: int = 0


class Lines:
    """All lines of one run."""

    def __init__(self, stage: Stage, weather: Weather, clock: ManualClock, mark: Callable[[Fault], None]) -> None:
        self.stage, self.weather, self.clock, self.mark = stage, weather, clock, mark
        self.links: dict[str, Perform] = {name: partial(self._perform, name) for name in stage.twins}
        #: Messages that lie at our door now.
        self.arrived: list[Letter] = []
        self.inboxes: dict[str, dict[str, bytes]] = {name: {} for name in stage.file_twins()}
        #: In the order in which counterparts took things.
        self.took: list[Took] = []
        self._closed: dict[str, tuple[str, datetime]] = {}
        self._swallowing = 0

    # -- outages

    def close(self, fault: Fault) -> None:
        """A partner goes away for a while."""
        name = Random(fault.chance).choice(sorted(self.stage.twins))
        until = self.clock.now() + timedelta(minutes=fault.lasts)
        self._closed[name] = (fault.kind, min(until, self.weather.ends))

    def _mood(self, name: str) -> str:
        kind, until = self._closed.get(name, ("", self.clock.now()))
        return kind if self.clock.now() < until else ""

    # -- what we send

    def _perform(self, name: str, request: Request) -> Reply:
        struck = self.weather.next("request", self.clock.now())
        for fault in struck:
            self.mark(fault)
            if fault.kind == "replies lost for a while":
                self._swallowing = fault.lasts
        kinds = {fault.kind: fault for fault in struck}
        mood = self._mood(name)
        if "connection refused" in kinds or mood == "partner refuses":
            raise NotSent("connection refused")
        if "request lost" in kinds or mood == "partner silent":
            raise NoReply("timed out")
        if "too many requests" in kinds or mood == "partner busy":
            return self._busy(request)
        wrong = kinds.get("wrong answer") or kinds.get("error after acting")
        if wrong is not None:
            return self._wrong(name, request, wrong)
        reply = self._act(name, request)
        if self._swallowing:
            self._swallowing -= 1
            raise NoReply("the reply was lost")
        if "reply lost" in kinds or mood == "partner swallows replies":
            raise NoReply("the reply was lost")
        return reply

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
        count, now = 0, self.clock.now()
        for name, twin in self.stage.file_twins().items():
            shut = isinstance(twin, SupplierTwin) and twin.closed_until is not None
            if shut or not self.inboxes[name]:
                continue
            files, self.inboxes[name] = self.inboxes[name], {}
            self.stage.agenda.now = max(self.stage.agenda.now, now)
            for _, raw in sorted(files.items()):
                before = _booked(twin)
                twin.receive(raw, now)
                self.took += [Took(name, *one) for one in _new(twin, before)]
                count += 1
        return count

    # -- what comes

    def collect(self) -> int:
        """Whatever the twins want to say goes on its way; how many messages."""
        fresh = [message for twin in self.stage.twins.values() for message in twin.outbox]
        for twin in self.stage.twins.values():
            twin.outbox.clear()
        for message in fresh:
            self._send(Letter(message=message, raw=message.raw))
        return len(fresh)

    def _send(self, letter: Letter) -> None:
        now = self.clock.now()
        for fault in self.weather.next("letter", now):
            self.mark(fault)
            match fault.kind:
                case "delayed":
                    self._later(letter, timedelta(minutes=fault.lasts))
                    return
                case "sent twice":
                    copy = Letter(message=letter.message, raw=letter.raw, stray=True)
                    self._later(copy, timedelta(minutes=fault.chance % 300))
                case "poisoned message":
                    spoiled = _spoiled(letter.raw, fault.chance, text=not isinstance(self._twin(letter), EhrTwin))
                    self._later(Letter(message=letter.message, raw=spoiled, stray=True), timedelta(minutes=fault.chance % 20))
                case kind:
                    letter.fate = kind
        self.arrived.append(letter)

    def _later(self, letter: Letter, after: timedelta) -> None:
        self.stage.agenda.at(self.clock.now() + after, lambda now: self.arrived.append(letter))

    def answered(self, letter: Letter, answer: str) -> bool:
        """The sender is told, if the answer gets through; whether it will not send this again."""
        if letter.fate == "answer lost":
            answer, letter.fate = "", ""
        letter.fate = ""
        if not answer:
            self._later(letter, AGAIN)
            return False
        if not letter.stray:
            self._twin(letter).said(letter.message, answer, self.clock.now())
        return True

    def _twin(self, letter: Letter) -> RestTwin | SupplierTwin | BankTwin | EhrTwin:
        twin = self.stage.twins[letter.message.instance]
        assert isinstance(twin, RestTwin | SupplierTwin | BankTwin | EhrTwin)
        return twin


def _spoiled(raw: bytes, chance: int, *, text: bool) -> bytes:
    """Bytes that nobody can read: cut off early, or noise."""
    random = Random(chance)
    if text and chance % 2:
        return raw[: max(1, len(raw) * random.randint(5, 60) // 100)]
    return random.randbytes(random.randint(1, 300))


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
