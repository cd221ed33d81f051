"""What becomes of bytes on the way: halves, batches, and the dialects of a partner's next release."""

from __future__ import annotations

import msgspec
import pytest

from suture.formats import Profile, Stamp
from suture.formats.x12 import FORMAT as X12
from suture.model import OrderAcknowledgement
from suture.sandbox.simulator.mangle import batch, drifted, halves, old_code, spoiled
from tests.sandbox.weeks import small

PROFILE = Profile(us="SUTURE", partner="ALDER")
REQUISITION = b'{"type":"Requisition","id":"R-1","lines":[{"number":1,"item":"SKU-00004"}]}'


def answer(number: int) -> bytes:
    """An interchange with the answer to one order."""
    said = msgspec.convert(
        {
            "type": "OrderAcknowledgement",
            "number": f"A{number}",
            "order": f"PO-{number}",
            "supplier": "ALDER",
            "at": "2026-03-02T12:00:00Z",
            "status": "accepted",
            "lines": [{"number": 1, "status": "accepted", "quantity": {"value": "3", "unit": "BX"}}],
        },
        OrderAcknowledgement,
    )
    assert X12.write is not None
    return X12.write(said, Profile(us="ALDER", partner="SUTURE"), Stamp(number=number, at="2026-03-02T12:00:00+00:00"))


def orders(raw: bytes) -> list[str]:
    """Which orders the documents in an interchange are about."""
    return [getattr(document, "order", "") for document in X12.read(raw, PROFILE).documents]


def test_two_interchanges_become_one() -> None:
    assert orders(batch(answer(1), answer(2))) == ["PO-1", "PO-2"]


@pytest.mark.parametrize("chance", [0, 7, 500, 10**9])
def test_halves_are_all_of_it(chance: int) -> None:
    front, back = halves(answer(1), chance)
    assert front + back == answer(1)
    assert not orders(front) or orders(front) == ["PO-1"]


def test_spoiled_bytes_are_others() -> None:
    assert all(spoiled(REQUISITION, chance, text=True) != REQUISITION for chance in range(20))


def test_a_partner_may_say_more_than_it_did() -> None:
    assert orders(drifted(answer(1), "unknown fields")) in ([], ["PO-1"])
    assert drifted(answer(1), "unknown fields") != answer(1)


def test_what_is_needed_and_has_another_name_is_not_read() -> None:
    assert orders(drifted(answer(1), "renamed fields")) == []


def test_new_codes_lead_back_to_the_old_ones() -> None:
    assert b'"SKU-00004Z"' in drifted(REQUISITION, "new codes")
    assert (old_code("SKU-00004Z"), old_code("SKU-00004"), old_code("OTHERZ")) == ("SKU-00004", "", "")


def test_a_bank_writes_as_ever() -> None:
    assert drifted(b"<Document/>", "renamed fields") == b"<Document/>"


def test_the_weeks_of_the_tests_are_small() -> None:
    assert (small(0).requisitions, small(0).usages) == (2, 2)
