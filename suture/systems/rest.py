"""What the REST connectors share: one request, and the meaning of its answer for the delivery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from suture.model import Document, Money, Price, Quantity
from suture.systems.system import Again, Call, Done, Operation, Outcome, Refused, Steps, Unsure
from suture.transports import Http, HttpReply, Reply

#: Answers that mean: certainly not taken, come again.
BUSY = {408, 425, 429, 503}
#: Answers that speak of our credentials, not of the document.
BARRED = {401, 403, 407}
#: An API that honours keys says so of a request whose first copy it is still working on, others of a document they have.
IN_THE_WAY = 409
_encode = msgspec.json.Encoder(decimal_format="string").encode
Shape = Callable[[Any, Call], Mapping[str, Any]]


def outcome_of(reply: Reply) -> Outcome:
    """The fate that a status code announces (RFC 9110 section 15); the peer's number is read from "number" or "id".

    Whatever is neither a plain yes nor a plain no is doubt: a redirect, or a page of somebody in between with status 200.
    """
    assert isinstance(reply, HttpReply)
    reason, said = f"HTTP {reply.status}", _said(reply)
    if reply.status in BUSY:
        return Again(reason=reason, after_s=_retry_after(reply))
    if reply.status in BARRED:
        return Again(reason=f"{reason}: the credentials are wrong or do not suffice")
    if 400 <= reply.status < 500 and reply.status != IN_THE_WAY:
        said = said or {}
        return Refused(reason=f"{reason}: {said.get('detail') or said.get('title') or 'no reason given'}"[:300])
    if not 200 <= reply.status < 300:
        return Unsure(reason=reason)
    if said is None:
        return Unsure(reason=f"{reason} with something that is not JSON")
    return Done(reference=str(said.get("number") or said.get("id") or ""))


def _said(reply: HttpReply) -> dict[str, Any] | None:
    """The object in the body, an empty one for none; None for anything else."""
    try:
        said = reply.json() if reply.body else {}
    except msgspec.DecodeError:
        return None
    return said if isinstance(said, dict) else None


def _retry_after(reply: HttpReply) -> float:
    wish = reply.headers.get("retry-after", "")
    return min(float(wish), 86_400.0) if wish.replace(".", "", 1).isdigit() else 1.0


def post(path: str, body: Mapping[str, Any], key: str = "") -> Steps:
    """Post JSON; with ``key`` as Idempotency-Key where the API honours it."""
    headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    reply = yield Http(method="POST", path=path, body=_encode(body), headers=headers)
    return outcome_of(reply)


def find(path: str) -> Steps:
    """Look a document up by our reference: Done if the list has one, Again if it is empty, Unsure if it cannot be read."""
    reply = yield Http(method="GET", path=path)
    assert isinstance(reply, HttpReply)
    if reply.status != 200:
        return Unsure(reason=f"look-up answered HTTP {reply.status}")
    rows = (_said(reply) or {}).get("items")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return Unsure(reason="look-up answered without a list of items")
    if not rows:
        return Again(reason="not there")
    return Done(reference=str(rows[0].get("number") or rows[0].get("id") or ""))


def keyed(
    path: Callable[[Any], str],
    shape: Shape,
    *,
    lives_s: float = float("inf"),
    query: Callable[[Any, Call], str] | None = None,
) -> Operation:
    """An operation of an API that honours Idempotency-Key: in doubt, the same request again.

    Where the API forgets keys after ``lives_s`` seconds, an older doubt is looked up with ``query``.
    """

    def send(document: Document, call: Call) -> Steps:
        return post(path(document), shape(document, call), call.key)

    probe = None if query is None else _probe(query)
    return Operation(send=send, outcome="key", probe=probe, key_lives_s=lives_s)


def _probe(query: Callable[[Any, Call], str]) -> Callable[[Document, Call], Steps]:
    return lambda document, call: find(query(document, call))


def looked_up(path: Callable[[Any], str], shape: Shape, query: Callable[[Any, Call], str]) -> Operation:
    """An operation of an API without idempotency that can be searched by our reference: in doubt, look before sending."""

    def send(document: Document, call: Call) -> Steps:
        return post(path(document), shape(document, call))

    return Operation(send=send, outcome="lookup", probe=_probe(query))


def money(value: Money) -> dict[str, str]:
    """Money as the REST systems write it."""
    return {"value": f"{value.amount:f}", "currency": value.currency}


def quantity(value: Quantity) -> dict[str, str]:
    """A quantity as the REST systems write it."""
    return {"qty": f"{value.value:f}", "uom": value.unit}


def price(value: Price) -> dict[str, Any]:
    """A price with its basis as the REST systems write it."""
    return {"value": f"{value.amount:f}", "currency": value.currency, "per": quantity(value.per)}
