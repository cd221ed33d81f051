"""The block that answers "where is it?": what it is, who has it, who is owed it, what waits for a person, the last fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.text import Text

from suture.journal import Delivery
from suture.model import Case, Delivered, Ref
from suture.views.story import tell
from suture.views.whereabouts import Held, Origin, Whereabouts

#: So many of each are told; the rest are counted.
TOLD_MOST = 8


def lines(found: Whereabouts) -> Iterator[Text]:
    """The block, a line at a time."""
    names = [str(ref) for ref in found.documents]
    named = found.documents and found.documents[0].id == found.subject
    yield Text(f"{found.documents[0].type} {found.subject}" if named else found.subject, style="bold")
    if names and not named:
        yield from _rows("stands for", names)
    if found.origin:
        yield from _rows("came from", [_origin(found.origin)])
    yield from _rows("held by", list(_holders(found.held, found.documents)) or ["nobody whom we brought it"])
    yield from _rows("failed at", [_failed(end) for end in found.failed])
    yield from _rows("still owed to", [_owed(delivery) for delivery in found.owed] or ["nobody any more"])
    yield from _rows("exceptions", [_case(case) for case in found.cases])
    if found.last:
        yield from _rows("last fact", [f"{_time(found.last.event.at)} {tell(found.last.event)}"])
    others = [str(ref) for ref in found.objects if ref not in found.documents and ref.type != "Case"]
    if others:
        yield from _rows("hangs with", [", ".join(others[:TOLD_MOST]) + (" …" if len(others) > TOLD_MOST else "")])


def _rows(label: str, told: list[str]) -> Iterator[Text]:
    more = [f"and {len(told) - TOLD_MOST} more"] if len(told) > TOLD_MOST else []
    for index, line in enumerate([*told[:TOLD_MOST], *more]):
        yield Text.assemble((f"  {label if index == 0 else '':<14}", "dim"), line)


def _origin(origin: Origin) -> str:
    message = ", ".join(
        filter(None, (f"message {origin.number}" if origin.number else "", f"file {origin.file}" if origin.file else ""))
    )
    return f"{origin.source}, {_time(origin.at)}{f' ({message})' if message else ''}"


def _holders(held: Iterable[Held], documents: tuple[Ref, ...]) -> Iterator[str]:
    """One line for each system: its own number, and what else about it the system was told."""
    kinds = {ref.type for ref in documents}
    by_instance: dict[str, list[Held]] = {}
    for each in held:
        by_instance.setdefault(each.instance, []).append(each)
    for instance, mine in by_instance.items():
        own = next((each for each in mine if each.document.type in kinds), None)
        others = ", ".join(sorted({each.document.type for each in mine if each.document.type not in kinds}))
        if own:
            number = f" as {own.reference}" if own.reference else ""
            yield f"{instance}{number}, {_time(own.at)}{f'; was told {others}' if others else ''}"
        else:
            yield f"{instance} was told {others}, {_time(max(each.at for each in mine))}"


def _failed(end: Delivered) -> str:
    return f"{end.instance}, {_time(end.at)}: {end.document} {end.outcome}{f', {end.reason}' if end.reason else ''}"


def _owed(delivery: Delivery) -> str:
    document = delivery.document
    what = f"{type(document).__name__} {getattr(document, 'id', '')}"
    next_step = "waits for a decision" if delivery.status == "parked" else f"due {_time(delivery.due)}"
    tries = f", tried {delivery.attempts} times" if delivery.attempts > 1 else ""
    reason = f": {delivery.note}" if delivery.note else ""
    return f"{delivery.instance}: {what}, {delivery.status} since {_time(delivery.created)}{tries}, {next_step}{reason}"


def _case(case: Case) -> str:
    by = f", by {_time(case.deadline)}" if case.deadline else ""
    return f"{case.reason.replace('_', ' ')} ({case.owner.replace('_', ' ')}{by}): {case.text}; Case:{case.id}"


def _time(at: datetime) -> str:
    return f"{at:%d %b %H:%M}"
