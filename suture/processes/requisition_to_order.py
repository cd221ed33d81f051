"""From a request to committed orders: checked, approved within limits, committed in the ERP, and only then published.

Policies read: ``approval_limits`` (see ``rules.approvals``; without one nothing is ordered), ``waits``: ``approval_hours`` (48)
until an unanswered question becomes an exception, ``review_hours`` (72) for the review of an emergency, ``case_hours`` (24).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suture.journal import Event
from suture.model import (
    Approval,
    ContractPrice,
    CostCenter,
    Decision,
    Delivered,
    Document,
    Item,
    Money,
    OrderStatus,
    Person,
    Policy,
    PurchaseOrder,
    Ref,
    Requisition,
    RequisitionCancellation,
    RequisitionLine,
    Supplier,
    TimerFired,
)
from suture.processes.buying import (
    NAME,
    Buying,
    Told,
    Turn,
    cancellation,
    close_about,
    open_about,
    question,
    question_id,
    questions,
    requisition_of,
    set_fate,
    tell,
    to_erp,
    total_of,
)
from suture.processes.cases import close_by, close_case, reason_of, undelivered, wait, within
from suture.processes.cast import CAST, MORNING, delivered, quantity
from suture.processes.course import Course
from suture.processes.early import ahead, answers, keep
from suture.processes.process import Ask, Effect, Emit, Example, Process, Seen, Step, Wait
from suture.rules.approvals import REFUSALS, automatic, may_bypass, objection, role_for, same_person
from suture.rules.sourcing import Sources, source

REVIEW_HOURS = 72

Answer = tuple[Buying, Sequence[Effect]]


def requested(state: Buying, event: Event, seen: Seen) -> Answer:
    """A new requisition, or a corrected one after a return, is checked; any other repeat changes nothing or asks a person."""
    turn, requisition = Course(state, seen), event.data
    assert isinstance(requisition, Requisition)
    if requisition in (state.requisition, state.changed):
        return state, ()
    if state.phase in ("new", "returned"):
        _consider(turn, requisition)
    else:
        turn.become(changed=requisition)
        late = state.phase != "awaiting_approval"
        open_about(
            turn,
            "changed_after_submission",
            "another content came under the same number after it was submitted",
            actions=("reject",) if late else ("accept", "reject"),
            suggestion="reject it and let a new requisition be made"
            if late
            else "accept it to have it checked and approved anew",
        )
    return turn.end()


def approved(state: Buying, event: Event, seen: Seen) -> Answer:
    """An answer counts once, to the latest question, from a person with the authority; to stop takes no authority."""
    turn, approval = Course(state, seen), event.data
    assert isinstance(approval, Approval)
    if state.phase == "awaiting_approval" and approval.request == question_id(state):
        _answer(turn, approval)
    elif ahead(approval, questions(seen.key), state.asked):
        turn.become(early=keep(state.early, approval))
    return turn.end()


def _answer(turn: Turn, approval: Approval) -> None:
    if approval.decision == "reject":
        _end(turn, "rejected", f"rejected by {approval.approver}", approval.reason)
        return
    seen, total = turn.seen, total_of(turn.state.orders)
    limits = seen.policy("approval_limits").values
    person, requisition = seen.one(Person, approval.approver), requisition_of(turn)
    fault = objection(
        limits,
        total,
        approver=approval.approver,
        person=person,
        requester=requisition.requester,
        entity=requisition.entity,
    )
    if fault is None:
        _answered(turn, approval.approver)
        _commit(turn, f"approved by {approval.approver}")
    else:
        open_about(turn, *fault, detail=approval.id, actions=("accept",), suggestion="have somebody with the authority answer")


def _answered(turn: Turn, approver: str) -> None:
    """Somebody with the authority has answered: refused answers before stay in the record, but nobody is waited for."""
    for case in turn.state.cases:
        if reason_of(case, NAME, turn.seen.key)[0] in REFUSALS:
            close_case(turn, case, "answered", approver)


def committed(state: Buying, event: Event, seen: Seen) -> Answer:
    """The ERP's word on an order: published if it is committed, an exception if it is refused."""
    turn, fate = Course(state, seen), event.data
    assert isinstance(fate, Delivered)
    sent = (order for order in state.orders if order.id in state.fates)
    order = next((order for order in sent if fate.document == Ref("PurchaseOrder", order.id)), None)
    if order is None or fate.role != "erp":
        undelivered(turn, NAME, fate, Ref("Requisition", seen.key))
    elif fate.outcome == "done" and state.fates[order.id].at in ("sent", "refused"):
        _confirmed(turn, order)
    elif fate.outcome in ("refused", "cancelled") and state.fates[order.id].at == "sent":
        _refused(turn, order, fate.reason or fate.outcome)
    return turn.end()


def withdrawn(state: Buying, event: Event, seen: Seen) -> Answer:
    """The need is gone: nothing more is sent, what the ERP has is taken back; it may be heard before the requisition."""
    turn, wish = Course(state, seen), event.data
    assert isinstance(wish, RequisitionCancellation)
    if state.cancelled is not None:
        return state, ()
    turn.become(cancelled=wish)
    if state.phase == "awaiting_approval":
        _end(turn, "cancelled", wish.reason)
    for order in state.orders:
        close_about(turn, "erp_refused", order.id, action="cancelled")
        if order.id in state.fates and state.fates[order.id].at == "confirmed":
            set_fate(turn, order, "withdrawn")
            turn.want(Emit(document=cancellation(turn, order)))
    if state.phase == "ordered":
        turn.become(phase="cancelled")
    return turn.end()


def overdue(state: Buying, event: Event, seen: Seen) -> Answer:
    """Nobody has answered in time."""
    turn, fired = Course(state, seen), event.data
    assert isinstance(fired, TimerFired)
    if fired.name == "approval" and state.phase == "awaiting_approval":
        open_about(
            turn,
            "approval_overdue",
            f"nobody has answered question {question_id(state)}",
            actions=("retry", "cancel"),
            suggestion="ask again, or cancel the requisition",
        )
    return turn.end()


def decided(state: Buying, event: Event, seen: Seen) -> Answer:
    """A person settles an exception of ours; nobody reviews an emergency of their own."""
    turn, decision = Course(state, seen), event.data
    assert isinstance(decision, Decision)
    if decision.subject.id not in state.cases:
        return state, ()
    reason, detail = reason_of(decision.subject.id, NAME, seen.key)
    if reason == "later_review" and same_person(decision.actor, requisition_of(turn).requester):
        text = f"{decision.actor} requested it and cannot review it"
        open_about(turn, "sod_violation", text, detail=decision.id, actions=("accept",), suggestion="let somebody else review it")
        return turn.end()
    close_by(turn, decision)
    match reason, decision.verb:
        case "changed_after_submission", "accept" if state.changed and state.phase == "awaiting_approval":
            _consider(turn, state.changed)
        case "changed_after_submission", _:
            turn.become(changed=None)
        case "approval_overdue", "retry":
            _authorize(turn)
        case "approval_overdue", "cancel":
            _end(turn, "cancelled", f"cancelled by {decision.actor}", decision.reason)
        case "erp_refused", "retry" if state.cancelled is None:
            _send_orders(turn, [order for order in state.orders if order.id == detail and state.fates[detail].at == "refused"])
    return turn.end()


# -- the steps


def _consider(turn: Turn, requisition: Requisition) -> None:
    turn.become(requisition=requisition, changed=None, orders=(), fates={})
    for case in turn.state.cases:
        close_case(turn, case, "superseded", NAME)
    if turn.state.cancelled is not None:
        _end(turn, "cancelled", turn.state.cancelled.reason)
        return
    seen = turn.seen
    sources = [_sources(line, seen) for line in requisition.lines]
    answer = source(requisition, sources, seen.policy("approval_limits").values, seen.now)
    if answer.reasons:
        _end(turn, "returned", *answer.reasons)
        return
    critical = requisition.urgency == "emergency" or any(known.item and known.item.implant for known in sources)
    turn.become(orders=answer.orders, priority=0 if critical else 5)
    _authorize(turn)


def _sources(line: RequisitionLine, seen: Seen) -> Sources:
    return Sources(
        seen.one(Supplier, line.supplier),
        seen.one(Item, line.item),
        seen.one(CostCenter, line.cost_center),
        seen.all(ContractPrice, f"{line.supplier}/{line.item}"),
    )


def _authorize(turn: Turn) -> None:
    requisition, limits = requisition_of(turn), turn.seen.policy("approval_limits").values
    total, requester = total_of(turn.state.orders), turn.seen.one(Person, requisition.requester)
    emergency = requisition.urgency == "emergency"
    if automatic(limits, total):
        _commit(turn, f"within the limit up to which nobody is asked: {total}")
    elif emergency and may_bypass(limits, total, person=requester, entity=requisition.entity):
        _commit(turn, f"emergency: ordered on the authority of {requisition.requester}, to be reviewed")
        _review_later(turn, total)
    elif role := role_for(limits, total):
        _ask(turn, role, total)
    else:
        _end(turn, "returned", f"nobody has the authority to approve {total}")


def _ask(turn: Turn, role: str, total: Money) -> None:
    requisition = requisition_of(turn)
    turn.become(phase="awaiting_approval", asked=turn.state.asked + 1)
    turn.want(
        Ask(
            request=question(turn, role, total),
            facility=requisition.facility,
            entity=requisition.entity,
            priority=turn.state.priority,
        ),
        Wait(name="approval", until=turn.seen.now + within(turn.seen, "approval_hours")),
    )
    tell(turn, "awaiting_approval", f"waits for {role}: {total}")
    for known in answers(turn.state.early, question_id(turn.state)):
        if turn.state.phase == "awaiting_approval":
            _answer(turn, known)


def _review_later(turn: Turn, total: Money) -> None:
    open_about(
        turn,
        "later_review",
        f"an emergency order of {total} went out without approval on the authority of {requisition_of(turn).requester}",
        until=turn.seen.now + wait(turn.seen, "review_hours", REVIEW_HOURS),
        care="procedure",
        actions=("accept", "reject"),
        suggestion="review the need; reject records that it was none, the goods are not called back",
    )


def _commit(turn: Turn, authority: str) -> None:
    if turn.state.phase == "awaiting_approval":
        turn.want(Wait(name="approval", until=None))
        close_about(turn, "approval_overdue", action="answered")
    tell(turn, "approved", authority)
    _send_orders(turn, turn.state.orders)


def _send_orders(turn: Turn, orders: Iterable[PurchaseOrder]) -> None:
    for order in orders:
        turn.become(phase="committing")
        set_fate(turn, order, "sent")
        turn.want(to_erp(turn, order, order))


def _confirmed(turn: Turn, order: PurchaseOrder) -> None:
    close_about(turn, "erp_refused", order.id, action="delivered")
    if turn.state.cancelled is not None:
        set_fate(turn, order, "withdrawn")
        turn.want(to_erp(turn, order, cancellation(turn, order)))
    else:
        set_fate(turn, order, "confirmed")
        confirmed = OrderStatus(order=order.id, state="confirmed", at=turn.seen.now, requisition=order.requisition)
        turn.want(Emit(document=order), Emit(document=confirmed))
    _conclude(turn)


def _refused(turn: Turn, order: PurchaseOrder, reason: str) -> None:
    set_fate(turn, order, "refused", f"the ERP refused {order.id}: {reason}"[:2000])
    if turn.state.cancelled is None:
        open_about(
            turn,
            "erp_refused",
            turn.state.fates[order.id].reason,
            detail=order.id,
            actions=("retry", "cancel"),
            suggestion="mend the cause in the ERP and retry; the supplier has not been told of this order",
        )
    _conclude(turn)


def _conclude(turn: Turn) -> None:
    """Once the ERP has spoken on every order, tell whoever asked; one refused order leaves the others standing."""
    fates = turn.state.fates
    confirmed = tuple(id for id, fate in fates.items() if fate.at == "confirmed")
    refusals = [fate.reason for fate in fates.values() if fate.at == "refused"]
    if any(fate.at == "sent" for fate in fates.values()):
        return
    if turn.state.cancelled is not None:
        _end(turn, "cancelled", turn.state.cancelled.reason)
    elif confirmed:
        _end(turn, "ordered", *refusals, orders=confirmed)
    else:
        _end(turn, "returned", *refusals)


def _end(turn: Turn, phase: Told, *reasons: str, orders: tuple[str, ...] = ()) -> None:
    if turn.state.phase == "awaiting_approval":
        turn.want(Wait(name="approval", until=None))
        close_about(turn, "approval_overdue", action=phase)
    turn.become(phase=phase)
    tell(turn, phase, *reasons, orders=orders)


# -- the process


def key_of(document: Document) -> tuple[str, ...]:
    """The requisition that a document is about; fates, timers and decisions are addressed."""
    match document:
        case Requisition(id=id) | RequisitionCancellation(requisition=id):
            return (id,)
        case Approval(subject=Ref(type="Requisition", id=id)):
            return (id,)
    return ()


def needs(state: Buying, event: Event) -> list[tuple[type[Document], str]]:
    """The requester or approver, the policies, and for each line that is to be checked supplier, item, cost centre and prices."""
    wanted: list[tuple[type[Document], str]] = [(Policy, "waits"), (Policy, "approval_limits")]
    wanted += [(Person, approval.approver) for approval in state.early]
    match event.data:
        case Approval(approver=approver):
            return [*wanted, (Person, approver)]
        case Requisition() as requisition:
            pass
        case Decision() if state.requisition is not None:
            requisition = state.changed or state.requisition
        case _:
            return wanted
    wanted.append((Person, requisition.requester))
    for line in requisition.lines:
        pair = f"{line.supplier}/{line.item}"
        wanted += [(Supplier, line.supplier), (Item, line.item), (CostCenter, line.cost_center), (ContractPrice, pair)]
    return list(dict.fromkeys(wanted))


_EXAMPLE = Example(
    text="Two hundred boxes of gloves need the word of the head of the department; then the theatre is closed.",
    masters=CAST,
    steps=(
        Step(
            given=Requisition(
                id="R-1",
                entity="E-1",
                facility="F-NORTH",
                ship_to="DOCK-N",
                requester="P-NURSE",
                requested_at=MORNING,
                lines=(
                    RequisitionLine(
                        number=1, item="GLOVE-M", supplier="S-ACME", quantity=quantity("20000"), cost_center="CC-SURG"
                    ),
                ),
            ),
            state="awaiting_approval",
            effects=("Ask department_head", "Wait approval", "Emit RequisitionStatus", "Send procurement RequisitionStatus"),
        ),
        Step(
            given=Approval(
                id="A-1",
                request="AR-R-1-1",
                subject=Ref("Requisition", "R-1"),
                approver="P-HEAD",
                decision="approve",
                at=MORNING,
            ),
            state="committing",
            effects=(
                "Wait approval off",
                "Emit RequisitionStatus",
                "Send procurement RequisitionStatus",
                "Send erp PurchaseOrder",
            ),
        ),
        Step(
            given=delivered("erp", "PurchaseOrder", "PO-R-1"),
            to=True,
            state="ordered",
            effects=(
                "Emit PurchaseOrder",
                "Emit OrderStatus",
                "Emit RequisitionStatus",
                "Send procurement RequisitionStatus",
            ),
        ),
        Step(
            given=RequisitionCancellation(requisition="R-1", reason="the theatre is closed", at=MORNING),
            state="cancelled",
            effects=("Emit OrderChange",),
        ),
    ),
)

PROCESS = Process(
    name=NAME,
    title="Requisition to order",
    version=1,
    owner="supply_chain",
    key=key_of,
    state=Buying,
    on={
        Requisition: requested,
        Approval: approved,
        Delivered: committed,
        RequisitionCancellation: withdrawn,
        TimerFired: overdue,
        Decision: decided,
    },
    needs=needs,
    phases=("new", "awaiting_approval", "committing", "ordered", "returned", "rejected", "cancelled"),
    compensation={
        "awaiting_approval": "a cancellation ends it; nobody outside has heard of an order",
        "committing": "a cancellation takes the order back in the ERP as soon as it is committed; it is never published",
        "ordered": "a cancellation becomes an order change that order_to_receipt carries to supplier and ERP",
        "returned": "nothing was ordered; an order that the ERP refused can be retried",
        "rejected": "nothing was ordered",
        "cancelled": "final; the need has to be requested anew",
    },
    criticality="critical",
    example=_EXAMPLE,
)
