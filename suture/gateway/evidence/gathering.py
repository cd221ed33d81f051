"""The gathering of evidence: facts, decisions, policies and raw messages of one thing, from the journal, proven and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from suture.gateway.evidence.checklist import checklist
from suture.gateway.evidence.pack import FORMAT, Applied, Evidence, Fact
from suture.gateway.evidence.proof import proof
from suture.gateway.evidence.scope import Scope
from suture.gateway.governance.policies import in_force, named_in, versions
from suture.journal import BlobDamaged, Journal, Recorded
from suture.model import Decided, Delivered, Document, MessageReceived, Policy, PurchaseOrder, Ref, Supplier, encode
from suture.model.classes import hidden_in, masked
from suture.views.story import tell

_MOST = 10_000


class Unknown(LookupError):
    """Nothing is known of that identifier."""


def evidence(journal: Journal, id: str, network: str, now: datetime, public_key: bytes, *, unmasked: bool = False) -> Evidence:
    """The whole pack for a payment, invoice, credit note, order or requisition, or for whatever leads to one.

    ``unmasked`` shows and holds also what is shown to nobody: bank accounts, tax numbers. Raises Unknown.
    """
    scope = Scope(journal, id)
    rows = {row.position: row for row in scope.events()}
    if not rows:
        raise Unknown(f"nothing is known of {id}")
    rows |= _messages(journal, rows.values()) | _decisions(journal, rows.values()) | _suppliers(journal, rows.values())
    applied = _applied(journal, rows.values())
    for policy in applied:
        rows |= {row.position: row for row in journal.read(policy.position - 1, 1)}
    ordered = [rows[position] for position in sorted(rows)]
    bodies = {row.position: _body(journal, row.position) for row in ordered}
    facts = tuple(_fact(journal, row, bodies[row.position], unmasked=unmasked) for row in ordered)
    shown = proof(journal, rows, public_key)
    owed = journal.owed({row.event.root or row.event.once for row in ordered})
    open_here = [each for each in owed if _concerns(each.document, scope)]
    items = checklist(ordered, applied, facts, shown, open_here, scope.cut)
    return Evidence(
        format=FORMAT,
        network=network,
        subject=str(scope.subject) if scope.subject.type else scope.subject.id,
        made=now,
        position=max(rows),
        complete=all(item.state != "missing" for item in items),
        checklist=items,
        facts=facts,
        policies=applied,
        proof=shown,
    )


def resting_on(journal: Journal, id: str) -> tuple[Applied, ...]:
    """The versions of policies that applied to a thing: what its decisions rested on, and what governs its deliveries and
    messages. Raises Unknown."""
    rows = Scope(journal, id).events()
    if not rows:
        raise Unknown(f"nothing is known of {id}")
    return applied_to(journal, rows)


def applied_to(journal: Journal, rows: Iterable[Recorded]) -> tuple[Applied, ...]:
    """The same for facts that have been found already."""
    found = {row.position: row for row in rows}
    found |= _messages(journal, found.values()) | _decisions(journal, found.values())
    return _applied(journal, found.values())


def _concerns(document: Document, scope: Scope) -> bool:
    named = {thing.id for thing in scope.things}
    return not named or any(ref.id in named for ref in document.refs())


def _messages(journal: Journal, rows: Iterable[Recorded]) -> dict[int, Recorded]:
    """The messages that the accepted documents came in."""
    onces = {row.event.cause for row in rows if row.event.kind == "accepted" and row.event.cause}
    found = journal.by_once(onces).values()
    return {row.position: row for row in found if isinstance(row.event.data, MessageReceived)}


def _decisions(journal: Journal, rows: Iterable[Recorded]) -> dict[int, Recorded]:
    """The decisions that said and sent what stands here; what they do is named after them."""
    names = {row.event.once for row in rows if row.event.kind == "emitted"}
    names |= {row.event.data.delivery for row in rows if isinstance(row.event.data, Delivered)}
    found = journal.by_once({name.rpartition("/")[0] for name in names} - {""}).values()
    return {row.position: row for row in found if isinstance(row.event.data, Decided)}


def _suppliers(journal: Journal, rows: Iterable[Recorded]) -> dict[int, Recorded]:
    """Who is paid, as filed when it was ordered: whoever made a supplier pays it not."""
    orders = [(row.position, row.event.data.supplier) for row in rows if isinstance(row.event.data, PurchaseOrder)]
    found: dict[int, Recorded] = {}
    for position, supplier in orders:
        filed = [row for row in journal.find(Ref("Supplier", supplier), _MOST) if isinstance(row.event.data, Supplier)]
        known = [row for row in filed if row.position < position and isinstance(row.event.data, Supplier)]
        found |= {row.position: row for row in known[-1:] if row.event.data.refs()[0].id == supplier}
    return found


def _applied(journal: Journal, rows: Iterable[Recorded]) -> tuple[Applied, ...]:
    """The versions of policies that decisions rested on, or that governed what became of deliveries and messages."""
    decided: dict[tuple[str, int], tuple[Recorded, list[int]]] = {}
    known: dict[str, list[Recorded]] = {}
    for row in rows:
        for name in named_in(row.event):
            known.setdefault(name, versions(journal, name))
            held = in_force(known[name], row.event.at, row.position)
            if held is not None:
                assert isinstance(held.event.data, Policy)
                decided.setdefault((name, held.event.data.version), (held, []))[1].append(row.position)
    return tuple(_policy(*decided[key]) for key in sorted(decided))


def _policy(row: Recorded, decided: list[int]) -> Applied:
    policy = row.event.data
    assert isinstance(policy, Policy)
    return Applied(
        name=policy.id,
        version=policy.version,
        effective=policy.effective,
        author=policy.author,
        approver=policy.approver,
        values=dict(policy.values),
        position=row.position,
        decided=tuple(sorted(decided)),
    )


def _fact(journal: Journal, row: Recorded, body: bytes, *, unmasked: bool) -> Fact:
    event, document = row.event, row.event.data
    withheld = bool(hidden_in(document)) and not unmasked
    subject = next(iter(document.refs()), None)
    return Fact(
        position=row.position,
        at=event.at,
        kind=event.kind,
        source=event.source,
        type=type(document).__name__,
        subject=str(subject) if subject else str(getattr(document, "id", "")),
        words=tell(event),
        document=_plain(document if unmasked else masked(document)),
        body_sha256=hashlib.sha256(body).hexdigest(),
        once=event.once,
        cause=event.cause,
        body="" if withheld else body.decode(),
        withheld=withheld,
        raw_sha256=event.blob,
        mapping=event.mapping,
        raw_kept=bool(event.blob) and _kept(journal, event.blob),
        seen=event.seen,
    )


def _plain(document: Document) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(encode(document))
    return plain


def _body(journal: Journal, position: int) -> bytes:
    ((_, body),) = journal.bodies(position - 1, 1)
    return body


def _kept(journal: Journal, address: str) -> bool:
    """Whether the raw bytes are there and have the hash that names them."""
    try:
        return hashlib.sha256(journal.blob(address)).hexdigest() == address
    except (KeyError, BlobDamaged):
        return False
