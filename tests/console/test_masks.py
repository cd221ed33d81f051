"""Masks: accounts, persons and patients are hidden in every format, documents' numbers are not, and the way back is exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.console.masks import known_of, masked, unmasked
from suture.console.page import Refused
from suture.model import Ref

KNOWN = known_of((Ref("PurchaseOrder", "PO-REQ-000001"), Ref("Invoice", "ALDER:SUP-000123"), Ref("Encounter", "ENC0000007")))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("MSH|^~\\&|EHR\rPID|1||MRN1^^^H||Doe^Jane||19700101|F\rFT1|1|||20260302", ("Doe^Jane", "MRN1", "19700101")),
        ("PID|1||4711||Doe^Jane\rPV1|1|O", ("Doe^Jane", "4711")),
        ("PER*IC*Jane Doe*TE*5551234567~", ("Jane Doe", "5551234567")),
        ("<Cdtr><Nm>Jane Doe</Nm></Cdtr><IBAN>DE89370400440532013000</IBAN>", ("Jane Doe", "DE89370400440532013000")),
        ('{"holder": "Jane Doe", "number": "1234567890", "routing": "021000021"}', ("Jane Doe", "1234567890", "021000021")),
        ("write to jane.doe@clinic.example", ("jane.doe@clinic.example",)),
        ("usage of P0123456789ABCDEF0123 in ENC0000007", ("P0123456789ABCDEF0123", "ENC0000007")),
    ],
)
def test_what_leads_to_somebody_is_hidden(text: str, hidden: tuple[str, ...]) -> None:
    shown = masked(text, KNOWN)
    assert not [piece for piece in hidden if piece in shown.text]
    assert unmasked(shown.text, shown) == text


def test_numbers_of_documents_and_days_can_be_read() -> None:
    text = "BIG*20260304*SUP-000123**PO-REQ-000001~DTM*011*260304~ on 2026-03-02T10:30:00Z"
    assert masked(text, KNOWN).text == text


def test_a_repair_changes_what_is_seen_and_keeps_what_is_not() -> None:
    shown = masked('{"number": "1234567890", "city": "Lakland"}', ())
    mended = shown.text.replace("Lakland", "Lakeland")
    assert unmasked(mended, shown) == '{"number": "1234567890", "city": "Lakeland"}'


def test_a_piece_that_was_never_there_is_refused() -> None:
    with pytest.raises(Refused, match="stands for nothing"):
        unmasked("‹2›", masked("1234567890", ()))


@given(st.text(alphabet=st.characters(exclude_characters="‹›"), max_size=300))
def test_the_way_back_is_exact(text: str) -> None:
    shown = masked(text, KNOWN)
    assert unmasked(shown.text, shown) == text
