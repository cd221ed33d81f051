"""What an auditor asks of a purchase, point by point, and whether this evidence answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from suture.gateway.evidence.pack import Applied, Fact, Item, Proof, State
from suture.journal import Delivery, Recorded
from suture.model import (
    Approval,
    ApprovalRequest,
    Case,
    CaseResolved,
    CreditNote,
    Delivered,
    FunctionalAcknowledgement,
    Invoice,
    InvoiceStatus,
    MatchResult,
    OrderAcknowledgement,
    PaymentInstruction,
    PaymentStatus,
    PurchaseOrder,
    ReceiptPosted,
    Remittance,
    Requisition,
    RequisitionStatus,
    Supplier,
)
from suture.rules.approvals import same_person

#: The stages of a purchase, in order; what lies after the one that was reached is not asked for yet.
STAGES = ("need", "order", "goods", "invoice", "payment")


class Found(Struct, frozen=True):
    """An answer: how it stands, in words, and where."""

    state: State
    text: str
    positions: tuple[int, ...] = ()


class Chain:
    """The facts of one purchase, asked by type."""

    def __init__(self, rows: Sequence[Recorded]) -> None:
        self._rows = rows

    def of(self, *kinds: type[Any]) -> list[tuple[int, Any]]:
        """Positions and documents of exactly these types."""
        return [(row.position, row.event.data) for row in self._rows if type(row.event.data) in kinds]

    def done(self, role: str, type: str, ids: Iterable[str]) -> dict[str, tuple[int, Delivered]]:
        """The deliveries of these documents that the counterpart in a role took, by document."""
        wanted = set(ids)
        return {
            delivered.document.id: (position, delivered)
            for position, delivered in self.of(Delivered)
            if delivered.role == role
            and delivered.outcome == "done"
            and (delivered.document.type, delivered.document.id) in {(type, id) for id in wanted}
        }

    def stage(self) -> int:
        """How far it has come."""
        reached = [bool(self.of(*kinds)) for kinds in _REACHED]
        return max((index for index, there in enumerate(reached) if there), default=-1)

    def services(self, order: PurchaseOrder) -> bool:
        """Whether an order was matched without a receipt, as services are."""
        matched = [match for _, match in self.of(MatchResult) if match.order == order.id and match.outcome == "matched"]
        return bool(matched) and all(line.received is None or not line.received.value for line in matched[-1].lines)


_REACHED: tuple[tuple[type[Any], ...], ...] = (
    (Requisition,),
    (PurchaseOrder,),
    (ReceiptPosted,),
    (Invoice, CreditNote),
    (PaymentInstruction,),
)


def checklist(
    rows: Sequence[Recorded],
    policies: Sequence[Applied],
    facts: Sequence[Fact],
    proof: Proof,
    owed: Sequence[Delivery],
    cut: bool,
) -> tuple[Item, ...]:
    """Every point, answered."""
    chain = Chain(rows)
    reached = chain.stage()
    items = []
    for stage, name, asks, answer in _POINTS:
        there = STAGES.index(stage) <= reached
        found = answer(chain) if there else Found("not reached", f"there is no {stage} yet")
        items.append(Item(name=name, asks=asks, state=found.state, text=found.text, positions=found.positions))
    return (*items, _policies(policies), _raw(facts), _ended(owed), _exceptions(chain), _sealed(proof, facts), _whole(cut))


def _each(things: Sequence[tuple[int, Any]], there: Callable[[Any], int | None], what: str, lacking: str) -> Found:
    """One answer about several things: all of them, or those that lack it."""
    answers = {thing.id: there(thing) for _, thing in things}
    missing = [id for id, position in answers.items() if position is None]
    if missing:
        return Found("missing", f"{lacking}: {', '.join(missing)}")
    return Found("present", what, tuple(sorted({position for position in answers.values() if position is not None})))


# -- the points of a purchase


def _need(chain: Chain) -> Found:
    orders = {order.requisition for _, order in chain.of(PurchaseOrder)}
    known = {need.id: (position, need) for position, need in chain.of(Requisition)}
    missing = sorted(orders - known.keys())
    if missing:
        return Found("missing", f"no requisition {', '.join(missing)}")
    asked = sorted({need.requester for _, need in known.values()})
    return Found("present", f"asked for by {', '.join(asked)}", tuple(position for position, _ in known.values()))


def _authority(chain: Chain) -> Found:
    return _approved(chain, "Requisition", [need.id for _, need in chain.of(Requisition)], _ordered(chain))


def _ordered(chain: Chain) -> dict[str, int]:
    told = chain.of(RequisitionStatus)
    return {status.requisition: position for position, status in told if status.state in ("approved", "ordered")}


def _released(chain: Chain) -> Found:
    bills = [bill.id for _, bill in chain.of(Invoice, CreditNote)]
    states = ("approved", "posted", "scheduled", "paid")
    told = {status.invoice: position for position, status in chain.of(InvoiceStatus) if status.state in states}
    return _approved(chain, "Invoice", bills, told)


def _approved(chain: Chain, type: str, ids: Sequence[str], passed: dict[str, int]) -> Found:
    """Whatever a person was asked about, a person answered; the rest passed by itself, within the limits of the policy."""
    asked = {request.id: request for _, request in chain.of(ApprovalRequest) if request.subject.id in ids}
    answers = [(position, each) for position, each in chain.of(Approval) if each.request in asked and each.decision == "approve"]
    open_requests = [id for id in asked if asked[id].subject.id not in passed]
    own = [each.id for _, each in answers if same_person(each.approver, asked[each.request].requester)]
    if own:
        return Found("missing", f"approved by whoever asked: {', '.join(own)}")
    unasked = [id for id in ids if id not in {request.subject.id for request in asked.values()}]
    unpassed = [id for id in ids if id not in passed]
    if open_requests or unpassed:
        return Found("missing", f"not approved: {', '.join(unpassed or open_requests)}")
    people = sorted({each.approver for _, each in answers})
    words = [f"approved by {', '.join(people)}"] if people else []
    words += [f"within the limits of the policy: {', '.join(unasked)}"] if unasked else []
    positions = (*(position for position, _ in answers), *(passed[id] for id in unasked))
    return Found("present", "; ".join(words), tuple(sorted(positions)))


def _committed(chain: Chain) -> Found:
    orders = chain.of(PurchaseOrder)
    taken = chain.done("erp", "PurchaseOrder", [order.id for _, order in orders])
    numbers = ", ".join(delivered.reference for _, delivered in taken.values() if delivered.reference)
    what = f"the ERP's number {numbers}" if numbers else "taken by the ERP"
    return _each(orders, lambda order: taken.get(order.id, (None,))[0], what, "the ERP did not take")


def _acknowledged(chain: Chain) -> Found:
    answers = {each.order: position for position, each in chain.of(OrderAcknowledgement)}
    heard = {each.reference: position for position, each in chain.of(FunctionalAcknowledgement) if each.accepted}
    sent = chain.done("supplier", "PurchaseOrder", [order.id for _, order in chain.of(PurchaseOrder)])

    def there(order: PurchaseOrder) -> int | None:
        known = answers.get(order.id) or heard.get(order.id)
        return known if known is not None else sent.get(order.id, (None,))[0]

    return _each(chain.of(PurchaseOrder), there, "the supplier has the order", "no word of the supplier about")


def _received(chain: Chain) -> Found:
    posted = {each.receipt.order: position for position, each in chain.of(ReceiptPosted)}
    orders = [(position, order) for position, order in chain.of(PurchaseOrder) if not chain.services(order)]
    if not orders:
        return Found("not applicable", "services are matched without a receipt, as the policy allows")
    return _each(orders, lambda order: posted.get(order.id), "received and checked", "no receipt for")


def _billed(chain: Chain) -> Found:
    bills = chain.of(Invoice, CreditNote)
    if not bills:
        return Found("missing", "no invoice")
    return Found("present", ", ".join(f"{bill.id} over {bill.total}" for _, bill in bills), tuple(at for at, _ in bills))


def _matched(chain: Chain) -> Found:
    last: dict[tuple[str, str], tuple[int, MatchResult]] = {}
    for position, match in chain.of(MatchResult):
        last[match.invoice, match.order] = (position, match)
    passed = {invoice: max(position for (billed, _), (position, _) in last.items() if billed == invoice) for invoice, _ in last}
    policies = sorted({match.policy for _, match in last.values() if match.policy})
    odd = [match.invoice for _, match in last.values() if match.outcome != "matched"]
    said = _by_hand(chain, odd) if odd else ""
    if odd and not said:
        return Found("missing", f"not matched: {', '.join(dict.fromkeys(odd))}")
    what = f"three-way match under {', '.join(policies) or 'no policy'}{said}"
    return _each(chain.of(Invoice, CreditNote), lambda bill: passed.get(bill.id), what, "never matched")


def _by_hand(chain: Chain, invoices: Sequence[str]) -> str:
    """Who settled what did not match, or nothing."""
    raised = {case.id for _, case in chain.of(Case) if any(ref.id in invoices for ref in case.objects)}
    settled = [each for _, each in chain.of(CaseResolved) if each.case in raised]
    return f"; settled by {', '.join(sorted({each.actor for each in settled}))}" if settled else ""


def _instructed(chain: Chain) -> Found:
    orders = chain.of(PaymentInstruction)
    if not orders:
        return Found("missing", "no payment")
    words = []
    for _, order in orders:
        released = f" released by {', '.join(order.released_by)}" if order.released_by else " within the limits of the policy"
        words.append(f"{order.id} over {order.amount},{released}")
    return Found("present", "; ".join(words), tuple(position for position, _ in orders))


def _apart(chain: Chain) -> Found:
    """Whoever made a supplier neither approved its invoice nor released its payment, and nobody approved their own wish."""
    makers = {supplier.id: (position, supplier.created_by) for position, supplier in chain.of(Supplier) if supplier.created_by}
    paid = chain.of(PaymentInstruction)
    hands = {order.supplier: set(order.released_by) for _, order in paid}
    approvers = {each.approver for _, each in chain.of(Approval) if each.decision == "approve"}
    unknown = sorted(hands.keys() - makers.keys())
    if unknown:
        return Found("missing", f"nobody knows who made the supplier {', '.join(unknown)}")
    for supplier, released in hands.items():
        maker = makers[supplier][1]
        if any(same_person(maker, hand) for hand in released | approvers):
            return Found("missing", f"{maker} made the supplier {supplier} and approved or released its payment")
    text = "; ".join(f"{supplier} was made by {makers[supplier][1]}" for supplier in sorted(hands))
    return Found("present", f"{text}; others approved and released", tuple(makers[supplier][0] for supplier in hands))


def _settled(chain: Chain) -> Found:
    last: dict[str, tuple[int, PaymentStatus]] = {}
    for position, status in chain.of(PaymentStatus):
        last[status.payment] = (position, status)
    said = ", ".join(f"{status.status} ({status.bank_reference or 'no reference'})" for _, status in last.values())
    final = {id: position for id, (position, status) in last.items() if status.status in ("settled", "rejected", "returned")}
    return _each(
        chain.of(PaymentInstruction), lambda order: final.get(order.id), f"the bank says {said}", "no final word of the bank"
    )


def _remitted(chain: Chain) -> Found:
    """Who was paid, and for what, was told to the supplier and to the ERP; of money that came back nothing is told."""
    back = {status.payment for _, status in chain.of(PaymentStatus) if status.status in ("rejected", "returned")}
    paid = [(position, order) for position, order in chain.of(PaymentInstruction) if order.id not in back]
    if not paid:
        return Found("not applicable", "the money did not leave, or came back")
    ids = [order.id for _, order in paid]
    told = {role: chain.done(role, "Remittance", ids) for role in ("erp", "supplier")}
    remitted = {each.payment: position for position, each in chain.of(Remittance)}

    def there(order: PaymentInstruction) -> int | None:
        return remitted.get(order.id) if all(order.id in taken for taken in told.values()) else None

    return _each(paid, there, "told to the supplier and posted in the ERP", "not told to both supplier and ERP")


_POINTS: tuple[tuple[str, str, str, Callable[[Chain], Found]], ...] = (
    ("need", "Need", "Who asked for it?", _need),
    ("need", "Authority to buy", "Who allowed it, within which limit?", _authority),
    ("order", "Order", "Did the ERP commit it?", _committed),
    ("order", "Acknowledgement", "Does the supplier know of it?", _acknowledged),
    ("goods", "Receipt", "Did it arrive?", _received),
    ("invoice", "Invoice", "Which bill is it?", _billed),
    ("invoice", "Match", "Was the bill for what was ordered and received?", _matched),
    ("invoice", "Approval of the invoice", "Who allowed it to be paid?", _released),
    ("payment", "Payment order", "Who released the money?", _instructed),
    ("payment", "Segregation of duties", "Were maker, approver and payer different people?", _apart),
    ("payment", "Bank's word", "Did the bank carry it out?", _settled),
    ("payment", "Remittance and posting", "Do supplier and ERP know what was paid?", _remitted),
)


# -- the points of every pack


def _policies(policies: Sequence[Applied]) -> Item:
    alone = [each.name for each in policies if same_person(each.author, each.approver)]
    state: State = "missing" if alone else "present" if policies else "not applicable"
    text = ", ".join(f"{each.name} version {each.version}" for each in policies) or "no decision looked at a policy"
    return Item(
        name="Policies",
        asks="Which rules were in force, and who approved them?",
        state=state,
        text=f"not approved by another person: {', '.join(alone)}" if alone else text,
        positions=tuple(each.position for each in policies),
    )


def _raw(facts: Sequence[Fact]) -> Item:
    read = [fact for fact in facts if fact.raw_sha256]
    gone = [fact.subject for fact in read if not fact.raw_kept]
    return Item(
        name="Raw messages",
        asks="Are the partners' own bytes still there, unchanged?",
        state="missing" if gone else "present" if read else "not applicable",
        text=f"gone or changed: {', '.join(gone)}" if gone else f"{len({fact.raw_sha256 for fact in read})} messages, by SHA-256",
        positions=tuple(fact.position for fact in read if fact.type == "MessageReceived"),
    )


def _ended(owed: Sequence[Delivery]) -> Item:
    text = ", ".join(f"{type(each.document).__name__} to {each.instance} ({each.status})" for each in owed[:10])
    return Item(
        name="Obligations",
        asks="Was everything told to everyone who must know?",
        state="missing" if owed else "present",
        text=f"still owed: {text}" if owed else "nothing is owed to anybody",
    )


def _exceptions(chain: Chain) -> Item:
    words: dict[str, tuple[int, Any]] = {}
    for position, said in chain.of(Case, CaseResolved):
        words[said.id] = (position, said)
    open_now = [id for id, (_, said) in words.items() if isinstance(said, Case)]
    settled = [said for _, said in words.values() if isinstance(said, CaseResolved)]
    who = ", ".join(sorted({said.actor for said in settled}))
    return Item(
        name="Exceptions",
        asks="What went wrong, and who settled it?",
        state="missing" if open_now else "present" if settled else "not applicable",
        text=f"open: {', '.join(open_now)}" if open_now else f"{len(settled)} settled by {who}" if settled else "there was none",
        positions=tuple(position for position, _ in words.values()),
    )


def _sealed(proof: Proof, facts: Sequence[Fact]) -> Item:
    missing = proof.unsealed
    last = proof.stretches[-1].checkpoint if proof.stretches else None
    text = f"{len(facts)} facts under signed checkpoints up to position {last.position}" if last else ""
    return Item(
        name="Ledger proof",
        asks="Could anything of this have been changed afterwards?",
        state="missing" if missing or not proof.public_key else "present",
        text=f"{len(missing)} facts are not sealed" if missing else text if proof.public_key else "the public key is not here",
        positions=missing,
    )


def _whole(cut: bool) -> Item:
    return Item(
        name="Completeness",
        asks="Is anything left out?",
        state="missing" if cut else "present",
        text="a limit left facts out" if cut else "every fact that the journal has about it",
    )
