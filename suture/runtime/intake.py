"""Intake: bytes from partners become facts, in one commit for all that came together, before anyone is answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from suture.formats import Format, Profile, Reading, Running, Stamp, Verdict
from suture.journal import Committed, Event, Fenced, Unit
from suture.journal.shelves import Shredded
from suture.masters.crosswalk import Unknown, translate, written_on
from suture.model import (
    Acknowledgement,
    Case,
    Document,
    Finding,
    FunctionalAcknowledgement,
    MessageReceived,
    Parked,
    Ref,
)
from suture.runtime.counting import Place
from suture.runtime.network import Instance
from suture.runtime.retention import shelf_of
from suture.runtime.settle import acknowledged
from suture.runtime.units import Commit, UnitBuilder, delivery_of, owed_of
from suture.runtime.wiring import Wiring
from suture.systems import Channel
from suture.transports import Answer, Arrival
from suture.transports.exchange import TOO_LARGE

#: So much of a file's name is kept, in characters.
LONGEST_FILE = 256
#: Findings that are kept and told per message; the rest are counted.
FINDINGS_KEPT = 50
#: So much is kept of a finding's text, its path and a sender's own message id, in characters.
LONGEST_TEXT, LONGEST_PATH, LONGEST_ID = 1000, 400, 200


class Message(Struct, frozen=True, kw_only=True):
    """One arrival after reading: what it said, what we say to it, and the unit that makes both true."""

    once: str
    unit: Unit
    answer: Answer
    place: Place


def accept(wiring: Wiring, arrivals: Sequence[Arrival], now: datetime, commit: Commit | None = None) -> list[Answer]:
    """Read and commit all arrivals together; returns the answers in order.

    A message that came before gets the answer that it got then, and is counted. Nothing here waits or sends. ``commit`` is the
    journal's unless the river has its own.
    """
    understood = [_understood(wiring, arrival, now) for arrival in arrivals]
    # a number is the next one only if no other gateway takes in the same feed between our look at its count and our commit
    with wiring.journal.alone(intake.feed for intake in understood if intake.reading.numbers):
        places = wiring.counting.place([(intake.feed, intake.reading.numbers) for intake in understood], now)
        messages = [(arrival, intake.message(place)) for arrival, intake, place in zip(arrivals, understood, places, strict=True)]
        kept = _kept(wiring, messages, now, commit or wiring.journal.commit)
        wiring.counting.keep(places, now)
    repeated = [message.once for message, result in kept if result.repeated]
    first = wiring.journal.by_once(repeated) if repeated else {}
    return [
        _first_answer(wiring, message, first[message.once].event) if result.repeated else message.answer
        for message, result in kept
    ]


def _kept(
    wiring: Wiring, messages: list[tuple[Arrival, Message]], now: datetime, commit: Commit
) -> list[tuple[Message, Committed]]:
    """Commit all; what the journal cannot hold (a text beyond every bound) is found by halving and refused alone.

    Two words about one thing in one commit stand in each other's way: then each message has a commit of its own.
    """
    try:
        results = commit([message.unit for _, message in messages])
        return [(message, result) for (_, message), result in zip(messages, results, strict=True)]
    except Fenced:
        if len(messages) == 1:
            raise
        return [
            kept
            for arrival, message in messages
            for kept in _kept(wiring, [(arrival, _anew(wiring, arrival, message, now))], now, commit)
        ]
    except ValueError as error:
        if len(messages) > 1:
            half = len(messages) // 2
            return _kept(wiring, messages[:half], now, commit) + _kept(wiring, messages[half:], now, commit)
        problem = f"it says something that no document can hold: {error}"[:300]
        [(arrival, message)] = messages
        refused = _understood(wiring, msgspec.structs.replace(arrival, problem=problem), now).message(message.place)
        return [(refused, commit([refused.unit])[0])]


def once_of(instance: str, key: str) -> str:
    """The ``once`` of what an instance hands over under a key of its own."""
    return f"{instance}/{_words(key, LONGEST_ID)}/key"


def _anew(wiring: Wiring, arrival: Arrival, message: Message, now: datetime) -> Message:
    """The same message, written on what the journal holds now."""
    return _understood(wiring, arrival, now).message(message.place)


def _first_answer(wiring: Wiring, message: Message, event: Event) -> Answer:
    received = event.data
    assert isinstance(received, MessageReceived)
    if event.blob != message.unit.events[0].blob:
        return Answer(outcome="conflict", repeated=True)
    body = _answered(wiring, received)
    return Answer(outcome=received.outcome, body=body, media_type=message.answer.media_type, repeated=True)


def _answered(wiring: Wiring, received: MessageReceived) -> bytes:
    """What was answered; nothing for a message so old that its bytes are destroyed."""
    try:
        return wiring.journal.blob(received.answer) if received.answer else b""
    except Shredded:
        return b""


def read(wiring: Wiring, arrival: Arrival, now: datetime) -> Message:
    """What one arrival means by itself, wherever it stands among others; pure but for looking into the crosswalk."""
    understood = _understood(wiring, arrival, now)
    return understood.message(Place(feed=understood.feed))


def _understood(wiring: Wiring, arrival: Arrival, now: datetime) -> _Intake:
    instance = wiring.instances[arrival.instance]
    channel = channel_of(wiring, instance, arrival.channel)
    format = wiring.formats[channel.format]
    raw = minimised(wiring, format, arrival.raw, instance.profile)
    reading = _within(wiring.limits.documents_per_message, _reading(format, instance, arrival, raw))
    return _Intake(wiring, instance, channel, format, arrival, raw, _numbered(instance, arrival, reading), now)


def _numbered(instance: Instance, arrival: Arrival, reading: Reading) -> Reading:
    """A message without a running number has that of its file's name, where the instance's option ``file_number`` finds one."""
    pattern = instance.options.get("file_number", "")
    found = re.search(pattern, arrival.name) if pattern and not reading.numbers else None
    number = found[found.lastindex or 0] if found else ""
    if not number.isdecimal() or len(number) > 18:
        return reading
    return msgspec.structs.replace(reading, numbers=(Running(int(number), "files"),))


def documents_of(wiring: Wiring, arrival: Arrival, now: datetime) -> list[tuple[Document, tuple[Unknown, ...]]]:
    """The documents in bytes that are already kept, under today's mappings and codes, each with its unknown codes."""
    instance = wiring.instances[arrival.instance]
    format = wiring.formats[channel_of(wiring, instance, arrival.channel).format]
    reading = format.read(arrival.raw, instance.profile)
    return [translated(wiring, instance, document, now) for document in reading.documents]


def translated(wiring: Wiring, instance: Instance, document: Document, now: datetime) -> tuple[Document, tuple[Unknown, ...]]:
    """A partner's document in our codes, as they stood on the day that it was made, and the codes that nobody knows."""
    day = written_on(document) or now.date()

    def lookup(kind: str, code: str) -> str | None:
        return wiring.book.inbound(instance.name, kind, code, day)

    return translate(document, lookup, wiring.system(instance).codes)


def trespass_of(wiring: Wiring, instance: Instance, document: Document) -> str:
    """Why this instance may not say this; "" if it may.

    A system speaks of the document types that it declares in ``emits``, and a supplier's instance of its own suppliers only:
    each fact has one owner.
    """
    emits = wiring.system(instance).emits
    if emits and not isinstance(document, emits):
        return f"{instance.name} does not own {type(document).__name__} documents"
    supplier = getattr(document, "supplier", "")
    if instance.suppliers and supplier and supplier not in instance.suppliers:
        return f"{instance.name} speaks for {', '.join(instance.suppliers)}, not for {supplier}"
    return ""


def channel_of(wiring: Wiring, instance: Instance, name: str) -> Channel:
    """The declared way in; raises LookupError for a channel that the system does not have."""
    system = wiring.system(instance)
    ways = (*system.channels, *(Channel(name=poll.name, transport="memory", format=poll.format) for poll in system.polls))
    for channel in ways:
        if channel.name == name:
            return channel
    raise LookupError(f"{instance.name} has no channel {name!r}; it has {', '.join(way.name for way in ways) or 'none'}")


def minimised(wiring: Wiring, format: Format, raw: bytes, profile: Profile) -> bytes:
    """Without the patient's identity, where the format can carry one; bytes in which nobody can find it are withheld."""
    if format.minimise is None:
        return raw
    try:
        return format.minimise(raw, wiring.pseudonym, profile)
    except Exception as error:  # whatever it stumbles over may be the patient
        return f"WITHHELD {len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()} ({type(error).__name__})".encode()


def _reading(format: Format, instance: Instance, arrival: Arrival, raw: bytes) -> Reading:
    try:
        reading = format.read(raw, instance.profile)
    except Exception as error:  # a reader that fails must not cost the bytes, nor the messages beside it
        text = f"the {format.name} reader failed: {type(error).__name__}"
        reading = Reading(findings=(Finding(code="reader_failed", text=text),))
    # what came with a defect is refused, but read all the same: the acknowledgement then names the message
    return msgspec.structs.replace(reading, documents=()) if arrival.problem else reading


def _findings(arrival: Arrival, reading: Reading) -> tuple[Finding, ...]:
    """What the transport and the reader found, the transport first."""
    defect = (Finding(code="transport", text=arrival.problem, path=arrival.name),) if arrival.problem else ()
    return tuple(_keepable(finding) for finding in (*defect, *reading.findings)[:FINDINGS_KEPT])


def _keepable(finding: Finding) -> Finding:
    """The finding in words that every journal can hold, whatever a reader let through of the message."""
    text, path = _words(finding.text, LONGEST_TEXT), _words(finding.path, LONGEST_PATH)
    same = (text, path) == (finding.text, finding.path)
    return finding if same else msgspec.structs.replace(finding, text=text, path=path)


def _words(text: str, most: int) -> str:
    return text[:most].replace("\0", "?").encode("utf-8", "replace").decode()


def _within(most: int, reading: Reading) -> Reading:
    """A message of more documents than one commit should hold is refused as a whole, and its sender told."""
    count = len(reading.documents)
    if count <= most:
        return reading
    finding = Finding(code="too_many_documents", text=f"{count} documents in one message; send {most} at most")
    return msgspec.structs.replace(reading, documents=(), findings=(finding, *reading.findings))


class _Intake:
    """The writing of one message's unit: its own fact, its documents, what could not go on, and the answer."""

    def __init__(
        self,
        wiring: Wiring,
        instance: Instance,
        channel: Channel,
        format: Format,
        arrival: Arrival,
        raw: bytes,
        reading: Reading,
        now: datetime,
    ) -> None:
        self.wiring, self.instance, self.channel, self.format = wiring, instance, channel, format
        self.arrival, self.raw, self.reading, self.now = arrival, raw, reading, now
        self.blob = hashlib.sha256(raw).hexdigest()
        self.once = once_of(instance.name, arrival.key) if arrival.key else self._own_once()
        self.findings = _findings(arrival, reading)
        self.mapping = f"{format.name}@{format.version}"
        self.feed = f"{instance.name}/{channel.name}"
        self.unit = UnitBuilder(wiring, now)
        self.unit.shelf = shelf_of(format, now)

    def _own_once(self) -> str:
        return f"{self.instance.name}/{_words(self.reading.message_id, LONGEST_ID) or '-'}/{self.blob[:24]}"

    def message(self, place: Place) -> Message:
        """The message and its unit, where it stands in its sender's counts."""
        documents = [translated(self.wiring, self.instance, document, self.now) for document in self.reading.documents]
        outcome = self._outcome()
        body = self._acknowledgement("refused" if outcome == "refused" else "accepted")
        answer = Answer(outcome=outcome, body=b"" if self._answers_later else body, media_type=self.format.media_type)
        if self._answers_later and body:
            self._owe_acknowledgement("refused" if outcome == "refused" else "accepted")
        self._received(outcome, answer.body, place)
        for index, (document, unknown) in enumerate(documents):
            self._document(index, document, unknown)
        if outcome == "refused":
            self._refused()
        return Message(once=self.once, unit=self.unit.build(place.marks), answer=answer, place=place)

    @property
    def _answers_later(self) -> bool:
        """Whether the acknowledgement is a message of its own (files, X12) rather than the reply of the transport."""
        return Acknowledgement in self.wiring.system(self.instance).accepts

    def _outcome(self) -> str:
        wrong = bool(self.arrival.problem or self.reading.errors)
        return "refused" if wrong and not self.reading.documents else "accepted"

    def _acknowledgement(self, outcome: str) -> bytes:
        if self.format.acknowledge is None:
            return b""
        stamp = Stamp(number=int(self.blob[:12], 16) % 999_999_999 + 1, at=self.now.isoformat())
        verdict = Verdict(outcome=outcome, findings=self.findings, stamp=stamp)
        return self.format.acknowledge(self.reading, verdict, self.instance.profile) or b""

    def _received(self, outcome: str, answer: bytes, place: Place) -> None:
        address = self.unit.keep(answer) if answer else ""
        self.unit.keep(self.raw)
        documents = self.reading.documents
        received = MessageReceived(
            id=self.once,
            instance=self.instance.name,
            format=self.format.name,
            documents=len(documents),
            outcome="refused" if outcome == "refused" else "accepted",
            answer=address,
            findings=self.findings,
            owes=tuple(owed_of(delivery) for delivery in self.unit.deliveries),
            channel=self.channel.name,
            kinds=tuple(sorted({type(document).__name__ for document in documents})),
            numbers=place.numbers,
            file=self._file(),
            actor=self.arrival.actor,
            operation=self.arrival.operation,
        )
        self._event(self.once, received, self.wiring.routes(received) if place.told else ())

    def _file(self) -> str:
        """The file's name; not a path that was called, and not where a name could tell who the patient is."""
        name = self.arrival.name
        telling = self.format.clinical or self.raw != self.arrival.raw
        return "" if name.startswith("/") or telling else name[:LONGEST_FILE]

    def _document(self, index: int, document: Document, unknown: Sequence[Unknown]) -> None:
        once = f"{self.once}#{index}"
        if unknown:
            self._park_unknown(once, document, unknown)
            return
        trespass = trespass_of(self.wiring, self.instance, document)
        if trespass:
            finding = Finding(code="not_theirs", text=trespass)
            self._park(once, "not_theirs", document.refs(), (finding,), ())
            return
        routes = self.wiring.routes(document)
        self._event(once, document, routes)
        if isinstance(document, FunctionalAcknowledgement):
            acknowledged(self.wiring, self.unit, self.instance.name, document, cause=once, root=self.once)

    def _event(self, once: str, data: Document, routes: Sequence[tuple[str, str]] = (), root: str = "") -> None:
        cause = "" if once == self.once else self.once
        event = Event(
            once=once,
            kind="accepted",
            source=self.instance.name,
            at=self.now,
            data=data,
            cause=cause,
            root=root or once,
            blob=self.blob,
            mapping=self.mapping,
        )
        self.unit.event(event, routes)

    def _park_unknown(self, once: str, document: Document, unknown: Sequence[Unknown]) -> None:
        candidates = tuple(
            candidate for row in unknown for candidate in self.wiring.book.candidates(row.kind, row.value, limit=5)
        )
        findings = tuple(
            Finding(
                code=f"unknown_{row.kind}", path=row.path, text=f"{self.instance.name} calls it {row.value!r}; no crosswalk row"
            )
            for row in unknown
        )
        reason = f"unknown_{unknown[0].kind}"
        self._park(once, reason, document.refs(), findings, candidates)

    def _refused(self) -> None:
        reason = "too_large" if self.arrival.problem.startswith(TOO_LARGE) else "refused_message"
        self._park(f"{self.once}#refused", reason, (), self.findings, ())

    def _park(
        self, once: str, reason: str, about: tuple[Ref, ...], findings: tuple[Finding, ...], candidates: tuple[str, ...]
    ) -> None:
        parked = Parked(
            id=once,
            instance=self.instance.name,
            format=self.format.name,
            reason=reason,
            findings=findings,
            candidates=candidates,
            about=about,
        )
        self._event(once, parked)
        self._event(f"{once}/case", _case_of(parked, self.now), root=once)

    def _owe_acknowledgement(self, outcome: str) -> None:
        document = Acknowledgement(
            id=self.once,
            blob=self.blob,
            format=self.format.name,
            outcome="refused" if outcome == "refused" else "accepted",
            findings=self.findings,
        )
        delivery = delivery_of(self.wiring, self.instance, document, self.now, id=f"{self.once}/ack", key=f"ack/{self.once}")
        self.unit.deliver(msgspec.structs.replace(delivery, cause=self.once, root=self.once, role="acknowledgement"))


def _case_of(parked: Parked, now: datetime) -> Case:
    first = next((finding for finding in parked.findings if finding.severity == "error"), None)
    return Case(
        id=f"intake/{parked.id}",
        reason=parked.reason,
        text=f"{parked.instance} sent something that cannot go on: {first or parked.reason}",
        objects=(Ref("Message", parked.id), *parked.about),
        owner="steward" if parked.reason.startswith("unknown_") else "operations",
        at=now,
        actions=("release", "repair", "reject"),
        context={str(index): str(finding) for index, finding in enumerate(parked.findings)},
        suggestion=_suggestion(parked),
    )


def _suggestion(parked: Parked) -> str:
    if parked.candidates:
        return f"add a crosswalk row (nearest: {', '.join(parked.candidates[:3])}), then release"
    if parked.reason.startswith("unknown_"):
        return "add the missing code to the crosswalk, then release"
    return "repair the message and release it, or reject it and tell the sender"
