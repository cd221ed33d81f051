"""The pack as one page: read in any browser, printed, without scripts, with the machine-readable evidence inside it."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from suture.gateway.evidence.pack import Evidence, Fact
from suture.model import Decided, Delivered, MessageReceived
from suture.views.events import snake

#: Machine-room facts: they are proven with the others, and told apart from the story.
_INSIDE = frozenset({Decided.__name__, MessageReceived.__name__, "TimerFired"})
#: What the story tells by itself; the rest of a document is worth reading in full.
_LIGHT = frozenset({"RequisitionStatus", "OrderStatus", "InvoiceStatus", Delivered.__name__, "Case", "CaseResolved"})


def page(pack: Evidence) -> bytes:
    """The whole file in UTF-8; the same pack gives the same bytes."""
    facts = pack.facts
    rendered = (
        _environment()
        .get_template("page.html")
        .render(
            pack=pack,
            subject=_titled(pack.subject),
            story=[fact for fact in facts if fact.words and fact.type not in _INSIDE | {"Policy"}],
            documents=[fact for fact in facts if fact.type not in _INSIDE | _LIGHT and fact.type != "Policy"],
            decisions=[fact for fact in facts if fact.type == Decided.__name__],
            messages=[fact for fact in facts if fact.type == MessageReceived.__name__],
            deliveries=[fact for fact in facts if fact.type == Delivered.__name__],
            fingerprint=fingerprint(pack.proof.public_key),
            embedded=base64.b64encode(gzip.compress(_encode(pack), 9, mtime=0)).decode(),
            size=len(_encode(pack)),
            fields=fields,
        )
    )
    return rendered.encode()


def fields(fact: Fact) -> list[tuple[str, str]]:
    """A document as names and values, in order: what is nested stands under its path."""
    return list(_flat(fact.document, ""))


def fingerprint(public_key: str) -> str:
    """SHA-256 of the key's 32 bytes, in hexadecimal: what two people compare by telephone; "" without a key."""
    if not public_key:
        return ""
    key = serialization.load_pem_public_key(public_key.encode())
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()


def _titled(subject: str) -> str:
    """A subject as people say it: "purchase order PO-7"."""
    type, colon, id = subject.partition(":")
    return f"{snake(type).replace('_', ' ')} {id}" if colon and type.isalpha() else subject


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if value.keys() == {"amount", "currency"}:
            yield path, f"{value['amount']} {value['currency']}"
            return
        if value.keys() == {"amount", "currency", "per"}:
            yield path, f"{value['amount']} {value['currency']} per {value['per']['value']} {value['per']['unit']}"
            return
        if value.keys() == {"value", "unit"}:
            yield path, f"{value['value']} {value['unit']}"
            return
        for name, part in value.items():
            if name != "type" or path:
                yield from _flat(part, f"{path} {name}".strip())
    elif isinstance(value, list):
        for number, part in enumerate(value, 1):
            yield from _flat(part, f"{path} {number}" if len(value) > 1 or isinstance(part, dict) else path)
    elif value not in ("", None):
        yield path.replace("_", " "), str(value)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["thousands"] = lambda number: f"{number:,}"
    made.filters["moment"] = lambda at: f"{at:%d %b %Y %H:%M:%S}"
    made.filters["words"] = lambda text: text.replace("_", " ")
    return made


_encode = msgspec.json.Encoder(decimal_format="string", order="deterministic").encode
