"""What becomes of bytes between a partner and us: spoiled, cut in two, put together, or suddenly in another dialect."""

from __future__ import annotations

import re
from random import Random

import msgspec

#: How the messages of a partner change from one day to the next: they say more, they call something by another name or leave
#: it out, they use codes that nobody has heard of.
DRIFTS = ("unknown fields", "renamed fields", "new codes")
#: The codes of items as the partners of the sandbox write them, and what a new one has at its end.
_CODES, NEW = re.compile(rb"\b(SKU-\d{5}|[A-F]7\d{4}|CDM4\d{5})\b"), b"Z"
#: Without these nobody can understand a document of the kind that has them.
_NEEDED = ("lines", "decision", "item")
_TRAILER = re.compile(rb"~SE\*(\d+)\*")
_SECOND_SEGMENT = re.compile(rb"(~ST\*[^~]*~)[^~]*~")


def spoiled(raw: bytes, chance: int, *, text: bool) -> bytes:
    """Bytes that nobody can read: cut off early, or noise."""
    random = Random(chance)
    if text and chance % 2:
        return raw[: max(1, len(raw) * random.randint(5, 60) // 100)]
    return random.randbytes(random.randint(1, 300))


def halves(raw: bytes, chance: int) -> tuple[bytes, bytes]:
    """What was there when somebody looked too early, and the rest of it."""
    at = 1 + chance % max(1, len(raw) - 1)
    return raw[:at], raw[at:]


def batch(first: bytes, second: bytes) -> bytes:
    """The groups of two X12 interchanges in the envelope of the second."""
    start, end = first.index(b"~GS*") + 1, first.rindex(b"~IEA*") + 1
    at, close = second.index(b"~GS*") + 1, second.rindex(b"~IEA*") + 1
    control = second[close:].split(b"*")[2]
    return second[:at] + first[start:end] + second[at:close] + b"IEA*2*" + control


def drifted(raw: bytes, mode: str) -> bytes:
    """The message as the partner's new release writes it; the same bytes where that makes no difference."""
    if mode == "new codes":
        return _CODES.sub(rb"\1" + NEW, raw)
    if raw.startswith(b"{"):
        return _json(raw, mode)
    if raw.startswith(b"ISA"):
        return _x12(raw, mode)
    return _hl7(raw, mode) if raw.startswith(b"MSH") else raw


def old_code(code: str) -> str:
    """The code that a new one has replaced; "" if it is no new one."""
    new = NEW.decode()
    old = code.removesuffix(new)
    return old if old != code and _CODES.fullmatch(old.encode()) else ""


def _json(raw: bytes, mode: str) -> bytes:
    message = msgspec.json.decode(raw)
    (body,) = message["documents"]
    if mode == "unknown fields":
        grown = {**body, "release": "7.2", "tags": [{"name": "lane", "weight": 3}]}
        return msgspec.json.encode({**message, "documents": [grown]})
    name = next((name for name in _NEEDED if name in body), "")
    renamed = {f"{key}_v2" if key == name else key: value for key, value in body.items()}
    return msgspec.json.encode({**message, "documents": [renamed]}) if name else raw


def _x12(raw: bytes, mode: str) -> bytes:
    if mode == "unknown fields":
        return _TRAILER.sub(lambda found: b"~ZRL*7.2~SE*%d*" % (int(found[1]) + 1), raw)
    without = _SECOND_SEGMENT.sub(rb"\1", raw)
    return _TRAILER.sub(lambda found: b"~SE*%d*" % (int(found[1]) - 1), without)


def _hl7(raw: bytes, mode: str) -> bytes:
    return raw + b"ZRL|7.2\r" if mode == "unknown fields" else raw.replace(b"\rFT1|", b"\rFT9|")
