"""Intake: journal before acknowledgement, one ``once`` per message, the first answer for every repeat."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal

from msgspec import structs

from suture.formats import Profile, Reading
from suture.formats.hl7v2 import FORMAT as HL7
from suture.formats.json import FORMAT
from suture.model import (
    Case,
    Crosswalk,
    Decision,
    Finding,
    MessageReceived,
    OrderAcknowledgement,
    Parked,
    Quantity,
    Ref,
    StockLow,
    Usage,
)
from suture.runtime.command import command
from suture.runtime.wiring import Limits
from suture.sandbox.still import Still
from suture.systems import Channel
from suture.transports import Arrival
from tests.formats.hl7v2.theatre import FT1, dft
from tests.runtime.house import NOON, arrival, facts, house, order


def test_what_is_answered_is_durable() -> None:
    still, _ = house()
    (answer,) = still.accept(arrival(order("PO-1")))
    assert answer.outcome == "accepted"
    assert [message.outcome for message in facts(still, MessageReceived)] == ["accepted"]


def test_the_bytes_are_kept_under_their_hash() -> None:
    still, _ = house()
    sent = arrival(order("PO-1"))
    still.accept(sent)
    assert still.wiring.journal.blob(hashlib.sha256(sent.raw).hexdigest()) == sent.raw


def test_a_repeat_gets_the_first_answer_and_is_counted() -> None:
    still, peer = house()
    first = still.accept(arrival(order("PO-1")))[0]
    again = still.accept(arrival(order("PO-1")), arrival(order("PO-1")))
    still.settle()
    assert [answer.repeated for answer in again] == [True, True]
    assert {answer.body for answer in again} == {first.body}
    assert sum(still.wiring.journal.repeats().values()) == 2
    assert peer.kept == ["PO-1"]


def test_repeats_within_one_group_commit() -> None:
    still, peer = house()
    answers = still.accept(arrival(order("PO-1")), arrival(order("PO-1")), arrival(order("PO-2")))
    still.settle()
    assert [answer.repeated for answer in answers] == [False, True, False]
    assert sorted(peer.kept) == ["PO-1", "PO-2"]


def test_a_malformed_message_is_refused_with_its_reason_and_stops_nothing() -> None:
    still, peer = house()
    bad = Arrival(instance="peer", channel="in", raw=b"{not json")
    answers = still.accept(bad, arrival(order("PO-1")))
    still.settle()
    assert [answer.outcome for answer in answers] == ["refused", "accepted"]
    (parked,) = facts(still, Parked)
    assert parked.reason == "refused_message"
    assert parked.findings
    assert still.wiring.journal.blob(hashlib.sha256(bad.raw).hexdigest()) == bad.raw
    assert peer.kept == ["PO-1"]


def test_a_reader_that_raises_costs_neither_the_bytes_nor_the_neighbours() -> None:
    def explode(raw: bytes, profile: object) -> object:
        if b"boom" in raw:
            raise RuntimeError("boom")
        return FORMAT.read(raw, profile)  # type: ignore[arg-type]  # a test double of the reader

    still, _ = house(formats={"json": structs.replace(FORMAT, read=explode)})
    answers = still.accept(Arrival(instance="peer", channel="in", raw=b'"boom"'), arrival(order("PO-1")))
    still.settle()
    assert [answer.outcome for answer in answers] == ["refused", "accepted"]
    assert [parked.findings[0].code for parked in facts(still, Parked)] == ["reader_failed"]


def test_whatever_a_reader_says_of_a_message_can_be_kept() -> None:
    strange = "\ud800\0" + "x" * 100_000

    def babble(raw: bytes, profile: object) -> Reading:
        return Reading(message_id=strange, findings=(Finding(code="babble", text=strange, path=strange),))

    still, _ = house(formats={"json": structs.replace(FORMAT, read=babble)})
    (answer,) = still.accept(Arrival(instance="peer", channel="in", raw=b"{}"))
    assert answer.outcome == "refused"
    ((finding,),) = [parked.findings for parked in facts(still, Parked)]
    assert (finding.code, finding.text[:3], len(finding.text), len(finding.path)) == ("babble", "??x", 1000, 400)
    (case,) = facts(still, Case)
    assert "babble" in case.text
    (message,) = facts(still, MessageReceived)
    assert message.id.startswith("peer/??xx")
    assert len(message.id) < 300


def low(item: str) -> StockLow:
    return StockLow(item=item, place="OR", balance=Quantity(Decimal(1), "EA"), reorder_point=Quantity(Decimal(4), "EA"), at=NOON)


def know(still: Still, local: str, golden: str) -> None:
    still.wiring.learn([Crosswalk(system="peer", kind="item", local=local, golden=golden)])


def test_codes_are_translated_on_the_way_in() -> None:
    still, _ = house()
    know(still, "THEIRS-1", "OURS-1")
    still.accept(arrival(low("THEIRS-1")))
    assert [stock.item for stock in facts(still, StockLow)] == ["OURS-1"]


def test_a_late_document_is_read_by_the_codes_of_its_day() -> None:
    still, _ = house()
    today = NOON.date()
    row = Crosswalk(system="peer", kind="item", local="4711", golden="OLD", effective_to=today - timedelta(days=1))
    still.wiring.learn([row, structs.replace(row, golden="NEW", effective_from=today, effective_to=None)])
    late = structs.replace(low("4711"), at=NOON - timedelta(days=1))
    still.accept(arrival(low("4711")), arrival(late))
    assert [stock.item for stock in facts(still, StockLow)] == ["NEW", "OLD"]


def test_an_unknown_code_parks_the_document_with_candidates_and_can_be_released() -> None:
    still, _ = house()
    know(still, "THEIRS-1", "OURS-1")
    answers = still.accept(arrival(low("THEIRS-2"), low("THEIRS-1")))
    assert answers[0].outcome == "accepted"
    (parked,) = facts(still, Parked)
    assert parked.reason == "unknown_item"
    assert "OURS-1" in parked.candidates
    assert len(facts(still, StockLow)) == 1

    know(still, "THEIRS-2", "OURS-2")
    case = facts(still, Case)[0]
    said = command(still.wiring, decide(case.id, still), NOON)
    assert "released" in said
    assert {stock.item for stock in facts(still, StockLow)} == {"OURS-1", "OURS-2"}


def decide(case: str, still: Still) -> Decision:
    rows = still.wiring.journal.find(Ref("Case", case))
    return Decision(
        id="D1",
        subject=Ref("Case", case),
        verb="release",
        actor="steward-1",
        at=NOON,
        reason="code added",
        position=rows[-1].position,
    )


def test_too_many_documents_in_one_message_are_refused_together() -> None:
    still, peer = house()
    still.wiring.limits = Limits(documents_per_message=2)
    answers = still.accept(arrival(*(order(f"PO-{number}") for number in range(3))), arrival(order("PO-8"), order("PO-9")))
    still.settle()
    assert [answer.outcome for answer in answers] == ["refused", "accepted"]
    assert [finding.code for finding in facts(still, Parked)[0].findings] == ["too_many_documents"]
    assert sorted(peer.kept) == ["PO-8", "PO-9"]


def test_a_fact_has_one_owner() -> None:
    still, peer = house()
    system = still.wiring.systems["peer"]
    still.wiring.systems["peer"] = structs.replace(system, emits=(StockLow,))
    still.accept(arrival(order("PO-1")))
    still.settle()
    assert [parked.reason for parked in facts(still, Parked)] == ["not_theirs"]
    assert peer.kept == []


def test_a_supplier_speaks_for_itself_only() -> None:
    still, _ = house()
    mine = structs.replace(still.wiring.instances["peer"], suppliers=("ALDER",))
    still.wiring.instances["peer"] = mine
    for supplier in ("ALDER", "BIRCH"):
        acknowledgement = OrderAcknowledgement(number="A1", order="PO-1", supplier=supplier, at=NOON, status="accepted")
        still.accept(arrival(acknowledgement))
    assert [document.supplier for document in facts(still, OrderAcknowledgement)] == ["ALDER"]
    (parked,) = facts(still, Parked)
    assert "not for BIRCH" in parked.findings[0].text


def test_what_the_journal_cannot_hold_is_refused_alone() -> None:
    def endless(raw: bytes, profile: Profile) -> Reading:
        if b"endless" not in raw:
            return FORMAT.read(raw, profile)
        return Reading(message_id="M1", documents=(structs.replace(order("PO-9"), reason="x" * 5000),))

    still, peer = house(formats={"json": structs.replace(FORMAT, read=endless)})
    bad = Arrival(instance="peer", channel="in", raw=b'"endless"')
    answers = still.accept(arrival(order("PO-1")), bad, arrival(order("PO-2")))
    still.settle()
    assert [answer.outcome for answer in answers] == ["accepted", "refused", "accepted"]
    assert sorted(peer.kept) == ["PO-1", "PO-2"]


def test_a_repaired_message_keeps_its_patient_out_and_the_pseudonym() -> None:
    still, _ = house(formats={"hl7v2": HL7})
    theatre = Channel(name="in", transport="memory", format="hl7v2")
    still.wiring.systems["peer"] = structs.replace(still.wiring.systems["peer"], codes=(), channels=(theatre,))
    damaged = dft(FT1.replace("STENT-35", ""))
    still.accept(Arrival(instance="peer", channel="in", raw=damaged))
    (case,) = facts(still, Case)
    decision = structs.replace(decide(case.id, still), verb="repair")
    command(still.wiring, decision, NOON, raw=dft(FT1))
    (usage,) = facts(still, Usage)
    released = still.wiring.journal.find(usage.refs()[0])[-1].event
    kept = still.wiring.journal.blob(released.blob)
    assert b"M-4711" not in kept
    assert b"TESTPATIENT" not in kept
    assert usage.patient == still.wiring.pseudonym("M-4711")
    assert still.wiring.pseudonym(usage.patient) == usage.patient, "kept bytes may be repaired too"
    assert still.wiring.pseudonym("P" + "0" * 20) != "P" + "0" * 20


def test_a_message_is_found_by_the_name_of_its_file_but_for_names_that_may_be_a_patients() -> None:
    still, _ = house()
    still.accept(structs.replace(arrival(order("PO-1")), name="orders-0077.json"))
    still.accept(structs.replace(arrival(order("PO-2")), name="/hooks/peer/in"))
    assert [message.file for message in facts(still, MessageReceived)] == ["orders-0077.json", ""]
    assert len(still.wiring.journal.find(Ref("File", "orders-0077.json"))) == 1
    still, _ = house(formats={"hl7v2": HL7})
    theatre = Channel(name="in", transport="memory", format="hl7v2")
    still.wiring.systems["peer"] = structs.replace(still.wiring.systems["peer"], codes=(), channels=(theatre,))
    still.accept(Arrival(instance="peer", channel="in", raw=dft(FT1), name="DFT_TESTPATIENT.hl7"))
    (message,) = facts(still, MessageReceived)
    assert message.file == ""
    assert still.wiring.journal.find(Ref("Message", message.number)) != []
