"""How a delivery comes to its end: the change of its life and the fact told to whoever asked, in one unit."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from suture.journal import Delivery, DeliveryStatus, Event, Settlement, State
from suture.model import CAUSE, Case, CaseResolved, Delivered, Document, FunctionalAcknowledgement, Ref
from suture.runtime.units import UnitBuilder
from suture.runtime.wiring import Wiring

#: Built-in state: words about references that no delivery waits for yet.
EARLY = "acknowledgements"
ENDS: dict[DeliveryStatus, str] = {"done": "done", "refused": "refused", "parked": "parked", "cancelled": "cancelled"}


class EarlyWord(Struct, frozen=True):
    """A functional acknowledgement that came before we knew that we wait for it."""

    phase: str
    accepted: bool
    reason: str


def change(
    unit: UnitBuilder,
    delivery: Delivery,
    status: DeliveryStatus,
    *,
    note: str = "",
    reference: str = "",
    due: datetime | None = None,
    attempts: int | None = None,
    document: Document | None = None,
) -> None:
    """Move a delivery to ``status``; an end is told to the process that asked.

    ``attempts`` only ever grows, also when a person releases it: that makes each end of a delivery a fact of its own.
    """
    unit.settlements.append(
        Settlement(
            id=delivery.id,
            was=delivery.status,
            status=status,
            attempts_was=delivery.attempts,
            attempts=delivery.attempts if attempts is None else attempts,
            due=due or unit.now,
            reference=reference or delivery.reference,
            note=note[:500],
            document=document,
        )
    )
    if status in ENDS:
        ended = delivery if attempts is None else msgspec.structs.replace(delivery, attempts=attempts)
        _tell(unit, ended, status, reference or delivery.reference, note)


def _tell(unit: UnitBuilder, delivery: Delivery, status: DeliveryStatus, reference: str, note: str) -> None:
    subject, *others = delivery.document.refs()
    fact = Delivered(
        delivery=delivery.id,
        role=delivery.role,
        instance=delivery.instance,
        document=Ref(type(delivery.document).__name__, getattr(delivery.document, "id", subject.id)),
        outcome=ENDS[status],  # type: ignore[arg-type]  # ENDS holds the four ends that Delivered knows
        at=unit.now,
        reference=reference,
        reason=note[:500],
        causes=tuple(ref for ref in others if ref.role == CAUSE),
    )
    to = (delivery.process, delivery.process_key) if delivery.process else None
    heard = delivery.process in unit.wiring.processes and Delivered in unit.wiring.processes[delivery.process].on
    unit.event(
        Event(
            once=f"{delivery.id}!{status}/{delivery.attempts}",
            kind="settled",
            source=delivery.instance,
            at=unit.now,
            data=fact,
            cause=delivery.cause,
            root=delivery.root,
            to=to,
        ),
        [to] if to and heard else [],
    )


def raise_case(unit: UnitBuilder, case: Case, *, once: str, cause: str, root: str) -> None:
    """Open an exception of the runtime's own."""
    unit.event(Event(once=once, kind="emitted", source="runtime", at=unit.now, data=case, cause=cause, root=root))


def delivery_case(delivery: Delivery, now: datetime, reason: str, text: str, suggestion: str) -> Case:
    """The exception of a delivery that needs a person."""
    return Case(
        id=f"delivery/{delivery.id}",
        reason=reason,
        text=f"{type(delivery.document).__name__} {getattr(delivery.document, 'id', '')} to {delivery.instance}: {text}",
        objects=(Ref("Delivery", delivery.id), *delivery.document.refs()),
        owner="operations",
        at=now,
        deadline=now + timedelta(hours=4 if delivery.priority < 5 else 24),
        actions=("release", "repair", "cancel", "confirm"),
        context={"instance": delivery.instance, "attempts": str(delivery.attempts), "last": delivery.note or text},
        suggestion=suggestion,
    )


def acknowledged(
    wiring: Wiring, unit: UnitBuilder, instance: str, word: FunctionalAcknowledgement, *, cause: str, root: str
) -> None:
    """A partner's functional acknowledgement ends the delivery that waits for it, or is remembered for one that will."""
    delivery = wiring.journal.awaiting(instance, word.reference)
    reason = "; ".join(map(str, word.findings)) or "the partner could not read it"
    if delivery is None:
        early = EarlyWord("early", word.accepted, "" if word.accepted else reason)
        key = f"{instance}/{word.reference}"
        known = wiring.journal.states([(EARLY, key)]).get((EARLY, key))
        unit.state(State(EARLY, key, (known.version if known else 0) + 1, msgspec.json.encode(early)))
        return
    settle_by_word(unit, delivery, word.accepted, reason)


def settle_by_word(unit: UnitBuilder, delivery: Delivery, accepted: bool, reason: str) -> None:
    """The partner could read it, or could not: then a person repairs and releases it."""
    if accepted:
        change(unit, delivery, "done")
        if delivery.attempts > 1:  # only a delivery that was overdue or in doubt can have an exception
            _close_case(unit, delivery)
        return
    change(unit, delivery, "parked", note=reason)
    case = delivery_case(delivery, unit.now, "refused_by_partner", reason, "repair the document and release it, or cancel it")
    raise_case(unit, case, once=f"{delivery.id}!case/{delivery.attempts}", cause=delivery.cause, root=delivery.root)


def _close_case(unit: UnitBuilder, delivery: Delivery) -> None:
    """The word that was missed has come: nobody needs to ask for it any more."""
    case = f"delivery/{delivery.id}"
    about = [row.event.data for row in unit.wiring.journal.find(Ref("Case", case))]
    words = [document for document in about if isinstance(document, Case | CaseResolved)]
    if not words or not isinstance(words[-1], Case):
        return
    resolved = CaseResolved(case=case, action="word_came", actor=delivery.instance, at=unit.now, reason="it could read it")
    once = f"{delivery.id}!word/{delivery.attempts}"
    unit.event(
        Event(once=once, kind="emitted", source="runtime", at=unit.now, data=resolved, cause=delivery.cause, root=delivery.root)
    )


def early_word(wiring: Wiring, instance: str, reference: str) -> EarlyWord | None:
    """What the partner already said about a reference."""
    key = (EARLY, f"{instance}/{reference}")
    state = wiring.journal.states([key]).get(key)
    return msgspec.json.decode(state.data, type=EarlyWord) if state else None
