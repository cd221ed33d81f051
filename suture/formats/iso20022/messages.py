"""Which ISO 20022 message this is, and who reads or writes it."""

from __future__ import annotations

import re

import msgspec
from lxml import etree

from suture.formats.format import Profile, Reading, Stamp, Unwritable
from suture.formats.iso20022 import camt, pain001, pain002
from suture.formats.iso20022.elements import NAMESPACE, Element, children, local, text
from suture.formats.iso20022.pain002 import acknowledge
from suture.formats.xml import parse
from suture.model import Document, Finding, FunctionalAcknowledgement, PaymentInstruction, PaymentStatus

__all__ = ["acknowledge", "read", "write"]

#: The element below Document to the message; the first versions of some carried their version in its name.
_KINDS = {
    "CstmrCdtTrfInitn": "pain.001",
    "CstmrPmtStsRpt": "pain.002",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrAcctRpt": "camt.052",
}
#: Characters of a message's own id that are kept; the standard has room for 35 (Max35Text).
LONGEST_ID = 128
#: The versions of each message (the last two digits of its name) that we can read: those since 2009 whose elements that we
#: look at kept name, place and meaning. A later one is taken up here when it was looked at.
READ_VERSIONS = {
    "pain.001": range(3, 13),
    "pain.002": range(3, 15),
    "camt.052": range(1, 14),
    "camt.053": range(1, 14),
    "camt.054": range(1, 14),
}
_NAME = re.compile(r"([a-z]{4}\.[0-9]{3})\.001\.([0-9]{2})")
_VERSIONED = re.compile(r"V[0-9]{2}$")


def read(raw: bytes, profile: Profile) -> Reading:
    """The documents of any message that we know, in a version of ``READ_VERSIONS``; ``kind`` is pain.001, ..., camt.054."""
    root = parse(raw)
    if isinstance(root, Finding):
        return Reading(findings=(root,))
    body = _body(root)
    kind = _KINDS.get(_VERSIONED.sub("", local(body))) if body is not None else None
    if body is None or kind is None:
        return Reading(findings=(Finding(code="iso.kind", text="no message that is read here", path=local(root)[:64]),))
    namespace = str(etree.QName(body).namespace or "")
    doubt = _version_doubt(kind, namespace)
    reading = Reading(message_id=text(body, "GrpHdr/MsgId")) if _refuses(doubt) else _read(body, kind, profile)
    message = reading.message_id[:LONGEST_ID]
    return msgspec.structs.replace(
        reading,
        message_id=message,
        kind=kind,
        findings=(*doubt, *reading.findings),
        envelope={"message": namespace.removeprefix(NAMESPACE)[:64], "id": message},
    )


def _version_doubt(kind: str, namespace: str) -> tuple[Finding, ...]:
    """What is wrong with the namespace of a message of that kind: another message's, or a version that nobody has looked at."""
    if not namespace:
        return (Finding(code="iso.version", text="no namespace says which version this is", path="Document", severity="warning"),)
    name = _NAME.fullmatch(namespace.removeprefix(NAMESPACE)) if namespace.startswith(NAMESPACE) else None
    if name is not None and name[1] == kind and int(name[2]) in READ_VERSIONS[kind]:
        return ()
    known = READ_VERSIONS[kind]
    said = f"the namespace is none of {kind}.001.{known[0]:02} to {kind}.001.{known[-1]:02}"
    return (Finding(code="iso.version", text=said, path="Document"),)


def _refuses(doubt: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "error" for finding in doubt)


def _body(root: Element) -> Element | None:
    """The message below Document, which may be wrapped together with a business application header."""
    document = root if local(root) == "Document" else next(children(root, "Document"), None)
    return None if document is None or len(document) == 0 else document[0]


def _read(body: Element, kind: str, profile: Profile) -> Reading:
    if kind == "pain.001":
        return pain001.read(body, profile)
    if kind == "pain.002":
        return pain002.read(body, profile)
    return camt.read(body, kind, profile)


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """pain.001 for an instruction, pain.002 for an acknowledgement or a status before booking, camt.054 for one after."""
    match document:
        case PaymentInstruction():
            return pain001.write(document, profile, stamp)
        case FunctionalAcknowledgement():
            return pain002.write_acknowledgement(document, profile, stamp)
        case PaymentStatus(status="settled" | "returned"):
            return camt.write(document, profile, stamp)
        case PaymentStatus():
            return pain002.write_status(document, profile, stamp)
    raise Unwritable(f"ISO 20022 has no message for {type(document).__name__} here")
