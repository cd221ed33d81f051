"""The ledger recomputed from the events alone: what was accepted, what it led to, what is owed, and how each debt ended.

What an event says of itself: ``once`` is its unique key, ``cause`` the key of the event that led to it, ``root`` that of the
accepted message or document at the beginning. What is owed stands in ``owes`` of MessageReceived, Decided and Repaired (debits,
one for each delivery); Delivered is the end of one (a credit). A Case is an open question to a person, CaseResolved its end.

An accepted document is every accepted event but MessageReceived and Case. It is in exactly one state, the first that fits:

    in flight     a delivery that it led to has not ended
    parked        a person must look: it waits to be released, a case about it is open, or a delivery ended parked
    refused       a person rejected it, or a system refused a delivery
    compensated   it was taken back by a later document, or a delivery was cancelled and nobody else is owed it instead
    delivered     everything that was owed because of it has arrived

Memory grows by one digest for each event and a small record for each document and delivery, never by their contents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from verifier.findings import Findings
from verifier.reading import Json, Malformed, decode, mapping, objects, text

STATES = ("delivered", "refused", "compensated", "parked", "in_flight")
ENDS = ("done", "refused", "parked", "cancelled")
#: Ends after which nothing may follow.
FINAL = ("done", "cancelled")
#: What a person says to have a delivery go out again, or a parked document go on.
AGAIN = ("release", "repair")
_NOT_DOCUMENTS = ("MessageReceived", "Case")


def digest(*texts: str) -> int:
    """128 bits that stand for these texts."""
    raw = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(raw, digest_size=16).digest(), "big")


@dataclass(slots=True)
class Accepted:
    """One accepted document, and how many of its deliveries stand where ("open" or one of ENDS)."""

    position: int
    waits: bool
    rejected: bool = False
    undone: bool = False
    cases: int = 0
    fates: Counter[str] = field(default_factory=Counter)

    def state(self) -> str:
        """The first of the states that fits."""
        fates = self.fates
        if fates["open"]:
            return "in_flight"
        if self.waits or self.cases or fates["parked"]:
            return "parked"
        if self.rejected or fates["refused"]:
            return "refused"
        return "compensated" if self.undone or fates["cancelled"] else "delivered"


@dataclass(slots=True)
class Debt:
    """One delivery that is owed."""

    position: int
    instance: str
    document: Accepted | None
    fate: str = "open"
    cases: int = 0


@dataclass(slots=True)
class Question:
    """One open case, and what it is about."""

    position: int
    document: Accepted | None
    debts: list[Debt]


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the books need it."""

    position: int
    once: str
    kind: str
    cause: str
    root: str
    data: Json


@dataclass(slots=True)
class Balance:
    """What the books come to."""

    accepted: int = 0
    states: dict[str, int] = field(default_factory=dict)
    owed: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    open: int = 0
    decisions: int = 0
    cases_opened: int = 0
    cases_open: int = 0


class Books:
    """The fold over all events in order; ``close`` gives the balance."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.balance = Balance()
        self.onces: set[int] = set()
        self._decided: set[int] = set()
        self._accepted: dict[int, Accepted] = {}
        #: By what a document calls itself, for those that a later document can take back.
        self._named: dict[int, Accepted] = {}
        #: Deliveries; one that has come to a final end is only the position of that end.
        self._debts: dict[int, Debt | int] = {}
        self._cases: dict[int, Question] = {}
        self._enter: dict[str, Callable[[Event], None]] = {
            "MessageReceived": self._owes,
            "Decided": self._decision,
            "Repaired": self._repaired,
            "Delivered": self._delivered,
            "Decision": self._said,
            "Case": self._case,
            "CaseResolved": self._resolved,
            "RequisitionStatus": self._requisition,
        }

    def enter(self, position: int, body: bytes) -> None:
        """Take one event into the books."""
        try:
            event = _event(position, body)
            self._identity(event)
            kind = text(event.data, "type")
            if event.kind == "accepted" and kind not in _NOT_DOCUMENTS:
                self._accept(event, kind)
            if kind in self._enter:
                self._enter[kind](event)
        except Malformed as error:
            self.findings.add("event.unreadable", position, f"the event cannot be read: {error}")

    def _identity(self, event: Event) -> None:
        """Its key is new, and what it names as its cause and its beginning came before."""
        key = digest(event.once)
        if key in self.onces:
            self.findings.add("once.repeated", event.position, f"the unique key {_short(event.once)} was there before")
        self.onces.add(key)
        for what, named in (("cause", event.cause), ("root", event.root)):
            if named and digest(named) not in self.onces:
                text = f"its {what} {_short(named)} is no event before it"
                self.findings.add(f"{what}.missing", event.position, text)
        if event.cause and event.cause == event.once:
            self.findings.add("cause.missing", event.position, "it names itself as its cause")

    # -- what was accepted

    def _accept(self, event: Event, kind: str) -> None:
        self.balance.accepted += 1
        root = self._accepted.get(digest(event.root))
        if root is not None and event.root != event.once:
            root.waits = False
        entry = self._accepted.setdefault(digest(event.once), Accepted(event.position, waits=kind == "Parked"))
        if kind in ("Requisition", "GoodsReceipt", "Usage"):
            self._named.setdefault(digest(kind, text(event.data, "id")), entry)
            self._undo(kind, text(event.data, "reverses", ""))

    def _undo(self, kind: str, id: str) -> None:
        entry = self._named.get(digest(kind, id)) if id else None
        if entry is not None:
            entry.undone = True

    def _requisition(self, event: Event) -> None:
        if text(event.data, "state") == "cancelled":
            self._undo("Requisition", text(event.data, "requisition"))

    def _decision(self, event: Event) -> None:
        self.balance.decisions += 1
        decided = text(event.data, "event")
        if decided != event.cause:
            self.findings.add("decision.cause", event.position, f"it decides {_short(decided)}, but names another cause")
        key = digest("decided", text(event.data, "process"), text(event.data, "key"), decided)
        if key in self._decided:
            self.findings.add("decision.repeated", event.position, f"{_short(decided)} was decided twice under one key")
        self._decided.add(key)
        self._owes(event)

    def _owes(self, event: Event) -> None:
        document = self._accepted.get(digest(event.root or event.once))
        for owed in objects(event.data, "owes"):
            delivery = text(owed, "delivery")
            key = digest(delivery)
            if key in self._debts:
                self.findings.add("delivery.owed_twice", event.position, f"{_short(delivery)} was owed before: it is doubled")
                continue
            self._debts[key] = Debt(event.position, text(owed, "instance"), document)
            self.balance.owed += 1
            if document is not None:
                document.fates["open"] += 1

    def _repaired(self, event: Event) -> None:
        """Where a delivery was cancelled because somebody else is owed it instead, nothing was taken back."""
        document = self._accepted.get(digest(event.root or event.once))
        ended = isinstance(self._debts.get(digest(text(event.data, "delivery", ""))), int)
        if document is not None and ended and text(event.data, "found", "") == "routed":
            document.fates["cancelled"] = max(0, document.fates["cancelled"] - 1)
        self._owes(event)

    def _delivered(self, event: Event) -> None:
        delivery, outcome = text(event.data, "delivery"), text(event.data, "outcome")
        if outcome not in ENDS:
            raise Malformed(f"{outcome!r} is no end of a delivery")
        debt = self._debts.get(digest(delivery))
        if debt is None:
            self.findings.add("delivery.not_owed", event.position, f"{_short(delivery)} ended, but nobody owed it")
        elif isinstance(debt, int):
            self.findings.add("delivery.ended_twice", event.position, f"{_short(delivery)} had ended at position {debt}")
        else:
            self._credit(event, delivery, debt, outcome)

    def _credit(self, event: Event, delivery: str, debt: Debt, outcome: str) -> None:
        if text(event.data, "instance") != debt.instance:
            self.findings.add("delivery.elsewhere", event.position, f"{_short(delivery)} was owed to {debt.instance}")
        _move(debt, outcome)
        if outcome in FINAL:
            self.balance.ended[outcome] = self.balance.ended.get(outcome, 0) + 1
            self._debts[digest(delivery)] = event.position

    # -- what people were asked

    def _case(self, event: Event) -> None:
        key = digest(text(event.data, "id"))
        if key in self._cases:  # the same question once more
            return
        self.balance.cases_opened += 1
        named = [text(ref, "id") for ref in objects(event.data, "objects") if text(ref, "type") == "Delivery"]
        debts = [debt for debt in map(self._debts.get, map(digest, named)) if isinstance(debt, Debt)]
        question = Question(event.position, self._accepted.get(digest(event.root)), debts)
        self._cases[key] = question
        _ask(question, 1)

    def _resolved(self, event: Event) -> None:
        case, action = text(event.data, "case"), text(event.data, "action")
        question = self._cases.pop(digest(case), None)
        if question is None:
            self.findings.add("case.not_open", event.position, f"the exception {_short(case)} was resolved, but was not open")
            return
        _ask(question, -1)
        if action == "reject" and question.document is not None:
            question.document.rejected, question.document.waits = True, False
        for debt in question.debts if action in AGAIN else ():
            _again(debt)

    def _said(self, event: Event) -> None:
        subject = mapping(event.data, "subject")
        if text(subject, "type") == "Delivery" and text(event.data, "verb") in AGAIN:
            _again(self._debts.get(digest(text(subject, "id"))))

    def close(self) -> Balance:
        """The balance; whatever waits without a reason is a finding."""
        states = Counter(entry.state() for entry in self._accepted.values())
        left = Counter(debt.fate for debt in self._debts.values() if isinstance(debt, Debt))
        balance = self.balance
        balance.states = {state: states[state] for state in STATES}
        balance.ended = {end: balance.ended.get(end, 0) + left[end] for end in ENDS}
        balance.open, balance.cases_open = left["open"], len(self._cases)
        self._reasons()
        sums = (balance.accepted, sum(balance.states.values())), (balance.owed, sum(balance.ended.values()) + balance.open)
        if any(debits != credits for debits, credits in sums):
            self.findings.add("ledger.unbalanced", 0, f"debits and credits differ: {sums}")
        return balance

    def _reasons(self) -> None:
        for entry in self._accepted.values():
            if entry.waits and not entry.cases:
                self.findings.add("document.no_reason", entry.position, "the document waits, and nobody has been asked about it")
        for debt in self._debts.values():
            if isinstance(debt, Debt) and debt.fate == "parked" and not debt.cases:
                text = "a delivery owed here is parked, and nobody has been asked about it"
                self.findings.add("delivery.no_reason", debt.position, text)


def _event(position: int, body: bytes) -> Event:
    said = decode(body)
    once = text(said, "once")
    if not once:
        raise Malformed("its unique key is blank")
    return Event(position, once, text(said, "kind"), text(said, "cause", ""), text(said, "root", ""), mapping(said, "data"))


def _move(debt: Debt, fate: str) -> None:
    if debt.document is not None:
        debt.document.fates[debt.fate] -= 1
        debt.document.fates[fate] += 1
    debt.fate = fate


def _again(debt: Debt | int | None) -> None:
    if isinstance(debt, Debt) and debt.fate in ("parked", "refused"):
        _move(debt, "open")


def _ask(question: Question, change: int) -> None:
    if question.document is not None:
        question.document.cases += change
    for debt in question.debts:
        debt.cases += change


def _short(name: str) -> str:
    """Enough of a key to find it, on one line."""
    return repr(name if len(name) <= 80 else f"{name[:77]}…")
