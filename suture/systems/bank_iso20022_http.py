"""A bank over ISO 20022 by HTTP: pain.001 is posted to it, and its reports and notifications are read from its archive."""

from __future__ import annotations

from suture.formats.iso20022 import FORMAT, message_id
from suture.model import Document, FunctionalAcknowledgement, PaymentInstruction, PaymentStatus
from suture.systems.posted import archive, posted
from suture.systems.system import Call, Poll, System
from suture.transports import HttpReply

#: A bank that says nothing for this long has to be asked.
WITHIN_S = 2 * 24 * 3600.0


def _reference(document: Document, call: Call) -> str:
    """The MsgId of the pain.001, which the bank's pain.002 repeats as OrgnlMsgId."""
    assert isinstance(document, PaymentInstruction)
    return message_id(document)


def _message(reply: HttpReply, call: Call) -> bytes | None:
    return reply.body if b"<" in reply.body[:100] else None


assert FORMAT.write is not None

SYSTEM = System(
    name="bank_iso20022_http",
    title="Bank over ISO 20022 by HTTP (pain.001 out; pain.002, camt.054 from its archive)",
    role="bank",
    accepts={PaymentInstruction: posted(FORMAT.write, "/payments", FORMAT.media_type, _reference, WITHIN_S)},
    polls=(Poll(name="archive", every_s=1.0, ask=archive("/_mock/mailbox", _message), format="iso20022"),),
    emits=(PaymentStatus, FunctionalAcknowledgement),
    codes=(),
    evidence=("simulator",),
    rate_per_s=20.0,
    concurrency=2,
    notes=(
        "Proven against mock-bank 0.9, whose paths are the defaults; the options post and archive name others. A payment file "
        "is never posted twice: in doubt the bank's status report is awaited; a person asks after two days. One message is read "
        "by its number and not the mailbox as a whole, because reading the mailbox empties it."
    ),
)
