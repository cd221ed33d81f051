"""A bank over ISO 20022 files: pain.001 goes out, pain.002 and camt.054 tell what became of it."""

from __future__ import annotations

from suture.formats.iso20022 import FORMAT, message_id
from suture.model import Document, FunctionalAcknowledgement, PaymentInstruction, PaymentStatus
from suture.systems.files import dropped
from suture.systems.system import Call, Channel, Platform, System

#: A bank that says nothing for this long has to be asked.
WITHIN_S = 2 * 24 * 3600.0


def _name(call: Call) -> str:
    return f"pain001-{call.stamp.number:09d}.xml"


def _reference(document: Document, call: Call) -> str:
    """The message id of the pain.001, which the bank's pain.002 repeats as OrgnlMsgId."""
    assert isinstance(document, PaymentInstruction)
    return message_id(document)


assert FORMAT.write is not None

SYSTEM = System(
    name="bank_iso20022",
    title="Bank over ISO 20022 files (pain.001 out; pain.002, camt.054 in)",
    role="bank",
    accepts={PaymentInstruction: dropped(FORMAT.write, _name, _reference, WITHIN_S)},
    channels=(Channel(name="in", transport="folder", format="iso20022", pattern="*.xml"),),
    emits=(PaymentStatus, FunctionalAcknowledgement),
    codes=(),
    rate_per_s=20.0,
    concurrency=2,
    platform=Platform(months=(11,), source="Swift: annual standards release"),
    notes="A payment file is never sent twice: in doubt the bank's status report is awaited; a person asks after two days.",
)
