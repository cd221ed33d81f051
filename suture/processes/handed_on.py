"""What is kept elsewhere: a posting goes to the ERP, an asset and the work on it to whoever maintains them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from suture.journal import Event
from suture.model import (
    Asset,
    Case,
    Decision,
    Delivered,
    Document,
    Money,
    Posting,
    PostingLine,
    Ref,
    WorkOrder,
)
from suture.processes.cases import case_id, close_by, deadline, open_case, undelivered
from suture.processes.course import Course
from suture.processes.process import Effect, Example, Process, Seen, Send, Step
from suture.processes.rehearsal import START

NAME = "handed_on"
#: Words about one thing that are remembered, so that one that comes again is not told twice.
MOST = 1000

Kept = Posting | Asset | WorkOrder
#: Who keeps it.
KEEPER: dict[type[Document], str] = {Posting: "erp", Asset: "cmms", WorkOrder: "cmms"}


class Keeping(Struct, frozen=True, omit_defaults=True):
    """What was said of one thing: the newest word, and which words were heard."""

    phase: str = "new"
    posting: Posting | None = None
    asset: Asset | None = None
    work: WorkOrder | None = None
    heard: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


Answer = tuple[Keeping, Sequence[Effect]]


def posted(state: Keeping, event: Event, seen: Seen) -> Answer:
    """A financial event goes to the ERP once; one that does not balance, or says something else under its number, does not."""
    turn, posting = Course(state, seen), event.data
    assert isinstance(posting, Posting)
    if state.posting is not None:
        if posting != state.posting:
            _refuse(turn, posting, "changed_posting", "its number stands for another posting", "post it under a new number")
        return turn.end()
    if unbalanced(posting):
        _refuse(turn, posting, "unbalanced", "its debits and credits differ", "correct the lines and post it again")
        return turn.end()
    turn.become(phase="told", posting=posting)
    turn.want(_send(turn, posting, posting.entity, posting.facility))
    return turn.end()


def registered(state: Keeping, event: Event, seen: Seen) -> Answer:
    """An asset as it is now; an older word than the last one changes nothing."""
    turn, asset = Course(state, seen), event.data
    assert isinstance(asset, Asset)
    word = f"{asset.at.isoformat()} {asset.status}"
    if word in state.heard or (state.asset is not None and asset.at < state.asset.at):
        return state, ()
    turn.become(phase="told", asset=asset, heard=(*state.heard, word)[-MOST:])
    turn.want(_send(turn, asset, asset.entity, asset.facility))
    return turn.end()


def worked(state: Keeping, event: Event, seen: Seen) -> Answer:
    """A work order as it stands now: a higher version replaces a lower one."""
    turn, work = Course(state, seen), event.data
    assert isinstance(work, WorkOrder)
    if state.work is not None and work.version <= state.work.version:
        return state, ()
    turn.become(phase="told", work=work)
    turn.want(_send(turn, work, work.entity, work.facility))
    return turn.end()


def told(state: Keeping, event: Event, seen: Seen) -> Answer:
    """The fate of what was sent; only a refusal matters."""
    turn = Course(state, seen)
    assert isinstance(event.data, Delivered)
    if state.phase != "new":
        undelivered(turn, NAME, event.data, event.data.document)
    return turn.end()


def decided(state: Keeping, event: Event, seen: Seen) -> Answer:
    """A person has dealt with an exception of ours."""
    turn = Course(state, seen)
    assert isinstance(event.data, Decision)
    close_by(turn, event.data)
    return turn.end()


def unbalanced(posting: Posting) -> bool:
    """Whether debits and credits differ in any currency."""
    sums: dict[str, Decimal] = {}
    for line in posting.lines:
        sums[line.amount.currency] = sums.get(line.amount.currency, Decimal(0)) + line.amount.amount
    return not sums or any(sums.values())


def _send(turn: Course[Keeping], document: Kept, entity: str, facility: str) -> Send:
    return Send(role=KEEPER[type(document)], document=document, key=turn.seen.key, entity=entity, facility=facility)


def _refuse(turn: Course[Keeping], posting: Posting, reason: str, text: str, suggestion: str) -> None:
    case = Case(
        id=case_id(NAME, turn.seen.key, reason),
        reason=reason,
        text=f"posting {posting.id} was not made: {text}",
        objects=(Ref("Posting", posting.id),),
        owner="ap",
        at=turn.seen.now,
        deadline=deadline(turn.seen),
        actions=("accept",),
        suggestion=suggestion,
    )
    open_case(turn, case)


def key_of(document: Document) -> tuple[str, ...]:
    """The thing that it is about."""
    match document:
        case WorkOrder(number=number):
            return (f"WorkOrder:{number}",)
        case Asset(id=id) | Posting(id=id):
            return (f"{type(document).__name__}:{id}",)
    return ()


def _line(account: str, amount: str) -> PostingLine:
    return PostingLine(account=account, amount=Money(Decimal(amount), "USD"))


_LINES = (_line("6100", "40.00"), _line("2100", "-40.00"))
_POSTING = Posting(id="ACC-1", entity="NORTH", facility="NSH", kind="accrual", at=START, cause="month-end", lines=_LINES)

PROCESS = Process(
    name=NAME,
    title="Kept elsewhere: postings, assets and work orders",
    version=1,
    owner="operations",
    key=key_of,
    state=Keeping,
    on={Posting: posted, Asset: registered, WorkOrder: worked, Delivered: told, Decision: decided},
    needs=lambda state, event: (),
    phases=("new", "told"),
    compensation={"told": "a posting is undone by its reversal; an asset and a work order by a newer word about them"},
    example=Example(
        text="An accrual is told to the ERP once, however often it comes.",
        masters=(),
        steps=(
            Step(given=_POSTING, state="told", effects=("Send erp Posting",)),
            Step(given=_POSTING, state="told"),
        ),
    ),
)
