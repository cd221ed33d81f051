"""Exports to be judged: a small day that the runtime really had, days written by hand, and what a forger can do to a file."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from suture.cli.export import write
from suture.journal import Journal
from suture.journal.seal import public_pem, seal
from suture.model import Case, Crosswalk, Decision, Quantity, StockLow
from suture.runtime.command import command
from suture.sandbox.still import Still
from tests.runtime.house import NOON, Peer, about, arrival, facts, house, order
from verifier import Report, verify

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key()
FEW = Quantity(value=Decimal(2), unit="EA")
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


# -- a day that was


def day() -> Journal:
    """A sealed day with deliveries done, refused, doubtful and confirmed, codes learnt late, and a decision that failed."""
    script = ["ok", "lost", "422", "ok", "503"]
    still, _ = house("none", peer=Peer(script=script))
    still.wiring.learn([Crosswalk(system="peer", kind="item", local="THEIRS-1", golden="OURS-1")])
    for number in range(1, 9):
        still.accept(arrival(order(f"PO-{number}")))
        still.accept(arrival(order(f"PO-{number}", "rejected" if number % 4 == 0 else "shipped")))
        hour(still)
    still.accept(arrival(StockLow(item="THEIRS-1", place="W1", balance=FEW, reorder_point=FEW, at=NOON)))
    still.accept(arrival(StockLow(item="THEIRS-2", place="W1", balance=FEW, reorder_point=FEW, at=NOON)))
    still.accept(arrival(order("PO-9", "cancelled"), order("PO-10", "closed")))
    hour(still)
    still.wiring.learn([Crosswalk(system="peer", kind="item", local="THEIRS-2", golden="OURS-2")])
    for case, verb in zip(sorted(open_cases(still), key=lambda case: case.reason), _verbs(still), strict=True):
        decide(still, case, verb)
    hour(still)
    return still.wiring.journal


def _verbs(still: Still) -> list[str]:
    chosen = {"handler_failed": "reject", "no": "accept", "unknown_item": "release", "unknown_outcome": "confirm"}
    return [chosen[case.reason] for case in sorted(open_cases(still), key=lambda case: case.reason)]


def open_cases(still: Still) -> list[Case]:
    """What has been asked, once each."""
    return list({case.id: case for case in facts(still, Case)}.values())


def decide(still: Still, case: Case, verb: str) -> str:
    """A person decides about an exception on what stands there now."""
    subject = about("Case", case.id)
    position = still.wiring.journal.find(subject)[-1].position
    now = still.clock.now()
    decision = Decision(
        id=f"D-{position}-{verb}", subject=subject, verb=verb, actor="ops-1", at=now, reason="looked", position=position
    )
    return command(still.wiring, decision, now)


def hour(still: Still) -> None:
    """An hour passes, and what was written in it is sealed."""
    still.until(still.clock.now() + timedelta(hours=1))
    seal(still.wiring.journal, SIGNER, still.clock.now())


def exported(journal: Journal, target: Path, signer: Ed25519PrivateKey = SIGNER) -> bytes:
    """What the command writes."""
    last = journal.checkpoint()
    assert last is not None
    write(journal, target, last, public_pem(signer))
    return target.read_bytes()


# -- days written by hand


def fact(once: str, type: str, /, kind: str = "accepted", cause: str = "", root: str = "", **data: Any) -> dict[str, Any]:
    """One event."""
    return {"once": once, "kind": kind, "source": "s", "cause": cause, "root": root or once, "data": {"type": type, **data}}


def owed(delivery: str, instance: str = "erp") -> dict[str, Any]:
    """One debit."""
    return {"delivery": delivery, "instance": instance, "document": {"type": "OrderStatus", "id": "PO-1", "role": ""}}


def ended(delivery: str, outcome: str = "done", number: int = 1, instance: str = "erp") -> dict[str, Any]:
    """One credit, caused by event ``m#0``."""
    once = f"{delivery}!{outcome}/{number}"
    return fact(once, "Delivered", "settled", "m#0", "m#0", delivery=delivery, outcome=outcome, instance=instance)


def decided(*owes: Mapping[str, Any], event: str = "m#0", cause: str = "m#0", once: str = "1/p/k") -> dict[str, Any]:
    """A decision about event ``m#0``."""
    return fact(once, "Decided", "decided", cause, "m#0", process="p", key="k", event=event, owes=list(owes))


def asked(case: str, *objects: tuple[str, str], once: str = "") -> dict[str, Any]:
    """A case about ``m#0`` and about these things."""
    refs = [{"type": type, "id": id, "role": ""} for type, id in objects]
    return fact(once or f"case/{case}", "Case", "emitted", "m#0", "m#0", id=case, objects=refs)


def answered(case: str, action: str) -> dict[str, Any]:
    """The end of a case."""
    return fact(f"end/{case}/{action}", "CaseResolved", "emitted", "m#0", "m#0", case=case, action=action)


def said(delivery: str, verb: str) -> dict[str, Any]:
    """What a person decided on a delivery itself."""
    return fact(f"said/{delivery}/{verb}", "Decision", "commanded", subject={"type": "Delivery", "id": delivery}, verb=verb)


MESSAGE = fact("m", "MessageReceived", id="m", owes=[])
ORDER = fact("m#0", "OrderStatus", cause="m", order="PO-1", state="confirmed")


def by_hand(*events: Mapping[str, Any], signer: Ed25519PrivateKey = SIGNER) -> bytes:
    """These events, sealed with one checkpoint, after a message and the one document in it."""
    return sealed(list(enumerate((MESSAGE, ORDER, *events), 1)), signer=signer).rewritten()


def sealed(events: Sequence[tuple[int, Mapping[str, Any]]], count: int = 0, signer: Ed25519PrivateKey = SIGNER) -> Export:
    """Positions and events under one checkpoint that says that they are ``count``, by somebody who has the key."""
    lines = [b'{"position":%d,"event":%b}\n' % (position, json.dumps(event).encode()) for position, event in events]
    position, count, head = events[-1][0], count or len(events), chain(lines)
    at = "2026-03-02T12:00:00.000000Z"
    text = f"suture-seal-1\n{position}\n{count}\n{head}\n{at}\n"
    said = {"position": position, "events": count, "head": head, "at": at, "signature": signer.sign(text.encode()).hex()}
    header = {"suture-export": 1, "schema_version": "1.0.0", "public_key": pem(signer), "schema": {}}
    checkpoint = json.dumps({"checkpoint": said}, separators=(",", ":")).encode() + b"\n"
    return Export(header, lines, [checkpoint])


def pem(signer: Ed25519PrivateKey) -> str:
    """The public half as a header names it."""
    return signer.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


# -- what a forger can do


@dataclass(frozen=True)
class Export:
    """An export in its parts; whoever changes a part can write header and trailer anew, but has no private key."""

    header: dict[str, Any]
    events: Sequence[bytes]
    checkpoints: Sequence[bytes]

    @classmethod
    def of(cls, raw: bytes) -> Export:
        """The parts of a sound export."""
        header, *lines, _ = raw.splitlines(keepends=True)
        events = [line for line in lines if line.startswith(b'{"position"')]
        return cls(json.loads(header), events, lines[len(events) :])

    def but(self, **parts: Any) -> Export:
        """The same with other parts."""
        return replace(self, **parts)

    def rewritten(self) -> bytes:
        """The whole file with header and trailer to fit what lies between them."""
        positions = [position_of(line) for line in self.events]
        covers = {"from": positions[0] if positions else 0, "to": positions[-1] if positions else 0}
        header = {**self.header, "count": len(self.events), "checkpoints": len(self.checkpoints), "covers": covers}
        body = json.dumps(header, separators=(",", ":")).encode() + b"\n" + b"".join((*self.events, *self.checkpoints))
        return body + trailer(len(self.events), len(self.checkpoints), chain(self.events), body)


def position_of(line: bytes) -> int:
    """The position that an event's line says, 0 if it cannot be read."""
    digits = line.removeprefix(b'{"position":').partition(b",")[0]
    return int(digits) if digits.isdigit() else 0


def chain(lines: Iterable[bytes]) -> str:
    """The head after these events."""
    head = bytes(32)
    for line in lines:
        body = line.partition(b',"event":')[2].removesuffix(b"}\n")
        head = hashlib.sha256(head + position_of(line).to_bytes(8, "big") + hashlib.sha256(body).digest()).digest()
    return head.hex()


def trailer(count: int, checkpoints: int, head: str, body: bytes) -> bytes:
    """The last line of a file."""
    said = {"count": count, "checkpoints": checkpoints, "head": head, "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps({"trailer": said}, separators=(",", ":")).encode() + b"\n"


def judged(raw: bytes, **more: Any) -> Report:
    """The verifier's report on these bytes."""
    return verify(io.BytesIO(raw), **more)


def codes(raw: bytes, **more: Any) -> set[str]:
    """What the verifier finds wrong with these bytes."""
    return set(judged(raw, **more).counts)
