"""SAP Gateway's OData V2 as a conversation: look under our reference, fetch a token on the way, write, judge each answer.

Seen on mock-sap 0.22: an answer without a list of results is no empty list; a write without a fresh token is 403 with
``x-csrf-token: Required`` and has certainly changed nothing; a write is never recognised as a repeat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from suture.systems.rest import BARRED, BUSY, IN_THE_WAY
from suture.systems.system import Again, Outcome, Refused, Unsure
from suture.transports import Http, HttpReply, Reply, Request

T = TypeVar("T")
Talk = Generator[Request, Reply, T]
Row = Mapping[str, Any]

ORDERS = "API_PURCHASEORDER_PROCESS_SRV"
MOVEMENTS = "API_MATERIAL_DOCUMENT_SRV"
BILLS = "API_SUPPLIERINVOICE_PROCESS_SRV"
_ROOT = "/sap/opu/odata/sap"
#: Locked by somebody (423), or changed since we read it (412): nothing was taken, and it may be soon.
_LATER = {412, 423}
_LATER_S = 5.0
#: Rows of one answer; more under one of our keys than this is a fault, not data.
MOST_ROWS = 1000
#: What a refusal repeats of SAP's words.
_LONGEST_REASON = 300
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Ended(Exception):
    """The conversation can not go on; ``outcome`` is how it ends."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


def refused(reason: str) -> Ended:
    """The end of a conversation about something that SAP can not take as it is."""
    return Ended(Refused(reason=reason[:_LONGEST_REASON]))


class Seen(Struct, frozen=True):
    """What a look saw: the rows, and what a write must carry along (token and session cookie)."""

    rows: list[Row]
    pass_: Mapping[str, str]


def look(service: str, entities: str, condition: str) -> Talk[Seen]:
    """The rows that fit, and a token for what follows; raises Ended if SAP can not be read, which changes nothing."""
    query = f"$filter={quote(condition, safe='')}&$top={MOST_ROWS}&$format=json"
    headers = {"accept": "application/json", "x-csrf-token": "Fetch"}
    reply = yield Http(method="GET", path=f"{_ROOT}/{service}/{entities}?{query}", headers=headers)
    assert isinstance(reply, HttpReply)
    if reply.status != 200:
        raise Ended(_unread(reply))
    rows = _at(_said(reply), "d", "results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Ended(Unsure(reason=f"{entities} answered without a list of results"))
    if len(rows) == MOST_ROWS:
        raise Ended(Unsure(reason=f"SAP has {MOST_ROWS} or more {entities} that fit"))
    return Seen(rows, _pass(reply))


def _pass(reply: HttpReply) -> dict[str, str]:
    """The token, and the session that it counts in."""
    cookies = [line.partition(";")[0] for line in reply.headers.get("set-cookie", "").split("\n") if line]
    token = reply.headers.get("x-csrf-token", "")
    return ({"x-csrf-token": token} if token else {}) | ({"cookie": "; ".join(cookies)} if cookies else {})


def create(service: str, entities: str, seen: Seen, values: Mapping[str, Any]) -> Talk[Row]:
    """Make an entity, with its items in one request (deep insert); what SAP made. Raises Ended where it says no, or not now."""
    reply = yield from _write("POST", f"{_ROOT}/{service}/{entities}", seen, values)
    made = _at(_said(reply), "d")
    if reply.status != 201 or not isinstance(made, dict):
        raise Ended(fate(reply))
    return made


def change(service: str, entity: str, seen: Seen, row: Row, values: Mapping[str, Any]) -> Talk[None]:
    """Change an entity as it stood when it was read: SAP compares the ETag, where the entity has one."""
    etag = _at(row, "__metadata", "etag")
    reply = yield from _write("PATCH", f"{_ROOT}/{service}/{entity}", seen, values, {"if-match": etag} if etag else {})
    if reply.status not in (200, 204):
        raise Ended(fate(reply))


def _write(
    method: str, path: str, seen: Seen, values: Mapping[str, Any], more: Mapping[str, str] | None = None
) -> Generator[Request, Reply, HttpReply]:
    headers = {"accept": "application/json", "content-type": "application/json", **seen.pass_, **(more or {})}
    reply = yield Http(method=method, path=path, body=_encode(values), headers=headers)
    assert isinstance(reply, HttpReply)
    return reply


def fate(reply: HttpReply) -> Outcome:
    """What an answer to a write means that is no plain yes; the reason is SAP's own."""
    reason = f"HTTP {reply.status}: {words(reply)}"[:_LONGEST_REASON]
    if reply.status in BUSY | _LATER:
        return Again(reason=reason, after_s=_wish(reply))
    if reply.status in BARRED:
        return Again(reason=reason, after_s=_wish(reply) if reply.headers.get("x-csrf-token", "").lower() == "required" else 0.0)
    if reply.status in (404, 405):
        return Again(reason=f"{reason}: the address is wrong, or the service is not active")
    if 400 <= reply.status < 500 and reply.status != IN_THE_WAY:
        return Refused(reason=reason)
    return Unsure(reason=reason)


def _unread(reply: HttpReply) -> Outcome:
    """A look that failed: nothing was asked to change, so it may be had again; but it says nothing about the document."""
    if 200 <= reply.status < 400:
        return Unsure(reason=f"look-up answered HTTP {reply.status}")
    return Again(reason=f"look-up answered HTTP {reply.status}: {words(reply)}"[:_LONGEST_REASON], after_s=_wish(reply))


def words(reply: HttpReply) -> str:
    """SAP's own words: error.message.value (V2) or error.message."""
    message = _at(_said(reply), "error", "message")
    message = message.get("value") if isinstance(message, dict) else message
    return str(message) if message else "no reason given"


def _wish(reply: HttpReply) -> float:
    wish = reply.headers.get("retry-after", "")
    return min(float(wish), 86_400.0) if wish.replace(".", "", 1).isdigit() else _LATER_S


def _said(reply: HttpReply) -> Any:
    try:
        return reply.json()
    except msgspec.DecodeError:
        return None


def _at(said: Any, *names: str) -> Any:
    for name in names:
        said = said.get(name) if isinstance(said, dict) else None
    return said


# -- how OData V2 and SAP's fields write values


def equal(field: str, value: str) -> str:
    """A condition; quotes are doubled within the literal (OData V2, URI conventions, section 4.5)."""
    return f"{field} eq '{value.replace(chr(39), chr(39) * 2)}'"


def day(value: date) -> str:
    """A date as Edm.DateTime."""
    return f"{value:%Y-%m-%d}T00:00:00"


def amount(value: Decimal, digits: int, places: int) -> str:
    """A decimal with at most so many digits, of which so many are decimals; raises Ended rather than round."""
    if abs(value) >= Decimal(10) ** (digits - places) or value != round(value, places):
        raise refused(f"SAP holds {digits} digits with {places} decimals, not {value:f}")
    return f"{value:.{places}f}"


def kept(value: str, size: int, what: str) -> str:
    """A value that fits its field; raises Ended for one that SAP would cut off."""
    if len(value) > size:
        raise refused(f"SAP holds {size} characters of {what}, this has {len(value)}")
    return value


def reference(id: str, size: int) -> str:
    """Our number where it fits, else its beginning and a digest; fields like XBLNR hold capitals only."""
    if len(id) <= size and id == id.upper():
        return id
    digest = hashlib.sha256(id.encode()).hexdigest()[:10].upper()
    return f"{id[: size - 11].upper()}~{digest}"
