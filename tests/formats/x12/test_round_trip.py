"""Documents to bytes and back, without loss: what X12 has room for comes back equal, whatever the partners agreed on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.formats import Profile, Unwritable
from suture.formats.x12 import FORMAT
from suture.formats.x12.lexer import join, tokenize
from suture.model import CreditNote, Document, Invoice, OrderAcknowledgement, Remittance
from tests.formats.x12.messages import STAMP, write
from tests.strategies import documents

PROFILES = st.builds(
    Profile,
    us=st.just("STORKVALE"),
    partner=st.just("GOODHAND"),
    timezone=st.sampled_from(("UTC", "Europe/Zurich", "America/Chicago")),
    options=st.fixed_dictionaries(
        {
            "version": st.sampled_from(("004010", "004030", "005010", "008010")),
            "item_qualifier": st.sampled_from(("IN", "BP", "VN", "UK")),
        }
    ),
)


def carried(document: Document) -> Document:
    """The document without what X12 does not say: the route of a bill, an order line of no order, a substitute nobody sends."""
    match document:
        case Invoice():
            lines = tuple(line if line.order else structs.replace(line, order_line=0) for line in document.lines)
            return structs.replace(document, route="edi", lines=lines)
        case OrderAcknowledgement():
            return structs.replace(document, lines=tuple(map(_answered, document.lines)))
        case Remittance():
            named = (structs.replace(line, invoice=f"{document.supplier}:{line.invoice}") for line in document.lines)
            return structs.replace(document, lines=tuple(named))
    return document


def _answered(line: Any) -> Any:
    return line if line.status == "substituted" else structs.replace(line, substitute="")


@pytest.mark.parametrize("kind", FORMAT.writes, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_written_comes_back_equal(kind: type[Document], data: st.DataObject) -> None:
    document, profile = carried(data.draw(documents(kind))), data.draw(PROFILES)
    try:
        raw = write(document, profile, STAMP)
    except Unwritable:
        assume(False)
    reading = FORMAT.read(raw, profile)
    assert reading.documents == (document,), list(map(str, reading.findings))
    assert not reading.errors
    assert write(reading.documents[0], profile, STAMP) == raw
    text = raw.decode()
    assert join(tokenize(text)) == text


def test_every_document_type_is_tried() -> None:
    assert {kind.__name__ for kind in FORMAT.writes} == {
        *("PurchaseOrder", "OrderChange", "OrderAcknowledgement", "ShipNotice", "Invoice", CreditNote.__name__, "Remittance"),
    }
