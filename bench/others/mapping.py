"""The work itself, as plainly as Python can say it: a message becomes what the sink is told, and an acknowledgement."""

from __future__ import annotations

import msgspec

ACCEPTED = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


def from_hl7(raw: bytes) -> bytes:
    """A DFT^P03 as a movement of stock."""
    segments = {segment[:3]: segment.split("|") for segment in reversed(raw.decode().split("\r"))}
    charge = segments["FT1"]
    return msgspec.json.encode(
        {
            "movementId": f"MV-{charge[2]}",
            "sku": charge[7].partition("^")[0],
            "quantity": f"-{charge[10]}",
            "reason": "usage",
            "location": charge[16],
            "at": charge[4],
            "cause": charge[2],
        }
    )


def from_json(raw: bytes) -> bytes:
    """A receipt as the ERP wants it."""
    receipt = msgspec.json.decode(raw)
    lines = [
        {"line": line["line"], "material": line["item"], "quantity": line["quantity"]["value"], "lot": line["lot"]}
        for line in receipt["lines"]
    ]
    return msgspec.json.encode({"externalRef": receipt["id"], "purchaseOrder": receipt["order"], "lines": lines})


def acknowledgement(raw: bytes) -> bytes:
    """The ACK of a DFT^P03, framed."""
    control = raw.split(b"|", 10)[9]
    return b"\x0bMSH|^~\\&|SUTURE|GROUP|OR|NORTH|20260302101500||ACK^P03|%s|P|2.5.1\rMSA|AA|%s\r\x1c\r" % (control, control)
