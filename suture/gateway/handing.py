"""Documents handed over: read and checked before the journal, then taken in like any partner's, once under each key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import Struct

from suture.formats import Reading
from suture.formats.json import FORMAT as JSON
from suture.gateway.access import Access, Caller
from suture.gateway.limits import Limits
from suture.gateway.operation import Accepted, Given, Inside, Operation, scoped
from suture.gateway.problem import Problem, Wrong
from suture.gateway.reach import House
from suture.journal import Event
from suture.masters.crosswalk import Unknown
from suture.model import Document, Finding, MessageReceived, Parked
from suture.runtime.intake import minimised, once_of, translated, trespass_of
from suture.runtime.network import Instance
from suture.runtime.service import Busy
from suture.runtime.units import UnitBuilder, delivery_of, owed_of
from suture.transports import Answer, Arrival

#: Findings that say that the bytes are no JSON of ours at all, rather than a document with faults.
_UNREADABLE = ("json.syntax", "json.charset", "json.size")


class Handed(Struct, frozen=True):
    """The answer to a document handed over, and whether it is the first answer told again."""

    accepted: Accepted
    repeated: bool = False


class Checked(Struct, frozen=True):
    """A document that may be handed over: its bytes without any patient, as it came, in our codes, and codes nobody knows."""

    instance: Instance
    channel: str
    raw: bytes
    came: Document
    ours: Document
    unknown: Sequence[Unknown]
    findings: Sequence[Finding]


class Handing:
    """Takes documents in; keys under way are known, so that two requests with one key do not race."""

    def __init__(self, house: House, access: Access, limits: Limits) -> None:
        self.house, self.access, self.limits = house, access, limits
        self._under_way: set[tuple[str, str]] = set()

    # -- before the journal

    async def check(self, operation: Operation, given: Given, raw: bytes, inside: Inside) -> Checked:
        """Everything that can be wrong with it before it is taken in; raises Problem."""
        instance, channel = self._way(given.caller)
        raw = minimised(self.house.wiring, JSON, raw, instance.profile)
        reading = JSON.read(raw, instance.profile)
        came = _only(reading, operation)
        ours, unknown = translated(self.house.wiring, instance, came, given.now)
        await self._allow(operation, given.caller, ours, inside)
        trespass = "" if operation.brings_to else trespass_of(self.house.wiring, instance, ours)
        if trespass:
            raise Problem("forbidden", trespass)
        if why := await operation.fits(given, ours, inside):
            raise Problem("unacceptable", why)
        return Checked(instance, channel, raw, came, ours, unknown, reading.findings)

    def _way(self, caller: Caller) -> tuple[Instance, str]:
        """The instance that the caller speaks for, and a channel of it that takes JSON."""
        wiring = self.house.wiring
        instance = wiring.instances.get(caller.instance)
        ways = wiring.system(instance).channels if instance else ()
        channel = next((way.name for way in ways if way.format == "json" and way.transport in ("http", "memory")), "")
        if instance is None or not channel or instance.mode == "retired":
            raise Problem("no-instance", "You speak for no instance of the network that hands over JSON.")
        return instance, channel

    async def _allow(self, operation: Operation, caller: Caller, document: Document, inside: Inside) -> None:
        for about in await operation.about(document, inside):
            if not (verdict := self.access.allows(caller, operation.permission, about)):
                raise Problem("forbidden", verdict.reason)

    # -- into the journal

    async def hand_over(self, operation: Operation, given: Given, key: str, checked: Checked) -> Handed:
        """Returns after the commit; raises Problem."""
        key, said = scoped(given.caller, key), key
        name = (checked.instance.name, key)
        if name in self._under_way:
            raise Problem("in-progress", wait_s=1)
        self._under_way.add(name)
        try:
            async with asyncio.timeout(self.limits.intake_s):
                answer = await self._accept(operation, given.caller, key, checked)
        except Busy as busy:
            raise Problem("busy", f"Nothing was taken: {busy}.", wait_s=5) from None
        except TimeoutError:
            raise Problem("no-answer") from None
        finally:
            self._under_way.discard(name)
        return await self._told(operation, answer, key, said, checked)

    async def _accept(self, operation: Operation, caller: Caller, key: str, checked: Checked) -> Answer:
        if operation.brings_to:
            return await self.house.in_thread(lambda: self._owe(operation, caller, key, checked))
        arrival = Arrival(
            instance=checked.instance.name,
            channel=checked.channel,
            raw=checked.raw,
            name=operation.address,
            key=key,
            actor=caller.subject,
            operation=operation.name,
        )
        return await self.house.service.accept(arrival)

    async def _told(self, operation: Operation, answer: Answer, key: str, said: str, checked: Checked) -> Handed:
        if answer.outcome == "conflict":
            raise Problem("key-reused")
        if answer.outcome == "refused":
            raise Problem("unacceptable", "It was refused when it came first.")
        if answer.outcome == "busy":
            raise Problem("busy", wait_s=5)
        parked = tuple(_unknown(row) for row in checked.unknown)
        if answer.repeated:
            parked = await self.house.in_thread(lambda: self._parked(checked.instance.name, key))
        findings = [_told(finding) for finding in (*checked.findings, *parked)]
        accepted = Accepted(
            outcome="parked" if parked else "accepted",
            documents=(f"{type(checked.came).__name__}:{getattr(checked.came, 'id', '')}",),
            status=status_of(operation, said),
            findings=tuple(findings),
        )
        return Handed(accepted, answer.repeated)

    def _parked(self, instance: str, key: str) -> tuple[Finding, ...]:
        """Why it could not go on when it came first; nothing if it could."""
        once = f"{once_of(instance, key)}#0"
        row = self.house.wiring.journal.by_once([once]).get(once)
        return row.event.data.findings if row and isinstance(row.event.data, Parked) else ()

    def _owe(self, operation: Operation, caller: Caller, key: str, checked: Checked) -> Answer:
        """Owed to one system directly: the fact, the document and the obligation in one commit."""
        wiring, now = self.house.wiring, self.house.clock.now()
        if checked.unknown:
            raise Problem("unacceptable", errors=[Wrong(f"unknown_{row.kind}", _said(row), row.path) for row in checked.unknown])
        once, unit = once_of(checked.instance.name, key), UnitBuilder(wiring, now)
        blob, target = unit.keep(checked.raw), wiring.instances[operation.brings_to]
        id = f"{once}/brought"
        delivery = delivery_of(wiring, target, checked.ours, now, id=id, key=f"gateway/{getattr(checked.ours, 'id', '')}")
        delivery = msgspec.structs.replace(delivery, cause=f"{once}#0", root=f"{once}#0")
        unit.deliver(delivery)
        received = MessageReceived(
            id=once,
            instance=checked.instance.name,
            format=JSON.name,
            documents=1,
            outcome="accepted",
            kinds=(type(checked.ours).__name__,),
            actor=caller.subject,
            operation=operation.name,
        )
        message = Event(once=once, kind="accepted", source=checked.instance.name, at=now, data=received, root=once, blob=blob)
        document = msgspec.structs.replace(
            message,
            once=f"{once}#0",
            data=checked.ours,
            cause=once,
            root=f"{once}#0",
            mapping=f"{JSON.name}@{JSON.version}",
        )
        unit.event(msgspec.structs.replace(message, data=msgspec.structs.replace(received, owes=(owed_of(delivery),))))
        unit.event(document)
        return self._committed(unit, once, blob)

    def _committed(self, unit: UnitBuilder, once: str, blob: str) -> Answer:
        journal = self.house.wiring.journal
        (written,) = journal.commit([unit.build()])
        if not written.repeated:
            self.house.service.wake()
            return Answer(outcome="accepted")
        first = journal.by_once([once]).get(once)
        same = first is not None and first.event.blob == blob
        return Answer(outcome="accepted" if same else "conflict", repeated=True)


def status_of(operation: Operation, key: str) -> str:
    """Where what became of a submission is told: partners have a place of their own."""
    layer = "partner" if operation.layer == "partner" else "process"
    return f"/api/{layer}/v1/submissions/{quote(key, safe='')}"


def _only(reading: Reading, operation: Operation) -> Document:
    """The one document of a request, of a type that the operation takes; raises Problem."""
    if reading.errors or not reading.documents:
        unreadable = any(finding.code in _UNREADABLE for finding in reading.errors)
        errors = [Wrong(finding.code, finding.text, finding.path) for finding in reading.errors[:50]]
        raise Problem("malformed" if unreadable else "unacceptable", errors=errors)
    if reading.kind != "document":
        raise Problem("unacceptable", "Send one document in each request.")
    (document,) = reading.documents
    if type(document) not in operation.takes:
        wanted = " or ".join(kind.__name__ for kind in operation.takes)
        raise Problem("unacceptable", errors=[Wrong("json.type", f"this operation takes {wanted}", "$.type")])
    return document


def _unknown(row: Unknown) -> Finding:
    return Finding(code=f"unknown_{row.kind}", path=row.path, text=_said(row))


def _said(row: Unknown) -> str:
    return f"nobody knows the {row.kind.replace('_', ' ')} {row.value!r}"


def _told(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "path": finding.path, "text": finding.text, "severity": finding.severity}
