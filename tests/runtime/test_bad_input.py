"""Bad input through the real doors: the sender is told in its own protocol, or it waits for a person; nothing else stops.

``TABLE`` says it in one place: who sends what, what is wrong with it, what the sender is told, what a person sees, and what is
kept. After each, a good message through the same door goes on. Then people repair, release and reject.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct, structs

from suture.formats import Profile, Stamp
from suture.formats.iso20022 import FORMAT as ISO20022
from suture.formats.x12 import FORMAT as X12_FORMAT
from suture.journal import Delivery, Event
from suture.model import (
    Case,
    CaseResolved,
    Crosswalk,
    Decision,
    Document,
    Invoice,
    InvoiceLine,
    MessageReceived,
    Money,
    PaymentStatus,
    Price,
    PurchaseOrder,
    Quantity,
    Ref,
    Requisition,
    RequisitionStatus,
    Usage,
    encode,
)
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.publish import publish
from suture.runtime.units import UnitBuilder, delivery_of
from suture.sandbox.day import requisitions
from tests.runtime.doors import BANK, EHR, GROUP, INVENTORY, NOW, PROCUREMENT, X12, Doors, doors
from tests.sandbox.test_demo import charged
from tests.sandbox.test_twins import ORDER, receipt

LARGE = 50_000_000


def code_at(instance: str, golden: str) -> str:
    return next(row.local for row in GROUP.crosswalk if (row.system, row.kind, row.golden) == (instance, "item", golden))


# -- good messages, each new


def requisition(id: str = "REQ-GOOD", **changes: object) -> bytes:
    """A requisition of one line as the procurement suite sends it."""
    made = next(iter(requisitions(GROUP, 1, 1))).document
    assert isinstance(made, Requisition)
    line = structs.replace(made.lines[0], **{"item": code_at(PROCUREMENT, made.lines[0].item), **changes})
    return encode(structs.replace(made, id=id, lines=(line,)))


ALDERS = next(item for item, supplier in GROUP.supplier_of.items() if supplier == "ALDER")
EACH = Quantity(Decimal(1), "BX")
BILL = Invoice(
    number="INV-1",
    supplier="ALDER",
    issued_on=NOW.date(),
    currency="USD",
    lines=(
        InvoiceLine(
            number=1,
            item=code_at(X12, ALDERS),
            quantity=EACH,
            price=Price(Decimal("8.50"), "USD", EACH),
            amount=Money(Decimal("8.50"), "USD"),
            order="PO-1",
            order_line=1,
        ),
    ),
    total=Money(Decimal("8.50"), "USD"),
)


def interchange(number: int = 1) -> bytes:
    """An 810 from Alder."""
    assert X12_FORMAT.write is not None
    bill = structs.replace(BILL, number=f"INV-{number}")
    return X12_FORMAT.write(bill, Profile(us="ALDER", partner="SUTURE"), Stamp(number=number, at=NOW.isoformat()))


def notification(number: int = 1) -> bytes:
    """A camt.054 from the bank."""
    assert ISO20022.write is not None
    status = PaymentStatus(
        payment=f"PAY-{number}", status="settled", at=NOW, amount=Money(Decimal(5), "USD"), bank_reference=f"BK{number}"
    )
    return ISO20022.write(status, Profile(us="BANK", partner="SUTURE"), Stamp(number=number, at=NOW.isoformat()))


def charge(patient: str = "MRN0000001") -> bytes:
    """A DFT^P03 with the patient's name."""
    return charged(patient)[0]


GOOD: dict[str, tuple[Callable[[], bytes], type[Document]]] = {
    PROCUREMENT: (lambda: requisition("REQ-AFTER"), Requisition),
    X12: (lambda: interchange(999), Invoice),
    BANK: (lambda: notification(999), PaymentStatus),
    EHR: (lambda: charge("MRN0000999").replace(b"|DFT^P03^DFT_P03|1|", b"|DFT^P03^DFT_P03|999|"), Usage),
}


# -- the table


class Row(Struct, frozen=True):
    """``case``: reason and owner, or "" where nobody has to look. ``kept``: whole, minimised, beginning, nothing."""

    sender: str
    wrong: str
    raw: Callable[[], bytes]
    told: str
    case: str
    kept: str = "whole"


REFUSED = "refused_message operations"
LARGER = "too_large operations"
TABLE = (
    # webhooks with JSON: a problem document
    Row(PROCUREMENT, "unknown item", lambda: requisition(item="SKU-99999"), "202 accepted", "unknown_item steward"),
    Row(PROCUREMENT, "cut off", lambda: requisition()[:-20], "422 refused", REFUSED),
    Row(PROCUREMENT, "unknown type", lambda: b'{"type":"Wish"}', "422 refused", REFUSED),
    Row(
        PROCUREMENT,
        "no money",
        lambda: requisition().replace(b'"value":"', b'"value":"NaN'),
        "422 refused",
        REFUSED,
    ),
    Row(PROCUREMENT, "no text", lambda: b"\xff\xfe\x00", "422 refused", REFUSED),
    Row(PROCUREMENT, "50 MB", lambda: b" " * LARGE, "413 too-large", LARGER, "beginning"),
    # X12: 997 and TA1
    Row(
        X12, "unknown item", lambda: change(interchange(), code_at(X12, ALDERS), "Z99999"), "AK5 A AK9 A", "unknown_item steward"
    ),
    Row(
        X12, "unknown supplier", lambda: change(interchange(), "92*ALDER", "92*NOBODY"), "AK5 A AK9 A", "unknown_supplier steward"
    ),
    Row(X12, "unknown unit", lambda: change(interchange(), "*BX*", "*Q9*"), "AK5 R AK9 R set aside", REFUSED),
    Row(X12, "wrong SE count", lambda: change(interchange(), "SE*", "SE*9"), "AK5 R AK9 R set aside", REFUSED),
    Row(
        X12,
        "wrong GE count",
        lambda: change(interchange(), "GE*1*", "GE*2*"),
        "AK5 R AK9 R set aside",
        REFUSED,
    ),
    Row(
        X12,
        "wrong IEA count",
        lambda: change(interchange(), "IEA*1*", "IEA*2*"),
        "TA1 R 021 set aside",
        REFUSED,
    ),
    Row(
        X12,
        "wrong CTT count",
        lambda: change(interchange(), "CTT*1", "CTT*7"),
        "AK5 R AK9 R set aside",
        REFUSED,
    ),
    Row(
        X12,
        "unknown release",
        lambda: change(interchange(), "004010", "009990"),
        "AK5 R AK9 R set aside",
        REFUSED,
    ),
    Row(
        X12,
        "unknown version",
        lambda: change(interchange(), "*00401*", "*00999*"),
        "TA1 R 017 set aside",
        REFUSED,
    ),
    Row(
        X12,
        "unknown set",
        lambda: change(interchange(), "ST*810", "ST*899"),
        "AK5 R AK9 R set aside",
        REFUSED,
    ),
    Row(X12, "cut off", lambda: interchange()[:-40], "TA1 R 023 set aside", REFUSED),
    Row(X12, "no X12", lambda: b"Dear Sirs,", "set aside", REFUSED),
    Row(X12, "50 MB", lambda: interchange() + b"~" * LARGE, "AK5 R AK9 R set aside", LARGER, "beginning"),
    # HL7 v2 over MLLP: AA, AE, AR with ERR
    Row(EHR, "unknown item", lambda: change(charge(), charge_item(), "CDM999999"), "AA", "unknown_item steward", "minimised"),
    Row(
        EHR,
        "quantity is no number",
        lambda: change(charge(), "|1|||", "|x|||"),
        "AE 102",
        REFUSED,
        "minimised",
    ),
    Row(EHR, "no patient", lambda: without(charge(), "PID"), "AE 100", REFUSED, "minimised"),
    Row(EHR, "unknown version", lambda: change(charge(), "|2.8|", "|9.9|"), "AR 203", REFUSED, "minimised"),
    Row(
        EHR,
        "unknown message",
        lambda: change(charge(), "DFT^P03^DFT_P03", "XYZ^Z99"),
        "AR 200",
        REFUSED,
        "minimised",
    ),
    Row(EHR, "no HL7", lambda: b"Quillonwyck, Leofric: one stent", "AR 100", REFUSED, "minimised"),
    Row(EHR, "50 MB", lambda: charge() + b"NTE|1||" + b"N" * LARGE, "AE 207", LARGER, "beginning"),
    # ISO 20022 from the bank: a bank takes no acknowledgement of its reports, so a person tells it
    Row(BANK, "no XML", lambda: notification()[:-30], "set aside", REFUSED),
    Row(
        BANK,
        "unknown message",
        lambda: change(notification(), "BkToCstmrDbtCdtNtfctn", "RsltnOfInvstgtn"),
        "set aside",
        REFUSED,
    ),
    Row(BANK, "entity bomb", lambda: b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "set aside", REFUSED),
    Row(BANK, "empty", lambda: b"", "set aside", REFUSED),
    Row(BANK, "50 MB", lambda: notification() + b" " * LARGE, "set aside", LARGER, "beginning"),
)


def change(raw: bytes, old: str, new: str) -> bytes:
    assert old.encode() in raw, (old, raw)
    return raw.replace(old.encode(), new.encode())


def without(raw: bytes, segment: str) -> bytes:
    return b"\r".join(line for line in raw.split(b"\r") if not line.startswith(segment.encode()))


def charge_item() -> str:
    return next(part for part in charge().decode().split("|") if part.startswith("CDM"))


def through(folder: Path, act: Callable[[Doors], Awaitable[None]]) -> None:
    """Run one story in a house of its own."""

    async def story() -> None:
        async with doors(folder) as house:
            await act(house)

    asyncio.run(story())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.sender}: {row.wrong}")
def test_the_sender_is_told_or_a_person_is_and_the_next_message_goes_through(row: Row, tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        raw = row.raw()
        assert await house.give(row.sender, raw) == row.told
        check_case(house, row)
        check_kept(house, row, raw)
        good, kind = GOOD[row.sender]
        before = len(house.facts(kind))
        told = await house.give(row.sender, good())
        assert told in ("202 accepted", "AA", "AK5 A AK9 A", "")
        assert len(house.facts(kind)) == before + 1
        assert house.service.failure is None

    through(tmp_path, story)


def check_case(house: Doors, row: Row) -> None:
    cases = [case for case in house.facts(Case) if case.id.startswith("intake/")]
    assert [f"{case.reason} {case.owner}" for case in cases] == ([row.case] if row.case else [])
    for case in cases:
        assert case.suggestion
        assert set(case.actions) == {"release", "repair", "reject"}
        assert case.context, "a person is told what was found"
        assert house.journal.find(Ref("Case", case.id))


def check_kept(house: Doors, row: Row, raw: bytes) -> None:
    messages = [event for event in events(house) if isinstance(event.data, MessageReceived) and event.source == row.sender]
    if row.kept == "nothing":
        assert messages == []
        return
    (message,) = messages
    kept = house.journal.blob(message.blob)
    match row.kept:
        case "whole":
            assert kept == raw
        case "beginning":
            assert 0 < len(kept) <= 128 * 1024
            assert raw.startswith(kept) or row.sender == EHR
        case "minimised":
            assert not any(telling in kept for telling in (b"Quillon", b"MRN0000001"))
            assert kept.count(b"\r") == raw.count(b"\r") or hashlib.sha256(raw).hexdigest().encode() in kept


def events(house: Doors) -> list[Event]:
    return [row.event for row in house.journal.read(0, 100_000)]


# -- what the table cannot say


def test_a_wrong_signature_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        before = len(events(house))
        assert await house.give(PROCUREMENT, requisition(), forged=True) == "401 wrong-signature"
        assert len(events(house)) == before
        assert await house.give(PROCUREMENT, requisition()) == "202 accepted"

    through(tmp_path, story)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"supplier": "NOBODY"}, "supplier NOBODY is unknown"),
        ({"cost_center": "CC-NOWHERE"}, "cost centre CC-NOWHERE is unknown"),
        ({"quantity": Quantity(Decimal(1), "ZZ")}, "does not come in ZZ"),
    ],
    ids=["supplier", "cost centre", "unit"],
)
def test_who_asks_for_something_unknown_gets_the_requisition_back_with_the_reason(
    changes: dict[str, object], reason: str, tmp_path: Path
) -> None:
    async def story(house: Doors) -> None:
        assert await house.give(PROCUREMENT, requisition("REQ-1", **changes)) == "202 accepted"
        (status,) = house.facts(RequisitionStatus)
        assert status.state == "returned"
        assert reason in "; ".join(status.reasons)

    through(tmp_path, story)


def test_a_system_may_not_speak_for_another(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        assert await house.give(INVENTORY, requisition()) == "202 accepted"
        assert [case.reason for case in house.facts(Case)] == ["not_theirs"]
        assert house.facts(Requisition) == []
        assert await house.give(INVENTORY, encode(receipt("GR-1", 1))) == "202 accepted"

    through(tmp_path, story)


def test_a_bad_message_that_comes_again_gets_the_same_answer_and_no_second_case(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        bad = change(charge(), "|2.8|", "|9.9|")
        assert [await house.give(EHR, bad) for _ in range(3)] == ["AR 203"] * 3
        assert len(house.facts(Case)) == 1
        assert list(house.journal.repeats().values()) == [2]

    through(tmp_path, story)


# -- people


def decision(house: Doors, subject: Ref, verb: str, id: str = "D-1") -> Decision:
    """A steward decides on what stands in the journal now."""
    position = house.journal.find(subject)[-1].position
    return Decision(id=id, subject=subject, verb=verb, actor="steward-1", at=NOW, reason="asked the sender", position=position)


async def decide(house: Doors, made: Decision, raw: bytes = b"") -> str:
    said = await house.service.in_thread(lambda: command(house.service.wiring, made, NOW, raw=raw))
    house.service.wake()
    await house.service.settle()
    return said


def only_case(house: Doors) -> Ref:
    (case,) = [case for case in house.facts(Case) if case.id.startswith(("intake/", "delivery/"))]
    return Ref("Case", case.id)


def test_an_unknown_item_goes_on_once_its_code_is_known_and_the_case_is_closed(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await house.give(PROCUREMENT, requisition("REQ-1", item="SKU-99999"))
        case = only_case(house)
        with pytest.raises(ValueError, match="SKU-99999"):
            await decide(house, decision(house, case, "release", "D-0"))
        row = Crosswalk(system=PROCUREMENT, kind="item", local="SKU-99999", golden=ALDERS)
        await house.service.in_thread(lambda: publish(house.service.wiring, [row], NOW))
        assert "released" in await decide(house, decision(house, case, "release"))
        (released,) = house.facts(Requisition)
        assert (released.id, released.lines[0].item) == ("REQ-1", ALDERS)
        assert [closed.case for closed in house.facts(CaseResolved)] == [case.id]

    through(tmp_path, story)


def test_a_released_usage_is_of_the_same_patient(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await house.give(EHR, change(charge(), charge_item(), "CDM999999"))
        row = Crosswalk(system=EHR, kind="item", local="CDM999999", golden=GROUP.used_items[0])
        await house.service.in_thread(lambda: publish(house.service.wiring, [row], NOW))
        await decide(house, decision(house, only_case(house), "release"))
        await house.give(EHR, change(charge(), "|DFT^P03^DFT_P03|1|", "|DFT^P03^DFT_P03|2|"))
        released, direct = [event.data for event in events(house) if isinstance(event.data, Usage) and event.kind == "accepted"]
        assert isinstance(released, Usage)
        assert isinstance(direct, Usage)
        assert released.patient == direct.patient

    through(tmp_path, story)


def test_a_malformed_interchange_goes_on_with_repaired_bytes(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await house.give(X12, change(interchange(), "SE*", "SE*9"))
        with pytest.raises(ValueError, match="nothing readable"):
            await decide(house, decision(house, only_case(house), "repair", "D-0"), raw=b"still not")
        await decide(house, decision(house, only_case(house), "repair"), raw=interchange())
        (bill,) = house.facts(Invoice)
        assert bill.number == "INV-1"
        (event,) = [event for event in events(house) if isinstance(event.data, Invoice) and event.kind == "accepted"]
        assert house.journal.blob(event.blob) == interchange()
        assert event.cause == "decision/D-1"

    through(tmp_path, story)


def test_a_rejected_message_stays_out_and_its_bytes_stay(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        bad = change(interchange(), "SE*", "SE*9")
        await house.give(X12, bad)
        assert "rejected" in await decide(house, decision(house, only_case(house), "reject"))
        assert house.facts(Invoice) == []
        assert any(event.blob and house.journal.blob(event.blob) == bad for event in events(house))
        assert [(closed.action, closed.actor) for closed in house.facts(CaseResolved)] == [("reject", "steward-1")]

    through(tmp_path, story)


def test_a_parked_delivery_goes_out_after_a_repair(tmp_path: Path) -> None:
    """An order of something for which the supplier has no code is mended, and goes out in the supplier's code."""

    async def story(house: Doors) -> None:
        parked = await parked_order(house)
        order = parked.document
        assert isinstance(order, PurchaseOrder)
        mended = structs.replace(order, lines=tuple(structs.replace(line, item=ALDERS) for line in order.lines))
        with pytest.raises(ValueError, match="keeps the type"):
            await decide(house, decision(house, only_case(house), "repair", "D-0"), raw=requisition())
        await decide(house, decision(house, only_case(house), "repair"), raw=encode(mended))
        after = house.journal.delivery(parked.id)
        assert after is not None
        assert after.status == "awaiting"
        (file,) = list((house.folder / X12 / "to").glob("*.x12"))
        assert code_at(X12, ALDERS).encode() in file.read_bytes()

    through(tmp_path, story)


async def parked_order(house: Doors) -> Delivery:
    """An order to Alder of something for which Alder has no code."""
    wiring = house.service.wiring

    def owe() -> None:
        unit = UnitBuilder(wiring, NOW)
        made = delivery_of(wiring, wiring.instances[X12], ORDER, NOW, id="DEL-1", key=ORDER.id)
        unit.deliver(structs.replace(made, cause="test", root="test"))
        wiring.journal.commit([unit.build()])

    await house.service.in_thread(owe)
    house.service.wake()
    await house.service.settle()
    parked = house.journal.delivery("DEL-1")
    assert parked is not None
    assert parked.status == "parked"
    return parked


@pytest.mark.parametrize("verb", ["release", "cancel", "confirm"])
def test_a_parked_delivery_can_be_released_cancelled_or_confirmed(verb: str, tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await parked_order(house)
        row = Crosswalk(system=X12, kind="item", local="Z1", golden="A70001")
        await house.service.in_thread(lambda: publish(house.service.wiring, [row], NOW))
        await decide(house, decision(house, only_case(house), verb))
        after = house.journal.delivery("DEL-1")
        assert after is not None
        assert after.status == {"release": "awaiting", "cancel": "cancelled", "confirm": "done"}[verb]

    through(tmp_path, story)


def test_a_decision_on_what_has_moved_on_is_refused(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await house.give(X12, change(interchange(), "SE*", "SE*9"))
        early = decision(house, only_case(house), "repair", "D-2")
        await decide(house, decision(house, only_case(house), "reject", "D-1"))
        before = len(events(house))
        with pytest.raises(Stale):
            await decide(house, early, raw=interchange())
        assert len(events(house)) == before
        with pytest.raises(NoSuchThing):
            await decide(house, structs.replace(early, subject=Ref("Case", "intake/nothing")))

    through(tmp_path, story)


def test_a_message_is_released_once(tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        await house.give(X12, change(interchange(), "SE*", "SE*9"))
        for id in ("D-1", "D-1"):
            made = decision(house, only_case(house), "repair", id)
            await decide(house, made, raw=interchange())
        with pytest.raises(Stale, match="settled before"):
            await decide(house, decision(house, only_case(house), "repair", "D-2"), raw=interchange(7))
        assert len(house.facts(Invoice)) == 1

    through(tmp_path, story)


@pytest.mark.parametrize("subject", ["Case", "Message", "Delivery"])
def test_a_decision_is_kept_with_who_why_and_on_what(subject: str, tmp_path: Path) -> None:
    async def story(house: Doors) -> None:
        if subject == "Delivery":
            await parked_order(house)
        else:
            await house.give(X12, change(interchange(), "SE*", "SE*9"))
        case = only_case(house)
        about = case if subject == "Case" else next(ref for ref in house.facts(Case)[-1].objects if ref.type == subject)
        made = decision(house, about, "cancel" if subject == "Delivery" else "reject")
        await decide(house, made)
        (kept,) = [event for event in events(house) if isinstance(event.data, Decision)]
        assert kept.data == made
        assert (kept.source, kept.kind, made.position > 0) == ("steward-1", "commanded", True)
        assert [closed.case for closed in house.facts(CaseResolved)] == [case.id]

    through(tmp_path, story)
