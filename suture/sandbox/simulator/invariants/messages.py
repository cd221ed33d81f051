"""Promises about messages: what was accepted is kept, repeats are known, answers are true, and nobody is named."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from suture.journal import Event
from suture.model import Case, Delivered, FunctionalAcknowledgement, MessageReceived, Parked
from suture.sandbox.simulator.invariants.facts import Check, Facts
from suture.sandbox.simulator.state import pages
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.supplier import SupplierTwin

#: A word ends what it is about in the moment in which it comes; moments of a run may be as long as this.
AT_ONCE = timedelta(hours=1)
#: What may stand behind the "#" of a message: a document of it, its exception, and what a person released of it.
_PART = re.compile(r"(?:(\d+)|refused)(?:/case|/released/\d+)?")


def _received(facts: Facts) -> Iterator[tuple[Event, MessageReceived]]:
    for row in facts.rows:
        if isinstance(row.event.data, MessageReceived):
            yield row.event, row.event.data


def accepted_is_kept(facts: Facts) -> Iterator[str]:
    """What a partner was told is accepted is in the journal, with each of its documents once: taken up or parked."""
    received = {event.blob for event, _ in _received(facts)}
    children = Counter(row.event.once for row in facts.rows if row.event.kind == "accepted" and "#" in row.event.once)
    for letter, answer in facts.world.kept:
        minimised = isinstance(facts.world.stage.twins[letter.message.instance], EhrTwin)
        if answer == "accepted" and not minimised and hashlib.sha256(letter.raw).hexdigest() not in received:
            yield f"{letter.message.name} of {letter.message.instance} was answered accepted and is not in the journal"
    messages = {event.once: message for event, message in _received(facts)}
    for once, message in messages.items():
        for index in range(message.documents):
            if children[f"{once}#{index}"] != 1:
                yield f"document {index} of {once} was taken up {children[f'{once}#{index}']} times"
    for once in children:
        id, _, rest = once.rpartition("#")
        known, part = messages.get(id), _PART.fullmatch(rest)
        if known is None or part is None or int(part[1] or 0) >= max(known.documents, 1):
            yield f"{once} was taken up beside the documents of its message"


def bytes_are_kept(facts: Facts) -> Iterator[str]:
    """Every message can be read again from the bytes that it came in."""
    for event, _ in _received(facts):
        try:
            kept = facts.world.disk.blob(event.blob)
        except KeyError:
            yield f"the bytes of {event.once} are gone"
        else:
            if hashlib.sha256(kept).hexdigest() != event.blob:
                yield f"the bytes of {event.once} are others than came"


def repeats_are_known(facts: Facts) -> Iterator[str]:
    """The same bytes from the same partner are one message, however often they come, answered alike and counted."""
    messages = ((event.source, event.blob) for event, _ in _received(facts))
    for (source, blob), count in Counter(messages).items():
        if count > 1:
            yield f"{blob[:12]} of {source} was taken for {count} messages"
    answers: dict[tuple[str, bytes], list[str]] = {}
    for letter, answer in facts.world.kept:
        answers.setdefault((letter.message.instance, letter.raw), []).append(answer)
    for (instance, _), given in answers.items():
        if len(set(given)) > 1:
            yield f"a message of {instance} was answered {given[0]} and at its repeat {given[-1]}"
    repeated = sum(len(given) - 1 for given in answers.values())
    if repeated > facts.world.disk.counts()["repeats"]:
        yield f"{repeated} messages came again, {facts.world.disk.counts()['repeats']} repeats were counted"


def bad_messages_are_refused(facts: Facts) -> Iterator[str]:
    """What nobody can read is refused and put before a person; what can be read is not."""
    parked = {row.event.data.id for row in facts.rows if isinstance(row.event.data, Parked)}
    for event, message in _received(facts):
        if message.outcome == "accepted" and not message.documents:
            yield f"{event.once} was accepted, and nothing in it could be read"
        if message.outcome == "refused" and f"{event.once}#refused" not in parked:
            yield f"{event.once} was refused and put before nobody"


def patients_are_not_named(facts: Facts) -> Iterator[str]:
    """No patient's name, number or telephone stands in the history or in what is kept."""
    disk = facts.world.disk
    blobs = {event.blob for event, message in _received(facts)} | {message.answer for _, message in _received(facts)}
    kept = b"\n".join(disk.blob(address) for address in sorted(blobs - {""}) if _there(facts, address))
    held = kept + b"\n".join(body for _, body in pages(disk))
    for ehr in facts.world.stage.ehrs.values():
        for patient in ehr.patients.values():
            for told in (patient.mrn, patient.family, patient.phone):
                if told.encode() in held:
                    yield f"{told!r} of a patient of {ehr.name} is kept"


def _there(facts: Facts, address: str) -> bool:
    try:
        return bool(facts.world.disk.blob(address))
    except KeyError:
        return False


def answers_are_true(facts: Facts) -> Iterator[str]:
    """An acknowledgement names the message that it answers, and says of it what was decided."""
    for event, message in _received(facts):
        if message.format == "hl7v2" and message.answer and _there(facts, message.answer) and _there(facts, event.blob):
            yield from _answered_hl7(facts, event, message)
    onces = {event.blob: event.once for event, _ in _received(facts)}
    for letter, answer in facts.world.kept:
        twin = facts.world.stage.twins[letter.message.instance]
        good = answer == "accepted" and letter.raw == letter.message.raw and not letter.stray
        if isinstance(twin, SupplierTwin) and good and b"*997*" not in letter.raw:
            number = str(int(letter.message.name.split(".")[0].split("-")[0]))
            once = onces.get(hashlib.sha256(letter.raw).hexdigest(), "")
            if (number, True) not in twin.acknowledged and not facts.differs(once):
                yield f"{twin.name} sent interchange {number}, which was accepted, and was not told that it could be read"


def _answered_hl7(facts: Facts, event: Event, message: MessageReceived) -> Iterator[str]:
    disk = facts.world.disk
    lines = disk.blob(message.answer).decode("utf-8", "replace").split("\r")
    said = next((line.split("|") for line in lines if line.startswith("MSA|")), ["MSA", "", ""])
    head = disk.blob(event.blob).decode("utf-8", "replace").split("\r")[0].split("|")
    if (said[1] in ("AA", "CA")) != (message.outcome == "accepted"):
        yield f"{event.once} was {message.outcome} and answered {said[1]}"
    if message.outcome == "accepted" and head[0] == "MSH" and said[2] != head[9]:
        yield f"the answer to {event.once} names message {said[2]}, not {head[9]}"


def words_are_heeded(facts: Facts) -> Iterator[str]:
    """Nobody is asked for a word that has come, and what was sent once ends with it."""
    heard: dict[tuple[str, str], datetime] = {}
    for row in facts.rows:
        data = row.event.data
        if isinstance(data, FunctionalAcknowledgement) and "/released/" not in row.event.once:
            heard.setdefault((row.event.source, data.reference), row.event.at)
        if isinstance(data, Case) and data.reason == "no_word":
            delivery = facts.world.disk.delivery(data.id.removeprefix("delivery/"))
            if delivery and (delivery.instance, delivery.reference) in heard:
                yield f"{delivery.instance} was asked for its word about {delivery.reference}, which had come"
        if isinstance(data, Delivered) and data.outcome == "done":
            delivery, word = facts.world.disk.delivery(data.delivery), heard.get((data.instance, data.reference))
            if word and delivery and delivery.attempts == 1 and row.event.at > word + AT_ONCE:
                yield f"{data.instance} said at {word} that it had {data.delivery}, which ended at {row.event.at}"


PROMISES: dict[str, Check] = {
    "what was accepted is kept": accepted_is_kept,
    "bytes are kept": bytes_are_kept,
    "what came twice counts once": repeats_are_known,
    "what nobody can read is refused": bad_messages_are_refused,
    "no patient is named": patients_are_not_named,
    "answers are true": answers_are_true,
    "words are heeded": words_are_heeded,
}
