"""The share of what came in that had come before, was recognised, and changed nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from suture.journal import Event
from suture.kpis.kpi import Known, Kpi, Measure
from suture.model import MessageReceived


def step(event: Event, known: Known) -> Iterable[Measure]:
    """A message came for the first time."""
    message = event.data
    if isinstance(message, MessageReceived):
        about, kind = message.number or message.id, f"{message.instance} {message.channel}".strip()
        yield Measure(subject=event.once, about=about, at=event.at, kind=kind)


def again(once: str, times: int, known: Known) -> Iterable[Measure]:
    """A message has come so often again."""
    first = known.measure(once)
    if first is not None:
        yield replace(first, value=Decimal(times), weight=Decimal(1 + times))


KPI = Kpi(
    name="duplicates_caught",
    title="Duplicates caught",
    unit="percent",
    good="down",
    target=Decimal(5),
    definition="messages recognised as having come before, which changed nothing, divided by all messages that came in",
    owner="operations",
    hears=(MessageReceived,),
    step=step,
    kind="channel",
    again=again,
)
