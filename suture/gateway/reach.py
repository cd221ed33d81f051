"""What an answer may reach, put to work: the journal through the river's thread, and systems through shared live questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from suture.formats import Stamp
from suture.gateway.access import About, Caller
from suture.gateway.evidence.gathering import Unknown, resting_on
from suture.gateway.evidence.pack import Applied
from suture.gateway.lookups import Heard, Lookups, Question, Unheard
from suture.gateway.operation import Operation, Part, Submission, Trace, scoped
from suture.gateway.problem import Problem
from suture.journal import Delivery, Journal, Unavailable
from suture.masters.crosswalk import translate
from suture.model import Case, Delivered, Document, MessageReceived, Parked, Ref
from suture.processes.masters import Filed
from suture.rules import routing
from suture.rules.routing import Matter, rules_of
from suture.runtime.drive import ask, drive
from suture.runtime.intake import once_of
from suture.runtime.network import Instance
from suture.runtime.policies import in_force
from suture.runtime.routes import NoRoute, destination
from suture.runtime.secrets import secret
from suture.runtime.service import Service
from suture.systems import Again, Call, Done, Listing, NotListed
from suture.systems import Operation as Bringing
from suture.transports import HttpReply, NoReply, NotSent, Reply, Request
from suture.transports.exchange import Link
from suture.views.journey import journey
from suture.views.register import Entry, Register
from suture.views.story import tell
from suture.views.whereabouts import Whereabouts, where

T = TypeVar("T")

#: So long an answer of a system is told again, in seconds.
FRESH_S = 5.0
#: The part of an operation's latency target that a system may take.
PATIENCE = 0.8


class House:
    """What all calls of one process share: the service, its live questions and the register."""

    def __init__(self, service: Service, register: Register) -> None:
        self.service, self.register = service, register
        self.wiring, self.clock = service.wiring, service.clock
        self.lookups = Lookups(service)
        self._believed = self._current = False

    async def in_thread(self, step: Callable[[], T]) -> T:
        """A step that touches the journal; raises Problem if it cannot be had now."""
        try:
            return await self.service.in_thread(step)
        except Unavailable:
            raise Problem("busy", "The journal does not answer; nothing was changed.", wait_s=5) from None
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise Problem("busy", "This process is stopping.", wait_s=5) from None
            raise

    async def catch_up(self) -> None:
        """Bring the register up to the journal, a page at a time, so that the river flows on between them."""
        if not self._believed:
            await self.in_thread(lambda: self.register.believe(self.wiring.journal))
            self._believed = True
        while await self.in_thread(lambda: self.register.catch_up(self.wiring.journal)):
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Ask nothing more, and let go of the register."""
        await self.lookups.close()
        self.register.close()


class Reach:
    """``Inside`` for one operation; ``within_s`` is what it may take, if not its latency target."""

    def __init__(self, house: House, operation: Operation, within_s: float | None = None) -> None:
        self.house, self.operation = house, operation
        self._within_s = (operation.latency_ms / 1000 if within_s is None else within_s) * PATIENCE

    # -- what we know ourselves

    async def state(self, process: str, key: str) -> tuple[Any, int]:
        """The state of a process under a key and its version; (None, 0) if there is none."""
        wiring, name = self.house.wiring, (process, key)
        stored = (await self.house.in_thread(lambda: wiring.journal.states([name]))).get(name)
        return (wiring.state_decoders[process].decode(stored.data), stored.version) if stored else (None, 0)

    async def filed(self, kind: type[Document], id: str) -> tuple[Any, ...]:
        """Master documents filed under this id, as decisions see them."""
        state, _ = await self.state("masters", f"{kind.__name__}:{id}")
        return state.documents if isinstance(state, Filed) else ()

    async def register(
        self, kind: str, *, supplier: str = "", state: str = "", after: int = 0, limit: int = 50
    ) -> tuple[Entry, ...]:
        """Documents of a kind in order of their first appearance, after a position, narrowed where asked."""
        await self.house.catch_up()
        rows = partial(self.house.register.rows, kind, supplier=supplier, state=state, after=after, limit=limit)
        return tuple(await self.house.in_thread(rows))

    async def registered(self, kind: str, id: str) -> Entry | None:
        """One document of the register."""
        await self.house.catch_up()
        return await self.house.in_thread(lambda: self.house.register.one(kind, id))

    async def trace(self, id: str) -> Trace | None:
        """The whereabouts of anything, by any identifier."""
        return await self.house.in_thread(lambda: self._trace(id))

    def _trace(self, id: str) -> Trace | None:
        journal = self.house.wiring.journal
        found, way = where(journal, id), journey(journal, id)
        if found is None:
            return None
        told = ((row.event.at, tell(row.event)) for row in way.events)
        data = [row.event.data for row in way.events]
        return Trace(
            subject=found.subject,
            documents=tuple(map(str, found.documents)),
            entities=_distinct(data, "entity"),
            facilities=_distinct(data, "facility"),
            has=tuple(_has(found)),
            owed=tuple(_owed(delivery) for delivery in found.owed),
            exceptions=tuple(case.text for case in found.cases),
            story=tuple((at, text) for at, text in told if text),
            policies=tuple(f"{each.name} {each.version}" for each in _applied(journal, id)),
        )

    async def submission(self, caller: Caller, key: str) -> Submission | None:
        """What became of what this caller's instance handed over under this key; None if nothing was."""
        return await self.house.in_thread(lambda: self._submission(caller, key))

    def _submission(self, caller: Caller, key: str) -> Submission | None:
        journal, once = self.house.wiring.journal, once_of(caller.instance, scoped(caller, key))
        rows = journal.by_once([once, f"{once}#0", f"{once}#refused"])
        received = rows[once].event if once in rows else None
        if received is None or not isinstance(received.data, MessageReceived):
            return None
        data = [row.event.data for row in rows.values() if row.event is not received]
        refs = [document.refs()[0] for document in data if document.refs() and not isinstance(document, Parked | Case)]
        found = where(journal, refs[0].id) if refs else None
        parked = [document for document in data if isinstance(document, Parked)]
        return Submission(
            key=key,
            at=received.at,
            outcome="parked" if parked and received.data.outcome == "accepted" else received.data.outcome,
            documents=tuple(map(str, refs)),
            led_to=tuple(str(ref) for ref in found.objects if ref not in refs) if found else (),
            has=tuple(_has(found)) if found else (),
            owed=tuple(_owed(delivery) for delivery in found.owed) if found else (),
            exceptions=tuple(case.text for case in found.cases) if found else tuple(map(_why_parked, parked)),
        )

    # -- what systems know

    async def holds(self, role: str, document: Document, about: About) -> Part:
        """Whether the system that plays ``role`` for this holds the document: asked live, shared with all who ask, or unknown."""
        try:
            instance, before = await self.house.in_thread(lambda: self._known(role, document, about))
        except (NoRoute, ValueError) as error:
            return Part(source=role, state="unknown", why=str(error))
        bringing = self.house.wiring.system(instance).accepts.get(type(document))
        if bringing is None or bringing.probe is None:
            return self._part(instance.name, Heard(None, None, "it cannot be asked for one document"), before)
        key = f"{type(document).__name__}:{getattr(document, 'id', '')}"
        heard = await self._ask(instance.name, key, self._probing(instance, bringing, document))
        return self._part(instance.name, heard, before)

    def _known(self, role: str, document: Document, about: About) -> tuple[Instance, Delivered | None]:
        """Whom a document of this kind would be brought to, and what we last heard of it there."""
        kind = type(document).__name__
        matter = Matter(role=role, document=kind, entity=about.entity, facility=about.facility, supplier=about.supplier)
        policy = in_force(self.house.wiring.journal, routing.NAME, self.house.clock.now())
        instance = destination(self.house.wiring.network, rules_of(policy.values) if policy else (), matter)
        return instance, self._delivered(instance.name, document)

    async def rows(self, instance: str, listing: str, cursor: str) -> tuple[tuple[Any, ...], str, Part]:
        """One page of a connected system's own list, the next cursor, and how it was heard."""
        of = self.house.wiring.instances[instance]
        asked = next(each for each in self.house.wiring.system(of).lists if each.name == listing)
        heard = await self._ask(instance, f"{listing}?{cursor}", self._paging(of, asked, cursor))
        rows, after = heard.value if heard.value else ((), "")
        state = "unknown" if heard.why else "heard"
        return rows, after, Part(source=instance, state=state, at=heard.at, age_s=self._age(heard), why=heard.why)

    async def _ask(self, instance: str, key: str, question: Question) -> Heard:
        return await self.house.lookups.ask(
            instance, key, question, fresh_s=FRESH_S, within_s=self._within_s, urgency=self.operation.quota
        )

    def _probing(self, instance: Instance, bringing: Bringing, document: Document) -> Question:
        call = self._call(instance, str(getattr(document, "id", "")))
        theirs = self._in_their_codes(instance, document)

        async def probe(link: Link) -> tuple[str, str]:
            assert bringing.probe is not None
            listening = _Listening(link)
            outcome = await drive(bringing.probe(theirs, call), listening)
            if isinstance(outcome, Done):
                return "held", outcome.reference
            if isinstance(outcome, Again) and not outcome.after_s and listening.heard:
                return "absent", ""
            raise Unheard("it could not tell")

        return probe

    def _paging(self, instance: Instance, listing: Listing, cursor: str) -> Question:
        call = self._call(instance, "")

        async def page(link: Link) -> tuple[tuple[Any, ...], str]:
            answer: Any = await ask(_told(listing, cursor, call), link)
            if answer is None or isinstance(answer, str):
                raise Unheard(answer or "its list cannot be read")
            rows, after = answer
            return rows, after

        return page

    def _call(self, instance: Instance, id: str) -> Call:
        return Call(
            key=f"{instance.name}/look-up",
            id=id,
            stamp=Stamp(number=0, at=self.house.clock.now().isoformat()),
            profile=instance.profile,
            options=instance.options,
            password=partial(secret, instance.password),
        )

    def _in_their_codes(self, instance: Instance, document: Document) -> Document:
        day = self.house.clock.now().date()
        wiring = self.house.wiring
        return translate(
            document, lambda kind, code: wiring.book.outbound(instance.name, kind, code, day), wiring.system(instance).codes
        )[0]

    def _delivered(self, instance: str, document: Document) -> Delivered | None:
        """The last that we heard of it there."""
        name = document.refs()[0]
        ends = (row.event.data for row in self.house.wiring.journal.find(Ref(name.type, name.id)))
        ours = [end for end in ends if isinstance(end, Delivered) and end.instance == instance and end.document.id == name.id]
        return ours[-1] if ours else None

    def _part(self, instance: str, heard: Heard, before: Delivered | None) -> Part:
        if not heard.why:
            state, reference = heard.value
            return Part(source=instance, state=state, reference=reference, at=heard.at, age_s=self._age(heard))
        if heard.value is not None and heard.at is not None and (before is None or heard.at >= before.at):
            state, reference = heard.value
            age = self._age(heard)
            return Part(source=instance, state="unknown", last=state, reference=reference, at=heard.at, age_s=age, why=heard.why)
        if before is not None:
            last = Heard(None, before.at)
            known = "held" if before.outcome == "done" else before.outcome
            return Part(
                source=instance,
                state="unknown",
                last=known,
                reference=before.reference,
                at=before.at,
                age_s=self._age(last),
                why=heard.why,
            )
        return Part(source=instance, state="unknown", why=heard.why)

    def _age(self, heard: Heard) -> float | None:
        if heard.at is None:
            return None
        return round(max(0.0, (self.house.clock.now() - heard.at).total_seconds()), 3)


class _Listening:
    """A link that knows whether the system gave a plain answer last: a probe says Again also for a system out of reach."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.heard = False

    async def perform(self, request: Request) -> Reply:
        """Pass the request on."""
        self.heard = False
        reply = await self._link.perform(request)
        self.heard = not isinstance(reply, HttpReply) or reply.status == 200
        return reply

    async def close(self) -> None:
        """The link is the service's own."""


def _applied(journal: Journal, id: str) -> tuple[Applied, ...]:
    try:
        return resting_on(journal, id)
    except Unknown:
        return ()


def _told(listing: Listing, cursor: str, call: Call) -> Any:
    """The page, or in words why it could not be had."""
    try:
        return (yield from listing.ask(cursor, call))
    except (NotListed, NotSent, NoReply) as failure:
        return str(failure) or type(failure).__name__


def _distinct(documents: Iterable[Document], name: str) -> tuple[str, ...]:
    """What documents say under a name, each once."""
    return tuple(sorted({str(said) for document in documents if (said := getattr(document, name, ""))}))


def _has(found: Whereabouts) -> list[Part]:
    return [Part(source=held.instance, state="held", at=held.at, reference=held.reference) for held in found.held]


def _owed(delivery: Delivery) -> Part:
    return Part(source=delivery.instance, state=delivery.status, at=delivery.created, why=delivery.note)


def _why_parked(parked: Parked) -> str:
    return "; ".join(str(finding) for finding in parked.findings) or parked.reason
