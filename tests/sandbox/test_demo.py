"""One small day over real sockets: it balances, nothing is lost, nothing doubled, and nobody can be told from what is kept."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

import pytest
from msgspec import structs

from suture.extensions import found
from suture.formats import Profile
from suture.journal import Journal, MemoryJournal, open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Usage
from suture.processes import Process
from suture.runtime.clock import ManualClock
from suture.runtime.publish import publish
from suture.runtime.replay import replay
from suture.runtime.wiring import Wiring
from suture.sandbox.demo import Demo, Result
from suture.sandbox.group import invent
from suture.sandbox.stage import network
from suture.sandbox.still import Still
from suture.sandbox.twins.ehr import EhrTwin, Patient
from suture.sandbox.twins.twin import Agenda
from suture.transports import Arrival
from suture.views import history
from tests.sandbox.test_twins import usage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Kept(logging.Handler):
    """Everything that was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Result, list[str]]]:
    """A day of twelve requisitions and eight usages, and its log down to the least."""
    log, kept = logging.getLogger(), Kept()
    level = log.level
    log.addHandler(kept)
    log.setLevel(logging.DEBUG)
    try:
        yield asyncio.run(Demo(tmp_path_factory.mktemp("day"), seed=3, requisitions=12, usages=8).run()), kept.lines
    finally:
        log.removeHandler(kept)
        log.setLevel(level)


@pytest.fixture
def journal(day: tuple[Result, list[str]]) -> Iterator[Journal]:
    opened = open_journal(str(day[0].journal), load_or_create_key(day[0].journal.parent / "blobs.key"))
    yield opened
    opened.close()


# -- the balance


def test_the_day_balances_and_nothing_is_lost_or_doubled(day: tuple[Result, list[str]]) -> None:
    result, _ = day
    assert result.ok
    assert result.ledger.balanced
    assert result.ledger.in_flight == result.ledger.open == 0
    assert (result.audit.lost, result.audit.doubled) == ((), ())
    assert all(count.due for count in result.audit.counts), "a count of nothing proves nothing"


def test_the_day_had_what_was_asked_for(day: tuple[Result, list[str]]) -> None:
    result, _ = day
    assert (result.received["Requisition"], result.received["Usage"]) == (12, 8)
    assert result.faults.keys() >= {"messages sent twice", "replies lost after the peer acted"}
    assert result.seconds < 40


def test_every_decision_of_the_day_is_made_again_in_the_same_way(journal: Journal) -> None:
    replayed = replay(journal, found("suture.processes", "PROCESS", Process))
    assert replayed.decisions > 100
    assert replayed.differences == ()


# -- privacy


def tellings(patients: Iterator[Patient]) -> set[str]:
    """What tells who somebody is, in any case and spelling that a program might give it."""
    told: set[str] = set()
    for who in patients:
        told |= {who.mrn, who.family, who.given, who.street, who.town, who.phone, f"{who.born:%Y%m%d}", who.born.isoformat()}
    return {text.lower() for text in told}


def everything_kept(path: Path, journal: Journal) -> Iterator[tuple[str, bytes]]:
    """Every value of every row, and every blob decrypted."""
    database = sqlite3.connect(path)
    tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    for table in tables:
        for row in database.execute(f"select * from {table}"):  # the database's own names
            yield from ((table, value if isinstance(value, bytes) else str(value).encode()) for value in row)
    for row in history(journal):
        if row.event.blob:
            yield f"blob of {row.event.source}", journal.blob(row.event.blob)
        answer = getattr(row.event.data, "answer", "")
        if answer:
            yield "answer", journal.blob(answer)
    database.close()


def test_nothing_that_is_kept_or_logged_tells_who_a_patient_is(day: tuple[Result, list[str]], journal: Journal) -> None:
    result, log = day
    patients = [patient for ehr in result.stage.ehrs.values() for patient in ehr.patients.values()]
    assert len(patients) >= 5
    needles = tellings(iter(patients))
    kept = [*everything_kept(result.journal, journal), *(("log", line.encode()) for line in log)]
    places = {place for place, _ in kept}
    assert {"events", "states", "deliveries", "log", "blob of ehr-main"} <= places
    assert any(b"DFT^P03" in raw for place, raw in kept if place.startswith("blob of ehr"))
    found = {(place, needle) for place, raw in kept for needle in needles if needle.encode() in raw.lower()}
    assert found == set()


def test_the_files_of_the_journal_do_not_tell_either(day: tuple[Result, list[str]]) -> None:
    result, _ = day
    needles = tellings(patient for ehr in result.stage.ehrs.values() for patient in ehr.patients.values())
    for path in result.journal.parent.rglob("*"):
        if path.is_file():
            raw = path.read_bytes().lower()
            assert not {needle for needle in needles if needle.encode() in raw}, path.name


def test_a_patient_is_one_pseudonym_all_day(day: tuple[Result, list[str]], journal: Journal) -> None:
    result, _ = day
    sent = {usage.id: usage.patient for ehr in result.stage.ehrs.values() for usage in ehr.usages}
    pseudonyms: dict[str, set[str]] = {}
    for row in history(journal):
        if isinstance(row.event.data, Usage) and row.event.kind == "accepted":
            pseudonyms.setdefault(sent[row.event.data.id], set()).add(row.event.data.patient)
    assert set(pseudonyms) == set(sent.values())
    assert all(len(names) == 1 for names in pseudonyms.values())
    assert len(set.union(*pseudonyms.values())) == len(pseudonyms)


# -- pseudonyms, and messages that go wrong


@cache
def _group_item() -> str:
    return next(row.local for row in invent(1).crosswalk if row.system == "ehr-main" and row.kind == "item")


def river(privacy_key: bytes) -> Still:
    """The group's runtime in memory, told of its codes."""
    journal = MemoryJournal(b"k" * 32)
    wiring = Wiring(journal, network({}, {}), privacy_key=privacy_key)
    group = invent(1)
    publish(wiring, (*group.crosswalk, *group.masters), NOW)
    return Still(wiring, ManualClock(NOW), {})


def charged(*mrns: str) -> list[bytes]:
    """One DFT for each patient, from a fresh EHR."""
    ehr = EhrTwin("ehr-main", Agenda(NOW), Random(1), Profile(us="EHR", partner="SUTURE"))
    ehr.repeat_rate = 0.0
    for number, mrn in enumerate(mrns, 1):
        ehr.document(structs.replace(usage(number, mrn), item=_group_item()), NOW)
    return [message.raw for message in ehr.outbox]


def patients_of(still: Still) -> list[str]:
    return [row.event.data.patient for row in history(still.wiring.journal) if isinstance(row.event.data, Usage)]


def test_pseudonyms_are_stable_under_a_key_and_others_under_another() -> None:
    seen = []
    for key in (b"a" * 32, b"a" * 32, b"b" * 32):
        still = river(key)
        for raw in charged("MRN0000001", "MRN0000002", "MRN0000001"):
            (answer,) = still.accept(Arrival(instance="ehr-main", channel="charges", raw=raw))
            assert answer.outcome == "accepted"
        seen.append(patients_of(still))
    first, again, other = seen
    assert first == again
    assert first[0] == first[2] != first[1]
    assert not set(first) & set(other)
    assert not any("MRN" in name for name in first + other)


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "an unknown item": lambda raw: raw.replace(_group_item().encode(), b"CDM999999"),
    "no charge": lambda raw: b"\r".join(line for line in raw.split(b"\r") if not line.startswith(b"FT1")),
    "an unknown version": lambda raw: raw.replace(b"|2.8|", b"|9.9|"),
    "cut off in the middle of the patient": lambda raw: raw[: raw.index(b"PID|") + 40],
    "line feeds instead of carriage returns": lambda raw: raw.replace(b"\r", b"\n"),
    "no header": lambda raw: raw[raw.index(b"PID|") :],
    "the name in a comment": lambda raw: raw + b"NTE|1||" + raw.split(b"PID|")[1].split(b"|")[4] + b" was here\r",
    "delimiters that stand in pseudonyms": lambda raw: raw.replace(b"MSH|^~\\&|", b"MSH|PAB0F|"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_clinical_message_that_goes_wrong_does_not_tell_either(what: str) -> None:
    still = river(b"a" * 32)
    (good,) = charged("MRN0000001")
    raw = SPOILED[what](good)
    assert raw != good
    still.accept(Arrival(instance="ehr-main", channel="charges", raw=raw))
    still.settle()
    ehr = EhrTwin("ehr-main", Agenda(NOW), Random(1), Profile())
    needles = tellings(iter([ehr.patient("MRN0000001")]))
    assert any(needle.encode() in raw.lower() for needle in needles)
    journal = still.wiring.journal
    kept = [body for _, body in journal.bodies(0, 10_000)]
    kept += [journal.blob(row.event.blob) for row in history(journal) if row.event.blob]
    assert not {needle for needle in needles for body in kept if needle.encode() in body.lower()}
