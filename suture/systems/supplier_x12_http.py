"""A supplier over X12 by HTTP: interchanges are posted to it, and what it sent is read from its archive of interchanges."""

from __future__ import annotations

from typing import Any

import msgspec

from suture.formats.x12 import FORMAT
from suture.model import (
    Acknowledgement,
    CreditNote,
    Document,
    FunctionalAcknowledgement,
    Invoice,
    OrderAcknowledgement,
    OrderChange,
    PurchaseOrder,
    Remittance,
    ShipNotice,
)
from suture.systems.posted import acknowledging, archive, posted
from suture.systems.system import Call, Poll, System
from suture.transports import HttpReply

#: A functional acknowledgement is overdue after this long.
WITHIN_S = 24 * 3600.0


def _reference(document: Document, call: Call) -> str:
    """The group control number, which the partner's 997 repeats in AK102."""
    return str(call.stamp.number)


def _sent_to_us(reply: HttpReply, call: Call) -> bytes | None:
    """An archived interchange that the supplier sent, if it was sent to us; what is no row of an archive is kept as it is."""
    try:
        row: Any = reply.json()
    except msgspec.DecodeError:
        return reply.body
    if not isinstance(row, dict):
        return reply.body
    if row.get("direction") != "out" or row.get("partner") != call.profile.us:
        return None
    return str(row.get("payload", "")).encode(call.profile.charset, "replace")


assert FORMAT.write is not None
_interchange = posted(FORMAT.write, "/edi", FORMAT.media_type, _reference, WITHIN_S, repeatable=True)

SYSTEM = System(
    name="supplier_x12_http",
    title="Supplier over X12 by HTTP (850, 860, 820 out; 997, 855, 856, 810 from its archive)",
    role="supplier",
    accepts={
        PurchaseOrder: _interchange,
        OrderChange: _interchange,
        Remittance: _interchange,
        Acknowledgement: acknowledging("/edi", FORMAT.media_type),
    },
    polls=(Poll(name="archive", every_s=1.0, ask=archive("/_mock/interchanges", _sent_to_us), format="x12"),),
    emits=(OrderAcknowledgement, ShipNotice, Invoice, CreditNote, FunctionalAcknowledgement),
    codes=("item", "supplier", "place"),
    evidence=("simulator",),
    rate_per_s=50.0,
    concurrency=4,
    notes=(
        "Proven against mock-edi 0.9, whose paths are the defaults; the options post and archive name others. The archive is "
        "read and not the mailbox, because reading the mailbox empties it and a lost answer would lose its messages. A supplier "
        "knows an interchange control number that it has seen, so a doubtful interchange goes out again as it was."
    ),
)
